package index

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"restante/fsys"
	"restante/mailstore"
)

// lazyStore leaves data on disk until they are asked for.
func lazyStore(dir string, restore func([]mailstore.UID) []string) *Store[string] {
	return NewStore(Options[string]{FS: fsys.OS{}, Dir: dir, Codec: nameCodec{}, SummaryVersion: 1, Restore: restore})
}

// never is a Restore that must not be called.
func never(t testing.TB) func([]mailstore.UID) []string {
	return func(uids []mailstore.UID) []string {
		t.Errorf("asked for the data of %d messages, which are in the file", len(uids))
		return make([]string, len(uids))
	}
}

func loadLazily(t testing.TB, dir string, restore func([]mailstore.UID) []string) (*Store[string], *Index[string]) {
	t.Helper()
	s, x := lazyStore(dir, restore), New[string](1, 1)
	if got := s.Load(x, current); got != Current {
		t.Fatalf("Load: verdict %d", got)
	}
	return s, x
}

// unreadPieces counts the pieces whose data are on disk only.
func unreadPieces(x *Index[string]) (n int) {
	for i := range x.entries.list {
		if x.entries.list[i].unread != nil {
			n++
		}
	}
	return n
}

// names are all data by UID.
func names(x *Index[string]) map[mailstore.UID]string {
	all := make(map[mailstore.UID]string)
	x.View(func(records iter.Seq2[mailstore.Record, string]) {
		for r, name := range records {
			all[r.UID] = name
		}
	})
	return all
}

// TestUnread: each way to ask for data reads those, and what does not ask reads none.
func TestUnread(t *testing.T) {
	const n = 3000
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, n)
	want := names(x)
	s.Close(nil)

	for _, test := range []struct {
		what string
		do   func(t *testing.T, x *Index[string])
		read int // pieces; -1 is all
	}{
		{"records", func(_ *testing.T, x *Index[string]) {
			x.Records(make([]mailstore.Record, 0, n), 1)
			x.ChangedSince(make([]mailstore.Record, 0, n), 0, 1)
			x.Walk(mailstore.AllUIDs(), func(mailstore.Record) {})
			x.Outline()
			x.Recent()
			x.Status(1)
			_, c := x.Follow()
			c.Close()
		}, 0},
		{"flags and other data", func(_ *testing.T, x *Index[string]) {
			x.Update(func(tx *Tx[string]) {
				tx.SetFlags(500, mailstore.NewFlags(mailstore.Draft))
				tx.SetData(500, "other")
				tx.SetData(500, want[500])
				tx.Record(501)
			})
			if _, name, _ := x.Get(500); name != want[500] {
				t.Errorf("Get: %q", name)
			}
		}, 0},
		{"expunge and add", func(_ *testing.T, x *Index[string]) {
			x.Update(func(tx *Tx[string]) {
				tx.Expunge(2999)
				tx.Add(mailstore.Record{UID: 5000}, "new")
				tx.Expunge(5000)
			})
		}, 0},
		{"one", func(t *testing.T, x *Index[string]) {
			if r, name, found := x.Get(300); !found || r.UID != 300 || name != want[300] {
				t.Errorf("Get: %v %q", found, name)
			}
		}, 1},
		{"one in a batch", func(t *testing.T, x *Index[string]) {
			x.Learn(func(tx *Tx[string]) {
				if _, name, _ := tx.Get(300); name != want[300] {
					t.Errorf("Get: %q", name)
				}
			})
		}, 1},
		{"a range over two pieces", func(t *testing.T, x *Index[string]) {
			for _, e := range x.Collect(mailstore.UIDSet{{First: 250, Last: 260}, {First: 262, Last: 263}}) {
				if e.Data != want[e.UID] {
					t.Errorf("UID %d has %q", e.UID, e.Data)
				}
			}
		}, 2},
		{"some in a batch", func(t *testing.T, x *Index[string]) {
			x.Learn(func(tx *Tx[string]) {
				for r, name := range tx.All(mailstore.UIDSet{{First: 250, Last: 260}}) {
					if name != want[r.UID] {
						t.Errorf("UID %d has %q", r.UID, name)
					}
				}
			})
		}, 2},
		{"a message that is not there", func(_ *testing.T, x *Index[string]) { x.Get(n + 1) }, 0},
		{"all", func(*testing.T, *Index[string]) {}, -1},
	} {
		t.Run(test.what, func(t *testing.T) {
			s, x := loadLazily(t, dir, never(t))
			defer s.Abandon()
			before := unreadPieces(x)
			test.do(t, x)
			if read := before - unreadPieces(x); test.read >= 0 && read != test.read {
				t.Errorf("%d of %d pieces were read, want %d", read, before, test.read)
			}
			got := names(x)
			for uid, name := range got {
				if name != want[uid] {
					t.Fatalf("UID %d has %q, want %q", uid, name, want[uid])
				}
			}
			if unreadPieces(x) != 0 {
				t.Error("View left data on disk")
			}
		})
	}
}

// TestUnreadModel saves and loads at random moments an index that is read in parts.
func TestUnreadModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 700)
	for i := range 200 {
		for range rng.IntN(20) {
			change(x, rng)
		}
		switch rng.IntN(6) {
		case 0:
			x.spoil() // write all anew
			s.Save(nil)
			continue
		case 1:
			s.Save(fmt.Append(nil, i))
			continue
		case 2:
			x.Get(mailstore.UID(rng.IntN(700)))
			continue
		}
		checkOutline(t, x)
		status, want := x.Status(1), ""
		if rng.IntN(2) == 0 {
			want = picture(x) // which reads everything
		}
		other := lazyStore(dir, never(t))
		s.Close(nil)
		y := New[string](1, 1)
		if other.Load(y, current) != Current {
			t.Fatal("what was closed cannot be loaded")
		}
		if d := cmp.Diff(status, y.Status(1)); d != "" {
			t.Fatal(d)
		}
		checkOutline(t, y)
		if want != "" {
			if d := cmp.Diff(want, picture(y)); d != "" {
				t.Fatal(d)
			}
		}
		s, x = other, y
	}
}

// TestRestore damages the file of an index in use: the format is asked, once, and
// the next save has everything again.
func TestRestore(t *testing.T) {
	const n = 2000
	for what, damage := range map[string]func(path string) error{
		"cut off": func(path string) error { return os.Truncate(path, 100) },
		"overwritten": func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("damage", 20_000)), 0o600)
		},
	} {
		for how, ask := range map[string]func(x *Index[string]){
			"one":   func(x *Index[string]) { x.Get(700) },
			"all":   func(x *Index[string]) { names(x) },
			"batch": func(x *Index[string]) { x.Learn(func(tx *Tx[string]) { tx.Get(700) }) },
			"many at once": func(x *Index[string]) {
				var wg sync.WaitGroup
				for i := range 8 {
					wg.Go(func() { x.Get(mailstore.UID(i*200 + 1)) })
				}
				wg.Wait()
			},
			"a snapshot": func(x *Index[string]) { x.spoil() },
		} {
			t.Run(what+"/"+how, func(t *testing.T) {
				dir := t.TempDir()
				s, x := load(t, dir, 1, Current, Useless)
				fill(x, n)
				s.Close(nil)
				asked := 0
				s, x = loadLazily(t, dir, func(uids []mailstore.UID) []string {
					asked++
					list := make([]string, len(uids))
					for i, uid := range uids {
						list[i] = fmt.Sprint("found ", uid)
					}
					return list
				})
				x.Update(func(tx *Tx[string]) { tx.SetData(900, "newer"); tx.Expunge(901) })
				if err := damage(filepath.Join(dir, indexName)); err != nil {
					t.Fatal(err)
				}
				ask(x)
				s.Close(nil)
				_, y := loadLazily(t, dir, never(t))
				for _, got := range []map[mailstore.UID]string{names(x), names(y)} {
					if len(got) != n-1 || got[900] != "newer" {
						t.Fatalf("%d messages, 900 has %q", len(got), got[900])
					}
					for uid, name := range got {
						if uid != 900 && name != fmt.Sprint("found ", uid) {
							t.Fatalf("UID %d has %q", uid, name)
						}
					}
				}
				if asked != 1 {
					t.Errorf("the format was asked %d times", asked)
				}
			})
		}
	}
}

// TestDeletedUnread: what was not read yet outlives the name of its file.
func TestDeletedUnread(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 2000)
	want := picture(x)
	s.Close(nil)
	s, x = loadLazily(t, dir, never(t))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.Save(nil)
	if unreadPieces(x) == 0 {
		t.Error("a snapshot read all data into memory")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, picture(x)); d != "" {
		t.Error(d)
	}
	s.Close(nil)
}

// TestEveryOctet changes each octet of an index, one at a time: what is loaded was
// true once, with data that are read or found out anew.
func TestEveryOctet(t *testing.T) {
	file, pictures := history(t)
	dir := t.TempDir()
	path := filepath.Join(dir, indexName)
	known := make(map[mailstore.UID]string)
	usable := 0
	for at := range file {
		b := append([]byte(nil), file...)
		b[at] ^= 0x21
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x := New[string](1, 1)
		var stamp string
		clear(known)
		s := lazyStore(dir, func(uids []mailstore.UID) []string {
			list := make([]string, len(uids))
			for i, uid := range uids {
				list[i] = truth(pictures[stamp], uid)
			}
			return list
		})
		if s.Load(x, func(s []byte, _ bool) Verdict { stamp = string(s); return Current }) == Useless {
			continue
		}
		usable++
		if pictures[stamp] != content(x) {
			t.Fatalf("octet %d: at the stamp %q there was\n%s\nloaded\n%s", at, stamp, pictures[stamp], content(x))
		}
		s.Abandon()
	}
	if usable < len(file)/10 {
		t.Errorf("of %d damaged files %d could be used", len(file), usable)
	}
}

// truth is the datum that a picture has of a message.
func truth(picture string, uid mailstore.UID) string {
	for line := range strings.Lines(picture) {
		if rest, ok := strings.CutPrefix(line, fmt.Sprint(uid, " ")); ok {
			var name string
			if _, err := fmt.Sscanf(rest[strings.Index(rest, `"`):], "%q", &name); err == nil {
				return name
			}
		}
	}
	return "gone"
}

// TestLoadAllocates: a mailbox of any size is loaded into a few pieces of memory,
// some octets for a message.
func TestLoadAllocates(t *testing.T) {
	const n = 50_000
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, n)
	s.Close(nil)
	measured := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, x := loadLazily(b, dir, never(b))
			if x.Len() != n {
				b.Fatal("not loaded")
			}
			s.Abandon()
		}
	})
	if allocs, octets := measured.AllocsPerOp(), measured.AllocedBytesPerOp(); allocs > 100 || octets > 12*n {
		t.Errorf("loading %d messages takes %d allocations of %d octets together, want at most 100 and %d", n, allocs, octets, 12*n)
	}
}

// TestSharedListAllocates: who opens a mailbox that is open gets the list that is there.
func TestSharedListAllocates(t *testing.T) {
	x := New[string](1, 1)
	fill(x, 10_000)
	first, c := x.Follow()
	defer c.Close()
	if n := testing.AllocsPerRun(10, func() {
		_, c := x.Follow()
		c.Close()
	}); n > 1 {
		t.Errorf("Follow allocates %v times, want the cursor alone", n)
	}
	page := make([]mailstore.Record, 0, 256)
	if n := testing.AllocsPerRun(10, func() { x.Records(page[:0], 5000) }); n > 0 {
		t.Errorf("Records allocates %v times", n)
	}
	before := append([]mailstore.UID(nil), first...)
	x.Update(func(tx *Tx[string]) {
		tx.Add(mailstore.Record{UID: 20_000}, "c")
		tx.Expunge(17)
	})
	if _, c2 := x.Follow(); !cmp.Equal(before, first) || cap(first) != len(first) {
		t.Error("a list that was handed out has changed, or has room for more")
	} else {
		c2.Close()
	}
}
