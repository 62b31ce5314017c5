package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNeomuttResync: neomutt with QRESYNC and a header cache comes back to a
// mailbox that others have changed, and does its work on the right messages.
func TestNeomuttResync(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script(1) is not installed: no terminal for the program")
	}
	if _, err := exec.LookPath("neomutt"); err != nil {
		t.Skip("neomutt is not installed")
	}
	for name, format := range clientFormats {
		t.Run(name, func(t *testing.T) {
			s := start(t, newData(t, fmt.Sprintf(format, filepath.Join(t.TempDir(), "mail"))))
			c := login(t, s)
			for n := range 6 {
				c.ok(appendCommand("INBOX", crlf(message(fmt.Sprintf("<%d@neomutt>", n)))))
			}
			dir := t.TempDir()
			l := listenIn(t, s.addr["imap"])
			run := func(keys string) string {
				l.forget()
				rc := writeFile(t, filepath.Join(dir, "muttrc"), fmt.Sprintf(`set folder="imap://%[1]s@127.0.0.1:%[2]s/"
set spoolfile="+INBOX" imap_pass="%[3]s" ssl_starttls=no ssl_force_tls=no imap_condstore=yes imap_qresync=yes
set delete=yes confirmappend=no move=no quit=yes imap_check_subscribed=no header_cache="%[4]s/cache" mark_old=no
push "%[5]s"
`, user, l.port(), password, dir, keys))
				screen := client(t, []string{"HOME=" + dir, "TERM=xterm"}, "", "script", "-qec", "stty rows 30 cols 100; neomutt -n -F "+rc, "/dev/null")
				return l.String() + "\n" + screen
			}
			run("<first-entry><next-entry><flag-message><sync-mailbox><quit>")
			c.ok("SELECT INBOX")
			if got := strings.Join(c.ok("UID SEARCH FLAGGED"), ""); got != "* SEARCH 2" {
				t.Fatalf("flagged: %q", got)
			}
			// Others expunge, flag and add.
			c.ok(`UID STORE 1,4 +FLAGS.SILENT (\Deleted)`)
			c.ok("EXPUNGE")
			c.ok(`UID STORE 3 +FLAGS.SILENT (\Answered)`)
			c.ok(`UID STORE 2 -FLAGS.SILENT (\Flagged)`)
			c.ok(appendCommand("INBOX", crlf(message("<new@neomutt>"))))
			said := run("<tag-pattern>~F<enter><delete-pattern>~Q<enter><last-entry><flag-message><sync-mailbox><quit>")
			if !strings.Contains(said, "CHANGEDSINCE ") || !strings.Contains(said, "VANISHED (EARLIER) 1,4") {
				t.Errorf("neomutt was not brought up to date by QRESYNC:\n%s", said)
			}
			c.ok("NOOP")
			if got := strings.Join(c.ok("UID SEARCH ALL"), ""); got != "* SEARCH 2 5 6 7" {
				t.Errorf("left: %q\n%s", got, said)
			}
			if got := strings.Join(c.ok("UID SEARCH FLAGGED"), ""); got != "* SEARCH 7" {
				t.Errorf("flagged: %q\n%s", got, said)
			}
		})
	}
}

// offlineIMAPConfig is the configuration with which offlineimap keeps an account and
// a Maildir in dir alike. More lines may be added; they are of the account's side.
func offlineIMAPConfig(dir, port, user, password string) string {
	return fmt.Sprintf(`[general]
accounts = a
metadata = %[1]s/meta
ui = quiet
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %[1]s/mail
sep = /
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = %[2]s
remoteuser = %[3]s
remotepass = %[4]s
ssl = no
starttls = no
`, dir, port, user, password)
}

// TestOfflineIMAP: offlineimap copies an account to a Maildir, and changes of
// both sides to the other.
func TestOfflineIMAP(t *testing.T) {
	s := start(t, newData(t, "maildir:"+filepath.Join(t.TempDir(), "mail")))
	boxes := fill(t, s)
	dir := t.TempDir()
	rc := writeFile(t, filepath.Join(dir, "offlineimaprc"), offlineIMAPConfig(dir, s.port("imap"), user, password))
	sync := func() { client(t, []string{"HOME=" + dir}, "", "offlineimap", "-o", "-c", rc) }
	sync()
	near := tree(t, filepath.Join(dir, "mail"))
	if len(near) != 3*boxes {
		t.Fatalf("%d messages came, want %d: %v", len(near), 3*boxes, keysOf(near))
	}
	// A flag here, a message less there.
	inbox := filepath.Join(dir, "mail", "INBOX", "cur")
	files, err := os.ReadDir(inbox)
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	name := files[0].Name()
	if err := os.Rename(filepath.Join(inbox, name), filepath.Join(inbox, strings.TrimSuffix(name, "S")+"FS")); err != nil {
		t.Fatal(err)
	}
	c := login(t, s)
	c.ok("SELECT Entw&APw-rfe")
	c.ok(`STORE 2 +FLAGS (\Deleted)`)
	c.ok("EXPUNGE")
	sync()
	c.ok("SELECT INBOX")
	if got := strings.Join(c.ok("SEARCH FLAGGED"), ""); strings.Count(got, " ") != 2 {
		t.Errorf("flagged on the server: %q", got)
	}
	if near = tree(t, filepath.Join(dir, "mail")); len(near) != 3*boxes-1 {
		t.Errorf("%d messages, want %d", len(near), 3*boxes-1)
	}
	sync()
	if again := tree(t, filepath.Join(dir, "mail")); !equalMaps(near, again) {
		t.Errorf("a run without changes changed files: %v, then %v", keysOf(near), keysOf(again))
	}
}

// TestScripts runs programs as people write them with the libraries of their
// languages.
func TestScripts(t *testing.T) {
	for _, test := range []struct{ interpreter, probe, script string }{
		{"python3", "import imaplib", "python.py"},
		{"perl", "use Mail::IMAPClient", "perl.pl"},
	} {
		t.Run(test.script, func(t *testing.T) {
			flag := map[string]string{"python3": "-c", "perl": "-e"}[test.interpreter]
			if err := exec.Command(test.interpreter, flag, test.probe).Run(); err != nil {
				t.Skipf("%s of %s is not installed: %v", test.probe, test.interpreter, err)
			}
			s := start(t, newData(t, "maildir:"+filepath.Join(t.TempDir(), "mail")))
			l := listenIn(t, s.addr["imap"])
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(l)
				}
			})
			out := client(t, nil, "", test.interpreter, filepath.Join("testdata", test.script), "127.0.0.1", l.port(), user, password)
			if !strings.HasSuffix(out, "all done\n") {
				t.Errorf("%s", out)
			}
		})
	}
}
