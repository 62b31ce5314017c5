package pop3d

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"restante/mailstore"
)

// DefaultUIDL is Dovecot's default, in version 2.4 %{uid | hex(8)}%{uidvalidity | hex(8)}: a client that has
// taken its mail from a Dovecot over the same files takes none of it again. As the store never gives a UID
// twice under one UIDVALIDITY, no UIDL names two messages; clients lose mail where one does
// (cyrusimap/cyrus-imapd#374).
const DefaultUIDL = "%08Xu%08Xv"

// A UIDLFormat makes unique ids (RFC 1939 section 7) of what stands on disk. The zero value is DefaultUIDL.
type UIDLFormat struct{ pieces []uidlPiece }

// uidlPiece is some text, and a variable behind it.
type uidlPiece struct {
	text     string
	variable byte // u, v, f, g, m or 0
	zero     bool // filled with zeros, else with spaces
	width    int
	hex      bool
	md5      bool
}

const maxUIDL = 70 // octets, RFC 1939 section 7

// ParseUIDLFormat reads a format in the language of Dovecot's pop3_uidl_format: %u is the UID, %v the
// UIDVALIDITY, %f the name of the message's file in a Maildir without its flags, %g the identity that Dovecot
// has given a message there, else %f, and %m the MD5 sum of some fields of the header. Where messages have no
// files of their own, as in an mbox, %f is the UID and %g is %m, as with Dovecot. Between % and letter may
// stand a width, beginning with 0 for zeros in front, X for hexadecimal digits, and M for the MD5 sum of the
// value. %% is a percent sign. Other servers' formats: Cyrus `%v.%u`, UW-IMAP `%08Xv%08Xu`, tpop3d `%Mf`,
// popa3d `%m`.
func ParseUIDLFormat(s string) (UIDLFormat, error) {
	var f UIDLFormat
	text, unique := "", false
	for rest := s; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		text += before
		if !found {
			break
		}
		if strings.HasPrefix(after, "%") {
			text, rest = text+"%", after[1:]
			continue
		}
		p, tail, err := parseVariable(after)
		if err != nil {
			return UIDLFormat{}, fmt.Errorf("UIDL format %q: %w", s, err)
		}
		p.text, text, rest = text, "", tail
		unique = unique || p.variable != 'v'
		f.pieces = append(f.pieces, p)
	}
	if text != "" {
		f.pieces = append(f.pieces, uidlPiece{text: text})
	}
	if !unique {
		return UIDLFormat{}, fmt.Errorf("UIDL format %q gives all messages the same id; it needs %%u, %%f, %%g or %%m", s)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return UIDLFormat{}, fmt.Errorf("UIDL format %q: an id has only octets from ! to ~", s)
		}
	}
	return f, nil
}

var errNoVariable = errors.New("behind % stands u, v, f, g or m, and in front of that a width, X or M")

func parseVariable(s string) (p uidlPiece, rest string, err error) {
	p.zero = strings.HasPrefix(s, "0")
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 {
		if p.width, err = strconv.Atoi(s[:digits]); err != nil || p.width > maxUIDL {
			return p, "", fmt.Errorf("a width is %d at most", maxUIDL)
		}
		if !p.zero {
			return p, "", errors.New("an id has no spaces: begin the width with 0")
		}
	}
	for s = s[digits:]; s != ""; s = s[1:] {
		switch s[0] {
		case 'X':
			p.hex = true
		case 'M':
			p.md5 = true
		case 'u', 'v', 'f', 'g', 'm':
			p.variable = s[0]
			return p, s[1:], nil
		default:
			return p, "", errNoVariable
		}
	}
	return p, "", errNoVariable
}

// has reports whether the format asks for a variable.
func (f *UIDLFormat) has(variable byte) bool {
	for _, p := range f.pieces {
		if p.variable == variable {
			return true
		}
	}
	return false
}

// uidlValues are the values of the variables for one message, but its UIDVALIDITY.
type uidlValues struct {
	uid              mailstore.UID
	name, guid, hash string
}

// append appends the id of a message. One that would be longer than RFC 1939 allows becomes its MD5 sum.
func (f *UIDLFormat) append(b []byte, uidValidity uint32, v uidlValues) []byte {
	if len(f.pieces) == 0 {
		return appendHex(appendHex(b, uint32(v.uid)), uidValidity)
	}
	from := len(b)
	for i := range f.pieces {
		b = f.pieces[i].append(b, uidValidity, v)
	}
	if len(b)-from > maxUIDL {
		return appendMD5(b[:from], string(b[from:]))
	}
	return b
}

func (p *uidlPiece) append(b []byte, uidValidity uint32, v uidlValues) []byte {
	b = append(b, p.text...)
	base := 10
	if p.hex {
		base = 16
	}
	var value string
	switch p.variable {
	case 'u':
		value = strconv.FormatUint(uint64(v.uid), base)
	case 'v':
		value = strconv.FormatUint(uint64(uidValidity), base)
	case 'f':
		value = v.name
	case 'g':
		value = v.guid
	case 'm':
		value = v.hash
	default:
		return b
	}
	if p.md5 {
		return appendMD5(b, value)
	}
	for n := len(value); n < p.width; n++ {
		b = append(b, '0')
	}
	return append(b, value...)
}

func appendMD5(b []byte, s string) []byte {
	sum := md5.Sum([]byte(s)) // a name for it that other servers gave, no secret
	return hex.AppendEncode(b, sum[:])
}

func appendHex(b []byte, n uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}

// uidls gives the ids of the messages of one maildrop.
type uidls struct {
	format   UIDLFormat
	reuse    bool // the fields X-UIDL
	validity uint32
	saved    map[mailstore.UID]string
	guids    map[mailstore.UID]string
	names    mailstore.UIDLer         // nil where messages have no files of their own
	own      map[mailstore.UID]string // ids for which headers had to be read; nil where none had to be
}

// newUIDLs asks the mailbox what it has to say of ids.
func newUIDLs(ctx context.Context, opt *Options, drop *maildrop) (*uidls, error) {
	u := &uidls{format: opt.UIDL, reuse: opt.ReuseXUIDL, validity: drop.box.UIDValidity()}
	var err error
	if more, ok := drop.box.(mailstore.UIDLer); ok {
		u.names = more
		if u.saved, err = more.SavedUIDLs(ctx); err != nil {
			return nil, err
		}
		if u.format.has('g') {
			if u.guids, err = more.SavedGUIDs(ctx); err != nil {
				return nil, err
			}
		}
	}
	if u.reuse || u.format.has('m') || u.format.has('g') && u.names == nil {
		err = u.readHeaders(ctx, drop.box, drop.messages)
	}
	return u, err
}

// append appends the id of a message: the one that another server gave it for
// ever, or that of the format.
func (u *uidls) append(b []byte, uid mailstore.UID) []byte {
	if saved, ok := u.saved[uid]; ok {
		return append(b, saved...)
	}
	if own, ok := u.own[uid]; ok {
		return append(b, own...)
	}
	return u.make(b, uid, nil)
}

// make makes an id of the format. sum gives the MD5 sum of the header where that
// has been read.
func (u *uidls) make(b []byte, uid mailstore.UID, sum func() string) []byte {
	v := uidlValues{uid: uid}
	if u.format.has('f') || u.format.has('g') {
		if u.names != nil {
			v.name = u.names.FileName(uid)
		}
		if v.name == "" {
			v.name = strconv.FormatUint(uint64(uid), 10)
		}
		v.guid = v.name
		if guid, ok := u.guids[uid]; ok {
			v.guid = guid
		}
	}
	if sum != nil {
		v.hash = sum()
		if u.names == nil {
			v.guid = v.hash
		}
	}
	return u.format.append(b, u.validity, v)
}
