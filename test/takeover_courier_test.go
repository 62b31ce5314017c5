package test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var courierUpdate = flag.Bool("courier.update", false, "write down anew what Courier makes")

// courierRecord is where it stands written down what Debian's Courier made of a
// Maildir, and showed of it, since it cannot be installed beside Dovecot. Where
// it is there all the same, in the system or unpacked below $RESTANTE_COURIER
// (by dpkg-deb -x: courier-imap, courier-pop, courier-authlib,
// libcourier-unicode4 and libgamin0), the test lets it work anew; .ci/run unpacks it.
var courierRecord = filepath.Join("testdata", "courier.json")

// recording is a Maildir that Courier served, and what clients saw.
type recording struct {
	Files []recordedFile
	Saw   snapshot
}

type recordedFile struct {
	Path string    // below the Maildir; ends with a slash for a directory
	Time time.Time // of the last change
	Text string
}

// TestTakeoverFromCourier: what clients relied on is the same after Courier, and
// after changes through restante when it starts again.
func TestTakeoverFromCourier(t *testing.T) {
	place := newPlace(t)
	maildir := filepath.Join(place, "home", "Maildir")
	saw, live := courierServes(t, maildir)
	if !live {
		saw = unpackRecord(t, maildir)
	} else if *courierUpdate {
		record(t, maildir, saw)
	}
	s := startAsOwner(t, newSharedData(t, place, "maildir:"+maildir))
	compare(t, "after Courier", courierLines(saw), "restante", courierLines(s.account().take(t)))
	c := s.account().enter(t)
	for _, command := range []string{"SELECT INBOX", "UID STORE 1 -FLAGS (late)", "UID STORE 9 +FLAGS (late)", "UID STORE 4 +FLAGS (\\Deleted)", "EXPUNGE", "LOGOUT"} {
		c.ok(command)
	}
	left := s.account().take(t)
	s.stop()
	s = startAsOwner(t, s.data)
	compare(t, "started again", left, "restante", s.account().take(t))
	if n := len(saw); n < 60 {
		t.Errorf("Courier showed only %d things: little was tested", n)
	}
}

var (
	belowInbox = regexp.MustCompile(`"INBOX\.`)
	popNumber  = regexp.MustCompile(`^(pop3) [0-9]+`)
	madeForNew = regexp.MustCompile(`"(?:Archive|Drafts|Junk|Sent|Trash)"`)
)

// courierLines is a snapshot without what cannot be the same: Courier puts all
// mailboxes below INBOX, and restante makes some for a new user. Nor are the
// numbers of POP3 to be the same, in which Courier follows the names of files as
// texts: those of one second have microseconds without zeros in front.
func courierLines(s snapshot) snapshot {
	var list snapshot
	for _, line := range s {
		line = popNumber.ReplaceAllString(belowInbox.ReplaceAllString(line, `"`), "$1")
		if !madeForNew.MatchString(line) {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

// courierProgram returns what makes commands of Courier that work in home, nil
// where there is no Courier.
func courierProgram(t *testing.T, home string) func(path string, args ...string) *exec.Cmd {
	root := os.Getenv("RESTANTE_COURIER")
	if root == "" {
		root = "/"
	}
	for _, path := range []string{"usr/bin/imapd", "usr/bin/maildirmake.courier", "usr/lib/courier/courier/courierpop3d"} {
		if !exists(filepath.Join(root, path)) {
			t.Logf("no Courier in %s", root)
			return nil
		}
	}
	return func(path string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(root, path), args...)
		var libraries []string
		for _, dir := range []string{"usr/lib", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/courier-authlib"} {
			libraries = append(libraries, filepath.Join(root, dir))
		}
		cmd.Env = []string{"AUTHENTICATED=" + user, "IMAP_KEYWORDS=1", "IMAP_USELOCKS=0", "IMAP_CAPABILITY=IMAP4rev1 UIDPLUS QUOTA", "HOME=" + home, timeZone}
		if root != "/" {
			cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
		}
		cmd.Dir = home
		asOwner(cmd)
		return cmd
	}
}

// courierServes lets Courier make a Maildir, where there is a Courier, and
// returns what it shows.
func courierServes(t *testing.T, maildir string) (saw snapshot, live bool) {
	program := courierProgram(t, filepath.Dir(maildir))
	if program == nil {
		return nil, false
	}
	if out, err := program("usr/bin/maildirmake.courier", maildir).CombinedOutput(); err != nil {
		t.Fatalf("maildirmake.courier: %v\n%s", err, out)
	}
	a := account{who: "Courier",
		imap: serveEach(t, func() *exec.Cmd { return program("usr/bin/imapd", "Maildir", "Maildir") }),
		pop3: serveEach(t, func() *exec.Cmd { return program("usr/lib/courier/courier/courierpop3d", "Maildir") }),
	}
	fillCourier(a.enter(t))
	return a.take(t), true
}

// serveEach runs a program for each connection to the address it returns.
func serveEach(t *testing.T, program func() *exec.Cmd) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f, err := c.(*net.TCPConn).File()
			c.Close()
			if err != nil {
				t.Error(err)
				return
			}
			cmd := program()
			cmd.Stdin, cmd.Stdout = f, f
			if err := cmd.Start(); err != nil {
				t.Error(err)
			}
			f.Close()
			go cmd.Wait()
		}
	}()
	return l.Addr().String()
}

// fillCourier does once what can be done.
func fillCourier(c *imapConn) {
	c.t.Helper()
	put := func(box, flags, subject string, number int) {
		c.t.Helper()
		text := crlf(plain(subject))
		tag, err := c.send(fmt.Sprintf("APPEND %q (%s) \"%02d-Mar-2026 00:%02d:00 +0100\" {%d}", box, flags, 1+number, number, len(text)))
		if err != nil {
			c.t.Fatal(err)
		}
		if _, line, err := c.response(); err != nil || !strings.HasPrefix(line, "+") {
			c.t.Fatalf("APPEND: %q, %v", line, err)
		}
		if _, err := fmt.Fprintf(c.c, "%s\r\n", text); err != nil {
			c.t.Fatal(err)
		}
		if status, err := c.wait(tag, nil); err != nil || !strings.HasPrefix(status, "OK") {
			c.t.Fatalf("APPEND: %s, %v", status, err)
		}
	}
	for _, name := range []string{"Letters", "Entw&APw-rfe", "a.b", "a.b.c", "With space", "A&-B", "old", "doomed"} {
		c.ok(fmt.Sprintf("CREATE %q", "INBOX."+name))
		c.ok(fmt.Sprintf("SUBSCRIBE %q", "INBOX."+name))
		for n, flags := range []string{"", `\Seen $Label1`, `\Flagged \Answered \Seen`} {
			put("INBOX."+name, flags, fmt.Sprintf("%s %d", name, n), n)
		}
	}
	for n, flags := range []string{"", `\Seen`, `\Flagged`, `\Answered \Seen`, `\Draft`, `\Seen $Forwarded`, "NonJunk", "$Forwarded NonJunk", "", "", ""} {
		put("INBOX", flags, fmt.Sprintf("begin %d", n), n)
	}
	for _, command := range []string{
		"SELECT INBOX", "UID STORE 1 +FLAGS (\\Flagged late)", "UID STORE 7:8 -FLAGS (NonJunk)", "UID STORE 4 FLAGS (\\Draft late $Label2)",
		"UID COPY 5,9 INBOX.a.b", `UID STORE 3,11 +FLAGS (\Deleted)`, "UID EXPUNGE 3,11", `UID STORE 2 +FLAGS (\Deleted)`, "CLOSE",
		"RENAME INBOX.old INBOX.below.renamed", "UNSUBSCRIBE INBOX.old", "SUBSCRIBE INBOX.below.renamed", "DELETE INBOX.doomed", "UNSUBSCRIBE INBOX.Letters", "SUBSCRIBE INBOX",
		"LOGOUT",
	} {
		c.ok(command)
	}
}

// record writes down the Maildir and what was seen of it.
func record(t *testing.T, maildir string, saw snapshot) {
	t.Helper()
	r := recording{Saw: saw}
	err := filepath.WalkDir(maildir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == maildir {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		f := recordedFile{Path: strings.TrimPrefix(path, maildir+"/"), Time: fi.ModTime().UTC()}
		if e.IsDir() {
			f.Path += "/"
		} else {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			f.Text = string(text)
		}
		r.Files = append(r.Files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(courierRecord, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// unpackRecord makes the recorded Maildir and returns what was seen of it.
func unpackRecord(t *testing.T, maildir string) snapshot {
	t.Helper()
	text, err := os.ReadFile(courierRecord)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Files {
		path := filepath.Join(maildir, f.Path)
		if strings.HasSuffix(f.Path, "/") {
			err = os.MkdirAll(path, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, []byte(f.Text), 0o600)
		}
		if err == nil {
			err = os.Chtimes(path, f.Time, f.Time)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	giveAway(t, filepath.Dir(maildir))
	return r.Saw
}
