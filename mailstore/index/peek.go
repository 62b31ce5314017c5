package index

import (
	"io"
	"os"
	"path/filepath"

	"restante/fsys"
	"restante/mailstore"
)

// Saved is what the last state in an index says of its mailbox.
type Saved struct {
	// Status lacks UIDValidity, which the stamp has.
	Status mailstore.Status
	Stamp  []byte
}

// peekLen is how much of an index's end is read at first: a state and its stamp.
const peekLen = 4 << 10

// Peek reads from an index directory the numbers of a mailbox that no Store has,
// at a cost that does not depend on its size. They are true if the stamp is
// current. It is false where nothing is saved, or where the state is open, so that
// more may have been told to clients than it knows: then open the mailbox.
func Peek(sys fsys.FS, dir string) (Saved, bool) {
	f, err := sys.OpenFile(filepath.Join(dir, indexName), os.O_RDONLY, 0)
	if err != nil {
		return Saved{}, false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return Saved{}, false
	}
	payload, ok := lastState(f, fi.Size())
	if !ok {
		return Saved{}, false
	}
	s, stamp, ok := parseState(payload)
	if !ok || !s.closed {
		return Saved{}, false
	}
	saved := Saved{Status: s.counts.status(s.messages), Stamp: stamp}
	saved.Status.UIDNext, saved.Status.HighestModSeq = s.uidNext, s.modSeq
	return saved, true
}

// lastState returns the payload of the state frame that ends a file of our
// format. Its own checksum says that it is one: which frames stand in front of it
// only who reads those has to know.
func lastState(f io.ReaderAt, size int64) ([]byte, bool) {
	head, end := make([]byte, indexHeader), make([]byte, min(size, peekLen))
	if size < indexHeader+frameHead+stateLen+stateTail || !readAt(f, head, 0) || !ours(head) || !readAt(f, end, size-int64(len(end))) {
		return nil, false
	}
	n := int64(le.Uint32(end[len(end)-4:])) + frameHead
	switch {
	case n > size-indexHeader || n > maxFrame || n < frameHead+stateLen+stateTail:
		return nil, false
	case n > int64(len(end)):
		if end = make([]byte, n); !readAt(f, end, size-n) {
			return nil, false
		}
	}
	frame := end[int64(len(end))-n:]
	head, payload := frame[:frameHead], frame[frameHead:]
	chain := le.Uint32(payload[len(payload)-stateTail:])
	if head[8] != frameState || int(le.Uint32(head)) != len(payload) || frameSum(chain, head, payload) != le.Uint32(head[4:]) {
		return nil, false
	}
	return payload, true
}

func readAt(f io.ReaderAt, b []byte, off int64) bool {
	n, err := f.ReadAt(b, off)
	return n == len(b) && (err == nil || err == io.EOF)
}
