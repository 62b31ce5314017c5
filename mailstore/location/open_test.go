package location

import (
	"path/filepath"
	"testing"

	"restante/mailstore"
)

// TestFormats opens each format through its location, as a user's first and
// second login do, and finds the mail that was there or was stored.
func TestFormats(t *testing.T) {
	for _, test := range []struct {
		name     string
		location string
		make     func(p *place)
		open     string // the mailboxes
		inbox    uint32 // messages in INBOX
		below    string // a name with two levels
	}{
		{"new Maildir++", "maildir:~/m", func(p *place) {}, newMail, 0, "a.b"},
		{"new Maildir of layout fs", "maildir:~/m:LAYOUT=fs", func(p *place) {}, newMail, 0, "a/b"},
		{"a Maildir with INBOX elsewhere", "maildir:~/m:INBOX=~/in", func(p *place) {
			p.maildir("home/m")
			p.maildir("home/in")
			p.make("home/in/new/1.x.y=Subject: x\n\ny\n")
		}, "INBOX", 1, "a.b"},
		{"new mbox", "mbox:~/mail", func(p *place) {}, newMail, 0, "a/b"},
		{"mbox and spool, found", "auto", func(p *place) { p.make("spool/jane"+from+from[1:], "home/mail/sent"+from) }, "INBOX sent", 2, "a/b"},
		{"spool alone, found", "auto", func(p *place) { p.make("spool/jane" + from) }, "INBOX", 1, "a/b"},
		{"Maildir, found", "auto", func(p *place) { p.maildir("home/Maildir"); p.make("home/Maildir/new/1.x.y=Subject: x\n\ny\n") }, "INBOX", 1, "a.b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			test.make(p)
			p.user.Location = test.location
			var validity uint32
			for range 2 {
				s := p.store()
				if got := p.open(s); got != test.open {
					t.Fatalf("mailboxes %q, want %q", got, test.open)
				}
				acct, err := s.OpenAccount(t.Context(), p.user)
				p.must(err)
				status, err := acct.Status(t.Context(), mailstore.Inbox, 0)
				p.must(err)
				if status.Messages != test.inbox || validity != 0 && status.UIDValidity != validity {
					t.Errorf("INBOX is %+v, want %d messages and UIDVALIDITY %d", status, test.inbox, validity)
				}
				validity = status.UIDValidity
				p.must(acct.Close())
				p.must(s.Close())
			}
			s := p.store()
			acct, err := s.OpenAccount(t.Context(), p.user)
			p.must(err)
			p.must(acct.Create(t.Context(), test.below))
			p.must(acct.Delete(t.Context(), test.below))
			p.must(acct.Close())
		})
	}
}

func TestNewMailIsMadeInTheHomeOnly(t *testing.T) {
	p := newPlace(t)
	p.user = mailstore.User{Name: "jane@example.org", UID: -1, GID: -1}
	if got := p.open(p.store()); got != newMail {
		t.Fatalf("mailboxes %q", got)
	}
	r, err := p.store().Resolve(p.user)
	p.must(err)
	if want := filepath.Join(p.root, "data/mail/example.org/jane/Maildir"); r.Path != want || r.New || r.Source != Detected {
		t.Errorf("resolved as %+v, want %s", r, want)
	}
}
