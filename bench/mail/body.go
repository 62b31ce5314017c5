package mail

import (
	"fmt"
	"math/rand/v2"
)

// body writes what stands behind the header's fields, those of MIME included.
type body struct {
	m        *Maker
	rng      *rand.Rand
	text     text
	token    string // stands in the text of this message only
	boundary string
}

// append appends about size octets. The larger a message, the likelier something
// is attached.
func (b *body) append(dst []byte, size int) []byte {
	switch n := b.rng.IntN(100); {
	case size < 1500, size < 8000 && n < 55, n < 12:
		return b.plain(dst, size)
	case size < 24_000 && n < 93, n < 35:
		return b.alternative(dst, size, b.boundary)
	case n < 95:
		return b.mixed(dst, size)
	}
	return b.forwarded(dst, size)
}

// plain is one part of text.
func (b *body) plain(dst []byte, size int) []byte {
	dst = fmt.Appendf(dst, "Content-Type: text/plain; charset=%s; format=flowed\nContent-Transfer-Encoding: %s\n\n", b.text.charset, b.text.encoding)
	if b.text.encoding == "base64" {
		raw := b.text.pool.fill(append(make([]byte, 0, size), b.token+"\n"...), b.rng, size*3/4)
		return inLines(dst, raw)
	}
	dst = append(dst, b.token+"\n"...)
	return b.text.pool.fill(dst, b.rng, size)
}

// html is one part of markup.
func (b *body) html(dst []byte, size int) []byte {
	kind := b.rng.IntN(3)
	encoding, charset := "quoted-printable", "utf-8"
	if kind == 0 {
		encoding, charset = "7bit", "us-ascii"
	}
	dst = fmt.Appendf(dst, "Content-Type: text/html; charset=%q\nContent-Transfer-Encoding: %s\n\n<html><head><title>%s</title></head><body><table>\n", charset, encoding, b.token)
	dst = b.m.html[kind].fill(dst, b.rng, size)
	return append(dst, "</table></body></html>\n"...)
}

// parts writes a multipart: its parts between boundaries.
func parts(dst []byte, kind, boundary string, list ...func([]byte) []byte) []byte {
	dst = fmt.Appendf(dst, "Content-Type: multipart/%s;\n\tboundary=%q\n\n", kind, boundary)
	if kind == "mixed" {
		dst = append(dst, "This is a multi-part message in MIME format.\n"...)
	}
	for _, part := range list {
		dst = fmt.Appendf(dst, "--%s\n", boundary)
		dst = append(part(dst), '\n')
	}
	return fmt.Appendf(dst, "--%s--\n", boundary)
}

// alternative is text, and the same as a page of three times the length.
func (b *body) alternative(dst []byte, size int, boundary string) []byte {
	return parts(dst, "alternative", boundary,
		func(dst []byte) []byte { return b.plain(dst, max(size/5-150, 100)) },
		func(dst []byte) []byte { return b.html(dst, max(size*4/5-300, 100)) })
}

// mixed has text and one to three things attached, which are most of it.
func (b *body) mixed(dst []byte, size int) []byte {
	front := min(size/4, 1000+b.rng.IntN(20_000))
	list := []func([]byte) []byte{func(dst []byte) []byte {
		if b.rng.IntN(2) == 0 {
			return b.plain(dst, front)
		}
		return b.alternative(dst, front, b.boundary+"a")
	}}
	n := 1 + b.rng.IntN(3)
	for i := range n {
		list = append(list, func(dst []byte) []byte { return b.attachment(dst, i, (size-front)/n-300) })
	}
	return parts(dst, "mixed", b.boundary, list...)
}

func (b *body) attachment(dst []byte, i, size int) []byte {
	kind := [][2]string{{"application/pdf", "pdf"}, {"image/jpeg", "jpg"}, {"application/zip", "zip"}, {"application/vnd.oasis.opendocument.text", "odt"}, {"image/png", "png"}}[b.rng.IntN(5)]
	name := fmt.Sprintf("filename=\"%s-%d.%s\"", b.token, i, kind[1])
	if b.rng.IntN(5) == 0 {
		name = fmt.Sprintf("filename*=utf-8''%%C3%%9Cbersicht-%d.%s", i, kind[1])
	}
	dst = fmt.Appendf(dst, "Content-Type: %s\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment;\n\t%s\n\n", kind[0], name)
	return b.m.data.fill(dst, b.rng, max(size, 77))
}

// forwarded has another message in it.
func (b *body) forwarded(dst []byte, size int) []byte {
	from := b.m.people[b.rng.IntN(len(b.m.people))]
	return parts(dst, "mixed", b.boundary,
		func(dst []byte) []byte { return b.plain(dst, 300) },
		func(dst []byte) []byte {
			dst = fmt.Appendf(dst, "Content-Type: message/rfc822\nContent-Disposition: inline\n\nFrom: %s <%s>\nSubject: Fwd %s\nMIME-Version: 1.0\n", from.name, from.addr, b.token)
			return b.alternative(dst, size-900, b.boundary+"f")
		})
}
