package maildir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestReadsWhereMessagesAre: a directory that is kept open for reading does not hide what
// others do to it or to its mailbox.
func TestReadsWhereMessagesAre(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	m := openBox(t, acct, mailstore.Inbox)
	uids := m.add(mailstore.Flags{}, "a", "b", "c")
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids...)
	m.want("1 [S] a", "2 [S] b", "3 [S] c") // and the directory is open
	cur := filepath.Join(root, "cur")
	list := files(t, root)

	rename(t, filepath.Join(root, list[0]), filepath.Join(root, list[0]+"T"))
	if id, err := subject(t, m, uids[0]); id != "a" || err != nil {
		t.Errorf("renamed by another program, it is %q, %v", id, err)
	}
	if err := os.Remove(filepath.Join(root, list[1])); err != nil {
		t.Fatal(err)
	}
	if _, err := subject(t, m, uids[1]); !errors.Is(err, mailstore.ErrExpunged) {
		t.Errorf("removed by another program, it gives %v", err)
	}
	m.want("1 [ST] a", "3 [S] c")

	// Somebody puts back a backup, in which a message has other flags.
	rename(t, cur, filepath.Join(root, "was"))
	if err := os.Mkdir(cur, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, list[2]+"T"), text("c"))
	letLie(t, root)
	m.refresh()
	m.want("3 [ST] c")
	if err := os.RemoveAll(filepath.Join(root, "was")); err != nil {
		t.Fatal(err)
	}
	m.want("3 [ST] c")
}

// TestReadsAfterRename: a mailbox that was renamed, by us, is read where it is.
func TestReadsAfterRename(t *testing.T) {
	acct, _ := newAccount(t, maildir.MaildirPP)
	for _, name := range []string{"a", "c"} {
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	m := openBox(t, acct, "a")
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), m.add(mailstore.Flags{}, "1")...)
	m.want("1 [S] 1")
	if err := acct.Rename(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	m.want("1 [S] 1")
	if err := acct.Rename(t.Context(), "c", "a"); err != nil {
		t.Fatal(err)
	}
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), m.add(mailstore.Flags{}, "2")...)
	m.want("1 [S] 1", "2 [S] 2")
}

// TestSeesWhatStands: directories that are kept open hide neither what others do in them
// nor that they have been removed, and for a second only that they stand elsewhere.
func TestSeesWhatStands(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	for _, name := range []string{"removed", "renamed", "reopened", "replaced"} {
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, "."+name, "cur", "1.a:2,"), text("a"))
		letLie(t, filepath.Join(root, "."+name)) // so that it is known for certain, and not read again
	}

	m := openBox(t, acct, "removed")
	m.want("1 [] a")
	write(t, filepath.Join(root, ".removed", "new", "2.b"), text("b"))
	m.refresh()
	m.want("1 [] a", "2 [] b")
	rename(t, filepath.Join(root, ".removed", "cur", "1.a:2,"), filepath.Join(root, ".removed", "cur", "1.a:2,F"))
	m.refresh()
	m.want("1 [F] a", "2 [] b")
	if err := os.RemoveAll(filepath.Join(root, ".removed")); err != nil {
		t.Fatal(err)
	}
	if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("removed by another program, it gives %v", err)
	}

	m = openBox(t, acct, "renamed")
	rename(t, filepath.Join(root, ".renamed"), filepath.Join(root, ".elsewhere"))
	soon(t, func() error {
		if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
			return fmt.Errorf("renamed by another program, it gives %v", err)
		}
		return nil
	})

	openBox(t, acct, "reopened")
	rename(t, filepath.Join(root, ".reopened"), filepath.Join(root, ".nowhere"))
	if m, err := acct.Open(t.Context(), "reopened"); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("opened anew when it was renamed, it gives %v, %v", m, err)
	}

	m = openBox(t, acct, "replaced")
	rename(t, filepath.Join(root, ".replaced", "cur"), filepath.Join(root, ".replaced", "tmp", "was"))
	if err := os.Mkdir(filepath.Join(root, ".replaced", "cur"), 0o700); err != nil {
		t.Fatal(err)
	}
	soon(t, func() error {
		m.refresh()
		if n := m.Status().Messages; n != 0 {
			return fmt.Errorf("in the other directory there are %d messages", n)
		}
		return nil
	})
}

// soon waits until what is asked has no error.
func soon(t *testing.T, ask func() error) {
	t.Helper()
	err := ask()
	for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); err = ask() {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestFewDirectoriesOpen: reading in many mailboxes keeps a few directories open, and
// none when they are closed.
func TestFewDirectoriesOpen(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	var boxes []mailstore.Mailbox
	most := 0
	for i := range 20 {
		name := fmt.Sprint("box", i)
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		m, err := acct.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		boxes = append(boxes, m)
		b := box{m, t}
		b.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), b.add(mailstore.Flags{}, "1")...)
		b.want("1 [S] 1")
		most = max(most, len(openBelow(t, root)))
	}
	if most < 2 || most > 8 {
		t.Errorf("%d directories are open", most)
	}
	for _, m := range boxes {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := openBelow(t, root); len(left) > 0 {
		t.Errorf("still open: %v", left)
	}
}

// TestWaitingOpensNothing: sessions that wait for news are many, and keep no directory open.
func TestWaitingOpensNothing(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	letLie(t, root) // so that nobody reads it meanwhile
	for range 3 {
		m := openBox(t, acct, mailstore.Inbox)
		if open := openBelow(t, root); len(open) != 2 {
			t.Errorf("opened, it has open: %v", open)
		}
		defer m.Watch()()
		if left := openBelow(t, root); len(left) > 0 {
			t.Errorf("waiting, it has open: %v", left)
		}
	}
}

// TestOneLockFile: however many mailboxes are written, one file waits to be their locks, and
// none when the account is closed, whoever still has mailboxes.
func TestOneLockFile(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	waiting := func() []string {
		t.Helper()
		inTmp, err := filepath.Glob(filepath.Join(root, "tmp", "*"))
		if err != nil {
			t.Fatal(err)
		}
		inFolders, err := filepath.Glob(filepath.Join(root, ".*", "tmp", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return append(inTmp, inFolders...)
	}
	var boxes []box
	for i := range 5 {
		name := fmt.Sprint("box", i)
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		m := openBox(t, acct, name)
		boxes = append(boxes, m)
		m.add(mailstore.Flags{}, "1")
	}
	if files := waiting(); len(files) != 1 {
		t.Errorf("%d files wait to be locks: %v", len(files), files)
	}
	if err := acct.Close(); err != nil {
		t.Fatal(err)
	}
	for _, m := range boxes {
		for range 3 {
			m.add(mailstore.Flags{}, "2")
		}
		m.ok(m.Close())
	}
	if files := waiting(); len(files) > 0 {
		t.Errorf("left: %v", files)
	}
}

// openBelow lists the directories that this process has open below another.
func openBelow(t *testing.T, dir string) (list []string) {
	t.Helper()
	const all = "/proc/self/fd"
	fds, err := os.ReadDir(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		path := filepath.Join(all, fd.Name())
		if fi, err := os.Stat(path); err != nil || !fi.IsDir() {
			continue // such as what waits to be a lock file
		}
		if to, err := os.Readlink(path); err == nil && strings.HasPrefix(to, dir+"/") {
			list = append(list, to)
		}
	}
	return list
}

// TestOpenAllocations: opening a message is what is done most often of all.
func TestOpenAllocations(t *testing.T) {
	acct, _ := newAccount(t, maildir.MaildirPP)
	m := openBox(t, acct, mailstore.Inbox)
	uids := m.add(mailstore.Flags{}, "a")
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids...)
	buf := make([]byte, 1<<10)
	n := testing.AllocsPerRun(100, func() {
		msg, err := m.OpenMessage(t.Context(), uids[0])
		m.ok(err)
		_, err = msg.ReadAt(buf[:msg.Len()], 0)
		m.ok(err)
		m.ok(msg.Close())
	})
	if n > 3 { // what is open, its name for the kernel, and the message
		t.Errorf("%v allocations to read a message", n)
	}
}
