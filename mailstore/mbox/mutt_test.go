package mbox

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// mutt runs mutt in a terminal of its own and pushes keys into it.
func mutt(t *testing.T, file, keys string) {
	t.Helper()
	for _, prog := range []string{"mutt", "script"} {
		if _, err := exec.LookPath(prog); err != nil {
			t.Skipf("no %s here", prog)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	home := t.TempDir()
	rc := filepath.Join(home, "muttrc")
	conf := "set folder=" + home + "\nset delete=yes\nset quit=yes\nset mark_old=yes\nset wait_key=no\nset sort=mailbox-order\nset record=\"\"\nset mail_check=0\npush '" + keys + "'\n"
	if err := os.WriteFile(rc, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "script", "-qec", "mutt -n -F "+rc+" -f "+file, "/dev/null")
	cmd.Env = append(os.Environ(), "TERM=vt100", "HOME="+home, "LINES=24", "COLUMNS=80")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mutt: %v\n%q", err, out)
	}
}

// TestMutt lets mutt read, flag, delete and write a mailbox that we have
// written: it finds each message, and we find ours again with their UIDs.
func TestMutt(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b"))
	b.claim()
	if err := appendText(t, b.m, "Subject: from\r\n\r\nhello\r\n\r\nFrom a@b.c  Thu Nov 29 22:33:52 2001\r\n\r\nplain\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := appendText(t, b.m, "Subject: last\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered, "work"), 1, 4)
	b.close()
	text := string(b.read())
	mutt(t, b.file, "<first-entry><flag-message><delete-message><quit>")
	if b.read() == text {
		t.Fatal("mutt has changed nothing")
	}
	b.open()
	b.has(`1 (\Answered \Flagged work) a`, `3 () from`, `4 (\Answered work) last`)
	if got, want := string(readWire(t, b.m, 3)), "Subject: from\r\n\r\nhello\r\n\r\nFrom a@b.c  Thu Nov 29 22:33:52 2001\r\n\r\nplain\r\n"; strings.ReplaceAll(got, "Lines: 5\r\n", "") != want {
		t.Errorf("after mutt the message is %q", got)
	}
}
