package mbox

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"runtime"
	"strings"
	"testing"
)

// TestForgedJournal: the journal stands where the user may write, and a server
// for many recovers it. What only he can have written, with all checksums right,
// makes no trouble but for his own mailbox: no panic, and no memory for what a
// file with holes claims.
func TestForgedJournal(t *testing.T) {
	old := strings.Repeat("abc\n", 4096)
	for _, test := range []struct {
		what  string
		h     journalHeader
		table []byte
	}{
		{"an append with too few checksums", journalHeader{kind: journalAppend, entries: 1, oldSize: 100, newSize: 10000},
			binary.LittleEndian.AppendUint32(nil, crc32.Checksum([]byte(old[100:100+appendBlock]), castagnoli))},
		{"an append that ends before it begins", journalHeader{kind: journalAppend, oldSize: 1000, newSize: 10}, nil},
		{"an append with less data than it has", journalHeader{kind: journalAppend, litLen: 4, oldSize: 100, newSize: 10000}, make([]byte, 4)},
		{"a rewrite of nothing, very often", journalHeader{kind: journalRewrite, entries: 1 << 22, stepLimit: stepData, oldSize: 16384, newSize: 16384}, make([]byte, editSize<<22)},
		{"a rewrite in steps of an octet", journalHeader{kind: journalRewrite, entries: 1, stepLimit: 1, oldSize: 16384, newSize: 16383}, edits(edit{0, 1, 0, 0})},
		{"a literal behind the literals", journalHeader{kind: journalRewrite, entries: 1, stepLimit: stepData, oldSize: 16384, newSize: 16484}, edits(edit{0, 0, 100, journalStart})},
		{"a literal in the header", journalHeader{kind: journalRewrite, entries: 1, stepLimit: stepData, oldSize: 16384, newSize: 16384 + blockSize}, edits(edit{0, 0, blockSize, 0})},
		{"sizes that run over", journalHeader{kind: journalRewrite, entries: 2, stepLimit: stepData, oldSize: 16384, newSize: 16382},
			edits(edit{0, 0, math.MaxInt64, journalStart}, edit{1, 0, math.MaxInt64, journalStart})},
	} {
		t.Run(test.what, func(t *testing.T) {
			fsx := placeFile(t, []byte(old))
			r := newRewriter(t, fsx)
			w := newMetaWriter(r.j.f)
			w.write(test.table)
			w.flush()
			fi, err := r.f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			test.h.dev, test.h.ino = fileID(fi)
			test.h.metaCRC = crc32.Checksum(test.table, castagnoli)
			if err := r.j.put(test.h); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := r.recover(); err != nil {
				t.Error(err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("took %d octets of memory", n)
			}
			if got := r.content(t); !bytes.Equal(got, []byte(old)) {
				t.Errorf("the mailbox has changed: %d octets", len(got))
			}
			if r.j.dirty() {
				t.Error("the journal is not clean")
			}
		})
	}
}

// edits are a table.
func edits(list ...edit) []byte {
	var b buffer
	w := metaWriter{f: &b}
	w.edits(list)
	w.flush()
	return b.Bytes()
}

// buffer is written from its beginning to its end.
type buffer struct{ bytes.Buffer }

func (b *buffer) WriteAt(p []byte, _ int64) (int, error) { return b.Write(p) }
