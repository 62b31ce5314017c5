package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func actMbsync(t *testing.T, s *stage) {
	near := filepath.Join(s.dir, "mail")
	if err := os.Mkdir(near, 0o700); err != nil {
		t.Fatal(err)
	}
	rc := s.file(t, "mbsyncrc", fmt.Sprintf(`IMAPAccount a
Host 127.0.0.1
Port %s
User %s
Pass "%s"
SSLType None
AuthMechs LOGIN
DisableExtension COMPRESS=DEFLATE

IMAPStore far
Account a

MaildirStore near
Path %[4]s/
Inbox %[4]s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX Work Old*
Create Near
Sync All
Expunge Both
SyncState *
`, s.l.port(), recordUser, recordPass, near))
	s.client(t, "mbsync", "-c", rc, "-a")
	if got := tree(t, near, ".mbsyncstate", ".uidvalidity"); len(got) != 5 {
		t.Errorf("mbsync pulled %v", keysOf(got))
	}
	// Here one is flagged and one comes, there one is answered and one goes.
	files, err := filepath.Glob(filepath.Join(near, "INBOX", "*", "*,U=1:2,S"))
	if err != nil || len(files) != 1 {
		t.Fatalf("UID 1 is not in %v: %v", keysOf(tree(t, near)), err)
	}
	if err := os.Rename(files[0], strings.TrimSuffix(files[0], "S")+"FS"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(near, "Work", "new", "1.near"), "Subject: from here\nMessage-ID: <near@example.org>\n\nx\n")
	s.meanwhile(t, func(ok func(string)) {
		ok("SELECT INBOX")
		ok(`UID STORE 3 +FLAGS (\Answered)`)
		ok(`UID STORE 2 +FLAGS (\Deleted)`)
		ok("EXPUNGE")
	})
	s.client(t, "mbsync", "-c", rc, "-a")
	if got := tree(t, near, ".mbsyncstate", ".uidvalidity"); len(got) != 5 || !strings.Contains(strings.Join(keysOf(got), " "), ",U=3:2,R") {
		t.Errorf("after the second run: %v", keysOf(got))
	}
	if got := s.answer(t, "SELECT INBOX", "UID SEARCH FLAGGED"); got != "* SEARCH 1" {
		t.Errorf("flagged there: %s", got)
	}
	if got := s.answer(t, "STATUS Work (MESSAGES)"); got != `* STATUS "Work" (MESSAGES 2)` {
		t.Errorf("after the second run: %s", got)
	}
}

// muttrc is what mutt and neomutt are told, and the keys that a person presses.
func (s *stage) muttrc(t *testing.T, more, keys string) string {
	return s.file(t, "muttrc", fmt.Sprintf(`set folder="imap://%s@127.0.0.1:%s/"
set spoolfile="+INBOX" imap_pass="%s" imap_authenticators="login" ssl_starttls=no ssl_force_tls=no
set delete=yes confirmappend=no move=no quit=yes imap_check_subscribed=no mark_old=no
%s
push "%s"
`, recordUser, s.l.port(), recordPass, more, keys))
}

func actMutt(t *testing.T, s *stage) {
	rc := s.muttrc(t, `set header_cache="" imap_list_subscribed=yes imap_deflate=no`,
		"<first-entry><flag-message><display-message><exit><save-message><kill-line>=Work<enter><sync-mailbox><quit>")
	screen := s.inTerminal(t, "mutt -n -F "+rc)
	if got := s.answer(t, "EXAMINE INBOX", "UID SEARCH FLAGGED"); got != "* SEARCH 1" {
		t.Errorf("flagged: %s\n%s", got, screen)
	}
	if got := s.answer(t, "EXAMINE INBOX", "UID SEARCH ALL"); got != "* SEARCH 1 3" {
		t.Errorf("left: %s\n%s", got, screen)
	}
	if got := s.answer(t, "STATUS Work (MESSAGES)"); got != `* STATUS "Work" (MESSAGES 2)` {
		t.Errorf("saved: %s\n%s", got, screen)
	}
}

func actNeomutt(t *testing.T, s *stage) {
	run := func(keys string) string {
		rc := s.muttrc(t, `set header_cache="`+s.dir+`/cache" imap_condstore=yes imap_qresync=yes`, keys)
		return s.inTerminal(t, "neomutt -n -F "+rc)
	}
	run("<first-entry><flag-message><sync-mailbox><quit>")
	s.meanwhile(t, func(ok func(string)) {
		ok("SELECT INBOX")
		ok(`UID STORE 2 +FLAGS.SILENT (\Deleted)`)
		ok("EXPUNGE")
		ok(`UID STORE 1 -FLAGS.SILENT (\Flagged)`)
		ok(`UID STORE 3 +FLAGS.SILENT (\Answered $Label2)`)
		ok("APPEND INBOX {27+}\r\nSubject: from others\r\n\r\nx\r\n")
	})
	screen := run("<delete-pattern>~Q<enter><last-entry><flag-message><sync-mailbox><quit>")
	if said := s.l.String(); !strings.Contains(said, "CHANGEDSINCE ") || !strings.Contains(said, "VANISHED (EARLIER) 2") {
		t.Errorf("neomutt was not brought up to date by QRESYNC:\n%s", said)
	}
	if got := s.answer(t, "EXAMINE INBOX", "UID SEARCH ALL"); got != "* SEARCH 1 4" {
		t.Errorf("left: %s\n%s", got, screen)
	}
	if got := s.answer(t, "EXAMINE INBOX", "UID SEARCH FLAGGED"); got != "* SEARCH 4" {
		t.Errorf("flagged: %s\n%s", got, screen)
	}
}

func actOfflineIMAP(t *testing.T, s *stage) {
	rc := s.file(t, "offlineimaprc", offlineIMAPConfig(s.dir, s.l.port(), recordUser, recordPass)+`auth_mechanisms = LOGIN
folderfilter = lambda name: name in ('INBOX', 'Work', 'Old.2024')
`)
	near := filepath.Join(s.dir, "mail")
	s.client(t, "offlineimap", "-o", "-1", "-c", rc)
	if got := tree(t, near); len(got) != 5 {
		t.Fatalf("offlineimap pulled %v", keysOf(got))
	}
	files, err := filepath.Glob(filepath.Join(near, "INBOX", "cur", "*,U=1,*:2,S"))
	if err != nil || len(files) != 1 {
		t.Fatalf("UID 1 is not in %v: %v", keysOf(tree(t, near)), err)
	}
	if err := os.Rename(files[0], strings.TrimSuffix(files[0], "S")+"FS"); err != nil {
		t.Fatal(err)
	}
	s.meanwhile(t, func(ok func(string)) {
		ok("SELECT INBOX")
		ok(`UID STORE 2 +FLAGS (\Deleted)`)
		ok("EXPUNGE")
	})
	s.client(t, "offlineimap", "-o", "-1", "-c", rc)
	if got := tree(t, near); len(got) != 4 {
		t.Errorf("after the second run: %v", keysOf(got))
	}
	if got := s.answer(t, "EXAMINE INBOX", "UID SEARCH FLAGGED"); got != "* SEARCH 1" {
		t.Errorf("flagged there: %s", got)
	}
}

func actScript(interpreter, script string) func(t *testing.T, s *stage) {
	return func(t *testing.T, s *stage) {
		out := s.client(t, interpreter, filepath.Join("testdata", script), "127.0.0.1", s.l.port(), recordUser, recordPass)
		if !strings.HasSuffix(out, "all done\n") {
			t.Error(out)
		}
	}
}

func actCurl(t *testing.T, s *stage) {
	curl := func(path string, args ...string) string {
		out := s.client(t, "curl", append(args, "-sS", "--user", recordUser+":"+recordPass, "imap://127.0.0.1:"+s.l.port()+"/"+path)...)
		s.l.waitForEnd(t)
		return out
	}
	upload := s.file(t, "upload", "Subject: up\r\n\r\nx\r\n")
	for _, test := range []struct {
		path string
		args []string
		want string
	}{
		{"", nil, `"Work"`},
		{"INBOX?ALL%20SUBJECT%20plain", nil, "* SEARCH 1 2"},
		{"INBOX;MAILINDEX=1", nil, "Subject: plain\r\n"},
		{"INBOX;UID=3/;SECTION=TEXT", nil, "new\r\n"},
		{"INBOX", []string{"-X", `UID STORE 3 +FLAGS (\Seen)`}, `FLAGS (\Seen`},
		{"Work", []string{"-T", upload}, ""},
	} {
		if got := curl(test.path, test.args...); !strings.Contains(got, test.want) {
			t.Errorf("%s %v gave %q", test.path, test.args, got)
		}
	}
	if got := s.answer(t, "STATUS Work (MESSAGES)"); got != `* STATUS "Work" (MESSAGES 2)` {
		t.Errorf("after the upload: %s", got)
	}
}

func actFetchmail(t *testing.T, s *stage) {
	if !installed("fetchmail") {
		t.Skip("fetchmail is not installed")
	}
	sink := filepath.Join(s.dir, "got")
	rc := s.file(t, "fetchmailrc", fmt.Sprintf(`set no syslog
poll 127.0.0.1 service %s protocol imap auth password timeout 60
  user "%s" password "%s" sslproto '' keep
  mda "cat >> %s"
`, s.l.port(), recordUser, recordPass, sink))
	fetch := func() string {
		cmd := exec.Command("fetchmail", "-f", rc, "--pidfile", filepath.Join(s.dir, "pid"), "--idfile", filepath.Join(s.dir, "ids"))
		cmd.Env = append(os.Environ(), "HOME="+s.dir, "FETCHMAILHOME="+s.dir)
		out, _ := cmd.CombinedOutput() // exit status 1 means: no new mail
		s.l.waitForEnd(t)
		return string(out)
	}
	out := fetch()
	got, _ := os.ReadFile(sink)
	if n := strings.Count(string(got), "Message-ID: "); n != 2 {
		t.Errorf("fetchmail got %d messages, want the 2 new ones:\n%s", n, out)
	}
	out = fetch()
	if again, _ := os.ReadFile(sink); len(again) != len(got) {
		t.Errorf("fetchmail took mail again:\n%s", out)
	}
}
