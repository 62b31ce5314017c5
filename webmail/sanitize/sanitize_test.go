package sanitize_test

import (
	"strings"
	"testing"

	"restante/webmail/sanitize"
)

// wrap gives what stands round every message.
func wrap(body string) string {
	return `<div class="mail"><div class="mail-body">` + body + "</div></div>\n"
}

func TestSanitize(t *testing.T) {
	const png = "data:image/png;base64,iVBORw0KGgo="
	for _, c := range []struct{ why, in, want string }{
		{"text stays text", "a < b & c > d \"e\"", "a &lt; b &amp; c &gt; d \"e\""},
		{"structure stays", "<p dir=rtl lang=he>x<br>y</p><blockquote type=cite>q</blockquote>", `<p dir="rtl" lang="he">x<br>y</p><blockquote type="cite">q</blockquote>`},
		{"the first line end in pre does not count, the second does", "<pre>\n\n a\n</pre>", "<pre>\n\n a\n</pre>"},
		{"layout attributes stay", `<table width=600 bgcolor=#fff cellpadding=0><tr><td colspan=2 nowrap valign=top>x`,
			`<table width="600" bgcolor="#fff" cellpadding="0"><tbody><tr><td colspan="2" nowrap="" valign="top">x</td></tr></tbody></table>`},
		{"inline styles stay, in one form", `<b style="COLOR : Red !important ; font-family: 'Open Sans',serif; mso-x: 1; width:calc(100% - 10px)">x`,
			`<b style="color:Red!important;font-family:&#34;Open Sans&#34;,serif;width:calc(100%  -  10px)">x</b>`},
		{"an element nobody knows loses its tags only", "<o:p>x</o:p><custom-x>y</custom-x>", "xy"},
		{"scripts go with what they hold", "a<script>alert(1)</script>b<svg><script>x</script><text>t</text></svg>c", "abc"},
		{"handlers go", `<p onclick="x" ONMOUSEOVER=y style=color:red>z`, `<p style="color:red">z</p>`},
		{"comments go, conditional ones too", "a<!--[if mso]><p>mso</p><![endif]-->b<![if !mso]>c<![endif]>", "abc"},
		{"what noscript holds is shown, as in a browser without scripts", "<noscript><b>x</b></noscript>", "<b>x</b>"},
		{"the fallback of an object is shown", "<object data=x.swf><param name=a><p>alt</p></object>", "<p>alt</p>"},
		{"forms go, their text stays", "<form action=http://x/>Name <input name=a><button>Go</button><select><option>1</select></form>", "Name Go"},
		{"text areas show their text", "<textarea>a<b></textarea>", "<pre>\na&lt;b&gt;</pre>"},
		{"links open outside", `<a href=HTTP://Example.org/a?b=c&amp;d>x`,
			`<a href="http://Example.org/a?b=c&amp;d" target="_blank" rel="noopener noreferrer nofollow">x</a>`},
		{"mailto", `<a href="mailto:a@b.example?subject=x y">x`,
			`<a href="mailto:a@b.example?subject=x%20y" target="_blank" rel="noopener noreferrer nofollow">x</a>`},
		{"links within the message", `<a href="#top">x</a><a name=top>`, `<a href="#m-top">x</a><a name="m-top"></a>`},
		{"white space in a scheme does not help", "<a href=' java\tscript&#10;:alert(1)'>x", "<a>x</a>"},
		{"entities in a scheme do not help", "<a href='&#106;avascript&colon;x'>x", "<a>x</a>"},
		{"data and file links go", "<a href=data:text/html,x>x</a><a href=file:///etc>y</a>", "<a>x</a><a>y</a>"},
		{"relative links lead nowhere in mail", "<a href=/x>x</a>", "<a>x</a>"},
		{"links without scheme but with host get https", "<a href=//h.example/x>x</a>",
			`<a href="https://h.example/x" target="_blank" rel="noopener noreferrer nofollow">x</a>`},
		{"backslashes are slashes to browsers", `<a href="https:\\h.example\x">x</a>`,
			`<a href="https://h.example/x" target="_blank" rel="noopener noreferrer nofollow">x</a>`},
		{"pictures of the message", "<img src=cid:a%40b width=9>", `<img src="/inline/614062" width="9">`},
		{"pictures in the URL, with the line ends that mailers put in", "<img src='data:image/png;base64,iVBO\nRw0K Ggo='>", `<img src="` + png + `">`},
		{"SVG is a document, not a picture", "<img src='data:image/svg+xml;base64,PHN2Zz4=' alt=x>", "x"},
		{"remote pictures leave their place", "<img src=http://h.example/x.png alt=Logo width=200 class=big>",
			`<span class="mail-blocked m-big" style="width:200px">Logo</span>`},
		{"counting pixels leave nothing", "a<img src=http://h.example/x.gif width=1 height=1>b<img src=http://h.example/y.gif style=display:none>c", "abc"},
		{"the place of a picture without words", "<img src=http://h.example/x.png width=200px height=40 style='display:block;height:50px'>",
			`<span class="mail-blocked" style="width:200px;height:40px;display:block;height:50px"></span>`},
		{"every other source is as bad", "<img srcset='http://h.example/x 2x' lowsrc=http://h.example/y><video poster=//h.example/z>v</video>", "v"},
		{"names cannot shadow anything", "<p id=cookie class='a  b'>x<a name=forms>y", `<p id="m-cookie" class="m-a m-b">x<a name="m-forms">y</a></p>`},
		{"nothing is laid over the page", "<p style='position:fixed;top:0;z-index:9;margin:-5px;margin-left:calc(0px - 9px);transform:scale(9);color:red'>x",
			`<p style="color:red">x</p>`},
		{"CSS that loads", `<p style="background:#fff url(http://h.example/x) no-repeat;width:1px">x`, `<p style="background:#fff none no-repeat;width:1px">x</p>`},
		{"CSS that hides what it loads", `<p style="background:u\72l('//h.example/x');background:image-set('//h.example' 1x);list-style:url( )">x`, `<p style="background:none;list-style:none">x</p>`},
		{"CSS pictures of the message", `<td><p style="background-image:url( 'cid:x' )">x`, `<p style="background-image:url(&#34;/inline/78&#34;)">x</p>`},
		{"image maps", `<img src=cid:x usemap=#m><map name=m><area shape=rect coords=0,0,9,9 href=http://h.example>`,
			`<img src="/inline/78" usemap="#m-m"><map name="m-m"><area shape="rect" coords="0,0,9,9" href="http://h.example" target="_blank" rel="noopener noreferrer nofollow"></map>`},
		{"not even an empty message breaks", "", ""},
		{"NUL", "a\x00b", "ab"},
		{"bytes that are no UTF-8", "a\xffb", "a\uFFFDb"},
	} {
		out, _ := sanitize.Sanitize([]byte(c.in), sanitize.Options{CID: cid})
		if string(out) != wrap(c.want) {
			t.Errorf("%s:\n in   %q\n got  %q\n want %q", c.why, c.in, out, wrap(c.want))
		}
	}
}

func TestStyleElements(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"rules stand under the root", "p, .a > #b {color:red}", ".mail p,.mail .m-a>#m-b{color:red}\n"},
		{"html and body are the two outer elements", "html body.x a{color:red} body{margin:0}",
			".mail :where(.mail-body).m-x a{color:red}\n.mail :where(.mail-body){margin:0}\n"},
		{":root alone needs no prefix", ":root{--a:1px}", ".mail{--a:1px}\n"},
		{"a rule may not begin with a combinator", "> p{color:red} + p{color:red}", ""},
		{"one bad selector does not take the others along", "p:frob, b{color:red}", ".mail b{color:red}\n"},
		{"class names in attribute selectors", `[class="a b"],[class*=col],[class~=a]{color:red}`,
			`.mail [class="m-a m-b"],.mail [class*="col"],.mail [class~="m-a"]{color:red}` + "\n"},
		{"media queries", "@media only screen and (max-width: 480px){ .a{width:100%!important} }",
			"@media only screen and (max-width: 480px){\n.mail .m-a{width:100%!important}\n}\n"},
		{"imports, fonts, name spaces and pages go", `@import "x";@font-face{src:url(x)}@namespace "y";@page{margin:0}p{color:red}`, ".mail p{color:red}\n"},
		{"comments are no white space in names", "p/**/q{color:r/**/ed}", ""},
		{"the end of the element cannot be written", `p{content:"</style><img src=x onerror=alert(1)>"}`, `.mail p{content:""}` + "\n"},
		{"escapes are resolved before anything is judged", `p{p\6fsition:fixed;c\6flor:red}`, ".mail p{color:red}\n"},
		{"nested rules go, what follows stays", "p{color:red;a{color:blue}width:1px}", ".mail p{color:red;width:1px}\n"},
		{"an unclosed sheet", "p{color:red", ".mail p{color:red}\n"},
		{"braces in strings", `p::before{content:"}{"}`, `.mail p::before{content:"}{"}` + "\n"},
		{"old comment signs", "<!-- p{color:red} -->", ".mail p{color:red}\n"},
		{"animations", "@keyframes x{from{opacity:0}50%,to{opacity:1;position:fixed}}", "@keyframes x{\nfrom{opacity:0}\n50%,to{opacity:1}\n}\n"},
		{"supports", "@supports (display:grid){p{display:grid}}", "@supports (display:grid){\n.mail p{display:grid}\n}\n"},
	} {
		out, _ := sanitize.Sanitize([]byte("<style>"+c.in+"</style>"), sanitize.Options{})
		_, rest, _ := strings.Cut(string(out), "<style>\n")
		got, _, _ := strings.Cut(rest, "</style>")
		if got != c.want {
			t.Errorf("%s:\n in   %q\n got  %q\n want %q", c.why, c.in, got, c.want)
		}
		for _, v := range violations(out, false) {
			t.Errorf("%s: %s", c.why, v)
		}
	}
}

func TestBodyAttributes(t *testing.T) {
	in := `<html lang=de><body bgcolor=ff0000 text=white link=#00f background=cid:x style="margin:0" class=c onload=x dir=rtl>x`
	out, _ := sanitize.Sanitize([]byte(in), sanitize.Options{CID: cid})
	want := `<div class="mail" lang="de"><style>` + "\n.mail a{color:#00f}\n</style>\n" +
		`<div class="mail-body m-c" style="background-color:#ff0000;color:white;background-image:url(&#34;/inline/78&#34;);margin:0" dir="rtl">x</div></div>` + "\n"
	if string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}
}

func TestResult(t *testing.T) {
	in := `<img src=http://h.example/1><td background=//h.example/2><p style="background:url(https://h.example/3)">` +
		`<style>p{background:url(http://h.example/4)} q{position:url(http://h.example/no)}</style><table background=http://h.example/5>`
	_, res := sanitize.Sanitize([]byte(in), sanitize.Options{})
	if want := (sanitize.Result{BlockedRemote: 4}); res != want {
		t.Errorf("blocked: %+v, want %+v", res, want)
	}
	out, res := sanitize.Sanitize([]byte(in), sanitize.Options{RemoteImages: true})
	if want := (sanitize.Result{RemoteImages: 4}); res != want {
		t.Errorf("shown: %+v, want %+v", res, want)
	}
	if strings.Count(string(out), "h.example") != 4 {
		t.Errorf("shown: %s", out)
	}
	out, res = sanitize.Sanitize([]byte("<p>0123456789"), sanitize.Options{MaxBytes: 8})
	if !res.Truncated || string(out) != wrap("<p>01234</p>") {
		t.Errorf("truncated: %+v %s", res, out)
	}
}

// TestHeavy has the shapes that make parsers slow or make them give up. Their text must come through.
func TestHeavy(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 40000) + "end" }
	for why, in := range map[string]string{
		"deep":                           many("<div>"),
		"deep tables":                    many("<table><tr><td>"),
		"formatting opened in each line": many("<p><b class=x></p>"),
		"formatting without end":         many("<font color=red>"),
		"misnested formatting":           many("<a><b><p></a></b>"),
		"second bodies":                  many("<body a=1 b=2>"),
		"many attributes":                "<p " + strings.Repeat("a=1 b=2 ", 40000) + ">end",
		"unclosed brackets in style":     "<style>" + strings.Repeat("a(", 40000) + "</style>end",
		"unclosed blocks in style":       "<style>" + strings.Repeat("@media x{", 40000) + "</style>end",
		"many selectors":                 "<style>" + strings.Repeat(":not(", 40000) + "</style>end",
		"many small blocks":              "<style>" + strings.Repeat("a{}", 40000) + "</style>end",
		"foreign":                        many("<svg><g>") + "</svg>end",
	} {
		out, res := sanitize.Sanitize([]byte(in), sanitize.Options{})
		if !strings.Contains(string(out), "end") && why != "foreign" {
			t.Errorf("%s: text lost: %.200s %+v", why, out, res)
		}
		if why == "deep" && res.TextOnly {
			t.Errorf("%s: shown as text only", why)
		}
		if len(out) > 12*len(in)+1000 {
			t.Errorf("%s: %d bytes became %d", why, len(in), len(out))
		}
	}
}

// TestLaw shows that the law finds what it should: each of these pages breaks it.
func TestLaw(t *testing.T) {
	for _, bad := range []string{
		"<script>x</script>", "<p onclick=x>", "<img src=http://h/>", "<img src=x>", "<img src=data:image/svg+xml;base64,AA==>",
		"<a href=javascript:x target=_blank rel='noopener noreferrer'>", "<a href=http://h/>", "<a href='http://h/ x' target=_blank rel='noopener noreferrer'>",
		"<iframe>", "<form>", "<svg>", "<math>", "<meta>", "<base>", "<link>", "<object>", "<input>", "<template>", "<noscript>", "<!-- x -->",
		"<p id=x>", "<p class=x>", "<p style='position:fixed'>", `<p style='p\6f sition:fixed'>`, "<p style='background:url(x)'>",
		`<p style='background:url("http://h/")'>`, "<p style='margin:0 -1px'>", "<p style='z-index:1'>", "<p style='width:expression(1)'>",
		"<style>p{color:red}</style>", "<style>.mail p,q{color:red}</style>", "<style>.mail-x p{color:red}</style>", "<style>@import 'x'</style>",
		"<table background=http://h/>", "<p srcset=x>", "<p popover>", "<p autofocus>", "<video>", "<dialog>", "<p style='color:red;/*'>",
	} {
		if len(violations([]byte(bad), false)) == 0 {
			t.Errorf("the law allows %s", bad)
		}
	}
	if v := violations([]byte(wrap("<p>x</p>")), false); len(v) > 0 {
		t.Errorf("the law refuses an empty message: %s", v)
	}
}

func BenchmarkSanitize(b *testing.B) {
	src := []byte("<style>" + strings.Repeat(".a td[class=b]{color:#123456;font-family:Arial,sans-serif}\n", 50) + "</style>" +
		strings.Repeat(`<table width="600" style="border-collapse:collapse;margin:0 auto"><tr><td class="a b" style="padding:8px;font:14px/20px Arial">Some words here <a href="https://h.example/?a=b&amp;c=d">and a link</a></td></tr></table>`, 300))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		sanitize.Sanitize(src, sanitize.Options{})
	}
}

// TestTooMuchStyle: style sheets beyond any designer's patience are left out whole, and the message says that something is
// missing.
func TestTooMuchStyle(t *testing.T) {
	rule := "p{color:red}\n"
	sheet := func(n int) string { return "<style>" + strings.Repeat(rule, n/len(rule)) + "</style>" }
	for _, tt := range []struct {
		why, src  string
		styled    bool
		truncated bool
	}{
		{"the largest honest ones", sheet(400 << 10), true, false},
		{"one too large", sheet(1 << 20), false, true},
		{"too large together", sheet(300<<10) + sheet(300<<10), true, true},
		{"an attribute of a stylist", `<p style="` + strings.Repeat("color:red;", 1000) + `">x</p>`, true, false},
		{"an attribute too large", `<p style="` + strings.Repeat("color:red;", 10000) + `">x</p>`, false, false},
	} {
		out, res := sanitize.Sanitize([]byte(tt.src+"<p>words</p>"), sanitize.Options{})
		if got := strings.Contains(string(out), "color:red"); got != tt.styled || res.Truncated != tt.truncated || len(out) > 600<<10 {
			t.Errorf("%s: styled %v, truncated %v, %d octets", tt.why, got, res.Truncated, len(out))
		}
		if !strings.Contains(string(out), "words") {
			t.Errorf("%s: the words are gone", tt.why)
		}
	}
}
