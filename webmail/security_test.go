package webmail_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"restante/webmail"
)

func newOptions() webmail.Options { return webmail.Options{} }

// TestHeaders goes over an answer of each kind.
func TestHeaders(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", htmlMail, 0)
	base := fmt.Sprintf("/m/INBOX/1/%d", uid)
	page := "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	body := "default-src 'none'; sandbox allow-popups allow-popups-to-escape-sandbox; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
	part := "default-src 'none'; sandbox; frame-ancestors 'none'"
	for path, csp := range map[string]string{"/m/INBOX": page, base: page, "/nothing": page, "/m/none": page, base + "/body/1.2.1": body,
		base + "/body/1.1": page, base + "/part/2": part, base + "/raw": part, base + "/part/1.2.2?inline=1": part} {
		h := s.get(path).Header()
		for key, want := range map[string]string{"Content-Security-Policy": csp, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := h.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
		if got := h.Get("Strict-Transport-Security"); got != "" {
			t.Errorf("%s: HSTS %q with a private authority locks people out", path, got)
		}
	}
}

func TestCookie(t *testing.T) {
	s := newSite(t, newOptions())
	r := s.post("/login", url.Values{"name": {testUser}, "password": {testPassword}}).want(http.StatusSeeOther)
	c := r.Result().Cookies()[0]
	if c.Name != "__Host-restante" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(c.Value) != 43 {
		t.Errorf("cookie %v", c)
	}
	first := s.cookies[c.Name].Value
	s.signIn()
	if s.cookies[c.Name].Value == first {
		t.Error("signing in again keeps the token")
	}
	s.cookies[c.Name].Value = first
	s.get("/m/INBOX").want(http.StatusSeeOther)
}

// TestForeignForms: what another site's page sends is refused, whatever cookie comes with it.
func TestForeignForms(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", mail("one"), 0)
	form := url.Values{"do": {"star"}, "v": {"1"}, "uid": {fmt.Sprint(uid)}}
	for _, h := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}},
		{"Origin": {"https://evil.example"}}, {"Origin": {"null"}}, {"Origin": {"https://mail.example.org:444"}},
	} {
		s.header = h
		r := s.post("/m/INBOX/act", form).want(http.StatusForbidden)
		if got := r.one("h1").Text(); got != "That came from another site" {
			t.Errorf("%v: %q", h, got)
		}
		s.post("/logout", nil).want(http.StatusForbidden)
		s.post("/login", url.Values{"name": {testUser}, "password": {testPassword}}).want(http.StatusForbidden)
	}
	for _, h := range []http.Header{{"Sec-Fetch-Site": {"same-origin"}}, {"Origin": {"https://mail.example.org"}}} {
		s.header = h
		s.post("/m/INBOX/act", form).want(http.StatusSeeOther)
	}
	s.header = http.Header{}
	s.get("/m/INBOX/act").want(http.StatusNotFound)
}

func TestBadForms(t *testing.T) {
	s := signedIn(t)
	s.add("INBOX", mail("one"), 0)
	for why, form := range map[string]url.Values{
		"no UIDVALIDITY": {"do": {"read"}, "uid": {"1"}}, "no number": {"do": {"read"}, "v": {"1"}, "uid": {"x"}},
		"UID 0": {"do": {"read"}, "v": {"1"}, "uid": {"0"}}, "no verb": {"v": {"1"}, "uid": {"1"}}, "unknown verb": {"do": {"frob"}, "v": {"1"}, "uid": {"1"}},
		"too long": {"do": {"read"}, "v": {"1"}, "uid": {strings.Repeat("1", 100<<10)}},
	} {
		if r := s.post("/m/INBOX/act", form); r.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", why, r.Code)
		}
	}
	s.post("/m/INBOX/act", url.Values{"do": {"read"}, "v": {"2"}, "uid": {"1"}}).want(http.StatusGone)
	s.post("/m/INBOX/act", url.Values{"do": {"move"}, "to": {"../../etc"}, "v": {"1"}, "uid": {"1"}}).want(http.StatusNotFound)
	r := s.act("INBOX", url.Values{"do": {"read"}, "v": {"1"}}).want(http.StatusOK)
	if !strings.HasPrefix(r.one(".flash").Text(), "Nothing was selected") {
		t.Errorf("nothing selected: %s", r.one(".flash").Text())
	}
}

func TestTraversal(t *testing.T) {
	s := signedIn(t)
	for _, path := range []string{"/m/..%2f..%2fetc", "/m/%2e%2e", "/m/~2.", "/m/..~1..~1etc~1passwd", "/assets/..%2fapp.css", "/assets/app.css", "/m/INBOX%00",
		"/m/INBOX/1/1/part/..%2f..", "/m/%ff%fe", "/m/" + strings.Repeat("a", 5000)} {
		if r := s.get(path); r.Code < 300 || r.Code >= 500 {
			t.Errorf("%s: status %d", path, r.Code)
		}
	}
}

// TestSignedInOnly: without a session every page leads to the sign-in page, and nothing else comes.
func TestSignedInOnly(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", htmlMail, 0)
	base := fmt.Sprintf("/m/INBOX/1/%d", uid)
	token := s.cookies["__Host-restante"]
	for _, value := range []string{"", "x", strings.Repeat("A", 43), token.Value + "A", strings.ToLower(token.Value)} {
		s.cookies = map[string]*http.Cookie{"__Host-restante": {Name: "__Host-restante", Value: value}}
		for _, path := range []string{"/", "/m/INBOX", base, base + "/body/1.2.1", base + "/part/2", base + "/raw"} {
			r := s.get(path).want(http.StatusSeeOther)
			if !strings.HasPrefix(r.Header().Get("Location"), "/login") || strings.Contains(r.Body.String(), "News") {
				t.Errorf("%s with %q: %v", path, value, r.Header())
			}
		}
		s.post("/m/INBOX/act", url.Values{"do": {"read"}, "v": {"1"}, "uid": {"1"}}).want(http.StatusSeeOther)
	}
}

// naughty are strings that programs stumble over.
func naughty(t *testing.T) []string {
	var list []string
	data, err := os.ReadFile(filepath.Join(corpusDir(t, "html", "strings"), "blns.json"))
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(list, `"><img src=x onerror=alert(1)>`, "</title><script>alert(1)</script>", "{{.}}", "\u202Egnp.exe", "a\u2066b\u200Bc")
}

// checkPage looks for what a string from a message could have broken out to.
func checkPage(t *testing.T, what string, r *answer) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(r.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" && (n.FirstChild != nil || len(n.Attr) == 0 || !strings.HasPrefix(n.Attr[0].Val, "/assets/app.")) {
			t.Errorf("%s: a script: %v", what, n.Attr)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				t.Errorf("%s: attribute %s=%q on %s", what, a.Key, a.Val, n.Data)
			}
			if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "http") && !strings.HasPrefix(a.Val, "mailto:") {
				t.Errorf("%s: %s=%q on %s", what, a.Key, a.Val, n.Data)
			}
		}
	}
	if strings.ContainsAny(r.Body.String(), "\u202A\u202B\u202D\u202E\u2066\u2067\u2068") {
		t.Errorf("%s: direction characters came through", what)
	}
}

func TestNaughtySubjects(t *testing.T) {
	s := signedIn(t)
	for _, str := range naughty(t) {
		enc := "=?utf-8?q?"
		for _, c := range []byte(str) {
			enc += fmt.Sprintf("=%02X", c)
		}
		enc += "?="
		line := strings.NewReplacer("\n", " ", "\r", " ").Replace(str)
		uid := s.add("INBOX", "From: "+enc+" <a@b.example>\nTo: \""+line+"\" <c@d.example>\nSubject: "+enc+"\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\n"+
			"Content-Type: application/x; name=\""+strings.ReplaceAll(line, `"`, `\"`)+"\"\n\nx\n--b--\n", 0)
		r := s.get(fmt.Sprintf("/m/INBOX/1/%d?headers=1", uid)).want(http.StatusOK)
		checkPage(t, fmt.Sprintf("%q", str), r)
		raw := s.get(fmt.Sprintf("/m/INBOX/1/%d/part/2", uid)).want(http.StatusOK)
		if d := raw.Header().Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || strings.ContainsAny(d, "\r\n") {
			t.Errorf("%q: disposition %q", str, d)
		}
	}
}

// TestNaughtyMailboxes: whatever a mailbox is called, its links lead to it.
func TestNaughtyMailboxes(t *testing.T) {
	all := append(naughty(t), "..", ".", "...", "~", "~1", "~0", "a/../b", "a//b", "%2e", "a%2Fb", "?x=1", "#y", `\`, " lead", "trail ", "a;b", "a+b", "a&b")
	taken := 0
	for names := range slices.Chunk(all, 40) {
		taken += checkMailboxes(t, names)
	}
	if taken < 100 {
		t.Errorf("only %d names were taken", taken)
	}
}

// checkMailboxes makes mailboxes of those names that can be one, follows the link of each and tells how many there were.
func checkMailboxes(t *testing.T, names []string) (taken int) {
	s := newSite(t, newOptions())
	s.signIn()
	for _, name := range names {
		if len(name) < 200 && name != "" && !strings.ContainsAny(name, "\x00\r\n") && s.account.Create(t.Context(), name) == nil {
			taken++
		}
	}
	r := s.get("/m/INBOX").want(http.StatusOK)
	checkPage(t, "mailboxes", r)
	for _, link := range r.page.Find("#folders a.folder") {
		href := link.Attr("href")
		if u, err := url.Parse(href); err != nil || strings.Contains(u.EscapedPath(), "/.") || u.RawQuery != "" {
			t.Errorf("link %q", href)
		}
		page := s.get(href)
		if page.Code != http.StatusOK {
			t.Errorf("%q: status %d", href, page.Code)
		} else if got := page.one("#folders a[aria-current=page]").Attr("href"); got != href {
			t.Errorf("%q shows %q", href, got)
		}
	}
	return taken
}

func TestNaughtyNames(t *testing.T) {
	s := newSite(t, newOptions())
	for _, str := range naughty(t) {
		r := s.post("/login", url.Values{"name": {str}, "password": {"x"}}).want(http.StatusForbidden)
		checkPage(t, fmt.Sprintf("name %q", str), r)
	}
}

// TestLoginLog: strangers write no errors into the log, and no more of it than a name is long.
func TestLoginLog(t *testing.T) {
	for _, tt := range []struct {
		why, body string
		status    int
		level     string
	}{
		{"a wrong password", "name=nobody&password=x", http.StatusForbidden, "INFO"},
		{"too many of them", "name=guessed&password=x", http.StatusTooManyRequests, "INFO"},
		{"a name without end", "name=" + strings.Repeat("x", 50000) + "&password=x", http.StatusForbidden, "INFO"},
		{"no form", "%zz", http.StatusBadRequest, ""},
		{"a failure of ours", "name=broken&password=x", http.StatusServiceUnavailable, "ERROR"},
	} {
		var log bytes.Buffer
		s := newSite(t, webmail.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		s.do("POST", "/login", strings.NewReader(tt.body)).want(tt.status)
		if got := log.String(); tt.level == "" && got != "" || !strings.Contains(got, tt.level) || len(got) > 1000 {
			t.Errorf("%s: the log got %.300q", tt.why, got)
		}
	}
}
