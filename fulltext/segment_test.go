package fulltext

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"restante/mailstore"
	"restante/search"
)

// memBlob is a segment in memory.
type memBlob struct{ *bytes.Reader }

func (b memBlob) Len() int64   { return b.Size() }
func (b memBlob) Close() error { return nil }

func openBytes(b []byte) (*segment, error) {
	return openSegment(memBlob{bytes.NewReader(b)}, 7, "v")
}

// uidSet makes a set of n UIDs with gaps.
func uidSet(rnd *rand.Rand, n int) (set mailstore.UIDSet, uids []mailstore.UID) {
	uid := mailstore.UID(0)
	for range n {
		uid++
		if rnd.IntN(3) == 0 {
			uid += mailstore.UID(rnd.IntN(300))
		}
		set.Add(uid)
		uids = append(uids, uid)
	}
	return set, uids
}

// randomSegment makes a segment of random texts, and what it has to know.
func randomSegment(t testing.TB, rnd *rand.Rand, n int) (file []byte, want map[key][]mailstore.UID, set mailstore.UIDSet) {
	t.Helper()
	set, uids := uidSet(rnd, n)
	b := newBuilder()
	want = make(map[key][]mailstore.UID)
	for _, uid := range uids {
		have := make(map[key]bool)
		for range 1 + rnd.IntN(3) {
			text := make([]byte, rnd.IntN(60))
			for i := range text {
				text[i] = "abcd"[rnd.IntN(4)] + byte(rnd.IntN(2)*rnd.IntN(100))
			}
			in, bit := search.InHeader, key(0)
			if rnd.IntN(2) == 0 {
				in, bit = search.InBody, inBody
			}
			b.text(in, text)
			for i := range max(len(text)-2, 0) {
				have[gram(text[i:])|bit] = true
			}
		}
		for k := range have {
			want[k] = append(want[k], uid)
		}
		b.end(uid, true)
	}
	var buf bytes.Buffer
	if err := b.write(newWriter(&buf, 7, "v", newDocs(set))); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), want, set
}

// found lists the UIDs that a segment has for a key.
func (s *segment) found(t testing.TB, k key) []mailstore.UID {
	t.Helper()
	set := newBitset(s.docs.n)
	if err := s.find(k, set); err != nil {
		t.Fatal(err)
	}
	var uids []mailstore.UID
	for _, r := range s.docs.appendRanges(nil, set) {
		uids = append(uids, r.First)
	}
	return uids
}

// TestSegment: what was written is read, for segments of one block and of many, of one
// message and of as many as there can be.
func TestSegment(t *testing.T) {
	sizes := []int{1, 2, 63, 64, 65, 500, 5000, maxDocs}
	if raceDetector {
		sizes = sizes[:len(sizes)-1] // one goroutine, and slow
	}
	for _, n := range sizes {
		rnd := rand.New(rand.NewPCG(1, uint64(n)))
		file, want, set := randomSegment(t, rnd, n)
		s, err := openBytes(file)
		if err != nil {
			t.Fatalf("%d messages: %v", n, err)
		}
		if !slices.Equal(s.docs.uids, set) {
			t.Errorf("%d messages: other UIDs", n)
		}
		if n >= 500 && len(s.blocks) < 3 {
			t.Errorf("%d messages: %d blocks only", n, len(s.blocks))
		}
		keys := []key{0, maxKeys - 1, inBody, inBody - 1}
		for k := range want {
			keys = append(keys, k, k+1)
		}
		if len(keys) > 2000 {
			rnd.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			keys = keys[:2000]
		}
		for _, k := range keys {
			if got := s.found(t, k); !slices.Equal(got, want[k]) {
				t.Fatalf("%d messages, key %x: found %v, want %v", n, k, got, want[k])
			}
		}
	}
}

// contents reads all that can be read.
func (s *segment) contents() (map[key][]mailstore.UID, error) {
	all := make(map[key][]mailstore.UID)
	for i := range s.blocks {
		e, err := s.block(i)
		for err == nil && len(e.b) > 0 {
			var p posting
			if p, err = e.read(); err != nil {
				break
			}
			docs := newBitset(s.docs.n)
			if !p.each(s.docs.n, docs.add) {
				err = errDamaged
				break
			}
			for _, r := range s.docs.appendRanges(nil, docs) {
				all[e.key] = append(all[e.key], r.First)
			}
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// TestDamage: a segment of which any octet is another, or which ends anywhere, is refused
// or tells what it has told before.
func TestDamage(t *testing.T) {
	file, want, set := randomSegment(t, rand.New(rand.NewPCG(1, 1)), 12)
	refused := 0
	check := func(what string, at int, damaged []byte) {
		s, err := openBytes(damaged)
		if err != nil {
			if !errors.Is(err, errDamaged) && !errors.Is(err, errOther) {
				t.Errorf("%s at %d: %v", what, at, err)
			}
			refused++
			return
		}
		if !slices.Equal(s.docs.uids, set) {
			t.Errorf("%s at %d: other UIDs", what, at)
		}
		got, err := s.contents()
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("%s at %d: %v", what, at, err)
			}
			refused++
		}
		for k, uids := range got {
			if !slices.Equal(uids, want[k]) {
				t.Fatalf("%s at %d: key %x is another", what, at, k)
			}
		}
	}
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		before := refused
		if check("change", i, damaged); refused == before {
			t.Errorf("nobody has noticed that octet %d is another", i)
		}
		before = refused
		if check("end", i, file[:i]); refused == before {
			t.Errorf("nobody has noticed the end at %d", i)
		}
	}
	check("more", len(file), append(bytes.Clone(file), 0))
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// numbered is a mailbox of which only the number is asked.
type numbered struct{ mailstore.Mailbox }

func (numbered) UIDValidity() uint32 { return 7 }

// TestMerge: of segments whose messages are mixed, some in several of them and some gone,
// one becomes that has of each message all that any had.
func TestMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	live, uids := uidSet(rnd, 3000)
	want := make(map[key][]mailstore.UID)
	builders := []*builder{newBuilder(), newBuilder(), newBuilder()}
	for i, uid := range uids {
		text := []byte{'a', byte(i), byte(i >> 3), 'z', byte(i % 10)}
		for at := range 3 {
			if k := gram(text[at:]) | inBody; i%7 != 0 {
				want[k] = append(want[k], uid)
			}
		}
		for n, b := range builders {
			if i%5 == 0 || n == rnd.IntN(3) || n == 0 { // all stand in the first
				b.text(search.InBody, text)
				b.end(uid, true)
			}
		}
	}
	var left mailstore.UIDSet
	for i, uid := range uids {
		if i%7 != 0 {
			left.Add(uid)
		}
	}
	u := &updater{box: numbered{}, live: left}
	m := merger{u: u, to: newDocs(intersect(live, left))}
	for i := range builders {
		b := builders[len(builders)-1-i]
		var file bytes.Buffer
		if err := b.write(newWriter(&file, 7, search.TextVersion(), newDocs(b.uids))); err != nil {
			t.Fatal(err)
		}
		s, err := openSegment(memBlob{bytes.NewReader(file.Bytes())}, 7, search.TextVersion())
		if err != nil {
			t.Fatal(err)
		}
		m.from = append(m.from, &source{s: s, number: numbers(s.docs, m.to)})
	}
	var file bytes.Buffer
	if err := m.write(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	s, err := openSegment(memBlob{bytes.NewReader(file.Bytes())}, 7, search.TextVersion())
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.contents()
	if err != nil || !slices.Equal(s.docs.uids, left) {
		t.Fatalf("%v; other UIDs", err)
	}
	for k, uids := range want {
		if !slices.Equal(got[k], uids) {
			t.Errorf("key %x: %v, want %v", k, got[k], uids)
		}
		delete(got, k)
	}
	if len(got) > 0 {
		t.Errorf("%d keys of messages that have gone", len(got))
	}
}

// TestOther: a segment of another UIDVALIDITY, version or format is not used.
func TestOther(t *testing.T) {
	file, _, _ := randomSegment(t, rand.New(rand.NewPCG(1, 1)), 4)
	blob := memBlob{bytes.NewReader(file)}
	if _, err := openSegment(blob, 8, "v"); !errors.Is(err, errOther) {
		t.Errorf("another UIDVALIDITY: %v", err)
	}
	if _, err := openSegment(blob, 7, "w"); !errors.Is(err, errOther) {
		t.Errorf("another version of the text: %v", err)
	}
	next := bytes.Clone(file)
	next[8]++
	if _, err := openSegment(memBlob{bytes.NewReader(next)}, 7, "v"); !errors.Is(err, errOther) {
		t.Errorf("another format: %v", err)
	}
}

// TestPosting: each form of a posting is used where it is the shorter one, and read as
// it was written.
func TestPosting(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 7, 8, 9, 1000, maxDocs} {
		for _, share := range []float64{0, 0.001, 0.1, 0.5, 1} {
			list := []uint16{uint16(n - 1)}
			if share > 0 {
				list = list[:0]
			}
			for d := range n {
				if rnd.Float64() < share {
					list = append(list, uint16(d))
				}
			}
			b := append([]byte{0}, appendPosting(nil, list, n)...) // with a key in front
			e := entries{b: b, key: 5}
			p, err := e.read()
			if err != nil || len(e.b) > 0 {
				t.Fatalf("%d of %d: %v, %d octets are left", len(list), n, err, len(e.b))
			}
			if len(p.b) > (n+7)/8 || p.bitmap != (len(list) > (n+7)/8) && n < 128 {
				t.Errorf("%d of %d: %d octets, bitmap %v", len(list), n, len(p.b), p.bitmap)
			}
			var got []uint16
			if !p.each(n, func(d int) { got = append(got, uint16(d)) }) || !slices.Equal(got, list) {
				t.Errorf("%d of %d: another list", len(list), n)
			}
			if len(list) > 0 && p.each(int(list[len(list)-1]), func(int) {}) {
				t.Errorf("%d of %d: a message beyond the end was not noticed", len(list), n)
			}
		}
	}
}

// FuzzSegment: no file makes the reader fail in another way than it should. The checksums
// are made right again, so that what stands behind them is looked at.
func FuzzSegment(f *testing.F) {
	file, _, _ := randomSegment(f, rand.New(rand.NewPCG(1, 1)), 10)
	for i := 0; i < len(file); i += 7 {
		f.Add(file, i, byte(i))
	}
	f.Fuzz(func(t *testing.T, file []byte, at int, c byte) {
		if at >= 0 && at < len(file) {
			file = bytes.Clone(file)
			file[at] = c
		}
		s, err := openSegment(trusting{memBlob{bytes.NewReader(file)}, t}, 7, "v")
		if err != nil {
			return
		}
		if s.docs.n != count(s.docs.uids) || s.docs.n > maxDocs {
			t.Errorf("%d messages in %v", s.docs.n, s.docs.uids)
		}
		for i := range s.blocks {
			e, err := s.block(i)
			for last := -1; err == nil && len(e.b) > 0; {
				var p posting
				if p, err = e.read(); err == nil {
					if int(e.key) <= last || e.key >= maxKeys {
						t.Errorf("key %x after %x", e.key, last)
					}
					last = int(e.key)
					p.each(s.docs.n, func(doc int) {
						if doc < 0 || doc >= s.docs.n {
							t.Errorf("message %d of %d", doc, s.docs.n)
						}
					})
				}
			}
		}
		ix := Index{blobs: noBlobs{}, segs: []*segment{s}}
		ix.Find(search.InHeader|search.InBody, []byte("abcabc"))
	})
}

// trusting is a blob whose checksums are right.
type trusting struct {
	memBlob
	t testing.TB
}

func (b trusting) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.memBlob.ReadAt(p, off)
	if n == len(p) && n > sumLen {
		var id [8]byte
		_, _ = b.memBlob.ReadAt(id[:], 16)
		le.PutUint32(p[n-sumLen:], checksum(le.Uint64(id[:]), off, p[:n-sumLen]))
	}
	return n, err
}

// noBlobs keeps nothing.
type noBlobs struct{ mailstore.Blobs }

func (noBlobs) Remove(string) error { return nil }
