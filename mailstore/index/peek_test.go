package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"restante/fsys"
	"restante/mailstore"
)

// TestPeek: what Peek says of a closed index is what the index said last,
// whatever has been changed, saved and loaded before.
func TestPeek(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	dir := filepath.Join(t.TempDir(), "box")
	told := uint64(1)
	for i := range 200 {
		s, x := newStore(dir), New[string](1, told+uint64(rng.IntN(3)))
		s.Load(x, func([]byte, bool) Verdict { return Current })
		for range rng.IntN(3) {
			change(x, rng)
			if rng.IntN(2) == 0 {
				s.Save(fmt.Append(nil, "in between ", i))
			}
		}
		stamp := bytes.Repeat([]byte{byte(i)}, rng.IntN(2)*rng.IntN(3*peekLen))
		s.Close(stamp)
		want := x.Status(0)
		told = want.HighestModSeq
		got, ok := Peek(fsys.OS{}, dir)
		if !ok || got.Status != want || !bytes.Equal(got.Stamp, stamp) {
			t.Fatalf("round %d: Peek: %v, %+v with a stamp of %d octets, want %+v and %d", i, ok, got.Status, len(got.Stamp), want, len(stamp))
		}
	}
}

// TestPeekOpen: a state that is open may know less than clients were told.
func TestPeekOpen(t *testing.T) {
	dir := t.TempDir()
	if _, ok := Peek(fsys.OS{}, dir); ok {
		t.Error("Peek found something in an empty directory")
	}
	s, x := load(t, dir, 1, Current, Useless)
	addTwo := func(tx *Tx[string]) {
		tx.Add(mailstore.Record{UID: tx.UIDNext()}, "a")
		tx.Add(mailstore.Record{UID: tx.UIDNext()}, "b")
	}
	x.Learn(addTwo)
	s.Close(nil)
	s, x = load(t, dir, 1, Current, Current)
	if saved, ok := Peek(fsys.OS{}, dir); !ok || saved.Status.Messages != 2 {
		t.Errorf("Peek at a mailbox in which nothing has changed: %+v, %v", saved, ok)
	}
	x.Update(func(tx *Tx[string]) { tx.SetFlags(1, mailstore.NewFlags(mailstore.Seen)) })
	if saved, ok := Peek(fsys.OS{}, dir); ok {
		t.Errorf("Peek at a mailbox in which flags have changed: %+v", saved)
	}
	s.Save([]byte("later"))
	if saved, ok := Peek(fsys.OS{}, dir); ok {
		t.Errorf("Peek at a state that is open: %+v", saved)
	}
	s.Close([]byte("last"))
	if saved, ok := Peek(fsys.OS{}, dir); !ok || saved.Status.Unseen != 1 || string(saved.Stamp) != "last" {
		t.Errorf("Peek at a closed state: %+v, %v", saved, ok)
	}
}

// TestPeekDamaged cuts an index at every octet and changes each: Peek says what
// was saved once, or nothing.
func TestPeekDamaged(t *testing.T) {
	dir := t.TempDir()
	type said struct {
		status mailstore.Status
		stamp  string
	}
	all := map[said]bool{}
	for i := range 4 {
		s, x := newStore(dir), New[string](1, 100)
		s.Load(x, func([]byte, bool) Verdict { return Current })
		x.Learn(func(tx *Tx[string]) { tx.Add(mailstore.Record{UID: tx.UIDNext(), Size: int64(i)}, "name") })
		s.Close(fmt.Append(nil, "stamp ", i))
		all[said{x.Status(0), fmt.Sprint("stamp ", i)}] = true
	}
	path := filepath.Join(dir, indexName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	try := func(b []byte, what string, at int) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if saved, ok := Peek(fsys.OS{}, dir); ok {
			found++
			if !all[said{saved.Status, string(saved.Stamp)}] {
				t.Errorf("%s at %d: Peek said %+v with stamp %q, which was never saved", what, at, saved.Status, saved.Stamp)
			}
		}
	}
	for i := range whole {
		try(whole[:i], "cut", i)
	}
	if found != len(all)-1 {
		t.Errorf("%d of the shorter files were states of their own, want %d", found, len(all)-1)
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x20
		try(b, "changed", i)
	}
	if found == len(all)-1 {
		t.Error("Peek believed no file that was changed in front of its last state only")
	}
}
