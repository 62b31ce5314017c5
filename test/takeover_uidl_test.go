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
	for _, c := range []struct{ format, dovecot, layouts string }{
		{"%08Xu%08Xv", "%08Xu%08Xv", "maildir mbox"},
		{"%v-%u", "%v-%u", "maildir mbox"},
		{"%08Xv%08Xu", "%08Xv%08Xu", "maildir mbox"},
		{"%v.%u", "%v.%u", "maildir mbox"},
		{"UID%u-%v", "UID%u-%v", "maildir mbox"},
		{"%f", "%f", "maildir"},
		{"%Mf", "%Mf", "maildir"},
	} {
		for _, l := range layouts {
			if !strings.Contains(c.layouts, l.name) {
				continue
			}
			t.Run(l.name+" "+c.format, func(t *testing.T) {
				t.Parallel()
				place := newPlace(t)
				more := fmt.Sprintf("pop3_uidl_format = %s\n", c.dovecot)
				if err := os.WriteFile(filepath.Join(place, "more.conf"), []byte(more), 0o644); err != nil {
					t.Fatal(err)
				}
				d := startDovecot(t, place, l.at(place))
				session := d.enter(t)
				for n := range 5 {
					put(session, "INBOX", "", n, plain(fmt.Sprint("message ", n)))
				}
				session.ok("SELECT INBOX")
				session.ok(`STORE 2 +FLAGS (\Deleted)`)
				session.ok("EXPUNGE")
				want := d.uidls(t)
				d.stop()

				data := newSharedData(t, place, l.at(place))
				config := strings.Replace(testConfig, "[pop3]\n", fmt.Sprintf("[pop3]\nuidl = %q\n", c.format), 1)
				if err := os.WriteFile(filepath.Join(data, "restante.toml"), []byte(config), 0o600); err != nil {
					t.Fatal(err)
				}
				s := startAsOwner(t, data)
				compare(t, "after Dovecot", want, "restante", s.account().uidls(t))
				if len(want) != 8 {
					t.Errorf("%d lines of UIDL and LIST: %q", len(want), want)
				}
			})
		}
	}
}
