package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/fsys"
	"restante/mailstore"
)

// text is the summary of a message in these tests.
func text(uid mailstore.UID) []byte {
	return fmt.Appendf(nil, "summary of %d %s", uid, strings.Repeat("x", int(uid*37%900)))
}

// wantSummaries reads the summaries of all messages by one reader and each alone.
func wantSummaries(t *testing.T, s *Store[string], x *Index[string], has func(uid mailstore.UID) bool) {
	t.Helper()
	r := s.Summaries()
	for _, rec := range x.Records(make([]mailstore.Record, 0, x.Len()), 1) {
		got, ok := r.Get(rec.UID)
		if ok != has(rec.UID) || ok && !bytes.Equal(got, text(rec.UID)) {
			t.Fatalf("UID %d: %.40q, %v, want %v", rec.UID, got, ok, has(rec.UID))
		}
		if alone, found := s.Summary(rec.UID); found != ok || !bytes.Equal(alone, got) {
			t.Fatalf("UID %d alone: %.40q, %v", rec.UID, alone, found)
		}
		if s.HasSummary(rec.UID) != ok {
			t.Fatalf("UID %d: HasSummary is %v", rec.UID, !ok)
		}
	}
}

func all(mailstore.UID) bool     { return true }
func third(u mailstore.UID) bool { return u%3 == 0 }

func TestSummariesStay(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 2000)
	rng := rand.New(rand.NewPCG(14, 15))
	for _, i := range rng.Perm(2000) { // in any order
		if uid := mailstore.UID(i + 1); third(uid) {
			s.PutSummary(uid, text(uid))
		}
	}
	wantSummaries(t, s, x, third) // some of them not written yet
	s.Save(nil)
	wantSummaries(t, s, x, third)
	s.Close(nil)
	if _, ok := s.Summary(3); ok {
		t.Error("a closed store still reads")
	}

	s, x = load(t, dir, 1, Behind, Behind)
	wantSummaries(t, s, x, third)
	for uid := range mailstore.UID(2000) {
		s.PutSummary(uid+1, text(uid+1))
	}
	s.Close(nil)
	s, x = load(t, dir, 1, Current, Current)
	wantSummaries(t, s, x, all)
	s.Close(nil)
}

func TestSummariesThatAreNotKept(t *testing.T) {
	s, x := load(t, t.TempDir(), 1, Current, Useless)
	fill(x, 3)
	s.PutSummary(1, nil)
	s.PutSummary(2, make([]byte, MaxSummary+1))
	s.PutSummary(4, text(4)) // no such message
	s.PutSummary(3, make([]byte, MaxSummary))
	for uid, want := range map[mailstore.UID]bool{1: false, 2: false, 3: true, 4: false} {
		if got, ok := s.Summary(uid); ok != want || ok && len(got) != MaxSummary {
			t.Errorf("UID %d: %d octets, %v, want %v", uid, len(got), ok, want)
		}
	}
	s.Close(nil)
}

// TestSummariesAreCompacted: when most are of messages that have gone, the
// others are copied and the old file is removed.
func TestSummariesAreCompacted(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 6000)
	for uid := range mailstore.UID(6000) {
		s.PutSummary(uid+1, text(uid+1))
	}
	s.Save(nil)
	before := sizes(t, dir)
	r := s.Summaries()
	r.Get(3)
	x.Update(func(tx *Tx[string]) {
		for uid := range mailstore.UID(6000) {
			if !third(uid + 1) {
				tx.Expunge(uid + 1)
			}
		}
	})
	s.Save(nil)
	after := sizes(t, dir)
	if len(after) != 1 || len(before) != 1 || after[0]*2 > before[0] {
		t.Errorf("summaries files of %v octets, before %v", after, before)
	}
	if got, ok := r.Get(6); !ok || !bytes.Equal(got, text(6)) {
		t.Errorf("a reader that was at work: %.40q, %v", got, ok)
	}
	wantSummaries(t, s, x, all)
	s.Close(nil)
	s, x = load(t, dir, 1, Current, Current)
	wantSummaries(t, s, x, all)
	s.Close(nil)
}

// sizes lists how long the summaries files are.
func sizes(t *testing.T, dir string) (list []int64) {
	t.Helper()
	for id := range uint64(2) {
		if fi, err := os.Stat(filepath.Join(dir, summaryName(id))); err == nil {
			list = append(list, fi.Size())
		}
	}
	return list
}

// TestSummariesDamaged: what is not right is missing, and can be put again.
func TestSummariesDamaged(t *testing.T) {
	for why, damage := range map[string]struct {
		change func(b []byte) []byte
		left   bool // some are still there
	}{
		"one octet":               {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, true},
		"half of the file":        {func(b []byte) []byte { return b[:len(b)/2] }, true},
		"zeros in the middle":     {func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b }, true},
		"shifted by one summary":  {func(b []byte) []byte { return append(b[:summaryHeader:summaryHeader], b[summaryHeader+64:]...) }, false},
		"empty":                   {func([]byte) []byte { return nil }, false},
		"another file's number":   {func(b []byte) []byte { b[16] ^= 2; return b }, false},
		"another content version": {func(b []byte) []byte { b[12]++; return b }, false},
		"another format":          {func(b []byte) []byte { b[8]++; return b }, false},
	} {
		t.Run(why, func(t *testing.T) {
			dir := t.TempDir()
			s, x := load(t, dir, 1, Current, Useless)
			fill(x, 300)
			for uid := range mailstore.UID(300) {
				s.PutSummary(uid+1, text(uid+1))
			}
			s.Close(nil)
			for id := range uint64(2) {
				path := filepath.Join(dir, summaryName(id))
				b, err := os.ReadFile(path)
				if err != nil {
					continue
				}
				if err := os.WriteFile(path, damage.change(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, x = load(t, dir, 1, Current, Current)
			found := 0
			for uid := range mailstore.UID(300) {
				got, ok := s.Summary(uid + 1)
				if ok && !bytes.Equal(got, text(uid+1)) {
					t.Fatalf("UID %d has %.40q", uid+1, got)
				}
				if ok {
					found++
				}
			}
			if found == 300 || damage.left != (found > 0) {
				t.Errorf("%d of 300 are found", found)
			}
			for uid := range mailstore.UID(300) {
				s.PutSummary(uid+1, text(uid+1))
			}
			wantSummaries(t, s, x, all)
			s.Close(nil)
			s, x = load(t, dir, 1, Current, Current)
			wantSummaries(t, s, x, all)
			s.Close(nil)
		})
	}
}

// TestSummariesOfAnotherVersion are dropped.
func TestSummariesOfAnotherVersion(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 10)
	s.PutSummary(1, text(1))
	s.Close(nil)
	s = NewStore(Options[string]{FS: fsys.OS{}, Dir: dir, Codec: nameCodec{}, SummaryVersion: 2})
	x = New[string](1, 1)
	s.Load(x, current)
	if _, ok := s.Summary(1); ok {
		t.Error("a summary of another version is returned")
	}
	s.PutSummary(2, text(2))
	if _, ok := s.Summary(2); !ok {
		t.Error("a new one is not kept")
	}
	s.Close(nil)
}

// TestSummariesFileDeleted: the open file is copied to a new one.
func TestSummariesFileDeleted(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 100)
	for uid := range mailstore.UID(100) {
		s.PutSummary(uid+1, text(uid+1))
	}
	s.Save(nil)
	for id := range uint64(2) {
		_ = os.Remove(filepath.Join(dir, summaryName(id)))
	}
	wantSummaries(t, s, x, all)
	x.Update(func(tx *Tx[string]) { tx.Expunge(7) })
	s.Close(nil)
	s, x = load(t, dir, 1, Current, Current)
	wantSummaries(t, s, x, all)
	s.Close(nil)
}
