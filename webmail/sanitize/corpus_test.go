package sanitize_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"restante/webmail/sanitize"
)

// corpusRoot is where the collection of real mail should be: $RESTANTE_CORPUS, or beside the module.
func corpusRoot() string {
	if dir := os.Getenv("RESTANTE_CORPUS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "corpus")
}

// corpusDir gives a place in the corpus, or skips the test where there is none.
func corpusDir(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{corpusRoot()}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no corpus at %s (set RESTANTE_CORPUS)", path)
	}
	return path
}

func corpusFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(corpusDir(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// payloads reads one of the lists of attack strings.
func payloads(t testing.TB, file string) []string {
	t.Helper()
	var list []struct{ Payload string }
	if err := json.Unmarshal(corpusFile(t, "html", "payloads", file), &list); err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = p.Payload
	}
	return out
}

func TestPayloads(t *testing.T) {
	for file, least := range map[string]int{"h5sc.json": 149, "dompurify.json": 223, "bluemonday.json": 413, "roundcube-washtml.json": 160} {
		t.Run(file, func(t *testing.T) {
			list := payloads(t, file)
			if len(list) < least {
				t.Errorf("%d payloads, want at least %d", len(list), least)
			}
			for i, p := range list {
				for _, v := range check([]byte(p)) {
					t.Errorf("payload %d %.200q: %s", i, p, v)
				}
			}
		})
	}
}

// bodies lists the files of the corpus that hold a whole HTML body.
func bodies(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, set := range []string{"caniemail", "httpleaks", "roundcube", "templates", "thunderbird"} {
		err := filepath.WalkDir(corpusDir(t, "html", set), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && d.Name() != "LICENSE" {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestBodies(t *testing.T) {
	files := bodies(t)
	if len(files) < 180 {
		t.Errorf("only %d files", len(files))
	}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range check(src) {
			t.Errorf("%s: %s", path, v)
		}
	}
}

// TestLeaks is the rule of the HTTPLeaks page: with remote pictures off, the address stands nowhere but in the href
// of plain links.
func TestLeaks(t *testing.T) {
	src := corpusFile(t, "html", "httpleaks", "leak.html")
	out, res := sanitize.Sanitize(src, sanitize.Options{CID: cid})
	doc, err := html.Parse(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, "leaking.via") && n.Parent.Data == "style" {
			t.Errorf("style: %.300q", n.Data)
		}
		for _, a := range n.Attr {
			if strings.Contains(a.Val, "leaking.via") && !(n.Data == "a" && a.Key == "href") {
				t.Errorf("%s %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	if res.BlockedRemote < 10 {
		t.Errorf("BlockedRemote = %d, want the pictures of the page", res.BlockedRemote)
	}
}

// TestHonestMail counts what a layout stands on: nothing of it may be lost from the templates that senders start from.
func TestHonestMail(t *testing.T) {
	for _, path := range bodies(t) {
		if !strings.Contains(path, "/templates/") {
			continue
		}
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out, res := sanitize.Sanitize(src, sanitize.Options{RemoteImages: true})
		if res.TextOnly || res.Truncated {
			t.Errorf("%s: %+v", path, res)
		}
		before, after := count(t, src), count(t, out)
		for _, what := range []string{"table", "td", "tr", "h1", "p", "td[width]", "td[align]", "td[bgcolor]", "table[cellpadding]", "b", "strong", "br"} {
			if before[what] != after[what] {
				t.Errorf("%s: %d %s before, %d after", path, before[what], what, after[what])
			}
		}
		if before["text"] > after["text"] {
			t.Errorf("%s: %d characters of text before, %d after", path, before["text"], after["text"])
		}
		if before["style"] > 0 && after["style"] == 0 {
			t.Errorf("%s: its style sheets are gone", path)
		}
	}
}

// TestMessages goes over every HTML part of the real messages, decoded as far as the standard library can, and over those
// messages raw whose HTML it cannot find.
func TestMessages(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpusDir(t, "eml"), "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range htmlParts(raw) {
			parts++
			for _, v := range check(part) {
				t.Errorf("%s: %s", path, v)
			}
		}
	}
	if parts < 350 {
		t.Errorf("only %d HTML parts in %d messages", parts, len(files))
	}
}

// htmlParts digs the HTML out of a message. What the strict readers of the standard library refuse is given as it
// stands, from its first tag on.
func htmlParts(raw []byte) [][]byte {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err == nil {
		if parts := digHTML(textproto.MIMEHeader(msg.Header), msg.Body, 0); len(parts) > 0 {
			return parts
		}
	}
	if i := bytes.Index(bytes.ToLower(raw), []byte("<html")); i >= 0 {
		return [][]byte{raw[i:]}
	}
	return nil
}

func digHTML(h textproto.MIMEHeader, body io.Reader, depth int) (parts [][]byte) {
	kind, params, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	switch {
	case kind == "text/html":
		data, _ := io.ReadAll(body) // what was read before an error counts
		return [][]byte{data}
	case kind == "message/rfc822" && depth < 8:
		if msg, err := mail.ReadMessage(body); err == nil {
			return digHTML(textproto.MIMEHeader(msg.Header), msg.Body, depth+1)
		}
	case strings.HasPrefix(kind, "multipart/") && depth < 8:
		for mr := multipart.NewReader(body, params["boundary"]); ; {
			p, err := mr.NextRawPart()
			if err != nil {
				return parts
			}
			parts = append(parts, digHTML(p.Header, p, depth+1)...)
		}
	}
	return parts
}

// count tells how often each element, and each element with each attribute, stands in a page, and how much text is shown.
func count(t *testing.T, src []byte) map[string]int {
	t.Helper()
	doc, err := html.ParseWithOptions(bytes.NewReader(src), html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatal(err)
	}
	n := make(map[string]int)
	for e := range doc.Descendants() {
		switch e.Type {
		case html.ElementNode:
			n[e.Data]++
			for _, a := range e.Attr {
				n[e.Data+"["+a.Key+"]"]++
			}
		case html.TextNode:
			if !slices.Contains([]string{"style", "script", "title", "head", "html", "option", "select"}, e.Parent.Data) {
				n["text"] += len(strings.Join(strings.Fields(e.Data), ""))
			}
		}
	}
	return n
}

func FuzzSanitize(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	if _, err := os.Stat(corpusRoot()); err == nil {
		for _, file := range []string{"h5sc.json", "dompurify.json"} {
			for _, p := range payloads(f, file) {
				f.Add([]byte(p))
			}
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<16 {
			return
		}
		for _, v := range check(src) {
			t.Errorf("%s", v)
		}
	})
}

// seeds are shapes that sanitizers have fallen for.
var seeds = []string{
	`<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
	`<style>@import "//x";a{background:u\rl(//x)}</style><b style="x:y;background:url( 'cid:1' )">`,
	`<style>a{color:red;b{}}}</style><style></style><p style="--a:{};color:var(--a)">`,
	`<table><td background=cid:x><a href=" java	script:alert(1)">`,
	`<style>@media (a<b){.x,#y:not(.z)>[class="a b"]{margin:-1px;background:image-set("//x" 1x)}}</style>`,
}
