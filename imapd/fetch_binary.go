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
	sizeOnly := it.Att == imap.FetchBinarySize
	src, err := m.decoded(it.Section.Path)
	switch {
	case err != nil:
		return value{}, err
	case src == nil && sizeOnly: // its grammar has no NIL
		return value{kind: valueNumber}, nil
	case src == nil:
		return value{kind: valueNIL}, nil
	}
	size, err := io.Copy(io.Discard, src())
	if err != nil {
		return value{}, err
	}
	if sizeOnly {
		return value{kind: valueNumber, size: size}, nil
	}
	off, length := window(it.Section.Partial)
	off = min(off, size)
	r := src()
	if _, err := io.CopyN(io.Discard, r, off); err != nil {
		return value{}, err
	}
	return value{kind: valueBinary, size: min(length, size-off), src: r}, nil
}

// errUnknownCTE is RFC 3516 section 4.3.
var errUnknownCTE = no("UNKNOWN-CTE", "The transfer encoding of a part is not known here; fetch it with BODY")

// knownEncodings are those that are undone, or need not be. Anything else would
// be passed on as if it were none, which BINARY must not do.
var knownEncodings = map[string]bool{
	"7bit": true, "8bit": true, "binary": true, "base64": true, "quoted-printable": true,
	"x-uuencode": true, "uuencode": true, "x-uue": true, "uue": true,
}

// decoded gives what makes readers of the decoded octets of a part, nil when
// there is no such part. Line ends become CRLF where they stand for line ends,
// which is not so within base64.
func (m *loaded) decoded(path []int) (func() io.Reader, error) {
	if len(path) == 0 {
		return func() io.Reader { return message.ToCRLF(m.section(0, m.Len())) }, nil
	}
	p := m.root.Find(path)
	switch {
	case p == nil:
		return nil, nil
	case !knownEncodings[p.Encoding]:
		return nil, errUnknownCTE
	}
	return func() io.Reader {
		raw := m.section(p.Body.Offset, p.Body.Length)
		switch p.Encoding {
		case "7bit", "8bit", "binary", "quoted-printable":
			raw = message.ToCRLF(raw)
		}
		return p.DecodeBody(raw)
	}, nil
}
