package imapd

import "context"

// mailboxCount is what a session knows of the number of its user's mailboxes, so
// that a client that makes thousands does not have them counted each time.
type mailboxCount struct {
	counted int // when it last looked
	made    int // by this session since then
	look    int // it looks again after so many
}

// shortName refuses a new name of a mailbox that is too long.
func (s *session) shortName(name string) error {
	if limit := s.srv.opt.Limits.MailboxName; len(name) > limit {
		return no("LIMIT", "The name of a mailbox may have %d octets", limit)
	}
	return nil
}

// roomForMailbox refuses a mailbox that is one too many. Its name may make some
// more, where levels above it are missing.
func (s *session) roomForMailbox(ctx context.Context) error {
	limits, n := &s.srv.opt.Limits, &s.mailboxes
	if n.made >= n.look {
		list, err := s.account.Mailboxes(ctx)
		if err != nil {
			return err
		}
		*n = mailboxCount{counted: len(list), look: (limits.Mailboxes - len(list)) / 2}
	}
	if n.counted+n.made >= limits.Mailboxes {
		return no("LIMIT", "You have %d mailboxes, and may have %d", n.counted+n.made, limits.Mailboxes)
	}
	n.made++
	return nil
}
