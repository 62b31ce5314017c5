package mbox

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"

	"restante/fsys"
	"restante/mailstore"
)

// toldUIDs is what a journal knows of UIDs that the state file does not list: those of
// messages that were appended here, which bear them in the mbox. The journal of an
// append is durable before anything is appended, so this costs no sync. It goes with
// every header, and is worth something beside a state file of the same UIDVALIDITY.
type toldUIDs struct {
	validity uint32
	next     mailstore.UID // what is below may have been told
	texts    []known       // in the order of UIDs
}

// maxTold is for how many texts there is room behind a header block.
const maxTold = (blockB - blockSize) / recordSize

// newTold tells as much of these texts as there is room for.
func newTold(validity uint32, next mailstore.UID, texts []known) toldUIDs {
	if len(texts) > maxTold {
		texts, next = texts[:maxTold:maxTold], texts[maxTold].uid
	}
	return toldUIDs{validity, next, texts}
}

// appendTexts adds what stands behind the header block.
func (t *toldUIDs) appendTexts(dst []byte) []byte {
	for _, k := range t.texts {
		dst = encodeRecord(dst, k)
	}
	return dst
}

// appendHead adds what stands in the header block: UIDVALIDITY, next, the number of texts
// and a CRC-32C over them as they stand behind it; 4 octets each.
func (t *toldUIDs) appendHead(dst, texts []byte) []byte {
	for _, n := range []uint32{t.validity, uint32(t.next), uint32(len(t.texts)), crc32.Checksum(texts, castagnoli)} {
		dst = binary.LittleEndian.AppendUint32(dst, n)
	}
	return dst
}

// decodeTold reads both; more may stand behind them. Not ok means that they were written
// in part.
func decodeTold(head, texts []byte) (t toldUIDs, ok bool) {
	n := func(i int) uint32 { return binary.LittleEndian.Uint32(head[4*i:]) }
	size := int64(n(2)) * recordSize
	if size > int64(len(texts)) || crc32.Checksum(texts[:size], castagnoli) != n(3) {
		return toldUIDs{}, false
	}
	t.validity, t.next = n(0), mailstore.UID(n(1))
	for texts = texts[:size]; len(texts) > 0; texts = texts[recordSize:] {
		t.texts = append(t.texts, decodeRecord(texts))
	}
	return t, true
}

// beyond is what it knows beyond a state file: the texts whose UIDs are not below the
// file's UIDNEXT, and UIDNEXT. What makes no sense is nothing: the journal stands where
// the user may write.
func (t *toldUIDs) beyond(validity uint32, next mailstore.UID) ([]known, mailstore.UID) {
	if validity == 0 || t.validity != validity || t.next <= next || t.next >= mailstore.MaxUID {
		return nil, next
	}
	i := slices.IndexFunc(t.texts, func(k known) bool { return k.uid >= next })
	if i < 0 {
		return nil, t.next
	}
	last := next - 1
	for _, k := range t.texts[i:] {
		if k.uid <= last || k.uid >= t.next {
			return nil, next
		}
		last = k.uid
	}
	return t.texts[i:], t.next
}

// readTold reads it from a journal that may not be written. One that may not be read tells
// nothing.
func readTold(fsx fsys.FS, path string) (toldUIDs, error) {
	f, err := fsx.OpenFile(path, os.O_RDONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
		return toldUIDs{}, nil
	case err != nil:
		return toldUIDs{}, err
	}
	j := journal{f: f}
	if err = inheritFile(fsx, path, f); err == nil {
		err = j.load()
	}
	return j.h.told, errors.Join(err, f.Close())
}
