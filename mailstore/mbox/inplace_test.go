package mbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/fsys/watch"
	"restante/mailstore"
	"restante/mailstore/storetest"
)

// TestInPlace: with the room that we leave, flags change without moving a
// message; a flag is one octet.
func TestInPlace(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b"))
	b.claim()
	b.reopen()
	before := b.read()
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), 1)
	after := b.read()
	differ := 0
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			differ++
		}
	}
	if len(after) != len(before) || differ != 1 {
		t.Errorf("%d octets became %d, %d differ:\n%s", len(before), len(after), differ, after)
	}
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered|mailstore.Flagged, "k1", "k2", "$Forwarded"), 1, 2)
	if n := len(b.read()); n != len(before) {
		t.Errorf("with keywords %d octets became %d", len(before), n)
	}
	b.reopen()
	b.has(`1 ($Forwarded \Answered \Flagged \Seen k1 k2) a`, `2 ($Forwarded \Answered \Flagged k1 k2) b`)
}

// TestNewSecond: mutt notices a change by size and by seconds.
func TestNewSecond(t *testing.T) {
	b := newBox(t, mailOf("a"))
	b.claim()
	b.reopen()
	for i := range 4 {
		before, err := os.Stat(b.file)
		if err != nil {
			t.Fatal(err)
		}
		op := mailstore.AddFlags
		if i%2 == 1 {
			op = mailstore.RemoveFlags
		}
		b.setFlags(op, mailstore.NewFlags(mailstore.Seen), 1)
		after, err := os.Stat(b.file)
		if err != nil {
			t.Fatal(err)
		}
		if before.Size() != after.Size() || before.ModTime().Unix() == after.ModTime().Unix() {
			t.Errorf("size %d, time %v became %d, %v", before.Size(), before.ModTime(), after.Size(), after.ModTime())
		}
	}
	b.refresh()
	b.has("1 () a")
}

// TestLargeGrows: of a large file that grows only the end is read, and what was
// missed is seen later.
func TestLargeGrows(t *testing.T) {
	big := mailOf("big", "X: "+strings.Repeat("y", 1000)+"\n")
	big = strings.Replace(big, "body of big", strings.Repeat("0123456789012345678901234567890\n", fullSize/32), 1)
	b := newBox(t, big+mailOf("a", "Status: O \n"))
	m := b.m.(*Mailbox)
	b.deliver(mailOf("b"))
	b.refresh()
	if !m.partial {
		t.Error("all of the file was read")
	}
	m.acct.opt.Watcher = watch.New(watch.Options{}) // which tells nothing
	if again, err := m.look(t.Context()); again <= 0 || again > fullAfter+time.Second || err != nil {
		t.Errorf("what was not read is looked at after %v, %v", again, err)
	}
	m.acct.opt.Watcher = nil
	b.has("1 ("+recent+") big", "2 () a", "3 ("+recent+") b")
	b.write(strings.Replace(b.read(), "Status: O ", "Status: OR", 1) + mailOf("c"))
	b.refresh()
	m.parsedAt = m.parsedAt.Add(-2 * fullAfter)
	b.refresh()
	b.has("1 ("+recent+") big", `2 (\Seen) a`, "3 ("+recent+") b", "4 ("+recent+") c")
	// In place, and shorter by the last: not a file that has grown.
	b.write(big + mailOf("b") + mailOf("c"))
	b.refresh()
	b.has("1 ("+recent+") big", "3 ("+recent+") b", "4 ("+recent+") c")
}

// TestOpenWhileChanged: a large message that is open stays readable while other
// programs add to the file or rewrite it, and while it is expunged here.
func TestOpenWhileChanged(t *testing.T) {
	long := strings.Replace(mailOf("long"), "body of long", strings.Repeat("0123456789\n", 2*smallMessage/11), 1)
	b := newBox(t, mailOf("a")+long+mailOf("z"))
	want := string(readWire(t, b.m, 2))
	msg, err := b.m.OpenMessage(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		data, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
		if got := strings.ReplaceAll(string(data), "\n", "\r\n"); err != nil || got != want {
			t.Errorf("%s: %d octets, %v; want %d", when, len(got), err, len(want))
		}
	}
	check("at first")
	b.deliver(mailOf("b"))
	check("after a delivery")
	b.write(long + mailOf("b"))
	check("after another program has removed what was in front")
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "a-long-keyword"), 2)
	check("after its flags have changed")
	if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(2), false); err != nil {
		t.Fatal(err)
	}
	check("after it was expunged")
	if err := msg.Close(); err != nil {
		t.Error(err)
	}
	if _, err := msg.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("a closed message can be read")
	}
}

// TestTakenByOthers: another program removes a large message while it is read.
func TestTakenByOthers(t *testing.T) {
	long := strings.Replace(mailOf("long"), "body of long", strings.Repeat("0123456789\n", 2*smallMessage/11), 1)
	b := newBox(t, long+mailOf("z"))
	msg, err := b.m.OpenMessage(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer msg.Close()
	b.write(mailOf("z"))
	if _, err := msg.ReadAt(make([]byte, 100), 5000); !errors.Is(err, mailstore.ErrExpunged) {
		t.Errorf("read of a message that has gone: %v", err)
	}
}

func TestLocked(t *testing.T) {
	b := newBox(t, mailOf("a"))
	set := func() error {
		_, err := b.m.SetFlags(t.Context(), mailstore.NewUIDSet(1), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
		return err
	}
	f, err := fsys.OS{}.OpenFile(b.file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ok, err := f.TryLock(true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := set(); !errors.Is(err, mailstore.ErrInUse) || !strings.Contains(err.Error(), "fcntl") {
		t.Errorf("with an fcntl lock of another: %v", err)
	}
	if _, err := os.Stat(b.file + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file has stayed: %v", err)
	}
	if err := f.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file+".lock", fmt.Appendf(nil, "%d", os.Getppid()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := set(); !errors.Is(err, mailstore.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getppid())) {
		t.Errorf("with a lock file of another: %v", err)
	}
	b.refresh() // reading needs no lock file
	if err := os.Remove(b.file + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := set(); err != nil {
		t.Errorf("without locks: %v", err)
	}
}

// TestLockOrder: a program that takes the locks in the other order, and waits for
// the second while it holds the first, is let through.
func TestLockOrder(t *testing.T) {
	b := newBox(t, mailOf("a"))
	other := openAccount(t, Options{Root: b.root, Zone: time.UTC, LockTimeout: 10 * time.Second, Locks: []Lock{Fcntl, Dotlock}})
	m, err := other.Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b.m.(*Mailbox).acct.opt.LockTimeout = 10 * time.Second
	done := make(chan error, 2)
	for i, box := range []mailstore.Mailbox{b.m, m} {
		go func() {
			for j := range 50 {
				op := mailstore.AddFlags
				if (i+j)%2 == 0 {
					op = mailstore.RemoveFlags
				}
				if _, err := box.SetFlags(context.Background(), mailstore.NewUIDSet(1), op, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestTwoProcesses: two accounts over the same files, as two processes would
// have them, see each other's work and never give a UID twice.
func TestTwoProcesses(t *testing.T) { twoProcesses(t, fsys.OS{}, t.TempDir()) }

func twoProcesses(t *testing.T, fsx fsys.FS, root string) {
	ctx := t.Context()
	var boxes []mailstore.Mailbox
	for range 2 {
		a := openAccount(t, Options{FS: fsx, Root: root, Zone: time.UTC, LockTimeout: 10 * time.Second})
		m, err := a.Open(ctx, mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		boxes = append(boxes, m)
	}
	seen := make(map[mailstore.UID]string)
	for i := range 20 {
		m := boxes[i%2]
		a, err := m.NewAppend(ctx)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("Subject: %d\r\n\r\nx\r\n", i)
		if err := a.Add(mailstore.AppendOptions{}, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		_, uids, err := a.Commit(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[uids[0]]; taken {
			t.Fatalf("UID %d was given to %q and %q", uids[0], other, text)
		}
		seen[uids[0]] = text
		if i%5 == 4 {
			if _, err := m.Expunge(ctx, mailstore.NewUIDSet(uids[0]-1), false); err != nil {
				t.Fatal(err)
			}
			delete(seen, uids[0]-1)
			seen[uids[0]-1] = "" // it must not come again
		}
	}
	for _, m := range boxes {
		if err := m.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		for uid, text := range seen {
			if text != "" && string(readWire(t, m, uid)) != text {
				t.Errorf("message %d is not %q", uid, text)
			}
		}
	}
}

func TestMissingFile(t *testing.T) {
	b := newBox(t, mailOf("a"))
	if err := b.acct.Create(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	m, err := b.acct.Open(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Remove(filepath.Join(b.root, "other")); err != nil {
		t.Fatal(err)
	}
	if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("refresh of a mailbox whose file was removed: %v", err)
	}
	if err := os.Remove(b.file); err != nil {
		t.Fatal(err)
	}
	b.refresh()
	b.has()
	if err := appendText(t, b.m, "Subject: new\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	b.has("2 (" + recent + ") new")
}

func appendText(t testing.TB, m mailstore.Mailbox, text string) error {
	t.Helper()
	a, err := m.NewAppend(t.Context())
	if err != nil {
		return err
	}
	defer a.Abort()
	if err := a.Add(mailstore.AppendOptions{}, strings.NewReader(text)); err != nil {
		return err
	}
	_, _, err = a.Commit(t.Context())
	return err
}

// TestReadOnlyFormats: what cannot be written says so, and nothing happens.
func TestMMDFIsReadOnly(t *testing.T) {
	mmdf := "\x01\x01\x01\x01\nSubject: a\nStatus: RO\n\nx\n\x01\x01\x01\x01\n\x01\x01\x01\x01\nSubject: b\n\ny\n\x01\x01\x01\x01\n"
	b := newBox(t, mmdf)
	b.has(`1 (\Seen) a`, "2 ("+recent+") b")
	if !b.m.ReadOnly() {
		t.Error("an MMDF file is not read-only")
	}
	if _, err := b.m.SetFlags(t.Context(), mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{}); !errors.Is(err, mailstore.ErrReadOnly) || !strings.Contains(err.Error(), "MMDF") {
		t.Errorf("set flags: %v", err)
	}
	if err := appendText(t, b.m, "Subject: x\r\n\r\n"); !errors.Is(err, mailstore.ErrReadOnly) {
		t.Errorf("append: %v", err)
	}
	b.claim()
	b.reopen()
	b.has(`1 (\Seen) a`, "2 () b")
	if b.read() != mmdf {
		t.Error("the file has changed")
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsx := faultfs.New()
		if err := fsys.MkdirAll(fsx, "/mail", 0o700); err != nil {
			t.Fatal(err)
		}
		acct := openAccount(t, Options{FS: fsx, Root: "/mail", Zone: time.UTC})
		m, err := acct.Open(t.Context(), mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		stop := m.Watch()
		again := m.Watch()
		_, c := m.Follow()
		defer c.Close()
		signs := storetest.Signs(c)
		f, err := fsx.OpenFile("/mail/inbox", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(mailOf("a"))); err != nil {
			t.Fatal(err)
		}
		f.Close()
		start := time.Now()
		<-signs
		if waited := time.Since(start); waited > 2*watchEvery {
			t.Errorf("told after %v", waited)
		}
		stop()
		stop()
		again()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestNoLineEndAtTheEnd: a file whose last line is not ended gets its line end
// with the next message, and no message changes by it.
func TestNoLineEndAtTheEnd(t *testing.T) {
	for _, tail := range []string{"body of b", "", "ends with CR\r"} {
		b := newBox(t, mailOf("a")+dated+"Subject: b\n\n"+tail)
		if tail == "" {
			b.write(mailOf("a") + dated + "Subject: b")
			b.refresh()
		}
		texts := func() (list []string) {
			uids, c := b.m.Follow()
			c.Close()
			for _, uid := range uids {
				list = append(list, string(readWire(t, b.m, uid)))
			}
			return list
		}
		before := texts()
		if err := appendText(t, b.m, "Subject: c\r\n\r\nx\r\n"); err != nil {
			t.Fatal(err)
		}
		want := append(before, "Subject: c\r\n\r\nx\r\n")
		if tail == "" || tail[len(tail)-1] == '\r' {
			want[1] = texts()[1] // there it is the end of a line, or a part of it
		}
		if got := texts(); !slices.Equal(got, want) {
			t.Errorf("%q: after an append\n%q\nwant\n%q", tail, got, want)
		}
		if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(2), false); err != nil {
			t.Fatal(err)
		}
		if got := texts(); !slices.Equal(got, []string{want[0], want[2]}) {
			t.Errorf("%q: after an expunge\n%q\nwant\n%q and %q", tail, got, want[0], want[2])
		}
		b.reopen()
		if got := texts(); !slices.Equal(got, []string{want[0], want[2]}) {
			t.Errorf("%q: after reopening\n%q", tail, got)
		}
	}
}

// TestOutOfUIDs: when there are no UIDs left, a new UIDVALIDITY begins, and the
// old one does not come back from the file.
func TestOutOfUIDs(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b"))
	b.claim()
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), 2)
	old := b.m.UIDValidity()
	b.close()
	s := newStateFile(fsys.OS{}, filepath.Join(b.root, notesDir, mailstore.Inbox, "restante.uids"))
	st, err := s.load(true)
	if err != nil {
		t.Fatal(err)
	}
	st.next = mailstore.MaxUID - 1
	if err := s.add(st, none); err != nil {
		t.Fatal(err)
	}
	b.open()
	if err := appendText(t, b.m, "Subject: c\r\n\r\nx\r\n"); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("append without UIDs left: %v", err)
	}
	b.reopen()
	if v := b.m.UIDValidity(); v <= old {
		t.Errorf("UIDVALIDITY %d after %d", v, old)
	}
	now := b.m.UIDValidity()
	b.has("1 () a", `2 (\Flagged) b`)
	if err := appendText(t, b.m, "Subject: c\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	b.claim()
	b.close()
	if err := os.RemoveAll(filepath.Join(b.root, notesDir)); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.has("1 () a", `2 (\Flagged) b`, "3 () c")
	if b.m.UIDValidity() != now {
		t.Errorf("UIDVALIDITY %d, want %d:\n%s", b.m.UIDValidity(), now, b.read())
	}
}

// TestManyHiddenFields: what is hidden is the same for the parser, for readers
// and for the writer of notes, however hostile the header.
func TestManyHiddenFields(t *testing.T) {
	var fields []string
	for range 20_000 {
		fields = append(fields, "Status: O\nX: y\n")
	}
	b := newBox(t, mailOf("a", fields...)+mailOf("b"))
	text := readWire(t, b.m, 1)
	checkLaws(t, []byte(b.read()))
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "k"), 1)
	checkLaws(t, []byte(b.read()))
	b.reopen()
	if got := readWire(t, b.m, 1); len(got) == 0 || string(got) != string(text) {
		t.Errorf("%d octets became %d", len(text), len(got))
	}
	b.has(`1 (\Flagged k) a`, "2 ("+recent+") b")
}

// TestOverlongHeader: what is too much for a header is shown, and stays as it is.
func TestOverlongHeader(t *testing.T) {
	long := dated + "Subject: long\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\n", maxHeader/1000) + "Status: R\n\nbody\n\n"
	b := newBox(t, mailOf("a")+long+mailOf("z"))
	b.has("1 ("+recent+") a", "2 ("+recent+") long", "3 ("+recent+") z")
	checkLaws(t, []byte(b.read()))
	text := readWire(t, b.m, 2)
	_, err := b.m.SetFlags(t.Context(), mailstore.NewUIDSet(2), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
	if !errors.Is(err, mailstore.ErrTooBig) {
		t.Errorf("set flags: %v", err)
	}
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), 1)
	b.claim()
	b.reopen()
	b.has(`1 (\Seen) a`, "2 () long", "3 () z")
	if string(readWire(t, b.m, 2)) != string(text) {
		t.Error("its text has changed")
	}
	if err := appendText(t, b.m, long); !errors.Is(err, mailstore.ErrTooBig) {
		t.Errorf("append: %v", err)
	}
}

func FuzzState(f *testing.F) {
	root := f.TempDir()
	s := newStateFile(fsys.OS{}, filepath.Join(root, "good"))
	k := known{text: text{3, 4, 5}, date: 1, size: 2}
	st := &state{validity: 7, next: 4, claimed: 3, modSeq: 9}
	if err := s.save(st, slices.Values([]known{k})); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(s.path)
	if err != nil {
		f.Fatal(err)
	}
	back, err := s.load(true)
	if err != nil || len(back.messages) != 1 || back.messages[0] != k || back.next != 4 || back.claimed != 3 || s.end != int64(len(good)) {
		f.Fatalf("read back: %+v, %v", back, err)
	}
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(root, "fuzzed")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := newStateFile(fsys.OS{}, path)
		st, err := s.load(true)
		if err != nil {
			return
		}
		for i, k := range st.messages {
			if k.uid >= st.next || i > 0 && k.uid <= st.messages[i-1].uid {
				t.Fatalf("UID %d behind %d, UIDNEXT %d", k.uid, st.messages[max(i-1, 0)].uid, st.next)
			}
		}
		// What is appended now is there, whatever was before.
		st.next = max(st.next, 50)
		if err := s.add(st, none); err != nil {
			t.Fatal(err)
		}
		if again, err := s.load(true); err != nil || again.next != st.next || len(again.messages) != len(st.messages) {
			t.Fatalf("after adding: %+v, %v", again, err)
		}
		if light, err := s.load(false); err != nil || light.next != st.next || light.last != st.last || light.messages != nil {
			t.Fatalf("without texts: %+v, %v", light, err)
		}
	})
}
