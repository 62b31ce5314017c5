package test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of so many octets, where we may.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("cannot mount a small file system: %v (root can)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills the disk with mail. What has no room is refused in words
// and a code that clients show, mail can be read and removed, and then there is
// room again; a new server sees the same.
func TestFullDisk(t *testing.T) {
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			disk := smallDisk(t, 2<<20)
			data := newData(t, format+":"+filepath.Join(disk, "mail"))
			s := start(t, data)
			c := login(t, s)
			c.ok("CREATE Other")
			n := fillDisk(t, c)
			c.ok("SELECT INBOX")
			if got := len(c.ok("FETCH 1:* (RFC822.SIZE BODY.PEEK[])")); got < n {
				t.Errorf("%d responses for %d messages", got, n)
			}
			if format == "mbox" { // a Maildir's copies are links, for which there is room
				refused(t, c, "COPY 1:* Other")
			}
			refused(t, c, appendCommand("INBOX", big(n)))
			s.kill()
			s = start(t, data)
			c = login(t, s)
			c.ok("SELECT INBOX")
			if got := messages(c); got != n {
				t.Errorf("after a new start there are %d messages, want %d", got, n)
			}
			c.ok(fmt.Sprintf(`STORE 1:%d +FLAGS.SILENT (\Deleted)`, n-2))
			c.ok("EXPUNGE")
			if got := messages(c); got != 2 {
				t.Errorf("after EXPUNGE there are %d messages, want 2", got)
			}
			c.ok(appendCommand("INBOX", big(1)))
			c.ok("COPY 1:* Other")
			if got := messages(c); got != 3 {
				t.Errorf("with room again there are %d messages, want 3", got)
			}
		})
	}
}

// TestFullDiskUnchanged: on a disk that others have filled, messages can be
// removed from an mbox that was only looked at before.
func TestFullDiskUnchanged(t *testing.T) {
	disk := smallDisk(t, 4<<20)
	data := newData(t, "mbox:"+filepath.Join(disk, "mail"))
	inbox := filepath.Join(disk, "mail", "inbox")
	var text []byte
	for n := range 30 {
		text = fmt.Appendf(text, "From a@b.c  Thu Nov 29 22:33:52 2001\n%s\n", bytes.ReplaceAll(big(n), []byte("\r\n"), []byte("\n")))
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(inbox), 0o700), os.WriteFile(inbox, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	s := start(t, data)
	c := login(t, s)
	c.ok("EXAMINE INBOX")
	s.kill()
	fillWith(t, filepath.Join(disk, "rubbish"))
	s = start(t, data)
	c = login(t, s)
	c.ok("SELECT INBOX")
	c.ok(`STORE 2,29 +FLAGS.SILENT (\Deleted)`)
	c.ok("EXPUNGE")
	if got := messages(c); got != 28 {
		t.Errorf("after EXPUNGE there are %d messages, want 28", got)
	}
	for n, subject := range c.ok("FETCH 1,2 BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]") {
		if want := fmt.Sprintf("<%d@full>", []int{0, 2}[min(n, 1)]); n < 2 && !strings.Contains(subject, want) {
			t.Errorf("message %d is %q, want %s", n+1, subject, want)
		}
	}
}

// TestFullDiskKilled: a server that was killed in the middle of a change, on a disk that is
// full, is in nobody's way. The lock file that it leaves cannot name it.
func TestFullDiskKilled(t *testing.T) {
	disk := smallDisk(t, 2<<20)
	data := newData(t, "mbox:"+filepath.Join(disk, "mail"))
	s := start(t, data)
	c := login(t, s)
	n := fillDisk(t, c)
	left := 0
	for rounds := 40; rounds > 0 && left < 3; rounds-- {
		c.ok("SELECT INBOX")
		for i := range 20 {
			if _, err := c.send(fmt.Sprintf("STORE 1:%d %cFLAGS.SILENT (\\Seen)", n, "+-"[i%2])); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond)
		s.kill()
		lock, err := os.ReadFile(filepath.Join(disk, "mail", "inbox.lock"))
		s = start(t, data)
		c = login(t, s)
		c.ok("SELECT INBOX")
		c.ok(`STORE 1 +FLAGS.SILENT (\Flagged)`)
		if err == nil && len(lock) == 0 {
			left++
		}
	}
	if left == 0 {
		t.Error("no empty lock file was left: nothing was tested")
	}
	if got := messages(c); got != n {
		t.Errorf("there are %d messages, want %d", got, n)
	}
}

// fillWith makes a file that takes all the room that is left.
func fillWith(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// big is a message of 60 KB.
func big(n int) []byte {
	return fmt.Appendf(nil, "Message-ID: <%d@full>\r\nSubject: big\r\n\r\n%s", n, strings.Repeat(strings.Repeat("x", 70)+"\r\n", 850))
}

// fillDisk appends until there is no room, and then smaller and smaller ones.
func fillDisk(t *testing.T, c *imapConn) (n int) {
	t.Helper()
	for _, size := range []int{60_000, 6_000, 600} {
		for {
			_, status := c.cmd(appendCommand("INBOX", big(n)[:size]))
			if !strings.HasPrefix(status, "OK") {
				isOverQuota(t, "APPEND", status)
				break
			}
			if n++; n > 10_000 {
				t.Fatal("the disk does not fill")
			}
		}
	}
	if n < 10 {
		t.Fatalf("only %d messages had room", n)
	}
	return n
}

func refused(t *testing.T, c *imapConn, command string) {
	t.Helper()
	_, status := c.cmd(command)
	isOverQuota(t, command[:min(len(command), 20)], status)
}

func isOverQuota(t *testing.T, command, status string) {
	t.Helper()
	if !strings.HasPrefix(status, "NO [OVERQUOTA] ") {
		t.Errorf("%s on a full disk: %q", command, status)
	}
}

// messages asks how many messages there are now.
func messages(c *imapConn) int {
	c.t.Helper()
	n := -1
	for _, line := range c.ok("STATUS INBOX (MESSAGES)") {
		if _, err := fmt.Sscanf(line, "* STATUS INBOX (MESSAGES %d)", &n); err == nil {
			break
		}
	}
	return n
}
