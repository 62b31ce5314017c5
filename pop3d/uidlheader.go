package pop3d

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"

	"restante/mailstore"
)

// headerReader reads of messages' headers what ids are made of.
//
// The MD5 sum is that of popa3d, which Dovecot has for mbox (%m): over the values of Delivered-To and
// X-Delivery-ID, of the first Received, and of Date and Message-ID as far as they stand in front of that. A
// value begins behind the colon and one space; its continuation lines count with their leading space, line
// ends do not.
type headerReader struct {
	in    *bufio.Reader
	sum   hash.Hash
	field headerField
	first bool   // the first Received is over
	xuidl []byte // the first X-UIDL
}

// maxHeader is how much of a message without an empty line is read.
const maxHeader = 1 << 20

type headerField uint8

const (
	fieldOther    headerField = iota
	fieldDated                // Date, Message-ID
	fieldDelivery             // Delivered-To, X-Delivery-ID
	fieldReceived
	fieldXUIDL
)

func newHeaderReader() *headerReader {
	return &headerReader{in: bufio.NewReaderSize(nil, 8<<10), sum: md5.New()} // a name that other servers gave, no secret
}

// read reads a header from the beginning of a message.
func (h *headerReader) read(r io.Reader) error {
	h.in.Reset(io.LimitReader(r, maxHeader))
	h.sum.Reset()
	h.field, h.first, h.xuidl = fieldOther, false, h.xuidl[:0]
	seenXUIDL := false
	for start := true; ; {
		line, err := h.in.ReadSlice('\n')
		whole := err == nil
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull || err == io.EOF && len(line) == 0 {
			if err == io.EOF {
				err = nil
			}
			return err
		}
		if whole {
			line = bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'})
		}
		if start && whole && len(line) == 0 {
			return nil
		}
		if start && (line[0] != ' ' && line[0] != '\t' || h.field == fieldOther) {
			line = h.begin(line)
			if h.field == fieldXUIDL && seenXUIDL {
				h.field = fieldOther
			}
			seenXUIDL = seenXUIDL || h.field == fieldXUIDL
		}
		h.take(line)
		start = whole
	}
}

// begin looks which field a line begins, and returns the value.
func (h *headerReader) begin(line []byte) []byte {
	if h.field == fieldReceived {
		h.first = true
	}
	name, value, found := bytes.Cut(line, []byte{':'})
	h.field = fieldOther
	if !found {
		return nil
	}
	name = bytes.TrimRight(name, " \t")
	for field, names := range [...][]string{
		fieldDated: {"Date", "Message-ID"}, fieldDelivery: {"Delivered-To", "X-Delivery-ID"}, fieldReceived: {"Received"}, fieldXUIDL: {"X-UIDL"},
	} {
		for _, n := range names {
			if len(n) == len(name) && bytes.EqualFold(name, []byte(n)) {
				h.field = headerField(field)
			}
		}
	}
	if len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	return value
}

// take takes a piece of the value of the present field.
func (h *headerReader) take(value []byte) {
	switch {
	case h.field == fieldDelivery, (h.field == fieldDated || h.field == fieldReceived) && !h.first:
		h.sum.Write(value)
	case h.field == fieldXUIDL && len(h.xuidl) <= maxUIDL:
		h.xuidl = append(h.xuidl, value[:min(len(value), 2*maxUIDL)]...)
	}
}

// md5Hex is the sum in hexadecimal digits.
func (h *headerReader) md5Hex() string {
	var sum [md5.Size]byte
	return hex.EncodeToString(h.sum.Sum(sum[:0]))
}

// savedID is the id that the field X-UIDL holds, if that can be one, or "".
func (h *headerReader) savedID() string {
	id := bytes.TrimSpace(h.xuidl)
	if len(id) > maxUIDL || bytes.IndexFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
		return ""
	}
	return string(id)
}

// readHeaders finds out the ids for which headers have to be read, for all messages of a maildrop: only so
// is it known that no two have the same. Of two messages that would, the one that came later gets its UID
// behind the id.
func (u *uidls) readHeaders(ctx context.Context, box mailstore.Mailbox, messages []entry) error {
	u.own = make(map[mailstore.UID]string, len(messages))
	given := make(map[string]struct{}, len(messages))
	for _, id := range u.saved {
		given[id] = struct{}{}
	}
	h := newHeaderReader()
	for i := range messages {
		if i%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
		uid := messages[i].uid
		if _, saved := u.saved[uid]; saved {
			continue
		}
		id, err := u.fromHeader(ctx, box, uid, h)
		if err != nil {
			return err
		}
		if _, again := given[id]; again {
			if id += "-" + strconv.FormatUint(uint64(uid), 10); len(id) > maxUIDL {
				id = string(appendMD5(nil, id))
			}
		}
		given[id] = struct{}{}
		u.own[uid] = id
	}
	return nil
}

// fromHeader makes the id of one message. One that has gone meanwhile has no header.
func (u *uidls) fromHeader(ctx context.Context, box mailstore.Mailbox, uid mailstore.UID, h *headerReader) (string, error) {
	msg, err := box.OpenMessage(ctx, uid)
	switch {
	case errors.Is(err, mailstore.ErrExpunged):
		err = h.read(bytes.NewReader(nil))
	case err == nil:
		err = h.read(io.NewSectionReader(msg, 0, msg.Len()))
		err = errors.Join(err, msg.Close())
		if errors.Is(err, mailstore.ErrExpunged) {
			err = h.read(bytes.NewReader(nil))
		}
	}
	if err != nil {
		return "", err
	}
	if u.reuse {
		if id := h.savedID(); id != "" {
			return id, nil
		}
	}
	return string(u.make(nil, uid, h.md5Hex)), nil
}
