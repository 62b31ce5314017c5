package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTakeoverUIDLs: a client that keeps its mail on the server downloads none
// of it again, whatever format Dovecot was told to make unique ids in.
func TestTakeoverUIDLs(t *testing.T) {
	needDovecot(t)
	const both = "maildir mbox"
	for _, c := range []struct {
		format, layouts string
		xuidl           bool // ids that stand in messages count
	}{
		{"%08Xu%08Xv", both, false},
		{"%v-%u", both, false},
		{"%08Xv%08Xu", both, false},
		{"%v.%u", both, false},
		{"UID%u-%v", both, false},
		{"%f", "maildir", false},
		{"%Mf", "maildir", false},
		{"%g", both, false},
		{"%m", "mbox", false},
		{"%Mm-%u", "mbox", false},
		{"%u.%v", both, true},
		{"%m", "mbox", true},
	} {
		for _, l := range layouts {
			if !strings.Contains(c.layouts, l.name) {
				continue
			}
			t.Run(fmt.Sprintf("%s %s X-UIDL %v", l.name, c.format, c.xuidl), func(t *testing.T) {
				t.Parallel()
				place := newPlace(t)
				more := fmt.Sprintf("pop3_uidl_format = %s\npop3_reuse_xuidl = %s\n", c.format, map[bool]string{true: "yes", false: "no"}[c.xuidl])
				if err := os.WriteFile(filepath.Join(place, "more.conf"), []byte(more), 0o644); err != nil {
					t.Fatal(err)
				}
				d := startDovecot(t, place, l.at(place))
				session := d.enter(t)
				for n := range 5 {
					put(session, "INBOX", "", n, plain(fmt.Sprint("message ", n)))
				}
				for n, text := range []string{
					"X-UIDL: !<k\"!@3L!!Ke@\"!2l!#!\nDate: Tue, 3 Nov 2026 10:00:00 +0100\nDelivered-To: jo@example.org\nReceived: from a\n\tby b;\n date\nReceived: first\nSubject: x\n\nx\n",
					"Delivered-To: jo@example.org\nReceived:\tfrom c\nDate: later\nX-UIDL: 0123456789abcdef0123456789abcdef\nMessage-ID: none\nSubject: y\n\ny\n",
				} {
					put(session, "INBOX", "", 10+n, []byte(text))
				}
				session.ok("SELECT INBOX")
				session.ok(`STORE 2 +FLAGS (\Deleted)`)
				session.ok("EXPUNGE")
				want := d.uidls(t)
				d.stop()

				data := newSharedData(t, place, l.at(place))
				config := strings.Replace(testConfig, "[pop3]\n", fmt.Sprintf("[pop3]\nuidl = %q\nreuse_xuidl = %v\n", c.format, c.xuidl), 1)
				if err := os.WriteFile(filepath.Join(data, "restante.toml"), []byte(config), 0o600); err != nil {
					t.Fatal(err)
				}
				s := startAsOwner(t, data)
				compare(t, "after Dovecot", want, "restante", s.account().uidls(t))
				if len(want) != 6 {
					t.Errorf("%d lines of POP3: %q", len(want), want)
				}
			})
		}
	}
}
