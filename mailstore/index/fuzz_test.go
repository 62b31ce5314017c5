package index

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"restante/mailstore"
)

// history is an index file with several states, and what each of them was.
func history(t testing.TB) (file []byte, pictures map[string]string) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	pictures = make(map[string]string)
	rng := rand.New(rand.NewPCG(12, 13))
	for _, stamp := range []string{"one", "two", "three", "four"} {
		for range 10 {
			change(x, rng)
		}
		s.Save([]byte(stamp))
		pictures[stamp] = content(x)
	}
	file, err := os.ReadFile(filepath.Join(dir, indexName))
	if err != nil {
		t.Fatal(err)
	}
	return file, pictures
}

// FuzzLoadDamaged overwrites, cuts and lengthens an index file: what is loaded
// was true at the time of its stamp, or nothing is loaded.
func FuzzLoadDamaged(f *testing.F) {
	file, pictures := history(f)
	f.Add(uint16(0), []byte{}, uint16(0xffff))
	f.Add(uint16(len(file)), []byte("R more"), uint16(0xffff))
	for at := 0; at < len(file); at += 7 {
		f.Add(uint16(at), []byte{file[at] ^ 1}, uint16(0xffff))
		f.Add(uint16(at), []byte{0, 0, 0, 0}, uint16(at+20))
	}
	f.Fuzz(func(t *testing.T, at uint16, over []byte, size uint16) {
		b := bytes.Clone(file)
		if end := int(at) + len(over); end > len(b) {
			b = append(b, make([]byte, end-len(b))...)
		}
		copy(b[at:], over)
		b = b[:min(len(b), int(size))]
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, indexName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		x := New[string](1, 1)
		var stamp string
		if newStore(dir).Load(x, func(s []byte, _ bool) Verdict { stamp = string(s); return Current }) == Useless {
			if x.Len() != 0 || x.UIDNext() != 1 {
				t.Fatal("nothing could be loaded, and the index is not empty")
			}
			return
		}
		if pictures[stamp] != content(x) {
			t.Fatalf("at the stamp %q there was\n%s\nloaded\n%s", stamp, pictures[stamp], content(x))
		}
	})
}

// FuzzLoadForged gives frames with right checksums whatever content: no panic,
// and what is loaded can be saved and loaded again.
func FuzzLoadForged(f *testing.F) {
	file, _ := history(f)
	r, err := newFrameReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		f.Fatal(err)
	}
	var kinds []byte
	var seeds [][]byte
	for {
		kind, payload, err := r.next()
		if err != nil {
			break
		}
		kinds, seeds = append(kinds, kind), append(seeds, bytes.Clone(payload))
		if len(seeds) == 3 {
			f.Add(kinds[0], seeds[0], kinds[1], seeds[1], kinds[2], seeds[2])
			kinds, seeds = kinds[1:], seeds[1:]
		}
	}
	f.Add(byte('R'), []byte{1, 0, 0, 0}, byte('S'), make([]byte, stateLen+stateTail), byte('O'), []byte{})
	f.Fuzz(func(t *testing.T, k1 byte, p1 []byte, k2 byte, p2 []byte, k3 byte, p3 []byte) {
		b := header(1, indexHeader)
		chain := checksum(b)
		b, chain = appendFrame(b, k1, p1, chain)
		b, chain = appendFrame(b, k2, p2, chain)
		b, chain = appendFrame(b, k3, p3, chain)
		st := state{uidNext: mailstore.MaxUID, modSeq: 1}
		b, _ = appendFrame(b, frameState, st.append(nil, nil, chain), chain)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, indexName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		x := New[string](1, 1)
		s := newStore(dir)
		verdict := s.Load(x, current)
		if r := x.Records(make([]mailstore.Record, 0, 100), 1); len(r) != x.Len() {
			t.Fatalf("%d records for %d messages", len(r), x.Len())
		}
		x.spoil()
		s.Close(nil)
		if verdict != Useless {
			if _, y := load(t, dir, 1, Current, Current); picture(y) != picture(x) {
				t.Fatalf("saved\n%s\nloaded\n%s", picture(x), picture(y))
			}
		}
	})
}
