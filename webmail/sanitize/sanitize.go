package sanitize

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// DefaultMaxBytes is how much of a message is read when Options.MaxBytes is zero. The largest newsletters are a
// tenth of it.
const DefaultMaxBytes = 4 << 20

// The classes that Sanitize writes itself. A class of the message never equals one of them, as it has a prefix.
const (
	RootClass    = "mail"         // the element in place of html
	BodyClass    = "mail-body"    // the element in place of body
	BlockedClass = "mail-blocked" // the place of a picture that was left out because it is remote
	namePrefix   = "m-"           // stands before each class, id and name of the message
)

// Options says what a message may show beside its own words. The zero value shows no pictures but those inside the
// HTML itself (data: URLs).
type Options struct {
	// CID gives the URL under which the body part with this Content-ID is served (RFC 2392; the id comes
	// percent-decoded and without angle brackets). With ok false, or a nil CID, the picture is left out.
	CID func(id string) (url string, ok bool)
	// RemoteImages lets pictures and backgrounds load over http and https.
	RemoteImages bool
	// MaxBytes bounds how much of the message is read; zero stands for DefaultMaxBytes.
	MaxBytes int
}

// Result tells what was done to a message.
type Result struct {
	// BlockedRemote counts the pictures and backgrounds that Options.RemoteImages would have shown.
	BlockedRemote int
	// RemoteImages counts those that are in the output because Options.RemoteImages was set.
	RemoteImages int
	// Truncated says that something is missing: the end of a message that was longer than Options.MaxBytes, or style sheets
	// that no message needs.
	Truncated bool
	// TextOnly says that the message could not be parsed as HTML, so that only its text is in the output.
	TextOnly bool
}

// Sanitize returns src, the UTF-8 text of a text/html body part, as a fragment that keeps the promises of the
// package. It never fails: what cannot be understood is left out. The work is bounded by Options.MaxBytes, nearly
// linear in it, and done in memory. It is safe for concurrent use as far as Options.CID is.
func Sanitize(src []byte, opt Options) ([]byte, Result) {
	w := &walker{opt: opt}
	src = w.cut(src)
	text := strings.ToValidUTF8(string(src), "\uFFFD")
	doc, err := html.ParseWithOptions(bytes.NewReader(tame(text)), html.ParseOptionEnableScripting(false))
	if err != nil {
		w.res.TextOnly = true
		w.textOnly(text)
		return w.out.Bytes(), w.res
	}
	w.document(doc)
	return w.out.Bytes(), w.res
}

func (w *walker) cut(src []byte) []byte {
	limit := w.opt.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if len(src) <= limit {
		return src
	}
	w.res.Truncated = true
	return src[:limit]
}

// textOnly writes the words of a message that the parser refused.
func (w *walker) textOnly(text string) {
	w.out.WriteString(`<div class="` + RootClass + `"><div class="` + BodyClass + `"><pre>` + "\n")
	z := html.NewTokenizer(strings.NewReader(text))
	skip := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			w.out.WriteString("</pre></div></div>")
			return
		case html.TextToken:
			if !skip {
				writeText(&w.out, string(z.Text()))
			}
		case html.StartTagToken, html.EndTagToken:
			name, _ := z.TagName()
			skip = isRawText(string(name)) && z.Raw()[1] != '/'
		}
	}
}
