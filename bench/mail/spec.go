package mail

import "fmt"

// Format is how mail stands on disk.
type Format string

// The formats.
const (
	Maildir Format = "maildir" // USER/Maildir
	Mbox    Format = "mbox"    // USER/mail/inbox; other mailboxes are files beside it
)

// Spec says what mail a server has. Equal values are equal mail, octet for octet.
type Spec struct {
	Format   Format
	Users    int // User(0) and on; each has the same mail
	Messages int // in INBOX; the folders that workloads need they make themselves
	// Small makes every message about 1 KB, for mailboxes where only the number
	// counts.
	Small bool
}

// Name is fit for a directory, and different for different mail.
func (s Spec) Name() string {
	name := fmt.Sprintf("%s-%dx%d", s.Format, s.Users, s.Messages)
	if s.Small {
		name += "-small"
	}
	return name
}

// User is the name of a user, which is the name of his directory as well.
func User(i int) string { return fmt.Sprintf("user%d", i) }

// Password is that of all users.
const Password = "open-sesame"
