package imapd

import (
	"io"

	"restante/imap"
	"restante/message"
)

// prepareBinary makes the value of BINARY[...] and BINARY.SIZE[...] (RFC 9051
// section 6.4.5): the part with its transfer encoding undone, NULs and all.
// Without a part number it is the whole message, which has none to undo.
func (f *fetcher) prepareBinary(m *loaded, it *imap.FetchItem) (value, error) {
	part := m.root.Find(it.Section.Path)
	switch {
	case part == nil:
		return value{kind: valueNIL}, nil
	case !knownEncodings[part.Encoding]:
		return value{}, errUnknownCTE
	}
	size, err := io.Copy(io.Discard, m.decoded(part, it.Section.Path))
	if err != nil {
		return value{}, err
	}
	if it.Att == imap.FetchBinarySize {
		return value{kind: valueNumber, size: size}, nil
	}
	off, length := window(it.Section.Partial)
	off = min(off, size)
	src := m.decoded(part, it.Section.Path)
	if _, err := io.CopyN(io.Discard, src, off); err != nil {
		return value{}, err
	}
	return value{kind: valueBinary, size: min(length, size-off), src: src}, nil
}

// errUnknownCTE is RFC 3516 section 4.3.
var errUnknownCTE = no("UNKNOWN-CTE", "The transfer encoding of a part is not known here; fetch it with BODY")

// knownEncodings are those that are undone, or need not be. Anything else would
// be passed on as if it were none, which BINARY must not do.
var knownEncodings = map[string]bool{
	"7bit": true, "8bit": true, "binary": true, "base64": true, "quoted-printable": true,
	"x-uuencode": true, "uuencode": true, "x-uue": true, "uue": true,
}

// decoded gives the decoded octets of a part. Line ends become CRLF where they
// stand for line ends, which is not so within base64.
func (m *loaded) decoded(p *message.Part, path []int) io.Reader {
	e := p.Body
	if len(path) == 0 {
		return message.ToCRLF(m.section(0, m.Len()))
	}
	raw := m.section(e.Offset, e.Length)
	switch p.Encoding {
	case "7bit", "8bit", "binary", "quoted-printable":
		raw = message.ToCRLF(raw)
	}
	return p.DecodeBody(raw)
}
