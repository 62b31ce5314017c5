package search

import (
	"strings"

	"restante/message"
)

// A visitor is shown what of a message is searched beside its own header: the headers
// of its parts and the bodies that are text.
type visitor interface {
	over() bool // it wants to see no more
	header(p *message.Part)
	body(p *message.Part)
}

// walkPart shows a part: its header and what it holds.
func walkPart(v visitor, p *message.Part) {
	if !v.over() {
		v.header(p)
		walkContent(v, p)
	}
}

// walkContent shows what a part holds.
func walkContent(v visitor, p *message.Part) {
	switch {
	case v.over():
	case p.Multipart():
		for _, child := range p.Parts {
			walkPart(v, child)
		}
	case p.Message != nil:
		walkPart(v, p.Message)
	case isText(p):
		v.body(p)
	}
}

// isText reports whether a part holds text to be read: text of all kinds and
// reports such as message/delivery-status.
func isText(p *message.Part) bool { return p.Is("text", "") || p.Is("message", "") }

// partHeader gives the header of a part, until the next call.
func (s *source) partHeader(p *message.Part) ([]byte, error) {
	if p.RawHeader != nil {
		return p.RawHeader, nil
	}
	return s.bytes(p.Header.Offset, min(p.Header.Length, message.MaxRawHeader))
}

// asciiBased reports whether octets below 0x80 mean ASCII wherever they stand in
// the charset of p.
func asciiBased(p *message.Part) bool {
	charset, _ := p.Param("charset")
	charset = strings.ToLower(charset)
	for _, prefix := range [...]string{"iso-8859-", "windows-125", "koi8-"} {
		if strings.HasPrefix(charset, prefix) {
			return true
		}
	}
	return charset == "" || charset == "utf-8" || charset == "us-ascii"
}
