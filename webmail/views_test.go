package webmail

import (
	"io"
	"io/fs"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// pageTypes says from which type each page is rendered.
var pageTypes = map[string]any{"login": loginPage{}, "mailbox": mailboxPage{}, "confirm": confirmPage{}, "error": errorPage{}}

// TestTemplates executes each template with nothing set and with everything set, so that each field that it names must be
// there and of the right kind in every branch.
func TestTemplates(t *testing.T) {
	v := newViews(newAssets())
	for _, name := range pageNames {
		zero, ok := pageTypes[name]
		if !ok {
			t.Errorf("page %q has no type here", name)
			continue
		}
		full := reflect.New(reflect.TypeOf(zero)).Elem()
		fill(full, 0)
		variants := []any{full.Interface()}
		if name != "mailbox" {
			variants = append(variants, zero)
		}
		for _, data := range variants {
			if err := v.execute(io.Discard, name, data); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, page := range mailboxVariants(t) {
		var b strings.Builder
		if err := v.execute(&b, "mailbox", page); err != nil {
			t.Errorf("mailbox: %v", err)
		}
		if strings.Contains(b.String(), "ZgotmplZ") {
			t.Error("mailbox: html/template refused a value")
		}
	}
}

// mailboxVariants are pages of the kinds that a full one does not show.
func mailboxVariants(t *testing.T) []mailboxPage {
	t.Helper()
	var full mailboxPage
	fill(reflect.ValueOf(&full).Elem(), 0)
	one := full
	msg := *full.Message
	msg.Blocks, msg.Attachments, msg.From, msg.Subject, msg.Headers, msg.Plain = nil, nil, nil, "", "", false
	one.Message = &msg
	return []mailboxPage{{List: &listView{}}, {List: &listView{}, Message: &messageView{}}, one,
		{List: &listView{Rows: []row{{}}}, Message: &messageView{Blocks: []block{{Text: "x"}, {Frame: "/x"}, {Head: &head{}}}}}}
}

// fill sets every field of a value, slices to one element and pointers to something.
func fill(v reflect.Value, depth int) {
	if depth > 8 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Uint32, reflect.Uint8, reflect.Uint64:
		v.SetUint(2)
	case reflect.Slice:
		n := 1
		if v.Type().Elem() == reflect.TypeFor[address]() {
			n = 8 // the long form
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), depth+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	}
}

// TestTemplateFiles: each template file is a page or one of the two shared ones.
func TestTemplateFiles(t *testing.T) {
	files, err := fs.ReadDir(templateFiles, "templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".html")
		if name != "base" && name != "parts" && !slices.Contains(pageNames, name) {
			t.Errorf("%s belongs to no page", f.Name())
		}
	}
}

func TestRenderText(t *testing.T) {
	const link = ` target="_blank" rel="noopener noreferrer nofollow">`
	for _, c := range []struct {
		why, in       string
		flowed, delSp bool
		want          string
	}{
		{"text", "a < b & \"c\"\nd", false, false, "a &lt; b &amp; &#34;c&#34;\nd"},
		{"all line ends", "a\r\nb\rc\n\n", false, false, "a\nb\nc"},
		{"quotations", "a\n> b\n> > c\n>>d\n> e\nf", false, false, "a<blockquote>b<blockquote>c\nd</blockquote>e</blockquote>f"},
		{"an empty quoted line", "> a\n>\n> b", false, false, "<blockquote>a\n\nb</blockquote>"},
		{"a From that the mailbox format quoted", ">From here", false, false, "From here"},
		{"the signature", "a\n-- \nme", false, false, "a</div><div class=\"text signature\">-- \nme"},
		{"links", "see https://a.example/x?y=1&z=2.", false, false, `see <a href="https://a.example/x?y=1&amp;z=2"` + link + "https://a.example/x?y=1&amp;z=2</a>."},
		{"brackets round a link", "(http://a.example/b)", false, false, `(<a href="http://a.example/b"` + link + "http://a.example/b</a>)"},
		{"angle brackets", "<http://a.example>", false, false, `&lt;<a href="http://a.example"` + link + "http://a.example</a>&gt;"},
		{"other schemes are text", "javascript:alert(1) ftp://x data:text/html,x", false, false, "javascript:alert(1) ftp://x data:text/html,x"},
		{"a scheme alone is text", "http:// mailto:: https://...", false, false, "http:// mailto:: https://..."},
		{"a quote ends a link", `http://a.example/"onclick="x`, false, false, `<a href="http://a.example/"` + link + `http://a.example/</a>&#34;onclick=&#34;x`},
		{"direction characters end a link", "http://a.example/\u202Egpj", false, false, `<a href="http://a.example/"` + link + "http://a.example/</a>\u202Egpj"},
		{"flowed lines", "one \ntwo\n three \n> q \n> r\n-- \nme", true, false, "one two\nthree <blockquote>q r</blockquote></div><div class=\"text signature\">-- \nme"},
		{"flowed with DelSp", "on \ne", true, true, "one"},
	} {
		want := `<div class="text">` + c.want + "</div>"
		if got := string(renderText(c.in, c.flowed, c.delSp)); got != want {
			t.Errorf("%s:\n got  %s\n want %s", c.why, got, want)
		}
	}
}

// FuzzRenderText: the words come through, the tags are ours and balanced.
func FuzzRenderText(f *testing.F) {
	f.Add("a\n> b\n>> c\nhttp://x.example/<b>", true)
	f.Fuzz(func(t *testing.T, s string, flowed bool) {
		got := string(renderText(s, flowed, flowed))
		for _, tag := range []string{"div", "blockquote", "a"} {
			if open, end := strings.Count(got, "<"+tag+" ")+strings.Count(got, "<"+tag+">"), strings.Count(got, "</"+tag+">"); open != end {
				t.Errorf("%q: %d %s opened, %d closed", s, open, tag, end)
			}
		}
		plain := strings.NewReplacer("<blockquote>", "", "</blockquote>", "", "</a>", "", "</div>", "", `<div class="text">`, "", `<div class="text signature">`, "").Replace(got)
		for rest := plain; ; {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			if !strings.HasPrefix(after, `a href="http`) && !strings.HasPrefix(after, `a href="mailto:`) && !strings.HasPrefix(after, `a href="HTTP`) && !strings.HasPrefix(strings.ToLower(after), `a href="http`) && !strings.HasPrefix(strings.ToLower(after), `a href="mailto:`) {
				t.Fatalf("%q: a tag of its own: %.60q", s, after)
			}
			rest = after
		}
	})
}

func TestBoxNames(t *testing.T) {
	for _, name := range []string{"INBOX", "a/b", ".", "..", ".hidden", "~", "~1", "~0", "~~2", "a~b/c", "Übersicht", "a b", "a%2Fb", "a?b#c", `a\b`, "家族/写真"} {
		seg := boxSegment(name)
		if strings.ContainsAny(seg, "/?#\\ ") || strings.HasPrefix(seg, ".") {
			t.Errorf("%q is %q in a path", name, seg)
		}
		back := boxName(unescape(t, seg))
		if back != name {
			t.Errorf("%q became %q", name, back)
		}
	}
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte(byte(strings.Index("0123456789ABCDEF", s[i+1:i+2])<<4 | strings.Index("0123456789ABCDEF", s[i+2:i+3])))
		i += 2
	}
	return b.String()
}

func TestSignatures(t *testing.T) {
	a, b := &session{id: "A"}, &session{id: "A"}
	b.key[0] = 1
	p := place{"a/b", 1, 2, "3"}
	mac := a.sign(p)
	if !a.signed(p, mac) {
		t.Error("a session does not know its own signature")
	}
	for why, ok := range map[string]bool{
		"another session":     b.signed(p, mac),
		"another part":        a.signed(place{"a/b", 1, 2, "4"}, mac),
		"another message":     a.signed(place{"a/b", 1, 3, "3"}, mac),
		"another UIDVALIDITY": a.signed(place{"a/b", 12, 2, "3"}, mac),
		"another mailbox":     a.signed(place{"a", 1, 2, "3"}, mac),
		"nothing":             a.signed(p, ""),
	} {
		if ok {
			t.Errorf("the signature is good for %s", why)
		}
	}
}

// TestLogPath: what opens a picture to anybody stays out of the log, and a path without end too.
func TestLogPath(t *testing.T) {
	for path, want := range map[string]string{
		"/m/INBOX/1/2":                      "/m/INBOX/1/2",
		"/picture/SECRET/INBOX/1/2/1.2/MAC": picturePattern,
		"/picture/SECRET":                   picturePattern,
		"/m/" + strings.Repeat("x", 1<<16):  "/m/" + strings.Repeat("x", maxName-3),
	} {
		if got := logPath(httptest.NewRequest("GET", path, nil)); got != want {
			t.Errorf("%.60s: %.80s", path, got)
		}
	}
}
