package test

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/certs"
	"restante/imapd/imaptest"
)

// dialogueConfig lets scripts log in as user with the password pass, without a penalty for those
// that give a wrong one, and by STARTTLS; Sent is known by its name, as here.
const dialogueConfig = `passdb {
  driver = static
  args = password=pass
}
auth_mechanisms = plain login
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
ssl = yes
ssl_cert = <CERTS/cert.pem
ssl_key = <CERTS/key.pem
protocol imap {
  mail_plugins = imap_zlib
}
namespace inbox {
  mailbox Sent {
    special_use = \Sent
  }
}
`

// TestDialoguesWithDovecot plays the scripts of the IMAP service with Debian's Dovecot. What
// another server answers alike is not only our reading of the standards; where it differs, the
// script says so and why.
func TestDialoguesWithDovecot(t *testing.T) {
	needDovecot(t)
	place := newPlace(t)
	dir := filepath.Join(place, "certs")
	if _, err := certs.Open(certs.Options{Dir: dir, Hostname: "test.example", Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	conf := strings.ReplaceAll(dialogueConfig, "CERTS", dir)
	if err := os.WriteFile(filepath.Join(place, "more.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDovecot(t, place, "maildir:"+filepath.Join(place, "home", "%u"))
	scripts := 0
	imaptest.RunScripts(t, os.DirFS(filepath.Join("..", "imapd", "testdata", "dialogue")), "*.txt", func(t *testing.T) imaptest.Server {
		scripts++ // each begins without mail
		if err := os.Rename(filepath.Join(place, "home", "user"), filepath.Join(place, "home", fmt.Sprint("before", scripts))); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return imaptest.Server{
			Name: "dovecot", User: "user", Pass: "pass", Delimiter: ".",
			Dial: func() (net.Conn, error) { return net.Dial("tcp", d.imap) },
		}
	})
}
