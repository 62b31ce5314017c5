package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// checkPreview holds what is true of every preview.
func checkPreview(t *testing.T, p []byte) {
	t.Helper()
	switch {
	case !utf8.Valid(p):
		t.Errorf("preview %q is no UTF-8", p)
	case utf8.RuneCount(p) > maxPreview:
		t.Errorf("preview has %d characters", utf8.RuneCount(p))
	case bytes.ContainsFunc(p, unicode.IsControl), bytes.Contains(p, []byte("  ")), !bytes.Equal(p, bytes.TrimSpace(p)):
		t.Errorf("preview %q is not one line with single spaces", p)
	}
}

func TestPreview(t *testing.T) {
	const mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
	const alternative = "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n"
	const htmlPart = "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
	for _, tt := range []struct{ why, text, want string }{
		{"text in one line", "Subject: x\n\n  Hello,\r\n\r\nhow  are\tyou?\n", "Hello, how are you?"},
		{"no body", "Subject: x\n", ""},
		{"an answer without its quotation", "\nIn Bonn.\n\n> Where?\n> Here?\nSoon.\n", "In Bonn. Soon."},
		{"nothing but a quotation", "\n> Where\n>> is it?\n", "Where is it?"},
		{"no signature", "\nyes\n-- \nA. Sender\n", "yes"},
		{"200 characters, not octets", "Content-Type: text/plain; charset=utf-8\n\n" + strings.Repeat("ä", 300), strings.Repeat("ä", 200)},
		{"never more than that for a space", "\n" + strings.Repeat("x", 199) + " y", strings.Repeat("x", 199)},
		{"encoded text in its charset", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nf=FCr =\nSie", "für Sie"},
		{"a charset of its own", "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B!\n", "こん!"},
		{"octets that are no UTF-8 although they should be", "Content-Type: text/plain; charset=utf-8\n\ncaf\xe9\n", "café"},
		{"a charset that nobody knows", "Content-Type: text/plain; charset=x-mine\n\nhello\n", "hello"},
		{"flowed text", "Content-Type: text/plain; format=flowed\n\nOne line \nof text.\n > no quotation\n", "One line of text. > no quotation"},
		{"flowed text of a language without spaces", "Content-Type: text/plain; format=flowed; delsp=yes; charset=utf-8\n\n日本 \r\n語\r\nend\r\n", "日本語 end"},
		{"soft line breaks within words", "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\nHel=\nlo=20\nyou\n", "Hello you"},
		{"HTML in base64 in a charset", "MIME-Version: 1.0\nContent-Type: text/html; charset=koi8-r\nContent-Transfer-Encoding: base64\n\nPGI+8NLJ18XUPC9iPg==\n", "Привет"},
		{"base64", "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nSGVsbG8K\n", "Hello"},
		{"text before an attachment", mixed + "\nsee there\n--b\nContent-Type: image/png\n\nxx\n--b--\n", "see there"},
		{"an attached text is no text of the message", mixed + "Content-Disposition: attachment\n\nreport\n--b\n\nsee there\n--b--\n", "see there"},
		{"text rather than HTML, wherever it stands", alternative + "Content-Type: text/html\n\n<b>h\n--b\n\nt\n--b--\n", "t"},
		{"HTML where the text is empty", alternative + "\n \n\n--b\nContent-Type: text/html\n\n<b>h</b>\n--b--\n", "h"},
		{"nothing to read", "MIME-Version: 1.0\nContent-Type: image/png\n\nxx\n", ""},
		{"the text of another message is not this one's", "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nSubject: y\n\ninner\n", ""},
		{"HTML without what is not shown", htmlPart + "<html><head><title>T</title><STYLE>p > a{}</style></head><body><!-- no --><p class='a>b'>Dear&nbsp;A,<br>we&amp;you<script>x<y</script></p>", "Dear A, we&you"},
		{"words are not cut by inline tags", htmlPart + "<p>H<b>ell</b>o<p>there", "Hello there"},
		{"a table's cells are words of their own", htmlPart + "<table><tr><td>a<td>b</table>", "a b"},
		{"character references, also of what is no character", htmlPart + "&lt;b&gt; &eacute; &#x20AC; &#0; &unknown;", "<b> é € \ufffd &unknown;"},
		{"the head of a program that writes for another one", htmlPart + "<!DOCTYPE html><?xml version=\"1.0\"?><!--[if mso]><p>mso</p><![endif]-->text", "text"},
		{"less-than is text", htmlPart + "1 < 2 <3", "1 < 2 <3"},
		{"quotations in HTML", htmlPart + "<blockquote>old <blockquote>older</blockquote> old</blockquote>new", "new"},
		{"only a quotation in HTML", htmlPart + "<blockquote>old</blockquote>", "old"},
		{"a tag without end", htmlPart + "a<p class=\"", "a"},
		{"an element without end", htmlPart + "a<style>b", "a"},
		{"padding of newsletters", htmlPart + "Sale&#847; &zwnj;&nbsp;&zwnj;&#8199;&shy;&#8203; now", "Sale now"},
		{"no change of direction", htmlPart + "a&#8238;b", "ab"},
		{"joined emoji stay joined", htmlPart + "&#128105;&zwj;&#128187;", "\U0001F469\u200d\U0001F4BB"},
		{"NUL and other controls", "\na\x00b\x07c", "a b c"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			root, err := Scan(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := AppendPreview([]byte("! "), root, strings.NewReader(tt.text))
			if err != nil || string(got) != "! "+tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			checkPreview(t, got[2:])
		})
	}
}

// A readCounter counts what is read.
type readCounter struct {
	r io.ReaderAt
	n int
}

func (c *readCounter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += n
	return n, err
}

// TestPreviewBounds: however long the text is, and however long it has nothing to
// say, only its beginning is read.
func TestPreviewBounds(t *testing.T) {
	const html = "MIME-Version: 1.0\nContent-Type: text/html\n\n"
	many := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n" + strings.Repeat("\n--b\nContent-Type: text/html\n\n"+strings.Repeat(" ", 100_000), 50)
	for _, tt := range []struct {
		why, text, want string
		read            int
	}{
		{"plain text", "\n" + strings.Repeat("word ", 100_000), strings.TrimSpace(strings.Repeat("word ", 40)), previewPlain},
		{"nothing but space", "\n" + strings.Repeat("\n", 1<<20) + "late", "", previewPlain},
		{"a style sheet that does not end", html + "<style>" + strings.Repeat("p{}", 1<<18), "", previewHTML},
		{"tags without end", html + strings.Repeat("<a<", 1<<18), "", previewHTML},
		{"a long style sheet with text behind it", html + "<style>" + strings.Repeat("p{}", 20_000) + "</style>text", "text", previewHTML},
		{"many empty parts", many, "", maxPreviewParts * previewHTML},
	} {
		t.Run(tt.why, func(t *testing.T) {
			root, err := Scan(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			r := &readCounter{r: strings.NewReader(tt.text)}
			got, err := AppendPreview(nil, root, r)
			if err != nil || string(got) != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if r.n > tt.read {
				t.Errorf("%d octets were read, more than %d", r.n, tt.read)
			}
		})
	}
}

// FuzzPreview makes previews of any text, as plain text and as HTML.
func FuzzPreview(f *testing.F) {
	f.Add([]byte("Hello\n> quoted\n-- \nme"), "utf-8", "")
	f.Add([]byte("<style>p{}</style><p class='a>b'>Dear&nbsp;&#0;<!-- --><blockquote>x</blockquote>"), "iso-8859-1", "quoted-printable")
	f.Add([]byte("PGI+8NLJ18XUPC9iPg=="), "koi8-r", "base64")
	f.Add([]byte("a</"), "", "")
	f.Add([]byte("<!"), "", "")
	f.Fuzz(func(t *testing.T, text []byte, charset, encoding string) {
		for _, subtype := range []string{"plain", "html"} {
			p := &Part{Type: "text", Subtype: subtype, Params: []Param{{Name: "charset", Value: charset}, {Name: "delsp", Value: "yes"}}, Encoding: encoding}
			p.Body.Length = int64(len(text))
			r := &readCounter{r: bytes.NewReader(text)}
			got, err := AppendPreview(nil, p, r)
			if err != nil {
				t.Fatal(err)
			}
			checkPreview(t, got)
			if r.n > previewHTML {
				t.Errorf("%d octets were read", r.n)
			}
		}
	})
}
