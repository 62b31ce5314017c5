package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"restante/mailstore"
)

// The text of dovecot-uidlist, version 3:
//
//	header: 3 V<uidvalidity> N<next uid> G<guid> [R<home>] [<key><value> ...]
//	record: <uid> [<key><value> ...] :<base name>
//
// and of version 1, which Courier's courierimapuiddb shares:
//
//	header: 1 <uidvalidity> <next uid>
//	record: <uid> <base name>
//
// Keys are single upper-case letters. R is ours: the inode of new/ in the mailbox to
// which the guid was given (objectid.go). A record's W is the size in CRLF form.
// Records stand in the order of their UIDs. When a base name stands there
// twice, the later record counts: its file went away and came back.

// uidHeader is the first line.
type uidHeader struct {
	version  int
	validity uint32
	next     mailstore.UID // 1 at least; records appended later may be above
	guid     string        // 32 hexadecimal digits, or "" when there is none
	home     uint64        // whose guid it is, 0 when nobody has said so
	extra    string        // fields that others wrote, separated by a space
}

var (
	errBadHeader = errors.New("no valid header")
	errBadRecord = errors.New("no valid record")
)

// parseUIDHeader reads a header without its line end. With an error it returns
// what could be read all the same: zero is what could not.
func parseUIDHeader(line string) (uidHeader, error) {
	version, rest, _ := strings.Cut(line, " ")
	switch version {
	case "1":
		return parseUIDHeader1(rest)
	case "3":
		return parseUIDHeader3(rest)
	}
	return uidHeader{version: 3}, fmt.Errorf("%w: version %q", errBadHeader, clip(version))
}

func parseUIDHeader1(rest string) (uidHeader, error) {
	h := uidHeader{version: 1}
	fields := strings.Fields(rest)
	if len(fields) != 2 {
		return h, errBadHeader
	}
	h.validity, h.next = parseNumber(fields[0]), mailstore.UID(parseNumber(fields[1]))
	return h, h.check()
}

func parseUIDHeader3(rest string) (uidHeader, error) {
	h := uidHeader{version: 3}
	for field := range strings.SplitSeq(rest, " ") {
		if field == "" {
			continue
		}
		switch value := field[1:]; field[0] {
		case 'V':
			h.validity = parseNumber(value)
		case 'N':
			h.next = mailstore.UID(parseNumber(value))
		case 'G':
			if isGUID(value) {
				h.guid = value
			}
		case 'R':
			h.home, _ = strconv.ParseUint(value, 10, 64) // what is no number is nobody's
		default:
			h.extra = strings.TrimPrefix(h.extra+" "+field, " ")
		}
	}
	return h, h.check()
}

func (h uidHeader) check() error {
	if h.validity == 0 || h.next == 0 {
		return fmt.Errorf("%w: UIDVALIDITY %d, next UID %d", errBadHeader, h.validity, h.next)
	}
	return nil
}

// append writes the header with its line end, always as version 3.
func (h uidHeader) append(dst []byte) []byte {
	dst = fmt.Appendf(dst, "3 V%d N%d", h.validity, h.next)
	if h.guid != "" {
		dst = append(append(dst, " G"...), h.guid...)
	}
	if h.home != 0 {
		dst = strconv.AppendUint(append(dst, " R"...), h.home, 10)
	}
	if h.extra != "" {
		dst = append(append(dst, ' '), h.extra...)
	}
	return append(dst, '\n')
}

// uidRecord is one line behind the header. Its parts are good as long as the
// line they were read from.
type uidRecord struct {
	uid  mailstore.UID
	ext  []byte // fields, separated by a space
	base []byte
}

// parseUIDRecord reads a record without its line end.
func parseUIDRecord(line []byte, version int) (uidRecord, error) {
	digits, rest, found := bytes.Cut(line, []byte{' '})
	r := uidRecord{uid: mailstore.UID(parseNumber(string(digits)))}
	if !found || r.uid == 0 || r.uid == mailstore.MaxUID {
		return r, errBadRecord
	}
	if version == 1 {
		r.base = bytes.TrimLeft(rest, " ")
	} else if !r.parseFields(rest) {
		return r, errBadRecord
	}
	// Some old versions wrote the flags too.
	if i := bytes.IndexByte(r.base, ':'); i >= 0 {
		r.base = r.base[:i]
	}
	if len(r.base) == 0 || bytes.ContainsAny(r.base, "/\x00\r") {
		return uidRecord{uid: r.uid}, errBadRecord
	}
	return r, nil
}

func (r *uidRecord) parseFields(rest []byte) bool {
	i := bytes.IndexByte(rest, ':')
	// A field may hold colons; the one that ends the fields begins a word.
	for i > 0 && rest[i-1] != ' ' {
		j := bytes.IndexByte(rest[i+1:], ':')
		if j < 0 {
			return false
		}
		i += j + 1
	}
	if i < 0 {
		return false
	}
	r.ext, r.base = bytes.TrimRight(rest[:i], " "), rest[i+1:]
	return true
}

// size returns the number of the field W, or Unknown.
func (r uidRecord) size() int64 {
	if len(r.ext) == 0 {
		return mailstore.Unknown
	}
	for field := range bytes.SplitSeq(r.ext, []byte{' '}) {
		if len(field) > 1 && field[0] == 'W' {
			if n, err := strconv.ParseInt(string(field[1:]), 10, 64); err == nil && n >= 0 && field[1] != '+' {
				return n
			}
		}
	}
	return mailstore.Unknown
}

// uidl returns the field P, which is the message's unique id in POP3, if it is
// one that can be told, or "". RFC 1939 section 7 allows 70 octets, but other
// servers have given longer ones, and clients know messages by them.
func (r uidRecord) uidl() string { return r.text('P') }

// guid returns the field G, an identity of the message, in the same way.
func (r uidRecord) guid() string { return r.text('G') }

func (r uidRecord) text(key byte) string {
	if len(r.ext) == 0 {
		return ""
	}
	for field := range bytes.SplitSeq(r.ext, []byte{' '}) {
		if len(field) > 1 && field[0] == key && len(field) <= 1+maxSavedUIDL && bytes.IndexFunc(field, func(c rune) bool { return c <= ' ' || c > '~' }) < 0 {
			return string(field[1:])
		}
	}
	return ""
}

// appendUIDRecord writes a record with its line end.
func appendUIDRecord(dst []byte, uid mailstore.UID, ext, base string) []byte {
	dst = strconv.AppendUint(dst, uint64(uid), 10)
	if ext != "" {
		dst = append(append(dst, ' '), ext...)
	}
	dst = append(append(dst, " :"...), base...)
	return append(dst, '\n')
}

// parseNumber reads decimal digits and nothing else; 0 is what is no number.
func parseNumber(s string) uint32 {
	if s == "" || s[0] == '+' {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func isGUID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// clip shortens what a broken file holds to what a log line can take.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
