package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
