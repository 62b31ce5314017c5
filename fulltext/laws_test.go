package fulltext

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"restante/casemap"
	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/memory"
	"restante/search"
)

// TestSameAnswers: whatever happens to a mailbox and to its index, a search finds the same
// with the index as without it.
func TestSameAnswers(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			w.add(20)
			steps := w.steps()
			for range 40 {
				s := steps[w.rnd.IntN(len(steps))]
				s.do()
				w.check(s.name, 4)
			}
			w.must(w.update(true))
			if n, segments := w.known(); n != len(w.uids()) || segments > 1 {
				t.Errorf("in the end the index has %d messages in %d segments, the mailbox %d", n, segments, len(w.uids()))
			}
			w.check("the end", 20)
			if n, _ := w.known(); n != len(w.uids()) {
				t.Errorf("a segment that was just made is damaged: %d messages are left", n)
			}
		})
	}
}

type step struct {
	name string
	do   func()
}

func (w *world) steps() []step {
	update := step{"update", func() { w.must(w.update(false)) }}
	return []step{
		update, update, update,
		{"append", func() { w.add(1 + w.rnd.IntN(12)) }},
		{"many", func() { w.add(40) }},
		{"expunge", func() { w.expunge(0.2) }},
		{"expunge most", func() { w.expunge(0.8); w.add(5) }},
		{"merge", func() { w.must(w.update(true)) }},
		{"reopen", w.reopen},
		{"rename", func() {
			to := fmt.Sprintf("Mail%d", w.rnd.IntN(1000))
			if w.acct.Rename(w.Context(), w.name, to) == nil {
				w.name = to
			}
		}},
		{"damage", w.damage},
		{"another mailbox of that name", func() {
			w.must(w.box.Close())
			w.must(w.acct.Delete(w.Context(), w.name))
			w.must(w.acct.Create(w.Context(), w.name))
			w.open()
			w.add(20)
		}},
	}
}

// damage changes, cuts or removes a segment.
func (w *world) damage() {
	paths := w.files()
	if len(paths) == 0 {
		return
	}
	path := paths[w.rnd.IntN(len(paths))]
	if w.rnd.IntN(4) == 0 {
		w.must(w.fs.Remove(path))
		return
	}
	f, err := w.fs.OpenFile(path, os.O_RDWR, 0)
	w.must(err)
	defer f.Close()
	fi, err := f.Stat()
	w.must(err)
	at := w.rnd.Int64N(fi.Size())
	if w.rnd.IntN(3) == 0 {
		w.must(f.Truncate(at))
		return
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	w.must(err)
	b[0] ^= 1 << w.rnd.IntN(8)
	_, err = f.WriteAt(b[:], at)
	w.must(err)
}

// TestDamagedIsRemoved: what cannot be used is noticed, removed, and made anew.
func TestDamagedIsRemoved(t *testing.T) {
	w := newWorld(t, 1)
	w.add(30)
	w.must(w.update(true))
	path := w.files()[0]
	f, err := w.fs.OpenFile(path, os.O_RDWR, 0)
	w.must(err)
	_, err = f.WriteAt([]byte("damage"), 500)
	w.must(errors.Join(err, f.Close()))
	for range 200 { // until the block is looked at
		w.check("damage", 1)
		if len(w.files()) == 0 {
			break
		}
	}
	if n, _ := w.known(); n != 0 || len(w.files()) != 0 {
		t.Fatalf("%d messages are in a damaged index: %q", n, w.files())
	}
	w.must(w.update(false))
	if n, _ := w.known(); n != 30 {
		t.Errorf("%d messages are in the index that was made anew, want 30", n)
	}
}

// TestEveryFault lets each file operation of an update fail, once and from then on: the
// answers are the same, and the next update mends everything.
func TestEveryFault(t *testing.T) {
	w := newWorld(t, 1)
	w.add(20)
	w.must(w.update(false))
	w.add(60) // for several segments and a merger
	w.expunge(0.3)
	w.must(w.acct.Create(t.Context(), "Other"))
	w.reopen()
	w.box.Close()
	w.acct.Close()
	start := w.fs.Clone()
	operations := 0
	for _, kind := range []struct {
		name  string
		fault func(n int) faultfs.Fault
	}{
		{"once", func(n int) faultfs.Fault { return faultfs.FailAt(n, errBroken) }},
		{"from then on", func(n int) faultfs.Fault { return faultfs.FailFrom(n, errBroken) }},
	} {
		for n := 1; ; n++ {
			w.fs = start.Clone()
			w.openAccount()
			w.open()
			w.fs.Inject(kind.fault(n))
			err := w.update(n%2 == 0)
			done := w.fs.Ops() < n
			w.fs.Inject(nil)
			if err != nil && !errors.Is(err, errBroken) {
				t.Fatalf("operation %d %s: %v", n, kind.name, err)
			}
			w.check(fmt.Sprintf("operation %d fails %s", n, kind.name), 2)
			w.must(w.update(false))
			if known, _ := w.known(); known != len(w.uids()) {
				t.Fatalf("operation %d %s: %d messages are in the index, want %d", n, kind.name, known, len(w.uids()))
			}
			w.check("mended", 2)
			w.close()
			if done {
				operations = n
				break
			}
		}
	}
	if operations < 10 {
		t.Errorf("only %d operations were seen", operations)
	}
	w.openAccount()
	w.open()
}

var errBroken = errors.New("broken")

// TestPowerCuts cuts the power before each file operation of an update. Nothing of it is
// synced, so anything may be left.
func TestPowerCuts(t *testing.T) {
	w := newWorld(t, 1)
	w.add(80)
	w.close()
	start := w.fs.Clone()
	for n := 1; ; n++ {
		w.fs = start.Clone()
		w.openAccount()
		w.open()
		w.fs.CutAt(n)
		err := w.update(true)
		cut := errors.Is(err, faultfs.ErrPowerCut)
		w.close()
		w.fs.Crash(rand.New(rand.NewPCG(uint64(n), 2)))
		w.openAccount()
		w.open()
		w.check(fmt.Sprintf("power cut before operation %d", n), 3)
		w.must(w.update(false))
		if known, _ := w.known(); known != len(w.uids()) {
			t.Fatalf("power cut before operation %d: %d messages are in the index, want %d", n, known, len(w.uids()))
		}
		w.check("mended", 3)
		if !cut {
			if n < 10 {
				t.Errorf("only %d operations were seen", n)
			}
			return
		}
		w.close()
	}
}

// unreadable is a mailbox of which some messages cannot be read, or not to their end.
type unreadable struct {
	mailstore.Mailbox
	bad func(uid mailstore.UID) bool
}

func (u unreadable) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	msg, err := u.Mailbox.OpenMessage(ctx, uid)
	switch {
	case err != nil || !u.bad(uid):
	case uid%2 == 0:
		return nil, errors.Join(errBroken, msg.Close())
	default:
		msg = halfMessage{msg}
	}
	return msg, err
}

// halfMessage fails where its second half begins.
type halfMessage struct{ mailstore.Message }

func (m halfMessage) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > m.Len()/2 {
		return 0, errBroken
	}
	return m.Message.ReadAt(p, off)
}

// TestUnreadable: messages that cannot be read are not in the index, and are as soon as
// they can.
func TestUnreadable(t *testing.T) {
	w := newWorld(t, 1)
	w.add(40)
	box := unreadable{w.box, func(uid mailstore.UID) bool { return uid%5 < 2 }}
	r, err := Update(t.Context(), box, UpdateOptions{pairs: 2000})
	w.must(err)
	if r.Added != 24 || r.Unreadable != 16 || r.Messages != 24 {
		t.Errorf("%+v, want 24 and 16 unreadable", r)
	}
	w.check("some were unreadable", 20)
	r, err = Update(t.Context(), w.box, UpdateOptions{pairs: 2000})
	w.must(err)
	if r.Added != 16 || r.Unreadable != 0 || r.Messages != 40 {
		t.Errorf("%+v, want 16 added", r)
	}
	w.check("all can be read", 20)
}

// TestEndedUpdate: what was written stands when an update is ended in the middle.
func TestEndedUpdate(t *testing.T) {
	w := newWorld(t, 1)
	w.add(100)
	before := 0
	for rounds := 1; ; rounds++ {
		ctx := &countdown{Context: t.Context(), left: 60}
		_, err := Update(ctx, w.box, UpdateOptions{pairs: 2000})
		n, _ := w.known()
		if n < before {
			t.Fatalf("%d messages are in the index, before there were %d", n, before)
		}
		before = n
		w.check("an update that was ended", 2)
		if err == nil {
			break
		}
		if !errors.Is(err, errBroken) || rounds > 20 {
			t.Fatalf("round %d: %v", rounds, err)
		}
	}
	if before != 100 {
		t.Errorf("%d messages are in the index, want 100", before)
	}
}

// countdown is a context that ends after it was asked so often.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return errBroken
	}
	return nil
}

// TestAtOnce: searches find the same while mail comes and goes and the index is made and
// merged, in several sessions.
func TestAtOnce(t *testing.T) {
	w := newWorld(t, 1)
	w.add(150)
	want := find(t, w.box, search.Header{Field: "X-Number", Text: "n7n"}, nil)
	if len(want) != 1 {
		t.Fatalf("found %v", want)
	}
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for n := range 6 {
				if _, err := Update(t.Context(), w.box, UpdateOptions{Whole: (n+i)%3 == 0, pairs: 2000}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 6 {
			w.add(5)
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 30 {
				ix := Open(w.box)
				if got := find(t, w.box, search.Text{Text: "N7n"}, ix); !slices.Equal(got, want) {
					t.Errorf("found %v, want %v", got, want)
				}
				ix.Close()
			}
		})
	}
	wg.Wait()
	w.must(w.update(true))
	if n, segments := w.known(); n != 180 || segments != 1 {
		t.Errorf("%d messages in %d segments, want 180 in 1", n, segments)
	}
}

// TestStrangeNames: what is no segment, or leads nowhere, is passed over.
func TestStrangeNames(t *testing.T) {
	w := newWorld(t, 1)
	w.add(30)
	w.must(w.update(true))
	w.must(w.fs.Symlink("nowhere", "/index/Mail/blob.fulltext.nowhere"))
	w.must(w.fs.Mkdir("/index/Mail/blob.fulltext.dir", 0o700))
	w.must(w.box.Blobs().Put("other", func(out io.Writer) error { _, err := io.WriteString(out, "another service's"); return err }))
	w.must(w.box.Blobs().Put(blobPrefix+"x", func(out io.Writer) error { _, err := io.WriteString(out, "no segment"); return err }))
	w.check("strange names", 20)
	if n, segments := w.known(); n != 30 || segments != 1 {
		t.Errorf("%d messages in %d segments", n, segments)
	}
	names, err := w.box.Blobs().List()
	w.must(err)
	if !slices.Contains(names, "other") || slices.Contains(names, blobPrefix+"x") {
		t.Errorf("there are %q", names)
	}
}

// TestNoPlace: a mailbox that keeps nothing says so.
func TestNoPlace(t *testing.T) {
	a, err := maildir.Open(t.Context(), maildir.Options{FS: faultfs.New(), Root: "/mail"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	box, err := a.Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	if _, err := Update(t.Context(), box, UpdateOptions{}); err == nil {
		t.Error("an index was made")
	}
	ix := Open(box)
	if known, may := ix.Find(search.InBody, []byte("ABC")); known != nil || may != nil {
		t.Errorf("known %v, possible %v", known, may)
	}
	ix.Close()
}

// TestCorpus: 1,000 random substrings of real mail are found in the same messages with and
// without an index.
func TestCorpus(t *testing.T) {
	box, texts := corpus(t)
	if _, err := Update(t.Context(), box, UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	ix := Open(box)
	defer ix.Close()
	var x search.Texts
	var pieces []string
	for uid := range texts {
		if err := x.Read(t.Context(), box, mailstore.UID(uid+1), func(_ search.Places, text []byte) { pieces = append(pieces, string(text)) }); err != nil {
			t.Fatal(err)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	tries, ruledOut := 1000, 0
	if testing.Short() || raceDetector {
		tries = 10
	}
	for range tries {
		from := pieces[rnd.IntN(len(pieces))]
		if rnd.IntN(4) == 0 {
			from = texts[rnd.IntN(len(texts))]
		}
		if len(from) == 0 {
			continue
		}
		at := rnd.IntN(len(from))
		text := from[at:min(at+3+rnd.IntN(12), len(from))]
		exprs := []search.Expr{search.Text{Text: text}, search.Body{Text: text}, search.Header{Field: "Subject", Text: text}}
		e := exprs[rnd.IntN(len(exprs))]
		got, want := find(t, box, e, ix), find(t, box, e, nil)
		if !slices.Equal(got, want) {
			t.Fatalf("%#v gives %v with an index and %v without", e, got, want)
		}
		if folded := casemap.Append(nil, text); len(folded) >= search.MinText {
			known, may := ix.Find(search.InHeader|search.InBody, folded)
			ruledOut += count(known) - count(may)
		}
	}
	if ruledOut < tries*len(texts)/2 {
		t.Errorf("only %d of %d messages were ruled out", ruledOut, tries*len(texts))
	}
}

// corpus is a mailbox of real mail.
func corpus(t testing.TB) (box mailstore.Mailbox, texts []string) {
	t.Helper()
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "eml", "*", "*.eml"))
	if len(files) == 0 {
		t.Skipf("no corpus of real mail at %s; set RESTANTE_CORPUS", dir)
	}
	for _, file := range files {
		text, err := fsys.ReadFile(fsys.OS{}, file, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return inMemory(t, texts), texts
}

// inMemory is a mailbox with these messages.
func inMemory(t testing.TB, texts []string) mailstore.Mailbox {
	t.Helper()
	account, err := memory.New(memory.Options{}).OpenAccount(t.Context(), mailstore.User{Name: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(box.Close(), account.Close()) })
	a, err := box.NewAppend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Abort()
	for _, text := range texts {
		if err := a.Add(mailstore.AppendOptions{}, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return box
}
