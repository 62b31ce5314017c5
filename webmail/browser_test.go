package webmail_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"restante/mailstore"

	"restante/webmail/internal/webdriver"
	"restante/webmail/sanitize"
)

// trap is where every host name leads to in the test's browser: it notes who was asked for.
type trap struct {
	ln   net.Listener
	mu   sync.Mutex
	seen []string
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &trap{ln: ln}
	t.Cleanup(func() { ln.Close() })
	go tr.serve()
	return tr
}

func (tr *trap) serve() {
	for {
		conn, err := tr.ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			buf := make([]byte, 2048)
			n, _ := conn.Read(buf)
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.seen = append(tr.seen, printable(buf[:n]))
		}()
	}
}

// printable keeps what can be read of a request or of a TLS greeting: the host name among it.
func printable(b []byte) string {
	return strings.Join(strings.FieldsFunc(string(b), func(r rune) bool { return r < ' ' || r > '~' }), " ")
}

// visitors gives the requests that pages made. Those that the browser makes for itself go to Google.
func (tr *trap) visitors() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(tr.seen), func(s string) bool {
		return strings.Contains(s, "google") || strings.Contains(s, "gvt1")
	})
}

func startBrowser(t *testing.T) (*webdriver.Browser, *trap) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	tr := newTrap(t)
	b, err := webdriver.Start(t.Context(), webdriver.Options{Args: []string{"--host-resolver-rules=MAP * " + tr.ln.Addr().String() + ", EXCLUDE 127.0.0.1"}})
	if errors.Is(err, webdriver.ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, tr
}

// hostile gives all attack strings and whole bodies of the corpus.
func hostile(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, file := range []string{"h5sc.json", "dompurify.json", "bluemonday.json", "roundcube-washtml.json"} {
		data, err := os.ReadFile(filepath.Join(corpusDir(t, "html", "payloads"), file))
		if err != nil {
			t.Fatal(err)
		}
		var list []struct{ Payload string }
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			out = append(out, p.Payload)
		}
	}
	for _, name := range []string{"httpleaks/leak.html", "roundcube/htmlxss.txt", "roundcube/BID-26800.txt", "thunderbird/remotevideo.html", "thunderbird/remote-noscript.html"} {
		data, err := os.ReadFile(filepath.Join(corpusDir(t, "html"), filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(data))
	}
	return out
}

// TestBrowserSanitize shows what the sanitizer returns in a real browser without any other protection: no frame, no
// policy. Nothing may run and nothing may be fetched, also when the page is written again from its own markup.
func TestBrowserSanitize(t *testing.T) {
	all := hostile(t)
	b, tr := startBrowser(t)
	const alarm = `<script>for (const f of ["alert","prompt","confirm","eval","open","print"]) window[f] = () => { document.documentElement.dataset.pwned = f };</script>`
	pages := make(map[string]string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><title>t</title>", alarm, pages[r.URL.Path])
	}))
	defer srv.Close()
	pages["/control"] = `<img src="http://control.example/x.png" onerror="alert(1)">`
	i := 0
	for chunk := range slices.Chunk(all, 100) {
		var page bytes.Buffer
		for _, p := range chunk {
			out, _ := sanitize.Sanitize([]byte(p), sanitize.Options{})
			page.Write(out)
		}
		i++
		pages[fmt.Sprintf("/%d", i)] = page.String()
	}
	for n := 1; n <= i; n++ {
		if pwned := openAndRewrite(t, b, fmt.Sprintf("%s/%d", srv.URL, n)); pwned != "" {
			t.Errorf("page %d: %s was called", n, pwned)
		}
	}
	if got := tr.visitors(); len(got) > 0 {
		t.Errorf("the pages asked for:\n%s", strings.Join(got, "\n"))
	}
	if pwned := openAndRewrite(t, b, srv.URL+"/control"); pwned == "" || len(tr.visitors()) == 0 {
		t.Errorf("the test sees nothing: %q %q", pwned, tr.visitors())
	}
}

// openAndRewrite opens a page, writes it again from its own markup, and tells which function was called.
func openAndRewrite(t *testing.T, b *webdriver.Browser, url string) (pwned string) {
	t.Helper()
	if err := b.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	const again = `document.body.innerHTML = document.body.innerHTML;
		document.querySelectorAll("a,area,summary").forEach((e) => { e.target = ""; e.dispatchEvent(new MouseEvent("mouseover", {bubbles: true})); e.focus(); });
		return document.documentElement.dataset.pwned || ""`
	if err := b.Eval(t.Context(), again, &pwned); err != nil {
		t.Fatal(err)
	}
	return pwned
}

// TestBrowserWebmail opens messages in the webmail itself: pictures of the message show, remote ones do not until they are
// asked for, scripts do not run, links open outside.
func TestBrowserWebmail(t *testing.T) {
	all := hostile(t)
	b, tr := startBrowser(t)
	s := signedIn(t)
	srv := httptest.NewTLSServer(s.srv)
	defer srv.Close()
	part := func(body string) string {
		return "From: x@example.com\nSubject: s\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + wrapped(body)
	}
	var urls []string
	for chunk := range slices.Chunk(all, 60) {
		uid := s.add("INBOX", part(strings.Join(chunk, "\n")), 0)
		urls = append(urls, fmt.Sprintf("%s/m/INBOX/1/%d", srv.URL, uid))
		if len(chunk) == 60 {
			uid = s.add("INBOX", part(chunk[0]), 0)
			urls = append(urls, fmt.Sprintf("%s/m/INBOX/1/%d", srv.URL, uid))
		}
	}
	pictures := s.add("INBOX", htmlMail, mailstore.Seen)
	browserSignIn(t, b, srv.URL)
	for _, url := range urls {
		if err := b.Open(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		var title string
		if err := b.Eval(t.Context(), `return document.title`, &title); err != nil || title != "s · restante" {
			t.Errorf("%s: title %q, %v", url, title, err)
		}
	}
	if got := tr.visitors(); len(got) > 0 {
		t.Errorf("the messages asked for:\n%s", strings.Join(got, "\n"))
	}
	checkPictures(t, b, fmt.Sprintf("%s/m/INBOX/1/%d", srv.URL, pictures))
	if got := tr.visitors(); len(got) > 0 {
		t.Errorf("the message with pictures asked for:\n%s", strings.Join(got, "\n"))
	}
	if err := b.Open(t.Context(), fmt.Sprintf("%s/m/INBOX/1/%d?images=1", srv.URL, pictures)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); len(tr.visitors()) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("remote pictures were not asked for although they should be shown")
		}
	}
}

// wrapped is text in base64.
func wrapped(s string) string {
	enc := &bytes.Buffer{}
	w := base64.NewEncoder(base64.StdEncoding, enc)
	w.Write([]byte(s))
	w.Close()
	return enc.String()
}

func browserSignIn(t *testing.T, b *webdriver.Browser, url string) {
	t.Helper()
	for _, step := range []error{
		b.Open(t.Context(), url+"/login"), b.Type(t.Context(), "#name", testUser), b.Type(t.Context(), "#password", testPassword), b.Click(t.Context(), "button.primary"),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	// The click comes back before the page is there, which would then take the place of the next one.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var path string
		if err := b.Eval(t.Context(), `return document.readyState == "complete" ? location.pathname : ""`, &path); err == nil && path == "/m/INBOX" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still at %q", path)
		}
	}
}

// checkPictures looks into the frame: the message's picture is there, and the frame has no rights.
func checkPictures(t *testing.T, b *webdriver.Browser, url string) {
	t.Helper()
	if err := b.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var parent string
	if err := b.Eval(t.Context(), `try { return String(document.querySelector("iframe").contentDocument) } catch (e) { return e.name }`, &parent); err != nil || parent != "null" {
		t.Errorf("the page can look into the frame, and so the other way round: %q %v", parent, err)
	}
	if err := b.Frame(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Width, Images, Scripts int
		Origin                 string
	}
	const look = `const i = document.images[0]; return {width: i ? i.naturalWidth : -1, images: document.images.length, scripts: document.scripts.length, origin: self.origin}`
	if err := b.Eval(t.Context(), look, &got); err != nil {
		t.Fatal(err)
	}
	if got.Width < 1 || got.Images != 1 || got.Scripts != 0 || got.Origin != "null" {
		t.Errorf("in the frame: %+v, want one picture, no script, no origin", got)
	}
	if err := b.Top(t.Context()); err != nil {
		t.Fatal(err)
	}
}
