package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

// smallFS is a disk of so many blocks. What becomes longer takes them, what is
// cut or removed gives them back.
type smallFS struct {
	*faultfs.FS
	limit int64 // 0 is none
}

const diskBlock = 4096

func blocks(size int64) int64 { return (size + diskBlock - 1) / diskBlock }

// used counts what all files and directories below dir take.
func (q *smallFS) used(dir string) int64 {
	entries, err := q.ReadDir(dir)
	if err != nil {
		panic(err)
	}
	n := int64(1)
	for _, e := range entries {
		path := strings.TrimSuffix(dir, "/") + "/" + e.Name
		if e.Type.IsDir() {
			n += q.used(path)
		} else if fi, err := q.Lstat(path); err == nil {
			n += blocks(fi.Size())
		}
	}
	return n
}

// fill leaves n blocks free.
func (q *smallFS) fill(n int64) { q.limit = q.used("/") + n }

func (q *smallFS) room(n int64) bool { return q.limit == 0 || n <= 0 || q.used("/")+n <= q.limit }

func (q *smallFS) Mkdir(name string, perm fs.FileMode) error {
	if !q.room(1) {
		return errFull
	}
	return q.FS.Mkdir(name, perm)
}

func (q *smallFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	f, err := q.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return smallFile{f, q}, nil
}

type smallFile struct {
	fsys.File
	q *smallFS
}

func (f smallFile) WriteAt(b []byte, off int64) (int, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !f.q.room(blocks(off+int64(len(b))) - blocks(fi.Size())) {
		return 0, errFull
	}
	return f.File.WriteAt(b, off)
}

func (f smallFile) Write(b []byte) (int, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !f.q.room(blocks(fi.Size()+int64(len(b))) - blocks(fi.Size())) {
		return 0, errFull
	}
	return f.File.Write(b)
}

// fullBox is an inbox of so many messages without any notes, on a disk that is
// filled after it was opened once, unless never.
type fullBox struct {
	*testing.T
	disk *smallFS
	m    mailstore.Mailbox
}

func newFullBox(t *testing.T, messages int, never bool, free int64) *fullBox {
	b := &fullBox{T: t, disk: &smallFS{FS: faultfs.New()}}
	var text strings.Builder
	for i := range messages {
		text.WriteString(mailOf(fmt.Sprint("m", i+1), "X: "+strings.Repeat("y", 600)+"\n"))
	}
	if err := fsys.MkdirAll(b.disk, "/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsys.WriteFile(b.disk.FS, "/mail/inbox", []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if !never {
		b.open()
		if err := b.m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b.disk.fill(free)
	b.open()
	return b
}

func (b *fullBox) open() {
	b.Helper()
	m, err := openAccount(b.T, Options{FS: b.disk, Root: "/mail", Zone: time.UTC, IndexDir: "/index"}).Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
}

func (b *fullBox) delete(uids mailstore.UIDSet) error {
	_, err := b.m.SetFlags(context.Background(), uids, mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), mailstore.SetFlagsOptions{})
	return err
}

// odd are the odd UIDs below n.
func odd(n mailstore.UID) (set mailstore.UIDSet) {
	for uid := mailstore.UID(1); uid < n; uid += 2 {
		set.Add(uid)
	}
	return set
}

// TestExpungeOnFullDisk: there is a way to expunge when nothing is free, in a
// mailbox that was never changed.
func TestExpungeOnFullDisk(t *testing.T) {
	const n = 4000
	for _, c := range []struct {
		name  string
		uids  mailstore.UIDSet
		flags bool  // they are marked first
		never bool  // nobody opened the account while there was room
		free  int64 // blocks
	}{
		{name: "the first", uids: mailstore.NewUIDSet(1)},
		{name: "one in the middle, marked", uids: mailstore.NewUIDSet(n / 2), flags: true},
		{name: "the last", uids: mailstore.NewUIDSet(n)},
		{name: "more than a small journal can list", uids: odd(n)},
		{name: "many, marked", uids: odd(1000), flags: true},
		{name: "all", uids: mailstore.AllUIDs()},
		{name: "the last, and there is no reserve", uids: mailstore.NewUIDSet(n), never: true},
		{name: "the first, and there is room for a small journal", uids: mailstore.NewUIDSet(1), never: true, free: 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newFullBox(t, n, c.never, c.free)
			if c.flags {
				if err := b.delete(c.uids); err != nil {
					t.Fatalf("marking: %v", err)
				}
			}
			removed, err := b.m.Expunge(t.Context(), c.uids, c.flags)
			if err != nil {
				t.Fatal(err)
			}
			want := min(c.uids.Len(), n)
			if removed.Len() != want {
				t.Errorf("%d messages were removed, want %d", removed.Len(), want)
			}
			b.check(n-int(want), !c.never)
		})
	}
}

// check closes the mailbox and opens it again, without the index. UIDs are
// durable when there was room for the state file.
func (b *fullBox) check(n int, durable bool) {
	b.Helper()
	if err := b.m.Close(); err != nil {
		b.Fatal(err)
	}
	checkFiles(b.T, b.disk, "/mail")
	m, err := openAccount(b.T, Options{FS: b.disk, Root: "/mail", Zone: time.UTC}).Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	uids, c := m.Follow()
	c.Close()
	if len(uids) != n {
		b.Fatalf("%d messages are left, want %d", len(uids), n)
	}
	if !durable {
		return
	}
	for _, uid := range uids {
		if text := string(readWire(b.T, m, uid)); !strings.Contains(text, fmt.Sprintf("body of m%d\r\n", uid)) {
			b.Fatalf("UID %d is %.100q", uid, text)
		}
	}
}

// TestReservePowerCut cuts the power before each operation of an expunge that
// needs the reserve: afterwards all messages are there, or all but that one.
func TestReservePowerCut(t *testing.T) {
	const n = 30
	for at := 1; ; at++ {
		b := newFullBox(t, n, false, 0)
		b.disk.Settle()
		b.disk.CutAt(at)
		_, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(3), false)
		b.disk.Crash(nil)
		_ = b.disk.Remove("/mail/inbox.lock") // of a process that nobody knows
		b.disk.limit = 0
		b.open()
		left := int(b.m.Status().Messages)
		if left != n-1 && (left != n || err == nil) {
			t.Fatalf("cut at %d: %d messages are left; the expunge said %v", at, left, err)
		}
		b.check(left, true)
		if err == nil {
			t.Logf("the power was cut at %d operations", at-1)
			return
		}
	}
}

// TestReserve: what was used of the reserve comes back when there is room.
func TestReserve(t *testing.T) {
	b := newFullBox(t, 1000, false, 0)
	path := "/mail/.imap/" + reserveName
	if err := b.delete(mailstore.NewUIDSet(5)); err != nil {
		t.Fatal(err)
	}
	if fi, err := b.disk.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the reserve is still there: %v, %v", fi, err)
	}
	if _, err := b.m.Expunge(t.Context(), mailstore.UIDSet{{First: 1, Last: 900}}, false); err != nil {
		t.Fatal(err)
	}
	if fi, err := b.disk.Stat(path); err != nil || fi.Size() != reserveRoom {
		t.Errorf("with room again there is no reserve: %v, %v", fi, err)
	}
	b.check(100, true)
}

// TestFullReader: a large message that somebody reads keeps nobody from
// expunging it. What he does not have yet is gone.
func TestFullReader(t *testing.T) {
	disk := &smallFS{FS: faultfs.New()}
	if err := fsys.MkdirAll(disk, "/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	text := mailOf("one") + strings.Replace(mailOf("two"), "body of two", strings.Repeat("0123456789\n", 60_000), 1) + mailOf("three")
	if err := fsys.WriteFile(disk.FS, "/mail/inbox", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &fullBox{T: t, disk: disk}
	b.open()
	msg, err := b.m.OpenMessage(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer msg.Close()
	disk.fill(0)
	if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(2), false); err != nil {
		t.Fatal(err)
	}
	if _, err := msg.ReadAt(make([]byte, 100), 0); !errors.Is(err, mailstore.ErrExpunged) {
		t.Errorf("reading on: %v", err)
	}
}

// TestCutUIDs: the last part has as many UIDs as it should, and both are all.
func TestCutUIDs(t *testing.T) {
	all := mailstore.UIDSet{{First: 1, Last: 3}, {First: 7, Last: 7}, {First: 9, Last: 20}}
	for n := range int64(20) {
		first, last := cutUIDs(all, n)
		if got := last.Len(); got != min(n, all.Len()) {
			t.Errorf("%d UIDs, want %d", got, n)
		}
		both := mailstore.UIDSet{}
		for _, r := range append(first, last...) {
			both.AddRange(r.First, r.Last)
		}
		if fmt.Sprint(both) != fmt.Sprint(all) {
			t.Errorf("cut at %d: %v and %v", n, first, last)
		}
	}
}
