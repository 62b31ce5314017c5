package message

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A fieldReader turns the MIME fields of a header into the fields of a Part.
type fieldReader struct {
	lex   lexer
	value []byte // the unfolded value
	raw   []rawParam
}

// describe fills in p from its header. Of repeated fields the first usable one
// counts.
//
// Content fields count when the entity is MIME: part of a multipart, or with a
// MIME-Version or Content-Type field (programs forget the one or the other).
func (r *fieldReader) describe(p *Part, header []byte, kind entityKind) {
	mime := kind != kindMessage
	typed := false
	for f, rest, ok := nextField(header); ok; f, rest, ok = nextField(rest) {
		switch {
		case len(f.name) < len("Content-ID"):
		case f.is("mime-version"):
			mime = true
		case f.is("content-type"):
			mime = true
			if !typed {
				r.contentType(p, f.value)
				typed = true
			}
		case f.name[0]|0x20 == 'c' && len(f.name) > 8 && equalFold(f.name[:8], "content-"):
			r.contentField(p, f.name[8:], f.value)
		}
	}
	if !mime {
		*p = Part{RawHeader: p.RawHeader, HeaderCut: p.HeaderCut}
	}
	setDefaults(p, kind)
}

// setDefaults completes a Part without a usable Content-Type: text/plain, or
// message/rfc822 in a digest. That is also what RFC 2045 section 5.2 recommends
// for a Content-Type that is against the syntax; a multipart without boundary is
// (RFC 2046 section 5.1.1).
func setDefaults(p *Part, kind entityKind) {
	if isMultipart(p) {
		if boundary(p) == "" {
			p.Type, p.Subtype, p.Params = "", "", nil
		}
	}
	if p.Type == "" {
		p.Type, p.Subtype = "text", "plain"
		if kind == kindDigest {
			p.Type, p.Subtype = "message", "rfc822"
		}
	}
	if p.Encoding == "" {
		p.Encoding = "7bit"
	}
}

// contentField reads the field Content-name. A string field that is there but
// empty is kept apart from one that is not there.
func (r *fieldReader) contentField(p *Part, name, value []byte) {
	set := func(s *string, bit fieldSet) {
		if p.has&bit == 0 {
			p.has |= bit
			*s = string(r.unfold(value))
		}
	}
	switch {
	case equalFold(name, "id"):
		set(&p.ID, hasID)
	case equalFold(name, "description"):
		set(&p.Description, hasDescription)
	case equalFold(name, "md5"):
		set(&p.MD5, hasMD5)
	case equalFold(name, "location"):
		set(&p.Location, hasLocation)
	case equalFold(name, "transfer-encoding"):
		r.contentEncoding(p, value)
	case equalFold(name, "disposition"):
		if len(p.DispositionParams) == 0 {
			r.contentDisposition(p, value)
		}
	case equalFold(name, "language"):
		if p.Language == nil {
			r.contentLanguage(p, value)
		}
	}
}

// toLower is bytes.ToLower, in place where b is ASCII.
func toLower(b []byte) []byte {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return bytes.ToLower(b)
		}
		b[i] = lower(c)
	}
	return b
}

func (r *fieldReader) unfold(raw []byte) []byte {
	r.value = appendUnfolded(r.value[:0], raw)
	return r.value
}

// begin starts reading a structured value.
func (r *fieldReader) begin(raw []byte) (x *lexer, st status) {
	x = &r.lex
	x.reset(r.unfold(raw))
	x.out = x.out[:0]
	return x, x.skip()
}

// contentType reads content := type "/" subtype *(";" parameter), RFC 2045
// section 5.1. Type and Subtype stay empty when they are against the syntax.
func (r *fieldReader) contentType(p *Part, raw []byte) {
	x, st := r.begin(raw)
	if st != more || x.word(token) != more || !x.at('/') || len(x.out) == 0 {
		return
	}
	x.i++
	slash := len(x.out)
	if x.skip() != more || x.word(token) == bad || len(x.out) == slash {
		return
	}
	typ, subtype := x.out[:slash], x.out[slash:]
	p.Type, p.Subtype = common(typ), common(subtype)
	p.Params = r.params()
}

// contentEncoding reads mechanism, RFC 2045 section 6.1: one token, in any case.
// Anything else counts as absent.
//
// QUIRK: Outlook does not know its attachment's encoding in upper case, so it is
// kept in lower case.
func (r *fieldReader) contentEncoding(p *Part, raw []byte) {
	if p.has&hasEncoding != 0 {
		return
	}
	x, st := r.begin(raw)
	if st == more && x.word(token) == end && len(x.out) > 0 {
		p.has |= hasEncoding
		p.Encoding = common(toLower(x.out))
	}
}

// contentDisposition reads disposition := type *(";" parameter), RFC 2183 section 2.
// Of several fields the first with parameters counts, else the last. The type may
// be missing.
func (r *fieldReader) contentDisposition(p *Part, raw []byte) {
	x, st := r.begin(raw)
	if st == bad || x.word(token) == bad {
		return
	}
	p.has |= hasDisposition
	p.Disposition = common(x.out)
	p.DispositionParams = r.params()
}

// contentLanguage reads a list of tags, RFC 3282 section 2.
func (r *fieldReader) contentLanguage(p *Part, raw []byte) {
	x, st := r.begin(raw)
	for st == more {
		x.out = x.out[:0]
		st = x.word(atext)
		if len(x.out) == 0 {
			return
		}
		p.Language = append(p.Language, string(x.out))
		if st != more || !x.at(',') {
			return
		}
		x.i++
		st = x.skip()
	}
}

// common is string(b), without allocation for words that stand in nearly every
// message.
func common(b []byte) string {
	if s, ok := commonWords[string(b)]; ok {
		return s
	}
	return string(b)
}

var commonWords = makeCommonWords()

func makeCommonWords() map[string]string {
	words := map[string]string{}
	for _, w := range strings.Fields(`text plain html calendar multipart mixed alternative related
		signed report message rfc822 delivery-status application octet-stream pdf pgp-signature
		image png jpeg gif 7bit 8bit binary base64 quoted-printable attachment inline
		charset boundary format flowed name filename type us-ascii US-ASCII utf-8 UTF-8 iso-8859-1
		ISO-8859-1 windows-1252 protocol micalg delsp yes no text/html text/plain`) {
		words[w] = w
	}
	return words
}
