package maildir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestHiddenByRename is docs/design/maildir.md, "Looking at a directory that
// changes", case by case.
func TestHiddenByRename(t *testing.T) {
	type edits = []func([]fsys.Entry) []fsys.Entry
	always := func(edit func([]fsys.Entry) []fsys.Entry) edits { return slices.Repeat(edits{edit}, 100) }
	for _, c := range []struct {
		why   string
		edits edits
		want  []string
	}{
		{"hidden once", edits{hiding("2.b")}, []string{"1 [S] a", "2 [S] b", "3 [S] c"}},
		{"hidden from three looks in a row", edits{hiding("2.b"), hiding("2.b"), hiding("2.b")}, []string{"1 [S] a", "2 [S] b", "3 [S] c"}},
		{"another one hidden from each look", edits{hiding("1.a"), hiding("2.b"), hiding("3.c")}, []string{"1 [S] a", "2 [S] b", "3 [S] c"}},
		{"the old name is returned too", edits{adding("2.b:2,FS")}, []string{"1 [S] a", "2 [S] b", "3 [S] c"}},
		{"each of two names, again and again", always(adding("2.b:2,FS")), []string{"1 [S] a", "2 [S] b", "3 [S] c"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := t.TempDir()
			for i, id := range []string{"a", "b", "c"} {
				deliver(t, root, fmt.Sprintf("cur/%d.%s:2,S", i+1, id), id)
			}
			busy := &busyFS{}
			m := openBox(t, openAccount(t, maildir.Options{Root: root, FS: busy}), "INBOX")
			busy.mu.Lock()
			busy.edits = c.edits
			busy.mu.Unlock()
			touch(t, filepath.Join(root, "cur"))
			m.refresh()
			m.want(c.want...)
			m.refresh()
			m.want(c.want...)
		})
	}
}

// TestReallyGone: what is gone is noticed at once, however busy the directory is.
func TestReallyGone(t *testing.T) {
	for _, c := range []struct {
		why   string
		edits []func([]fsys.Entry) []fsys.Entry
	}{
		{"quiet directory", nil},
		{"a directory that always changes", slices.Repeat([]func([]fsys.Entry) []fsys.Entry{hiding("nothing")}, 1000)},
	} {
		root := t.TempDir()
		deliver(t, root, "cur/1.a:2,S", "a")
		deliver(t, root, "cur/2.b:2,S", "b")
		busy := &busyFS{}
		m := openBox(t, openAccount(t, maildir.Options{Root: root, FS: busy}), "INBOX")
		busy.edits = c.edits
		if err := os.Remove(filepath.Join(root, "cur/1.a:2,S")); err != nil {
			t.Fatal(err)
		}
		m.refresh()
		if got := m.contents(); !slices.Equal(got, []string{"2 [S] b"}) {
			t.Errorf("%s: there is %q", c.why, got)
		}
	}
}

// TestHiddenNewMessage: another program has given UIDs to two files of which we
// see only the second. The first must not come later with a smaller UID.
func TestHiddenNewMessage(t *testing.T) {
	root := t.TempDir()
	busy := &busyFS{}
	m := openBox(t, openAccount(t, maildir.Options{Root: root, FS: busy}), "INBOX")
	list := filepath.Join(root, "dovecot-uidlist")
	write(t, list, read(t, list)+"1 :1.a\n2 :2.b\n")
	busy.edits = []func([]fsys.Entry) []fsys.Entry{hiding("1.a")}
	deliver(t, root, "cur/1.a:2,S", "a")
	deliver(t, root, "cur/2.b:2,S", "b")
	m.refresh()
	m.want("1 [S] a", "2 [S] b")
}

// TestUnchangedIsCheap: two stats and no reading, once the directories have been
// still for a moment.
func TestUnchangedIsCheap(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/1.a:2,S", "a")
	letLie(t, root)
	busy := &busyFS{}
	m := openBox(t, openAccount(t, maildir.Options{Root: root, FS: busy}), "INBOX")
	before := busy.reads
	for range 10 {
		m.refresh()
	}
	if busy.reads != before {
		t.Errorf("cur/ was read %d times for nothing", busy.reads-before)
	}
	touch(t, filepath.Join(root, "cur"))
	m.refresh()
	if busy.reads == before {
		t.Error("cur/ was not read after it had changed")
	}
}

// TestDeliveryByAnother: a delivery agent that gives UIDs itself, as Dovecot's,
// makes us read new/ and the end of the list, and not cur/.
func TestDeliveryByAnother(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/1.a:2,S", "a")
	letLie(t, root)
	busy := &busyFS{}
	m := openBox(t, openAccount(t, maildir.Options{Root: root, FS: busy}), "INBOX")
	before := busy.reads
	list := filepath.Join(root, "dovecot-uidlist")
	theirs := func(uid int, path, id string) {
		t.Helper()
		base, _, _ := strings.Cut(filepath.Base(path), ":")
		f, err := os.OpenFile(list, os.O_APPEND|os.O_WRONLY, 0)
		m.ok(err)
		_, err = fmt.Fprintf(f, "%d :%s\n", uid, base)
		m.ok(errors.Join(err, f.Close()))
		deliver(t, root, path, id)
	}
	theirs(2, "new/2.b", "b")
	m.refresh()
	m.want("1 [S] a", "2 [] b")
	theirs(3, "new/3.c", "c")
	m.add(mailstore.Flags{}, "ours")
	m.want("1 [S] a", "2 [] b", "3 [] c", "4 [] ours")
	if busy.reads != before {
		t.Errorf("cur/ was read %d times", busy.reads-before)
	}
	theirs(5, "cur/5.d:2,F", "d") // with flags: to cur/
	m.add(mailstore.Flags{}, "last")
	m.want("1 [S] a", "2 [] b", "3 [] c", "4 [] ours", "5 [F] d", "6 [] last")
}

func touch(t *testing.T, path string) {
	t.Helper()
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
}

// TestAcrossFileSystems copies content where links and renames do not reach.
func TestAcrossFileSystems(t *testing.T) {
	root := t.TempDir()
	acct := openAccount(t, maildir.Options{Root: root, FS: mountsFS{}})
	if err := acct.Create(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	m, other := openBox(t, acct, "INBOX"), openBox(t, acct, "other")
	uids := m.add(mailstore.NewFlags(mailstore.Seen, "k"), "a", "b", "c")
	for _, transfer := range []func() (mailstore.CopyResult, error){
		func() (mailstore.CopyResult, error) {
			return m.Copy(t.Context(), mailstore.NewUIDSet(uids[0]), other.Mailbox)
		},
		func() (mailstore.CopyResult, error) {
			return m.Move(t.Context(), mailstore.NewUIDSet(uids[1:]...), other.Mailbox)
		},
	} {
		if _, err := transfer(); err != nil {
			t.Fatal(err)
		}
	}
	m.want("1 [S k] a")
	other.want("1 [S k] a", "2 [S k] b", "3 [S k] c")
	other.ok(other.Fill(t.Context(), mailstore.AllUIDs(), mailstore.AttrDate))
	for _, r := range other.Records(make([]mailstore.Record, 0, 3), 1) {
		if r.Date != 1e9 {
			t.Errorf("date %v", r.InternalDate())
		}
	}
	again := openAccount(t, maildir.Options{Root: root})
	openBox(t, again, "INBOX").want("1 [S k] a")
	openBox(t, again, "other").want("1 [S k] a", "2 [S k] b", "3 [S k] c")
}

// TestMovedBack: a message that returns to a mailbox is a new message there.
func TestMovedBack(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	if err := acct.Create(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	m, other := openBox(t, acct, "INBOX"), openBox(t, acct, "other")
	m.add(mailstore.Flags{}, "a")
	for range 3 {
		_, err := m.Move(t.Context(), mailstore.AllUIDs(), other.Mailbox)
		m.ok(err)
		_, err = other.Move(t.Context(), mailstore.AllUIDs(), m.Mailbox)
		m.ok(err)
	}
	m.want("4 [] a")
	openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX").want("4 [] a")
}

// TestAppendsShareSyncs counts what waits for the disk when many append at once.
func TestAppendsShareSyncs(t *testing.T) {
	counting := &countingFS{}
	m := openBox(t, openAccount(t, maildir.Options{Root: t.TempDir(), FS: counting}), "INBOX")
	const count = 40
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[mailstore.UID]bool)
	start := counting.syncs.Load()
	for i := range count {
		wg.Go(func() {
			uids, err := appendTo(t, m, mailstore.Flags{}, fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[uids[0]] {
				t.Errorf("append %d: %v, %v", i, uids, err)
				return
			}
			seen[uids[0]] = true
		})
	}
	wg.Wait()
	if n := counting.syncs.Load() - start; n > 3*count {
		t.Errorf("%d appends waited %d times for the disk", count, n)
	}
	if got := m.contents(); len(got) != count {
		t.Errorf("there are %d messages", len(got))
	}
}

// TestLockedByAnother: who holds the lock of the UID list stops writes that need
// it, not reading.
func TestLockedByAnother(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/1.a:2,S", "a")
	openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX").want("1 [S] a")
	lock := filepath.Join(root, "dovecot-uidlist.lock")
	write(t, lock, fmt.Sprintf("%d:%s", os.Getppid(), hostname(t)))
	deliver(t, root, "new/2.b", "b")
	m := openBox(t, openAccount(t, maildir.Options{Root: root, LockWait: 20 * time.Millisecond}), "INBOX")
	m.want("1 [S] a")
	if _, err := appendTo(t, m, mailstore.Flags{}, "x"); !errors.Is(err, mailstore.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint(os.Getppid())) {
		t.Errorf("append while the list is locked: %v", err)
	}
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), 1) // needs no lock
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	m.refresh()
	m.want("1 [SF] a", "2 [] b")
	if left, _ := os.ReadDir(filepath.Join(root, "tmp")); len(left) != 0 {
		t.Errorf("tmp holds %v", left)
	}
}

func hostname(t *testing.T) string {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// TestMailboxTakenAway: another program deletes or renames the directory.
func TestMailboxTakenAway(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	for _, name := range []string{"a", "b"} {
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	a, b := openBox(t, acct, "a"), openBox(t, acct, "b")
	uids := a.add(mailstore.NewFlags(mailstore.Seen), "x")
	b.add(mailstore.NewFlags(mailstore.Seen), "y")
	rename(t, filepath.Join(root, ".a"), filepath.Join(root, ".c"))
	if err := os.RemoveAll(filepath.Join(root, ".b")); err != nil {
		t.Fatal(err)
	}
	for _, m := range []box{a, b} {
		if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
			t.Errorf("refresh of %s: %v", m.Name(), err)
		}
		if _, err := acct.Open(t.Context(), m.Name()); !errors.Is(err, mailstore.ErrNotFound) {
			t.Errorf("open of %s: %v", m.Name(), err)
		}
	}
	c := openBox(t, acct, "c")
	c.want(fmt.Sprintf("%d [S] x", uids[0]))
	if c.UIDValidity() != a.UIDValidity() {
		t.Error("a mailbox that another program renamed has a new UIDVALIDITY")
	}
}

// TestKept: a mailbox that nobody has open stays in memory, and its mod-sequences
// go on; one that does not stay never goes back.
func TestKept(t *testing.T) {
	for _, keep := range []int{0, -1} {
		root := t.TempDir()
		busy := &busyFS{}
		acct := openAccount(t, maildir.Options{Root: root, FS: busy, KeepMessages: keep})
		open := func() mailstore.Mailbox {
			m, err := acct.Open(t.Context(), "INBOX")
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		m := open()
		if _, err := appendTo(t, m, mailstore.Flags{}, "a", "b"); err != nil {
			t.Fatal(err)
		}
		if err := m.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := m.Status()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		again := open()
		if kept := again == m; kept != (keep == 0) {
			t.Errorf("keep %d: the same value %v", keep, kept)
		}
		after := again.Status()
		if keep == 0 && after != before || after.HighestModSeq < before.HighestModSeq {
			t.Errorf("keep %d: status was %+v, is %+v", keep, before, after)
		}
		if err := errors.Join(again.Close(), acct.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestInboxElsewhere: the inbox need not be in the root.
func TestInboxElsewhere(t *testing.T) {
	for _, l := range layouts {
		root, inbox := t.TempDir(), filepath.Join(t.TempDir(), "spool", "jane")
		opt := maildir.Options{Root: root, Inbox: inbox, Layout: l.layout}
		acct := openAccount(t, opt)
		deliver(t, inbox, "new/1.a", "a")
		m := openBox(t, acct, "INBOX")
		m.want("1 [] a")
		if err := acct.Rename(t.Context(), "INBOX", "old"); err != nil {
			t.Fatal(err)
		}
		m.want()
		again := openAccount(t, opt)
		openBox(t, again, "old").want("1 [] a")
		if got := names(t, again); !slices.Equal(got, []string{"INBOX", "old"}) {
			t.Errorf("mailboxes are %q", got)
		}
	}
}

// TestWithoutNew: a mailbox that lost an empty directory gets it again.
func TestWithoutNew(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	m := openBox(t, acct, "INBOX")
	for _, dir := range []string{"new", "tmp"} {
		if err := os.Remove(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	m.refresh()
	m.add(mailstore.Flags{}, "a")
	m.want("1 [] a")
}
