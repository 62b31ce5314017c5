package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// texts are inputs of several kinds.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 200<<10)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	return map[string][]byte{
		"nothing": nil, "one octet": []byte("x"), "short": []byte("a OK Noop completed\r\n"), "random": random,
		"zeros": make([]byte, 300<<10), "lines": []byte(strings.Repeat("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", 20000)),
		"mixed": append(bytes.Repeat(random[:20<<10], 4), random...),
	}
}

func TestReaderDecodes(t *testing.T) {
	for name, text := range texts() {
		for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, flate.BestSpeed, flate.BestCompression} {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, level)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(text)
			w.Close()
			for _, src := range []io.Reader{bytes.NewReader(b.Bytes()), iotest.OneByteReader(bytes.NewReader(b.Bytes())), iotest.DataErrReader(bytes.NewReader(b.Bytes()))} {
				if got, err := io.ReadAll(NewReader(src, nil)); err != nil || !bytes.Equal(got, text) {
					t.Errorf("%s, level %d: %d octets of %d, %v", name, level, len(got), len(text), err)
				}
			}
			half := b.Len() / 2
			if got, err := io.ReadAll(NewReader(bytes.NewReader(b.Bytes()[half:]), b.Bytes()[:half])); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, level %d, the first half read before: %d octets of %d, %v", name, level, len(got), len(text), err)
			}
		}
	}
}

// partialFlush is a deflate stream as zlib makes it with Z_PARTIAL_FLUSH: the text
// in a block with fixed codes, and behind it an empty one, whose end is within an
// octet. compress/flate does not give the text before more comes.
func partialFlush(text string) []byte {
	var b bitWriter
	b.write(2, 3) // not the last, fixed codes
	for i := range len(text) {
		b.writeCode(int(text[i])+0x30, 8)
	}
	b.writeCode(0, 7) // the end of the block
	b.write(2, 3)
	b.writeCode(0, 7)
	return b.out
}

type bitWriter struct {
	out []byte
	n   uint
}

func (b *bitWriter) write(bits, n uint) {
	for i := range n {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[b.n/8] |= byte(bits>>i&1) << (b.n % 8)
		b.n++
	}
}

// writeCode writes a code, whose highest bit comes first.
func (b *bitWriter) writeCode(code, n int) {
	for i := n - 1; i >= 0; i-- {
		b.write(uint(code>>i&1), 1)
	}
}

// errWait is what a source says that has no more for now.
var errWait = errors.New("deadline")

// stages is a source that gives one piece after the other, with errWait between.
type stages struct{ pieces [][]byte }

func (s *stages) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, errWait
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

// TestReaderDoesNotWait: QUIRK: Apple Mail ends its commands with a partial flush.
// What has come in must be given before the source is asked for more.
func TestReaderDoesNotWait(t *testing.T) {
	const command = "a1 NOOP\r\n"
	r := NewReader(&stages{[][]byte{partialFlush(command)}}, nil)
	got := make([]byte, 100)
	n, err := r.Read(got)
	if err != nil || string(got[:n]) != command {
		t.Fatalf("%q, %v", got[:n], err)
	}
	if _, err := r.Read(got); err != errWait {
		t.Errorf("afterwards: %v", err)
	}
}

// TestReaderInterrupted: a source that fails at any octet and goes on then is the
// same as one that does not fail.
func TestReaderInterrupted(t *testing.T) {
	text := append(bytes.Repeat([]byte("abc, "), 300), texts()["random"][:500]...)
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		w.Write(text[:400])
		w.Flush()
		text = text[400:]
	}
	src := &stages{}
	r := NewReader(src, nil)
	var got []byte
	for _, c := range b.Bytes() {
		src.pieces = [][]byte{{c}}
		more, err := io.ReadAll(r)
		if err != errWait {
			t.Fatal(err)
		}
		got = append(got, more...)
	}
	want, err := io.ReadAll(NewReader(&b, nil))
	if err != io.ErrUnexpectedEOF && err != nil || !bytes.Equal(got, want) || len(got) != 2000 {
		t.Errorf("%d octets, %v", len(got), err)
	}
}

func TestReaderCorrupt(t *testing.T) {
	for why, in := range map[string][]byte{
		"unknown kind of block":         {7},
		"a length and its check differ": {1, 2, 0, 0, 0},
		"a distance before the start":   {3, 2, 0}, // a copy first of all
		"too many codes for lengths":    {5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if _, err := io.ReadAll(NewReader(bytes.NewReader(in), nil)); err != ErrCorrupt {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestWriter(t *testing.T) {
	var pool Pool
	var b bytes.Buffer
	w := NewWriter(&b, &pool)
	r := NewReader(&b, nil)
	for round := range 3 {
		for name, text := range texts() {
			before := b.Len()
			for rest := text; len(rest) > 0; {
				n := min(len(rest), 64<<10)
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if len(text) == 0 && b.Len() != before {
				t.Errorf("round %d: a flush of nothing writes %d octets", round, b.Len()-before)
			}
			if w.c != nil {
				t.Fatal("a compressor is held after a flush")
			}
			got := make([]byte, len(text))
			if _, err := io.ReadFull(r, got); err != nil && len(text) > 0 || !bytes.Equal(got, text) {
				t.Errorf("round %d, %s: %v", round, name, err)
			}
		}
	}
}

// TestWriterFails: the first error stays, and nothing is held after it.
func TestWriterFails(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{10, 1000, 1 << 20} {
		w := NewWriter(failing{broken}, new(Pool))
		for range 2 {
			_, err := w.Write(make([]byte, size))
			if err == nil {
				err = w.Flush()
			}
			if !errors.Is(err, broken) {
				t.Errorf("%d octets: %v", size, err)
			}
		}
		if w.Flush(); w.c != nil {
			t.Error("a compressor is held")
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestWindowGrows: what a client that says little costs.
func TestWindowGrows(t *testing.T) {
	for _, tt := range []struct{ sent, most int }{{0, 0}, {900, 1 << 10}, {5000, 8 << 10}, {40000, 32 << 10}, {1 << 20, 32 << 10}} {
		var b bytes.Buffer
		w := NewWriter(&b, new(Pool))
		w.Write(make([]byte, tt.sent))
		w.Flush()
		r := NewReader(&b, nil)
		if n, _ := io.Copy(io.Discard, r); n != int64(tt.sent) || len(r.window) > tt.most {
			t.Errorf("%d octets of %d, a window of %d", n, tt.sent, len(r.window))
		}
	}
}

// FuzzReader compares with compress/flate.
func FuzzReader(f *testing.F) {
	for _, text := range texts() {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		w.Write(text[:min(len(text), 300)])
		w.Flush()
		w.Write(text[:min(len(text), 100)])
		w.Close()
		f.Add(b.Bytes())
	}
	f.Add(partialFlush("x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const most = 100 << 10
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(in)), most))
		got, err := io.ReadAll(io.LimitReader(NewReader(bytes.NewReader(in), nil), most))
		bytewise, err2 := io.ReadAll(io.LimitReader(NewReader(iotest.OneByteReader(bytes.NewReader(in)), nil), most))
		if !bytes.Equal(got, bytewise) || err != err2 {
			t.Fatalf("at once %d octets, %v, octet by octet %d, %v", len(got), err, len(bytewise), err2)
		}
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%d octets, %v, want %d", len(got), err, len(want))
		}
		if !bytes.HasPrefix(got, want) {
			t.Fatalf("%q is not the beginning of %q", want, got)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := texts()["mixed"]
	var z bytes.Buffer
	w := NewWriter(&z, new(Pool))
	w.Write(text)
	w.Flush()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		io.Copy(io.Discard, NewReader(bytes.NewReader(z.Bytes()), nil))
	}
}

func BenchmarkWriter(b *testing.B) {
	text, err := os.ReadFile("writer.go")
	if err != nil {
		b.Fatal(err)
	}
	w := NewWriter(io.Discard, new(Pool))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w.Write(text)
		w.Flush()
	}
}
