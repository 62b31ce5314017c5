package test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// client runs a real mail program, and skips the test where it is not installed.
func client(t *testing.T, env []string, stdin, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// clientFormats are the locations that the clients are tried on.
var clientFormats = map[string]string{"maildir": "maildir:%s", "fs": "maildir:%s:LAYOUT=fs", "mbox": "mbox:%s"}

// fill makes nested and non-ASCII mailboxes with some messages.
func fill(t *testing.T, s *server) (boxes int) {
	t.Helper()
	c := login(t, s)
	delim := "."
	if line := c.ok(`LIST "" ""`)[0]; strings.Contains(line, `"/"`) {
		delim = "/"
	}
	names := []string{"INBOX", "Work" + delim + "2024" + delim + "Q1", "Entw&APw-rfe", "&ZeVnLIqe-" + delim + "&U,BTFw-", "With space", "A&-B"}
	for i, name := range names {
		if i > 0 {
			c.ok(fmt.Sprintf("CREATE %q", name))
			c.ok(fmt.Sprintf("SUBSCRIBE %q", name))
		}
		for n := range 3 {
			msg := fmt.Sprintf("From: Ana <ana@example.org>\r\nTo: ben@example.org\r\nSubject: number %d of %s\r\nDate: Tue, 3 Nov 2026 10:0%d:00 +0100\r\nMessage-ID: <%d.%d@example.org>\r\n\r\nHello\r\nFrom here on text\r\n.\r\n", n, name, n, i, n)
			c.ok(fmt.Sprintf("APPEND %q (\\Seen) {%d+}\r\n%s", name, len(msg), msg))
		}
	}
	return len(names)
}

// tree is all files below a directory with their contents, for comparing.
func tree(t *testing.T, dir string, skip ...string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || slices.Contains(skip, info.Name()) {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestMbsync: mbsync pulls a whole account, and a second run changes nothing.
func TestMbsync(t *testing.T) {
	for name, format := range clientFormats {
		t.Run(name, func(t *testing.T) {
			s := start(t, newData(t, fmt.Sprintf(format, filepath.Join(t.TempDir(), "mail"))))
			boxes := fill(t, s)
			dir := t.TempDir()
			rc := writeFile(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf(`IMAPAccount a
Host localhost
Port %s
User %s
Pass "%s"
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account a

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync All
Expunge Both
SyncState *
`, s.port("imaps"), user, password, s.ca(), dir, dir))
			if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
				t.Fatal(err)
			}
			client(t, nil, "", "mbsync", "-c", rc, "-a")
			first := tree(t, filepath.Join(dir, "mail"))
			pulled := 0
			for name := range first {
				if strings.Contains(name, "/cur/") || strings.Contains(name, "/new/") {
					pulled++
				}
			}
			if pulled != 3*boxes {
				t.Errorf("mbsync pulled %d messages, want %d: %v", pulled, 3*boxes, keysOf(first))
			}
			client(t, nil, "", "mbsync", "-c", rc, "-a")
			second := tree(t, filepath.Join(dir, "mail"))
			if !equalMaps(first, second) {
				t.Errorf("the second run changed files: %v, then %v", keysOf(first), keysOf(second))
			}
		})
	}
}

func keysOf(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// TestMutt: mutt and neomutt open the inbox, flag a message and save another to
// a mailbox, by the keys that a person presses.
func TestMutt(t *testing.T) {
	for _, program := range []string{"mutt", "neomutt"} {
		t.Run(program, func(t *testing.T) {
			s := start(t, newData(t, "maildir:"+filepath.Join(t.TempDir(), "mail")))
			fill(t, s)
			dir := t.TempDir()
			rc := writeFile(t, filepath.Join(dir, "muttrc"), fmt.Sprintf(`set folder="imaps://%[1]s@localhost:%[2]s/"
set spoolfile="+INBOX" imap_pass="%[3]s" ssl_force_tls=yes ssl_verify_host=yes
set certificate_file=%[4]s
set delete=yes confirmappend=no move=no quit=yes imap_check_subscribed=no header_cache=""
push "<first-entry><flag-message><next-entry><save-message><kill-line>=Trash<enter><sync-mailbox><quit>"
`, user, s.port("imaps"), password, s.ca()))
			env := []string{"HOME=" + dir, "TERM=xterm"}
			if _, err := exec.LookPath("script"); err != nil {
				t.Skip("script(1) is not installed: no terminal for the program")
			}
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("%s is not installed", program)
			}
			screen := client(t, env, "", "script", "-qec", "stty rows 30 cols 100; "+program+" -n -F "+rc, "/dev/null")
			c := login(t, s)
			c.ok("EXAMINE INBOX")
			if got := strings.Join(c.ok("SEARCH FLAGGED"), ""); got != "* SEARCH 1" {
				t.Errorf("flagged: %q\n%s", got, screen)
			}
			lines := strings.Join(append(c.ok("STATUS INBOX (MESSAGES)"), c.ok(`STATUS Trash (MESSAGES)`)...), "\n")
			if !strings.Contains(lines, "INBOX (MESSAGES 2)") || !strings.Contains(lines, `"Trash" (MESSAGES 1)`) {
				t.Errorf("after moving one message: %s\n%s", lines, screen)
			}
		})
	}
}

// TestCurl: curl lists and reads by POP3S and IMAPS with our authority.
func TestCurl(t *testing.T) {
	s := start(t, newData(t, "maildir:"+filepath.Join(t.TempDir(), "mail")))
	fill(t, s)
	for _, url := range []string{"pop3s://localhost:" + s.port("pop3s") + "/2", "imaps://localhost:" + s.port("imaps") + "/INBOX;MAILINDEX=2"} {
		got := client(t, nil, "", "curl", "-sS", "--cacert", s.ca(), "--user", user+":"+password, url)
		if !strings.Contains(got, "Subject: number 1 of INBOX\r\n") || !strings.Contains(got, "\r\n.\r\n") {
			t.Errorf("%s gave %q", url, got)
		}
	}
	list := client(t, nil, "", "curl", "-sS", "--cacert", s.ca(), "--user", user+":"+password, "pop3s://localhost:"+s.port("pop3s")+"/")
	if n := strings.Count(list, "\n"); n != 3 {
		t.Errorf("POP3 LIST: %q", list)
	}
}

// TestFetchmail: fetchmail takes all mail by POP3S once and leaves it there, and
// the second time knows by UIDL that there is nothing new.
func TestFetchmail(t *testing.T) {
	data := newData(t, "maildir:"+filepath.Join(t.TempDir(), "mail"))
	s := start(t, data)
	fill(t, s)
	dir := t.TempDir()
	sink := filepath.Join(dir, "got")
	rc := func(s *server) string {
		return writeFile(t, filepath.Join(dir, "fetchmailrc"), fmt.Sprintf(`set no syslog
poll localhost service %s protocol pop3 uidl timeout 20
  user "%s" password "%s" ssl sslcertck sslcertfile %s keep
  mda "cat >> %s"
`, s.port("pop3s"), user, password, s.ca(), sink))
	}
	if _, err := exec.LookPath("fetchmail"); err != nil {
		t.Skip("fetchmail is not installed")
	}
	fetch := func(s *server) string {
		cmd := exec.Command("fetchmail", "-f", rc(s), "--pidfile", filepath.Join(dir, "pid"), "--idfile", filepath.Join(dir, "ids"))
		cmd.Env = append(os.Environ(), "HOME="+dir, "FETCHMAILHOME="+dir)
		out, _ := cmd.CombinedOutput() // exit status 1 means: no new mail
		return string(out)
	}
	out := fetch(s)
	got, _ := os.ReadFile(sink)
	if n := bytes.Count(got, []byte("Message-ID: <0.")); n != 3 {
		t.Fatalf("fetchmail got %d messages:\n%s", n, out)
	}
	s.stop()
	s = start(t, data)
	out = fetch(s)
	if again, _ := os.ReadFile(sink); len(again) != len(got) {
		t.Errorf("fetchmail took mail again after a restart:\n%s", out)
	}
}
