package webmail_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/webmail"
	"restante/webmail/internal/htmlcheck"
)

// site is a server over a memory store, or another one, with one user, and a browser without scripts.
type site struct {
	t       testing.TB
	srv     *webmail.Server
	account mailstore.Account
	cookies map[string]*http.Cookie
	header  http.Header // sent with each request
}

func newSite(t testing.TB, opt webmail.Options) *site {
	t.Helper()
	if opt.Store == nil {
		opt.Store = memory.New(memory.Options{})
	}
	opt.Hostname = "mail.example.org"
	if opt.Auth == nil {
		opt.Auth = oneUser{}
	}
	s := &site{t: t, srv: webmail.New(opt), cookies: make(map[string]*http.Cookie), header: make(http.Header)}
	t.Cleanup(func() { s.srv.Close() })
	var err error
	if s.account, err = opt.Store.OpenAccount(t.Context(), mailstore.User{Name: testUser}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.account.Close() })
	return s
}

// signedIn is a site with the user signed in and the usual mailboxes.
func signedIn(t testing.TB) *site {
	t.Helper()
	s := newSite(t, webmail.Options{})
	for _, name := range []string{"Drafts", "Sent", "Archive", "Junk", "Trash", "family/Übersicht"} {
		if err := s.account.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	s.signIn()
	return s
}

// signIn does what the form does.
func (s *site) signIn() {
	s.t.Helper()
	r := s.post("/login", url.Values{"name": {testUser}, "password": {testPassword}})
	if r.Code != http.StatusSeeOther || s.cookies["__Host-restante"] == nil {
		s.t.Fatalf("sign-in: status %d, cookies %v", r.Code, s.cookies)
	}
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t    testing.TB
	page *htmlcheck.Page
}

func (s *site) do(method, path string, body io.Reader) *answer {
	s.t.Helper()
	r := httptest.NewRequest(method, "https://mail.example.org"+path, body)
	for k, v := range s.header {
		r.Header[k] = v
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.srv.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if s.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(s.cookies, c.Name)
		}
	}
	a := &answer{ResponseRecorder: w, t: s.t}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		page, err := htmlcheck.Parse(strings.NewReader(w.Body.String()))
		if err != nil {
			s.t.Fatal(err)
		}
		a.page = page
	}
	return a
}

func (s *site) get(path string) *answer {
	s.t.Helper()
	path, _, _ = strings.Cut(path, "#")
	return s.do("GET", path, nil)
}

func (s *site) post(path string, form url.Values) *answer {
	s.t.Helper()
	return s.do("POST", path, strings.NewReader(form.Encode()))
}

// act presses a button of the mailbox's form and follows the redirect.
func (s *site) act(box string, form url.Values) *answer {
	s.t.Helper()
	r := s.post("/m/"+box+"/act", form)
	if r.Code == http.StatusSeeOther {
		return s.get(r.Header().Get("Location"))
	}
	return r
}

// add puts a message into a mailbox.
func (s *site) add(box, text string, flags mailstore.System) mailstore.UID {
	s.t.Helper()
	return add(s.t, s.account, box, text, flags)
}

// mail is a short message with this subject.
func mail(subject string) string {
	return "From: Mia <mia@example.com>\nTo: " + testUser + "\nSubject: " + subject + "\nDate: Mon, 2 Feb 2026 10:00:00 +0000\n\nHello.\n"
}

// uids lists what a mailbox holds.
func (s *site) uids(box string) []mailstore.UID {
	s.t.Helper()
	m, err := s.account.Open(s.t.Context(), box)
	if err != nil {
		s.t.Fatal(err)
	}
	defer m.Close()
	uids, cursor := m.Follow()
	cursor.Close()
	return uids
}

// record gives a message's flags and the rest.
func (s *site) record(box string, uid mailstore.UID) mailstore.Record {
	s.t.Helper()
	m, err := s.account.Open(s.t.Context(), box)
	if err != nil {
		s.t.Fatal(err)
	}
	defer m.Close()
	rec, ok := m.Record(uid)
	if !ok {
		s.t.Fatalf("no message %d in %s", uid, box)
	}
	return rec
}

// want checks the status and returns the answer.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %.300s", a.Code, status, a.Body)
	}
	return a
}

// one gives the one element that a selector finds.
func (a *answer) one(selector string) htmlcheck.Element {
	a.t.Helper()
	found := a.page.Find(selector)
	if len(found) != 1 {
		a.t.Fatalf("%d elements for %q, want one, in:\n%.3000s", len(found), selector, a.Body)
	}
	return found[0]
}

// texts gives the text of each element that a selector finds.
func (a *answer) texts(selector string) []string {
	a.t.Helper()
	var out []string
	for _, e := range a.page.Find(selector) {
		out = append(out, e.Text())
	}
	return out
}
