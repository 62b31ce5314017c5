package index

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"restante/fsys"
	"restante/mailstore"
)

// nameCodec keeps strings, as a Maildir does its file names. A leading n is
// new mail.
type nameCodec struct{}

func (nameCodec) Encode(dst []byte, name string) []byte { return append(dst, name...) }
func (nameCodec) Decode(text string) (string, error)    { return text, nil }
func (nameCodec) Recent(name string) bool               { return len(name) > 0 && name[0] == 'n' }

// fill adds n messages as they are in a Maildir.
func fill(x *Index[string], n int) {
	sets := []mailstore.Flags{mailstore.NewFlags(0), mailstore.NewFlags(mailstore.Seen), mailstore.NewFlags(mailstore.Seen, "$Forwarded", "work")}
	for n > 0 {
		x.Learn(func(tx *Tx[string]) {
			for range min(n, 1000) {
				uid := tx.UIDNext()
				tx.Add(mailstore.Record{UID: uid, Flags: sets[uid%3], Date: int64(uid) * 1000, Size: int64(uid) * 10},
					fmt.Sprintf("c%d.M%dP2137.host,S=%d:2,S", 1104537600+int(uid), int(uid)%1000000, int(uid)*10))
			}
		})
		n -= 1000
	}
}

func benchStore(b *testing.B, dir string) *Store[string] {
	return NewStore(Options[string]{FS: fsys.OS{}, Dir: dir, Codec: nameCodec{}, Restore: func([]mailstore.UID) []string {
		b.Error("what was written cannot be read")
		return nil
	}})
}

func current([]byte, bool) Verdict { return Current }

func savedBox(b *testing.B, n int) string {
	dir := b.TempDir()
	s := benchStore(b, dir)
	x := New[string](1, 1)
	s.Load(x, current)
	fill(x, n)
	s.Close([]byte("stamp"))
	return dir
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := savedBox(b, n)
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				x := New[string](1, 1)
				s := benchStore(b, dir)
				if s.Load(x, current) != Current || x.Len() < n {
					b.Fatal("not loaded")
				}
				s.Abandon()
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// cpuTime is what this process has used, in nanoseconds: beside other work on
// the machine the elapsed time says little.
func cpuTime(b *testing.B) int64 {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		b.Fatal(err)
	}
	return ru.Utime.Nano() + ru.Stime.Nano()
}

// BenchmarkMemory reports what a loaded mailbox costs.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	dir := savedBox(b, n)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := New[string](1, 1)
		benchStore(b, dir).Load(x, current)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/message")
		runtime.KeepAlive(x)
	}
}

// BenchmarkSaveOne is a flag change and its save in a mailbox of n.
func BenchmarkSaveOne(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := savedBox(b, n)
			s := benchStore(b, dir)
			x := New[string](1, 1)
			s.Load(x, current)
			sets := [2]mailstore.Flags{mailstore.NewFlags(mailstore.Seen), {}}
			i := 0
			for b.Loop() {
				i++
				x.Update(func(tx *Tx[string]) { tx.SetFlags(mailstore.UID(n/2), sets[i%2]) })
				s.Save(fmt.Appendf(nil, "stamp %d", i))
			}
		})
	}
}

func BenchmarkChangedSince(b *testing.B) {
	const n = 100_000
	x := New[string](1, 1)
	fill(x, n)
	since := x.HighestModSeq()
	x.Update(func(tx *Tx[string]) {
		for i := range 100 {
			tx.SetFlags(mailstore.UID(i*1000+1), mailstore.NewFlags(mailstore.Flagged))
		}
	})
	dst := make([]mailstore.Record, 0, 200)
	for b.Loop() {
		if dst = x.ChangedSince(dst[:0], since, 1); len(dst) != 100 {
			b.Fatalf("%d changed", len(dst))
		}
	}
}

func BenchmarkSummaries(b *testing.B) {
	const n = 10_000
	s := benchStore(b, savedBox(b, n))
	x := New[string](1, 1)
	s.Load(x, current)
	content := make([]byte, 1000)
	for uid := range mailstore.UID(n) {
		s.PutSummary(uid+1, content)
	}
	s.Save(nil)
	b.Run("in order", func(b *testing.B) {
		r := s.Summaries()
		uid := mailstore.UID(0)
		for b.Loop() {
			if _, ok := r.Get(uid%n + 1); !ok {
				b.Fatal("missing")
			}
			uid++
		}
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, ok := s.Summary(n / 2); !ok {
				b.Fatal("missing")
			}
		}
	})
	s.Close(nil)
}

// BenchmarkRecords walks over a mailbox in pages, as it was loaded and as it was made.
func BenchmarkRecords(b *testing.B) {
	const n = 100_000
	loaded, made := New[string](1, 1), New[string](1, 1)
	benchStore(b, savedBox(b, n)).Load(loaded, current)
	fill(made, n)
	page := make([]mailstore.Record, 0, 256)
	for name, x := range map[string]*Index[string]{"loaded": loaded, "made": made} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for first := mailstore.UID(1); ; first = page[len(page)-1].UID + 1 {
					if page = x.Records(page[:0], first); len(page) == 0 {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
		})
	}
}
