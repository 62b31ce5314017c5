package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// An ID names a message by its content: half a SHA-256 of it in CRLF form. Who has
// two messages with the same ID has the same octets twice, and nobody can make two
// that differ.
type ID [16]byte

// idLetter stands in front of the text of an ID, so that no ID is all digits (RFC
// 8474 section 7).
const idLetter = 'M'

// AppendText appends the ID as the objectid of RFC 8474: a letter and 32
// hexadecimal digits.
func (id ID) AppendText(dst []byte) ([]byte, error) {
	return hex.AppendEncode(append(dst, idLetter), id[:]), nil
}

// String is the text of AppendText.
func (id ID) String() string {
	b, _ := id.AppendText(make([]byte, 0, 1+2*len(id))) // never fails
	return string(b)
}

// ParseID reads the text of an ID. It is false for what is none, such as the
// objectids of other servers. Case counts.
func ParseID(text string) (id ID, ok bool) {
	if len(text) != 1+2*len(id) || text[0] != idLetter {
		return ID{}, false
	}
	if _, err := hex.Decode(id[:], []byte(text[1:])); err != nil || id.String() != text {
		return ID{}, false
	}
	return id, true
}

// IDOf reads a message to its end and returns its ID.
func IDOf(r io.Reader) (ID, error) {
	h := idHashes.Get().(*idHash)
	defer idHashes.Put(h)
	h.reset(r)
	defer h.reset(nil)
	if _, err := io.Copy(io.Discard, h); err != nil {
		return ID{}, err
	}
	return h.id(), nil
}

// ScanID is Scan and IDOf in one reading.
func ScanID(r io.Reader) (*Part, ID, error) {
	h := idHashes.Get().(*idHash)
	defer idHashes.Put(h)
	h.reset(r)
	defer h.reset(nil)
	root, err := Scan(h)
	if err != nil {
		return nil, ID{}, err
	}
	return root, h.id(), nil
}

// idHash passes on what a reader gives and makes its ID on the way.
type idHash struct {
	r       io.Reader
	sum     hash.Hash
	out     [sha256.Size]byte
	crlf    []byte
	afterCR bool // the octet that was read last is CR
}

var idHashes = sync.Pool{New: func() any { return &idHash{sum: sha256.New()} }}

func (h *idHash) reset(r io.Reader) {
	h.r, h.afterCR = r, false
	h.sum.Reset()
}

func (h *idHash) id() ID {
	return ID(h.sum.Sum(h.out[:0])[:len(ID{})])
}

// Read implements io.Reader.
func (h *idHash) Read(p []byte) (n int, err error) {
	n, err = h.r.Read(p)
	h.add(p[:n])
	return n, err
}

// idPiece is how much is converted at once, so that it is still in the processor's
// cache when it is summed.
const idPiece = 8 << 10

// add takes in the next octets of the message.
func (h *idHash) add(b []byte) {
	for len(b) > 0 {
		piece := b[:min(len(b), idPiece)]
		b = b[len(piece):]
		last := piece[len(piece)-1]
		if h.afterCR && piece[0] == '\n' {
			_, _ = h.sum.Write(piece[:1]) // never fails (package hash)
			piece = piece[1:]
		}
		h.afterCR = last == '\r'
		if bytes.IndexByte(piece, '\n') >= 0 {
			h.crlf = AppendCRLF(h.crlf[:0], piece)
			piece = h.crlf
		}
		_, _ = h.sum.Write(piece)
	}
}
