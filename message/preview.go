package message

import (
	"bytes"
	"html"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPreview is how many characters a preview has at most (RFC 8970 section 4).
const maxPreview = 200

// What is read of a part for a preview. HTML begins with long style sheets.
const (
	previewPlain = 8 << 10
	previewHTML  = 64 << 10
	previewRoom  = 2 << 10 // the decoder's buffers
)

// maxPreviewParts is how many parts are tried: the text of some messages is empty
// and their HTML is not.
const maxPreviewParts = 3

// AppendPreview appends the beginning of what a message says, for people (RFC 8970
// section 4): up to 200 characters of UTF-8 in one line, without markup, and
// without what it quotes unless there is nothing else. root is the message as it
// was scanned, r gives its stored octets; the error is that of r. A message
// without text has an empty preview.
func AppendPreview(dst []byte, root *Part, r io.ReaderAt) ([]byte, error) {
	for _, p := range previewParts(nil, root) {
		said, err := p.preview(r)
		if err != nil {
			return dst, err
		}
		if len(said) > 0 {
			return append(dst, said...), nil
		}
	}
	return dst, nil
}

// preview makes a preview of one part with text.
func (p *Part) preview(r io.ReaderAt) ([]byte, error) {
	limit := int64(previewPlain)
	if p.Is("text", "html") {
		limit = previewHTML
	}
	raw := io.NewSectionReader(r, p.Body.Offset, min(p.Body.Length, limit))
	var text bytes.Buffer
	text.Grow(int(raw.Size()) + bytes.MinRead)
	if _, err := text.ReadFrom(p.decodeText(raw, previewRoom)); err != nil {
		return nil, err
	}
	var pv previewer
	if p.Is("text", "html") {
		pv.html(text.Bytes())
	} else {
		delsp, _ := p.Param("delsp")
		pv.plain(text.Bytes(), strings.EqualFold(delsp, "yes"))
	}
	return pv.result(), nil
}

// previewParts lists the parts that hold what a message says, the best one first.
func previewParts(list []*Part, p *Part) []*Part {
	switch {
	case len(list) == maxPreviewParts || strings.EqualFold(p.Disposition, "attachment"):
		return list
	case p.Is("text", "plain"), p.Is("text", "html"):
		return append(list, p)
	}
	start := len(list)
	for _, child := range p.Parts {
		list = previewParts(list, child)
	}
	if p.Is("multipart", "alternative") {
		slices.SortStableFunc(list[start:], func(a, b *Part) int { return htmlLast(a) - htmlLast(b) })
	}
	return list
}

func htmlLast(p *Part) int {
	if p.Is("text", "html") {
		return 1
	}
	return 0
}

// A previewer collects what a text says, and apart from it what it quotes.
type previewer struct {
	said, quoted previewLine
}

func (pv *previewer) result() []byte {
	if len(pv.said.text) > 0 {
		return pv.said.text
	}
	return pv.quoted.text
}

// plain reads text: lines that begin with ">" are quoted, and a signature ends it.
// With delsp the space at the end of a line only says that the next line goes on
// with it (RFC 3676 section 4.1).
func (pv *previewer) plain(text []byte, delsp bool) {
	for len(text) > 0 && !pv.said.full() {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		line, text = bytes.TrimSuffix(line, []byte{'\r'}), rest
		switch {
		case bytes.HasPrefix(line, []byte{'>'}):
			pv.quoted.add(bytes.TrimLeft(line, "> "))
			pv.quoted.space()
		case string(line) == "-- ":
			return
		case delsp && bytes.HasSuffix(line, []byte{' '}):
			pv.said.add(line[:len(line)-1])
		default:
			pv.said.add(line)
			pv.said.space()
		}
	}
}

// html reads HTML: what stands between tags, but for that of elements that are
// not shown; blockquote quotes.
func (pv *previewer) html(text []byte) {
	quotes := 0
	for len(text) > 0 && !pv.said.full() {
		to := &pv.said
		if quotes > 0 {
			to = &pv.quoted
		}
		i := nextTag(text)
		to.entities(text[:i])
		text = text[i:]
		if len(text) == 0 {
			return
		}
		var t tag
		t, text = cutTag(text)
		switch {
		case t.is("blockquote") && !t.end:
			quotes++
		case t.is("blockquote"):
			quotes = max(quotes-1, 0)
		case !t.end && t.hides():
			text = behindElement(text, t.name)
		}
		if !t.inline() {
			pv.said.space()
			pv.quoted.space()
		}
	}
}

// A previewLine is one line of text with single spaces.
type previewLine struct {
	text  []byte
	n     int // characters
	apart bool
}

func (l *previewLine) full() bool { return l.n >= maxPreview }

// space separates what comes from what is there.
func (l *previewLine) space() { l.apart = len(l.text) > 0 }

// entities adds text of HTML.
func (l *previewLine) entities(text []byte) {
	if l.full() {
		return
	}
	if bytes.IndexByte(text, '&') >= 0 {
		text = []byte(html.UnescapeString(string(text[:min(len(text), previewPlain)])))
	}
	l.add(text)
}

// add adds text. Characters that show nothing are left out: newsletters fill the
// room behind their first words with them, and some change the direction of what
// follows.
func (l *previewLine) add(text []byte) {
	for len(text) > 0 && !l.full() {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError && size == 1:
			l.space()
			continue
		case (r == zwnj || r == zwj) && (l.apart || len(l.text) == 0), r != zwnj && r != zwj && unicode.Is(unicode.Cf, r), r == graphemeJoiner:
			continue
		}
		if l.apart {
			if l.n++; l.full() {
				return
			}
			l.text, l.apart = append(l.text, ' '), false
		}
		l.text = utf8.AppendRune(l.text, r)
		l.n++
	}
}

const (
	zwnj           = '\u200c' // within words of Persian, joins emoji
	zwj            = '\u200d'
	graphemeJoiner = '\u034f'
)
