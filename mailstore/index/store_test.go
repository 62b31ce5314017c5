package index

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"restante/fsys"
	"restante/mailstore"
)

func newStore(dir string) *Store[string] {
	return NewStore(Options[string]{FS: fsys.OS{}, Dir: dir, Codec: nameCodec{}, SummaryVersion: 1})
}

// load opens a directory with an epoch and wants a verdict.
func load(t testing.TB, dir string, epoch uint64, say, want Verdict) (*Store[string], *Index[string]) {
	t.Helper()
	s, x := newStore(dir), New[string](1, epoch)
	if got := s.Load(x, func([]byte, bool) Verdict { return say }); got != want {
		t.Fatalf("Load: verdict %d, want %d", got, want)
	}
	return s, x
}

// picture is all that an index says of its messages, one line each.
func picture(x *Index[string]) string {
	var b strings.Builder
	x.View(func(records iter.Seq2[mailstore.Record, string]) {
		for r, name := range records {
			fmt.Fprintf(&b, "%d %d [%s] mod %d date %d size %d %q\n", r.UID, r.Flags.System, r.Flags.Keywords, r.ModSeq, r.Date, r.Size, name)
		}
	})
	gone, _ := x.Vanished(0)
	fmt.Fprintf(&b, "next %d gone %v\n", x.UIDNext(), gone)
	return b.String()
}

// content is picture without mod-sequences and what hangs on them, which a file
// that was not closed does not keep.
func content(x *Index[string]) string {
	lines := modSeqs.ReplaceAllString(picture(x), "")
	return lines[:strings.LastIndex(lines, "gone")]
}

var modSeqs = regexp.MustCompile(` mod \d+`)

// change does something random to an index.
func change(x *Index[string], rng *rand.Rand) {
	x.Update(func(tx *Tx[string]) {
		for range rng.IntN(5) {
			uid := mailstore.UID(rng.IntN(int(tx.UIDNext())) + 1)
			switch rng.IntN(6) {
			case 0, 1:
				r := mailstore.Record{UID: tx.UIDNext() + mailstore.UID(rng.IntN(2)), Date: mailstore.Unknown, Size: mailstore.Unknown}
				tx.Add(r, fmt.Sprintf("c%d", r.UID))
			case 2:
				words := []string{"a", "$Junk", "b", ""}[rng.IntN(4):]
				tx.SetFlags(uid, mailstore.NewFlags(mailstore.System(rng.IntN(32)), words...))
			case 3:
				tx.SetAttrs(uid, int64(rng.IntN(1000)), int64(rng.IntN(1000))-500)
			case 4:
				tx.SetData(uid, fmt.Sprintf("renamed %d", rng.IntN(1000)))
			case 5:
				tx.Expunge(uid)
			}
		}
	})
}

// TestStoreModel saves and loads at random moments: what was closed is there.
func TestStoreModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	dir := filepath.Join(t.TempDir(), "a", "box")
	s, x := load(t, dir, 1, Current, Useless)
	stamp := []byte(nil)
	for i := range 400 {
		for range rng.IntN(20) {
			change(x, rng)
		}
		switch rng.IntN(4) {
		case 0:
			s.Save(fmt.Appendf(nil, "stamp %d", i))
			continue
		case 1:
			continue
		}
		stamp = fmt.Appendf(nil, "last %d", i)
		want, status := picture(x), x.Status(1)
		s.Close(stamp)
		s, x = newStore(dir), New[string](1, 1)
		verdict := s.Load(x, func(got []byte, _ bool) Verdict {
			if !bytes.Equal(got, stamp) {
				t.Errorf("stamp %q, want %q", got, stamp)
			}
			return Behind
		})
		if verdict != Behind {
			t.Fatal("what was closed cannot be loaded")
		}
		if d := cmp.Diff(want, picture(x)); d != "" {
			t.Fatal(d)
		}
		if got := x.Status(1); got != status {
			t.Fatalf("Status = %+v, want %+v", got, status)
		}
		checkOutline(t, x)
	}
}

// TestTrust is the table of docs/design/index.md, "Which mod-sequences can be
// believed".
func TestTrust(t *testing.T) {
	seen := mailstore.NewFlags(mailstore.Seen)
	for _, test := range []struct {
		why     string
		then    func(s *Store[string], x *Index[string])
		say     Verdict
		trusted bool
	}{
		{"closed: nothing was told since", func(s *Store[string], _ *Index[string]) { s.Close(nil) }, Behind, true},
		{"closed after changes", func(s *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
			s.Save(nil)
			s.Close(nil)
		}, Behind, true},
		{"a flag was changed and not saved", func(_ *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
		}, Behind, false},
		{"the same, and the files are as they were: they may have been otherwise", func(_ *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
		}, Current, false},
		{"saved and not closed: more may have been told", func(s *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
			s.Save(nil)
		}, Behind, false},
		{"written anew and not closed", func(s *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
			x.spoil()
			s.Save(nil)
		}, Behind, false},
		{"an expunge was not saved", func(_ *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.Expunge(2) })
		}, Behind, false},
		{"a new message that is not in the index is found by its UID", func(_ *Store[string], x *Index[string]) {
			x.Learn(func(tx *Tx[string]) { tx.Add(mailstore.Record{UID: 50}, "c50") })
		}, Behind, true},
		{"new mail was saved, nothing else happened", func(s *Store[string], x *Index[string]) {
			x.Learn(func(tx *Tx[string]) { tx.Add(mailstore.Record{UID: 50}, "c50") })
			s.Save(nil)
		}, Behind, true},
		{"given up without a last save", func(s *Store[string], x *Index[string]) {
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
			s.Abandon()
		}, Behind, false},
		{"a change behind the last save is marked", func(s *Store[string], x *Index[string]) {
			s.Close(nil)
			x.Update(func(tx *Tx[string]) { tx.SetFlags(2, seen) })
		}, Behind, false},
	} {
		t.Run(test.why, func(t *testing.T) {
			dir := t.TempDir()
			s, x := load(t, dir, 10, Current, Useless)
			fill(x, 5)
			x.Update(func(tx *Tx[string]) { tx.Expunge(3) })
			s.Close(nil)

			s, x = load(t, dir, 1000, Behind, Behind)
			if r, _ := x.Record(1); r.ModSeq >= 1000 || x.HighestModSeq() != 1000 {
				t.Fatalf("loaded mod-sequence %d, highest %d", r.ModSeq, x.HighestModSeq())
			}
			test.then(s, x)
			told := x.HighestModSeq()

			_, y := load(t, dir, 2000, test.say, test.say)
			r, _ := y.Record(1)
			_, complete := y.Vanished(10)
			if trusted := r.ModSeq < 1000; trusted != test.trusted || complete != test.trusted {
				t.Errorf("record has mod-sequence %d, expunged UIDs known: %v; want trust: %v", r.ModSeq, complete, test.trusted)
			}
			if y.HighestModSeq() != 2000 {
				t.Errorf("HIGHESTMODSEQ %d where %d was told and the clock says 2000", y.HighestModSeq(), told)
			}
		})
	}
}

// TestClockSetBack: mod-sequences rise all the same.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1_000_000, Current, Useless)
	fill(x, 3)
	s.Close(nil)
	highest := x.HighestModSeq()
	_, x = load(t, dir, 5, Behind, Behind)
	if got := x.HighestModSeq(); got != highest {
		t.Errorf("HIGHESTMODSEQ %d, was %d", got, highest)
	}
	x.Update(func(tx *Tx[string]) { tx.SetFlags(1, mailstore.NewFlags(mailstore.Draft)) }) // open, and not saved
	_, x = load(t, dir, 5, Behind, Behind)
	if got := x.HighestModSeq(); got < highest+clockMargin {
		t.Errorf("HIGHESTMODSEQ %d is not far above %d", got, highest)
	}
}

// TestLostAfterCrashes: who was killed soon after loading does not run ahead of the clock,
// which is all that is left when the index is lost.
func TestLostAfterCrashes(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 10, Current, Useless)
	fill(x, 3)
	s.Close(nil)
	told, now := uint64(0), uint64(1000)
	for range 3 {
		_, x := load(t, dir, now, Behind, Behind)
		x.Update(func(tx *Tx[string]) { tx.SetFlags(1, mailstore.NewFlags(mailstore.Seen)) })
		x.Update(func(tx *Tx[string]) { tx.SetFlags(1, mailstore.NewFlags(mailstore.Draft)) })
		if told = x.HighestModSeq(); told >= now+100 {
			t.Errorf("HIGHESTMODSEQ %d at %d", told, now)
		}
		now += 100
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, x := load(t, dir, now, Useless, Useless); x.HighestModSeq() <= told {
		t.Errorf("HIGHESTMODSEQ %d, but %d was told", x.HighestModSeq(), told)
	}
}

func TestRecentIsNotKept(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	x.Learn(func(tx *Tx[string]) {
		tx.Add(mailstore.Record{UID: 1, Flags: mailstore.NewFlags(mailstore.Recent | mailstore.Seen)}, "cur")
		tx.Add(mailstore.Record{UID: 2}, "new: the format says that it is recent")
	})
	s.Close(nil)
	_, x = load(t, dir, 1, Current, Current)
	a, _ := x.Record(1)
	b, _ := x.Record(2)
	if a.Flags != mailstore.NewFlags(mailstore.Seen) || b.Flags != mailstore.NewFlags(mailstore.Recent) || x.Status(1).Recent != 1 {
		t.Errorf("loaded %v and %v", a, b)
	}
}

// TestUseless: files that cannot be used are removed and built anew.
func TestUseless(t *testing.T) {
	make := func(t *testing.T) string {
		dir := t.TempDir()
		s, x := load(t, dir, 1, Current, Useless)
		fill(x, 10)
		s.Close([]byte("stamp"))
		return dir
	}
	edit := func(change func(b []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for why, damage := range map[string]func(t *testing.T, path string){
		"empty, as after a loss of power": edit(func([]byte) []byte { return nil }),
		"the header alone":                edit(func(b []byte) []byte { return b[:indexHeader] }),
		"half":                            edit(func(b []byte) []byte { return b[:len(b)/2] }),
		"one octet short":                 edit(func(b []byte) []byte { return b[:len(b)-1] }),
		"another magic":                   edit(func(b []byte) []byte { b[0]++; return b }),
		"a later format":                  edit(func(b []byte) []byte { b[8]++; return b }),
		"an earlier format":               edit(func(b []byte) []byte { b[8]--; return b }),
		"another file's number":           edit(func(b []byte) []byte { b[17]++; return b }),
		"zeros, as after a loss of power": edit(func(b []byte) []byte { clear(b[30:]); return b }),
		"a directory": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(why, func(t *testing.T) {
			dir := make(t)
			damage(t, filepath.Join(dir, indexName))
			s, x := load(t, dir, 77, Current, Useless)
			if x.Len() != 0 || x.UIDNext() != 1 || x.HighestModSeq() != 77 {
				t.Errorf("not empty: %d messages, UIDNEXT %d, HIGHESTMODSEQ %d", x.Len(), x.UIDNext(), x.HighestModSeq())
			}
			if _, err := os.Lstat(filepath.Join(dir, indexName)); err == nil {
				t.Error("the file that cannot be used is still there")
			}
			fill(x, 20)
			s.Close(nil)
			if _, x = load(t, dir, 1, Current, Current); x.Len() != 20 {
				t.Errorf("%d messages after it was built anew", x.Len())
			}
		})
	}
	t.Run("another mailbox", func(t *testing.T) {
		_, x := load(t, make(t), 5, Useless, Useless)
		if x.Len() != 0 || x.UIDNext() != 1 {
			t.Error("holds messages of another mailbox")
		}
	})
}

// TestTornTail: what stands behind the last whole state does not count, and is
// not appended to.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, indexName)
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 10)
	s.Save([]byte("one"))
	first := content(x)
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	x.Update(func(tx *Tx[string]) { tx.SetFlags(1, mailstore.NewFlags(mailstore.Draft, "new")); tx.Expunge(2) })
	s.Save([]byte("two"))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := fi.Size(); size < int64(len(whole)); size++ {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		s, y := load(t, dir, 1, Current, Current)
		if d := cmp.Diff(first, content(y)); d != "" {
			t.Fatalf("%d octets behind the state: %s", size-fi.Size(), d)
		}
		y.Update(func(tx *Tx[string]) { tx.SetFlags(5, mailstore.NewFlags(mailstore.Answered)) })
		want := picture(y)
		s.Close(nil)
		if _, y = load(t, dir, 1, Current, Current); picture(y) != want {
			t.Fatalf("%d octets behind the state: what was saved over them is lost", size-fi.Size())
		}
	}
}

// TestCostOfSaving: a save writes what changed, nothing when nothing did, and
// the log does not grow without bound.
func TestCostOfSaving(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, indexName)
	size := func() int64 {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 10_000)
	s.Save([]byte("stamp"))
	base := size()
	s.Save([]byte("stamp"))
	s.Save(nil)
	if size() != base {
		t.Errorf("a save without changes wrote %d octets", size()-base)
	}
	flags := [2]mailstore.Flags{mailstore.NewFlags(mailstore.Draft), {}}
	x.Update(func(tx *Tx[string]) { tx.SetFlags(500, flags[0]) })
	s.Save(nil)
	if grown := size() - base; grown == 0 || grown > 300 {
		t.Errorf("one flag wrote %d octets", grown)
	}
	for i := range 3000 {
		x.Update(func(tx *Tx[string]) {
			for uid := range mailstore.UID(10) {
				tx.SetFlags(uid*50+1, flags[i%2])
			}
		})
		s.Save(nil)
		if size() > base*2 {
			t.Fatalf("%d octets for a mailbox of %d", size(), base)
		}
	}
}

// TestBackgroundSave: the first change that is not saved asks for a save.
func TestBackgroundSave(t *testing.T) {
	dir := t.TempDir()
	var s *Store[string]
	saved := make(chan bool, 10)
	s = NewStore(Options[string]{FS: fsys.OS{}, Dir: dir, Codec: nameCodec{}, SaveAfter: time.Millisecond, SaveNow: func() {
		s.Save([]byte("background"))
		saved <- true
	}})
	x := New[string](1, 1)
	s.Load(x, current)
	for range 3 {
		fill(x, 1)
		<-saved
	}
	_, y := load(t, dir, 1, Current, Current)
	if y.Len() != x.Len() {
		t.Errorf("%d of %d messages saved", y.Len(), x.Len())
	}
	s.Close(nil)
}

// TestDeletedWhileInUse deletes files and directory again and again while the
// mailbox changes, is saved and read.
func TestDeletedWhileInUse(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "box")
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 1000)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			switch i % 3 {
			case 0:
				_ = os.RemoveAll(dir)
			case 1:
				_ = os.Remove(filepath.Join(dir, indexName))
			case 2:
				_ = os.Truncate(filepath.Join(dir, indexName), int64(i%500))
				_ = os.Remove(filepath.Join(dir, summaryName(uint64(i))))
			}
		}
	})
	wg.Go(func() {
		r := s.Summaries()
		for i := range 3000 {
			uid := mailstore.UID(i%900 + 1)
			if b, ok := r.Get(uid); ok && !strings.HasPrefix(string(b), fmt.Sprintf("summary %d ", uid)) {
				t.Errorf("UID %d has %q", uid, b)
			}
			s.PutSummary(uid, fmt.Appendf(nil, "summary %d %d", uid, i))
		}
	})
	rng := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		change(x, rng)
		s.Save(nil)
	}
	close(stop)
	wg.Wait()
	want := picture(x)
	s.Close(nil)
	_, y := load(t, dir, 1, Current, Current)
	if d := cmp.Diff(want, picture(y)); d != "" {
		t.Error("the last save is not the mailbox: ", d)
	}
}

// TestConcurrent is for the race detector: all at once.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 3000)
	var wg sync.WaitGroup
	for i := range 4 {
		rng := rand.New(rand.NewPCG(uint64(i), 9))
		wg.Go(func() {
			dst := make([]mailstore.Record, 0, 100)
			for n := range 300 {
				change(x, rng)
				dst = x.ChangedSince(dst[:0], x.HighestModSeq()-1, 1)
				x.Vanished(uint64(n))
				s.PutSummary(mailstore.UID(n+1), []byte("text"))
				if i == 0 || n%50 == 0 {
					s.Save(fmt.Append(nil, n))
				}
			}
		})
	}
	wg.Wait()
	want := picture(x)
	s.Close(nil)
	s.Close(nil)
	_, y := load(t, dir, 1, Current, Current)
	if d := cmp.Diff(want, picture(y)); d != "" {
		t.Error(d)
	}
}

// TestUnwritable: without a place to write there is no index, and no harm.
func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, x := load(t, filepath.Join(file, "box"), 1, Current, Useless)
	fill(x, 10)
	x.Update(func(tx *Tx[string]) { tx.Expunge(1) })
	s.PutSummary(2, []byte("text"))
	if got, ok := s.Summary(2); !ok || string(got) != "text" {
		t.Errorf("a summary in memory: %q, %v", got, ok)
	}
	s.Save(nil)
	s.PutSummary(3, []byte("text"))
	s.Close(nil)
	if x.Len() != 9 {
		t.Errorf("%d messages", x.Len())
	}
}

func TestLearnOnlyLearns(t *testing.T) {
	x := New[string](1, 1)
	fill(x, 1)
	for what, fn := range map[string]func(tx *Tx[string]){
		"SetFlags": func(tx *Tx[string]) { tx.SetFlags(1, mailstore.Flags{}) },
		"Expunge":  func(tx *Tx[string]) { tx.Expunge(1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Learn let %s pass", what)
				}
			}()
			x.Learn(fn)
		}()
	}
}

// TestChangedSince and Vanished compare with the simple way.
func TestChangedSince(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	x := New[string](1, 1)
	fill(x, 2000)
	gone := make(map[uint64][]mailstore.UID)
	start := x.HighestModSeq()
	for range 200 {
		before, cur := x.Follow()
		change(x, rng)
		changes, _ := cur.Next()
		cur.Close()
		for _, c := range changes {
			if c.Kind == mailstore.Expunged && slices.Contains(before, c.UID) {
				gone[c.ModSeq] = append(gone[c.ModSeq], c.UID)
			}
		}
	}
	for since := start; since <= x.HighestModSeq(); since++ {
		var want, got []mailstore.Record
		x.View(func(records iter.Seq2[mailstore.Record, string]) {
			for r := range records {
				if r.ModSeq > since {
					want = append(want, r)
				}
			}
		})
		page := make([]mailstore.Record, 0, 7)
		for first := mailstore.UID(1); ; first = page[len(page)-1].UID + 1 {
			if page = x.ChangedSince(page[:0], since, first); len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if !slices.Equal(want, got) {
			t.Fatalf("since %d: %v, want %v", since, got, want)
		}
		var uids mailstore.UIDSet
		for modSeq, list := range gone {
			if modSeq > since {
				for _, uid := range list {
					uids.Add(uid)
				}
			}
		}
		if got, complete := x.Vanished(since); !slices.Equal(got, uids) || !complete {
			t.Fatalf("since %d: vanished %v (%v), want %v", since, got, complete, uids)
		}
	}
	if _, complete := x.Vanished(0); complete {
		t.Error("claims to know what vanished before it was made")
	}
}

// TestVanishedIsBounded: the oldest are forgotten, and that is told.
func TestVanishedIsBounded(t *testing.T) {
	x := New[string](1, 1)
	n := maxGone + 2
	fill(x, 2*n)
	start := x.HighestModSeq()
	for i := range n {
		x.Update(func(tx *Tx[string]) { tx.Expunge(mailstore.UID(2*i + 2)) })
	}
	if len(x.gone.ranges) > maxGone {
		t.Errorf("%d ranges are kept", len(x.gone.ranges))
	}
	if _, complete := x.Vanished(start); complete {
		t.Error("claims to know all")
	}
	got, complete := x.Vanished(start + uint64(n) - 100)
	if !complete || got.Len() != 100 {
		t.Errorf("of the last 100 it knows %d, complete: %v", got.Len(), complete)
	}
	dir := t.TempDir()
	s := newStore(dir)
	y := New[string](1, 1)
	s.Load(y, current)
	fill(y, 3000)
	y.Update(func(tx *Tx[string]) {
		for uid := mailstore.UID(100); uid < 2000; uid++ {
			tx.Expunge(uid)
		}
	})
	if len(y.gone.ranges) != 1 {
		t.Errorf("%d ranges for neighbours that went together", len(y.gone.ranges))
	}
	s.Close(nil)
}

// TestKeywordsAreTidied: sets that nobody has any more do not stay.
func TestKeywordsAreTidied(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 10)
	for i := range 5000 {
		x.Update(func(tx *Tx[string]) {
			tx.SetFlags(mailstore.UID(i%10+1), mailstore.NewFlags(0, fmt.Sprintf("k%d", i)))
		})
		if i%100 == 0 {
			s.Save(nil)
		}
	}
	if n := len(x.words.list); n > 1024+2*x.Len() {
		t.Errorf("%d sets for %d messages", n, x.Len())
	}
	want := picture(x)
	s.Close(nil)
	if _, y := load(t, dir, 1, Current, Current); picture(y) != want {
		t.Error("keywords were mixed up")
	}
}
