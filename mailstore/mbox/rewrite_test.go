package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
)

// rewriteCase is a file and edits of it.
type rewriteCase struct {
	old  []byte
	want []byte
	plan func(p *plan)
}

func randomText(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz\n"[rnd.IntN(27)]
	}
	return b
}

// randomCase makes edits of all kinds: patches, insertions, removals.
func randomCase(rnd *rand.Rand, size, edits int) rewriteCase {
	c := rewriteCase{old: randomText(rnd, size)}
	type ed struct {
		off, del int
		ins      []byte
	}
	var list []ed
	for off := 0; len(list) < edits && off < size; {
		off += rnd.IntN(1 + 2*size/edits)
		e := ed{off: min(off, size)}
		e.del = min(rnd.IntN(1+size/edits), size-e.off)
		switch rnd.IntN(3) {
		case 0:
			e.ins = randomText(rnd, e.del)
		case 1:
			e.ins = randomText(rnd, rnd.IntN(1+2*size/edits))
		}
		list = append(list, e)
		off = e.off + e.del + 1
	}
	at := 0
	for _, e := range list {
		c.want = append(append(c.want, c.old[at:e.off]...), e.ins...)
		at = e.off + e.del
	}
	c.want = append(c.want, c.old[at:]...)
	c.plan = func(p *plan) {
		for _, e := range list {
			p.replace(int64(e.off), c.old[e.off:e.off+e.del], e.ins)
		}
	}
	return c
}

func newRewriter(t *testing.T, fsx fsys.FS) *rewriter {
	t.Helper()
	f, err := fsx.OpenFile("/box", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(fsx, "/state/journal", true)
	if err != nil {
		t.Fatal(err)
	}
	return &rewriter{f: f, j: j, log: slog.New(slog.DiscardHandler), name: "box", zone: time.UTC}
}

func placeFile(t *testing.T, content []byte) *faultfs.FS {
	t.Helper()
	fsx := faultfs.New()
	if err := fsys.WriteFile(fsx, "/box", content, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(fsx, "/state/journal", true)
	if err != nil {
		t.Fatal(err)
	}
	j.close()
	fsx.Settle()
	return fsx
}

func (r *rewriter) content(t *testing.T) []byte {
	t.Helper()
	fi, err := r.f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(r.f, 0, fi.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRewrite(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		c := randomCase(rnd, 1+rnd.IntN(3000), 1+rnd.IntN(12))
		fsx := placeFile(t, c.old)
		r := newRewriter(t, fsx)
		p := newPlan(r.j, int64(len(c.old)))
		c.plan(p)
		if err := r.apply(p); err != nil {
			t.Fatal(err)
		}
		if got := r.content(t); !bytes.Equal(got, c.want) {
			t.Fatalf("seed %d: got %q, want %q", seed, got, c.want)
		}
		if r.j.dirty() {
			t.Errorf("seed %d: the journal is not clean", seed)
		}
	}
}

// TestRewriteLarge goes through several steps, with and without data.
func TestRewriteLarge(t *testing.T) {
	for seed, size := range []int{3 << 20, 20 << 20} {
		rnd := rand.New(rand.NewPCG(uint64(seed), 2))
		for _, edits := range []int{1, 5, 100} {
			c := randomCase(rnd, size, edits)
			fsx := placeFile(t, c.old)
			r := newRewriter(t, fsx)
			p := newPlan(r.j, int64(len(c.old)))
			c.plan(p)
			if err := r.apply(p); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(r.content(t), c.want) {
				t.Fatalf("%d octets, %d edits: other content", size, edits)
			}
		}
	}
}

// TestRewritePowerCut cuts the power before each operation: what is there
// afterwards is the old content or the new, and mail that somebody delivers
// before the recovery is still there.
func TestRewritePowerCut(t *testing.T) {
	mail := []byte("From x@y Thu Jan  1 00:00:01 2015\nSubject: delivered\n\nbody\n\n")
	for seed := range uint64(60) {
		for _, random := range []bool{false, true} {
			for _, deliver := range []bool{false, true} {
				cutEverywhere(t, seed, 3000, 0, random, deliver, mail)
			}
		}
	}
}

// TestRewriteStepsPowerCut is TestRewritePowerCut with many small steps, with
// data and without.
func TestRewriteStepsPowerCut(t *testing.T) {
	mail := []byte("From x@y Thu Jan  1 00:00:01 2015\nSubject: delivered\n\nbody\n\n")
	for seed := range uint64(20) {
		for _, random := range []bool{false, true} {
			cutEverywhere(t, seed, 60_000, minStepData, random, seed%4 == 0, mail)
		}
	}
}

// TestForgedStep: a journal whose steps are not those of its plan is not believed.
func TestForgedStep(t *testing.T) {
	old := []byte("From a@b Thu Jan  1 00:00:01 2015\nSubject: old\n\nold\n\n")
	for _, c := range []struct {
		step int
		data int
	}{{0, 1}, {0, 0}, {1, 0}, {-1, 3}} {
		fsx := placeFile(t, old)
		r := newRewriter(t, fsx)
		p := newPlan(r.j, int64(len(old)))
		p.remove(5, 3)
		l := newLayout(p.edits, p.old, r.f, r.j.f)
		if _, err := r.prepare(p, l); err != nil {
			t.Fatal(err)
		}
		if err := r.j.putSlot(c.step, make([]byte, blockSize+c.data)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.recover(); err != nil {
			t.Errorf("step %d with %d octets: %v", c.step, c.data, err)
		}
		if got := r.content(t); !bytes.Equal(got, old) {
			t.Errorf("step %d with %d octets: the file has become %q", c.step, c.data, got)
		}
	}
}

// cutEverywhere cuts the power before each operation of a rewrite of a file of at
// most size octets, whose steps have at most so many, 0 for as many as usual.
func cutEverywhere(t *testing.T, seed uint64, size int, most int64, random, deliver bool, mail []byte) {
	t.Helper()
	for n := 1; ; n++ {
		rnd := rand.New(rand.NewPCG(seed, 3))
		c := randomCase(rnd, 1+rnd.IntN(size), 1+rnd.IntN(8))
		if len(c.old) == 0 {
			return
		}
		fsx := placeFile(t, c.old)
		r := newRewriter(t, fsx)
		r.most = most
		fsx.CutAt(n)
		p := newPlan(r.j, int64(len(c.old)))
		c.plan(p)
		err := r.apply(p)
		var crash *rand.Rand
		if random {
			crash = rnd
		}
		fsx.Crash(crash)
		if deliver {
			addMail(t, fsx, mail)
		}
		if most > 0 {
			// The power fails once more while the rewrite is being finished.
			fsx.Settle()
			again := newRewriter(t, fsx)
			fsx.CutAt(1 + rnd.IntN(12))
			_, _ = again.recover()
			fsx.Crash(crash)
		}
		what := fmt.Sprintf("seed %d, cut at %d, random %v, delivered %v", seed, n, random, deliver)
		checkRecovered(t, what, fsx, c, err, deliver, mail)
		if err == nil {
			return
		}
	}
}

func addMail(t *testing.T, fsx fsys.FS, mail []byte) {
	t.Helper()
	f, err := fsx.OpenFile("/box", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(mail); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func checkRecovered(t *testing.T, what string, fsx *faultfs.FS, c rewriteCase, applyErr error, deliver bool, mail []byte) {
	t.Helper()
	r := newRewriter(t, fsx)
	if _, err := r.recover(); err != nil {
		t.Fatalf("%s: recover: %v\n%s", what, err, strings.Join(fsx.Trace(), "\n"))
	}
	got := r.content(t)
	if deliver {
		if !bytes.HasSuffix(got, mail) {
			t.Fatalf("%s: the mail is lost: old %d, new %d, got %d\n%s", what, len(c.old), len(c.want), len(got), strings.Join(fsx.Trace(), "\n"))
		}
		got = got[:len(got)-len(mail)]
	}
	switch {
	case bytes.Equal(got, c.want):
	case applyErr == nil:
		t.Fatalf("%s: succeeded, but the content is not the new one", what)
	case !bytes.Equal(got, c.old):
		t.Fatalf("%s: %d octets that are neither old (%d) nor new (%d)", what, len(got), len(c.old), len(c.want))
	}
}

// TestRewriteFailures lets each operation fail, once and for good: after an
// error nothing has changed, unless the error says that recovery must follow.
func TestRewriteFailures(t *testing.T) {
	broken := errors.New("broken")
	for seed := range uint64(40) {
		for _, forGood := range []bool{false, true} {
			for n := 1; ; n++ {
				rnd := rand.New(rand.NewPCG(seed, 4))
				c := randomCase(rnd, 1+rnd.IntN(3000), 1+rnd.IntN(8))
				fsx := placeFile(t, c.old)
				r := newRewriter(t, fsx)
				fsx.Inject(faultfs.FailAt(n, broken))
				if forGood {
					fsx.Inject(faultfs.FailFrom(n, broken))
				}
				p := newPlan(r.j, int64(len(c.old)))
				c.plan(p)
				err := r.apply(p)
				done := fsx.Ops() < n
				fsx.Inject(nil)
				if done {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				what := fmt.Sprintf("seed %d, failure at %d, for good %v: %v", seed, n, forGood, err)
				want := [][]byte{c.old}
				switch {
				case err == nil:
					want = [][]byte{c.want}
				case errors.Is(err, errHalfDone):
					finished, rerr := r.recover()
					if rerr != nil {
						t.Fatalf("%s: recover: %v", what, rerr)
					}
					if finished {
						want = [][]byte{c.want}
					}
				case r.j.dirty():
					t.Fatalf("%s: the journal is not clean", what)
				}
				if got := r.content(t); !slices.ContainsFunc(want, func(w []byte) bool { return bytes.Equal(w, got) }) {
					t.Fatalf("%s: other content", what)
				}
			}
		}
	}
}

// TestAppendPowerCut: an append is there as a whole or not at all.
func TestAppendPowerCut(t *testing.T) {
	mail := []byte("From x@y Thu Jan  1 00:00:01 2015\nSubject: delivered\n\nbody\n\n")
	old := []byte("From a@b Thu Jan  1 00:00:01 2015\nSubject: old\n\nold\n\n")
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		size := 1 + rnd.IntN(70_000)
		if seed%20 == 0 {
			size += maxAppendData
		}
		added := fmt.Appendf(nil, "From c@d Thu Jan  1 00:00:01 2015\nX-UID: 7\nContent-Length: %d\n\n%s", size, randomText(rnd, size))
		compose := func(w io.Writer) error {
			for b := range slices.Chunk(added, 5000) {
				if _, err := w.Write(b); err != nil {
					return err
				}
			}
			return nil
		}
		c := rewriteCase{old: old, want: slices.Concat(old, added)}
		for _, deliver := range []bool{false, true} {
			for n := 1; ; n++ {
				fsx := placeFile(t, old)
				r := newRewriter(t, fsx)
				r.j.told.next = 8
				fsx.CutAt(n)
				note, err := noteOf(compose)
				if err == nil {
					err = r.append(int64(len(old)), note, toldUIDs{}, compose)
				}
				if err == nil {
					err = r.j.clean()
				}
				fsx.Crash(rnd)
				if deliver {
					addMail(t, fsx, mail)
				}
				checkRecovered(t, fmt.Sprintf("seed %d, cut at %d, delivered %v", seed, n, deliver), fsx, c, err, deliver, mail)
				if err == nil {
					break
				}
			}
		}
	}
}
