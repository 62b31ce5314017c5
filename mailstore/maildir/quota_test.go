package maildir_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// The beginnings of files that Courier and Dovecot wrote.
const (
	courierSize = "100000S,50C\n           0            0\n"
	dovecotSize = "100000S,50C\n0 0\n"
)

// TestMaildirSize: each batch adds one line, by the rules of whoever made the
// file.
func TestMaildirSize(t *testing.T) {
	const n = int64(len("From: a@example.org\nSubject: x\n\nThis is x.\n"))
	line := func(count int64) string { return fmt.Sprintf("%d %d\n", count*n, count) }
	setDeleted := mailstore.NewFlags(mailstore.Deleted)
	for _, c := range []struct {
		why              string
		do               func(e sizeEnv)
		courier, dovecot string // what is added
	}{
		{"append", func(e sizeEnv) { e.inbox.add(mailstore.Flags{}, "x") }, line(1), line(1)},
		{"append several", func(e sizeEnv) { e.inbox.add(mailstore.NewFlags(mailstore.Seen), "x", "y", "z") }, line(3), line(3)},
		{"append deleted", func(e sizeEnv) { e.inbox.add(setDeleted, "x") }, "", line(1)},
		{"append to Trash", func(e sizeEnv) { e.trash.add(mailstore.Flags{}, "x") }, "", line(1)},
		{"set and clear \\Deleted", func(e sizeEnv) {
			e.inbox.set(mailstore.AddFlags, setDeleted, 1, 2)
			e.inbox.set(mailstore.ReplaceFlags, mailstore.NewFlags(mailstore.Seen), 1)
			e.inbox.set(mailstore.RemoveFlags, setDeleted, 2)
		}, line(-2) + line(1) + line(1), ""},
		{"set another flag", func(e sizeEnv) { e.inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), 1, 2) }, "", ""},
		{"expunge", func(e sizeEnv) { e.expunge(e.inbox, 1, 2) }, line(-2), line(-2)},
		{"delete and expunge", func(e sizeEnv) { e.inbox.set(mailstore.AddFlags, setDeleted, 1); e.expunge(e.inbox, 1) }, line(-1), line(-1)},
		{"expunge in Trash", func(e sizeEnv) { e.expunge(e.trash, 1) }, "", line(-1)},
		{"expunge nothing", func(e sizeEnv) { e.expunge(e.inbox, 9) }, "", ""},
		{"copy", func(e sizeEnv) { e.to(e.inbox.Copy, e.other, 1, 2) }, line(2), line(2)},
		{"copy to Trash", func(e sizeEnv) { e.to(e.inbox.Copy, e.trash, 1) }, "", line(1)},
		{"move", func(e sizeEnv) { e.to(e.inbox.Move, e.other, 1) }, "", ""},
		{"move to Trash", func(e sizeEnv) { e.to(e.inbox.Move, e.trash, 1, 2) }, line(-2), ""},
		{"move out of Trash", func(e sizeEnv) { e.to(e.trash.Move, e.other, 1) }, line(1), ""},
		{"claim recent", func(e sizeEnv) { _, err := e.inbox.ClaimRecent(e.inbox.t.Context()); e.inbox.ok(err) }, "", ""},
		{"delete a mailbox", func(e sizeEnv) { e.inbox.ok(e.acct.Delete(e.inbox.t.Context(), "Other")) }, line(-1), line(-2)},
		{"delete Trash", func(e sizeEnv) { e.inbox.ok(e.acct.Delete(e.inbox.t.Context(), "Trash")) }, "", line(-1)},
		{"rename INBOX", func(e sizeEnv) { e.inbox.ok(e.acct.Rename(e.inbox.t.Context(), "INBOX", "Kept")) }, "", ""},
	} {
		for _, by := range []struct{ name, file, added string }{{"Courier", courierSize, c.courier}, {"Dovecot", dovecotSize, c.dovecot}} {
			t.Run(c.why+", counted by "+by.name, func(t *testing.T) {
				root := t.TempDir()
				deliver(t, root, "cur/1.a:2,", "x") // whose size does not stand in its name
				acct := openAccount(t, maildir.Options{Root: root})
				for _, name := range []string{"Trash", "Other"} {
					if err := acct.Create(t.Context(), name); err != nil {
						t.Fatal(err)
					}
				}
				e := sizeEnv{openBox(t, acct, "INBOX"), openBox(t, acct, "Trash"), openBox(t, acct, "Other"), acct}
				e.inbox.add(mailstore.Flags{}, "y")
				e.trash.add(mailstore.Flags{}, "y")
				e.other.add(mailstore.Flags{}, "y")
				e.other.add(setDeleted, "z")
				path := filepath.Join(root, "maildirsize")
				write(t, path, by.file)
				c.do(e)
				if got := strings.TrimPrefix(read(t, path), by.file); got != by.added {
					t.Errorf("added\n%swant\n%s", got, by.added)
				}
			})
		}
	}
}

// sizeEnv is an account with mail in three mailboxes.
type sizeEnv struct {
	inbox, trash, other box
	acct                mailstore.Account
}

func (e sizeEnv) expunge(b box, uids ...mailstore.UID) {
	b.t.Helper()
	_, err := b.Expunge(b.t.Context(), mailstore.NewUIDSet(uids...), false)
	b.ok(err)
}

func (e sizeEnv) to(op func(context.Context, mailstore.UIDSet, mailstore.Mailbox) (mailstore.CopyResult, error), dest box, uids ...mailstore.UID) {
	dest.t.Helper()
	_, err := op(dest.t.Context(), mailstore.NewUIDSet(uids...), dest.Mailbox)
	dest.ok(err)
}

// TestMaildirSizeLeftAlone: files that are not to be written are not, and no
// operation fails for it.
func TestMaildirSizeLeftAlone(t *testing.T) {
	full := dovecotSize + strings.Repeat("1 1\n", 1300)
	for _, c := range []struct {
		why  string
		make func(t *testing.T, path string)
		want string // "-" for no file
	}{
		{"none", func(*testing.T, string) {}, "-"},
		{"to be counted anew", func(t *testing.T, path string) { write(t, path, full) }, full},
		{"a link", func(t *testing.T, path string) {
			write(t, path+".target", "0S\n")
			if err := os.Symlink(path+".target", path); err != nil {
				t.Fatal(err)
			}
		}, "0S\n"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "-"},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, "maildirsize")
			c.make(t, path)
			inbox := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
			inbox.add(mailstore.Flags{}, "a", "b")
			inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), 1)
			_, err := inbox.Expunge(t.Context(), mailstore.AllUIDs(), true)
			inbox.ok(err)
			inbox.want("2 [] b")
			data, err := os.ReadFile(path)
			if got := string(data); err == nil && got != c.want || err != nil && c.want != "-" {
				t.Errorf("the file is %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
