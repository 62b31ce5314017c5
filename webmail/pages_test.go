package webmail_test

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
)

func TestSignIn(t *testing.T) {
	s := signedIn(t)
	s.post("/logout", nil).want(http.StatusSeeOther)
	if len(s.cookies) != 0 {
		t.Errorf("cookies after signing out: %v", s.cookies)
	}
	r := s.get("/m/INBOX/1/1?view=text").want(http.StatusSeeOther)
	next := r.Header().Get("Location")
	if want := "/login?next=" + url.QueryEscape("/m/INBOX/1/1?view=text"); next != want {
		t.Errorf("led to %q, want %q", next, want)
	}
	form := s.get(next).want(http.StatusOK)
	if got := form.one("input[name=next]").Attr("value"); got != "/m/INBOX/1/1?view=text" {
		t.Errorf("next = %q", got)
	}
	r = s.post("/login", url.Values{"name": {testUser}, "password": {"wrong"}, "next": {"/m/INBOX"}}).want(http.StatusForbidden)
	if !strings.Contains(r.one("[role=alert]").Text(), "wrong") || r.one("#name").Attr("value") != testUser || r.one("#password").Attr("value") != "" {
		t.Errorf("after a wrong password: %s", r.Body)
	}
	r = s.post("/login", url.Values{"name": {testUser}, "password": {testPassword}, "next": {"/m/Trash"}}).want(http.StatusSeeOther)
	if got := r.Header().Get("Location"); got != "/m/Trash" {
		t.Errorf("led to %q", got)
	}
	s.get("/login").want(http.StatusSeeOther)
	r = s.post("/login", url.Values{"name": {"broken"}, "password": {"x"}}).want(http.StatusServiceUnavailable)
	if !strings.Contains(r.one("[role=alert]").Text(), "in a few minutes") {
		t.Errorf("when nobody can be authenticated: %s", r.Body)
	}
}

// TestNext: the sign-in page leads to places of this site only.
func TestNext(t *testing.T) {
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/m/\\evil", "javascript:alert(1)", "/m/x\r\nSet-Cookie: a=b", "/logout", ""} {
		s := newSite(t, newOptions())
		r := s.post("/login", url.Values{"name": {testUser}, "password": {testPassword}, "next": {next}}).want(http.StatusSeeOther)
		if got := r.Header().Get("Location"); got != "/" {
			t.Errorf("next %q led to %q", next, got)
		}
	}
}

func TestMailboxes(t *testing.T) {
	s := signedIn(t)
	s.add("INBOX", mail("one"), 0)
	s.add("family/Übersicht", mail("two"), 0)
	s.add("family/Übersicht", mail("three"), mailstore.Seen)
	r := s.get("/m/family~1%C3%9Cbersicht").want(http.StatusOK)
	want := []string{"Inbox", "Drafts", "Sent", "Archive", "Junk", "Trash", "family", "Übersicht"}
	if got := r.texts("#folders .folder-name"); !slices.Equal(got, want) {
		t.Errorf("mailboxes %q, want %q", got, want)
	}
	if got := r.texts("#folders .count"); !slices.Equal(got, []string{"1", "1"}) {
		t.Errorf("counts %q", got)
	}
	if got := r.one("#folders a[aria-current=page]").Text(); got != "Übersicht1" {
		t.Errorf("current %q", got)
	}
	if n := len(r.page.Find("#folders .place")); n != 1 {
		t.Errorf("%d names that only lead to others, want 1 (family)", n)
	}
	for _, f := range r.page.Find("#folders a") {
		s.get(f.Attr("href")).want(http.StatusOK)
	}
}

func TestList(t *testing.T) {
	s := signedIn(t)
	for i := range 120 {
		s.add("INBOX", mail(fmt.Sprintf("number %d", i+1)), mailstore.Seen)
	}
	r := s.get("/m/INBOX").want(http.StatusOK)
	subjects := r.texts("#rows .subject")
	if len(subjects) != 50 || subjects[0] != "number 120" || subjects[49] != "number 71" {
		t.Fatalf("first page: %d rows, %q to %q", len(subjects), subjects[0], subjects[len(subjects)-1])
	}
	if got := r.one(".list-foot").Text(); got != "1–50 of 120" {
		t.Errorf("foot %q", got)
	}
	r = s.get(r.one("a[rel=next]").Attr("href")).want(http.StatusOK)
	r = s.get(r.one("a[rel=next]").Attr("href")).want(http.StatusOK)
	subjects = r.texts("#rows .subject")
	if len(subjects) != 20 || subjects[0] != "number 20" || subjects[19] != "number 1" {
		t.Errorf("last page: %q", subjects)
	}
	if len(r.page.Find("a[rel=next]")) != 0 || r.one("a[rel=prev]").Attr("href") != "/m/INBOX?p=2" {
		t.Errorf("neighbours of the last page: %s", r.one(".list-foot").Text())
	}
	if got := s.get("/m/INBOX?p=99").want(http.StatusOK).texts("#rows .subject"); len(got) != 20 {
		t.Errorf("a page beyond the end has %d rows, want those of the last", len(got))
	}
	message := s.get(r.page.Find("#rows .row-link")[0].Attr("href")).want(http.StatusOK)
	if got := message.texts("#rows .subject"); len(got) != 20 {
		t.Errorf("%d rows beside the message, want those of its page", len(got))
	}
}

func TestListGaps(t *testing.T) {
	s := signedIn(t)
	var keep []mailstore.UID
	for i := range 700 {
		uid := s.add("INBOX", mail("x"), mailstore.Seen)
		if i%100 == 0 {
			keep = append(keep, uid)
		}
	}
	box, err := s.account.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	var gone mailstore.UIDSet
	for uid := mailstore.UID(1); uid <= 700; uid++ {
		if !slices.Contains(keep, uid) {
			gone.Add(uid)
		}
	}
	if _, err := box.Expunge(t.Context(), gone, false); err != nil {
		t.Fatal(err)
	}
	if got := s.get("/m/INBOX").want(http.StatusOK).texts("#rows .subject"); len(got) != len(keep) {
		t.Errorf("%d rows, want %d", len(got), len(keep))
	}
}

func TestRow(t *testing.T) {
	s := signedIn(t)
	for _, c := range []struct {
		why, text string
		flags     mailstore.System
		selector  string
		want      string
	}{
		{"name and address", mail("a"), 0, ".unread .sender", "Mia mia@example.com"},
		{"a name that is another address is not shown", "From: \"boss@bank.example\" <x@evil.example>\nSubject: a\n\n", 0, " .sender", "x@evil.example"},
		{"no sender", "Subject: a\n\n", 0, " .sender", "Unknown"},
		{"no subject", "From: a@b.example\n\nx", 0, " .subject", "No subject"},
		{"a star", mail("a"), mailstore.Flagged, " button.star.on", ""},
		{"answered", mail("a"), mailstore.Answered | mailstore.Seen, " .sign", "Answered."},
		{"marked as deleted by another program", mail("a"), mailstore.Deleted, ".deleted .badge", "deleted"},
		{"an attachment", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/pdf\n\nx\n--b--\n", 0, " .sign", "Has attachments."},
		{"how the text begins", "From: a@b.example\nContent-Type: text/html\n\n<style>p{}</style><p>Dear &lt;you&gt;,<br>hello", 0, " .preview", "Dear <you>, hello"},
		{"direction characters", "From: a@b.example\nSubject: =?utf-8?q?exe=E2=80=AEgpj?=\n\n", 0, " .subject", "exegpj"},
	} {
		uid := s.add("INBOX", c.text, c.flags)
		r := s.get("/m/INBOX").want(http.StatusOK)
		if got := r.one(fmt.Sprintf("#u%d%s", uid, c.selector)).Text(); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

func TestMessage(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", "From: Mia <mia@example.com>\nTo: "+testUser+", =?utf-8?q?J=C3=B6rg?= <j@example.com>\nReply-To: other@example.net\nSubject: Hello\n"+
		"Date: Mon, 2 Feb 2026 10:00:00 +0000\n\nSee https://example.com/a_(b). Bye\n> quoted\n>> twice\n-- \nMia\n", 0)
	r := s.get(fmt.Sprintf("/m/INBOX/1/%d", uid)).want(http.StatusOK)
	if got := r.one(".message-subject").Text(); got != "Hello" {
		t.Errorf("subject %q", got)
	}
	if got := r.one(".from-who .address").Text(); got != "Mia <mia@example.com>" {
		t.Errorf("from %q", got)
	}
	people := r.one(".people").Text()
	if !strings.Contains(people, "Jörg <j@example.com>") || !strings.Contains(people, "Replies toother@example.net") {
		t.Errorf("people %q", people)
	}
	if got := r.one(".text a").Attr("href"); got != "https://example.com/a_(b)" {
		t.Errorf("link %q", got)
	}
	if got := r.one(".text blockquote blockquote").Text(); got != "twice" {
		t.Errorf("second level %q", got)
	}
	if got := r.one(".signature").Text(); got != "-- Mia" {
		t.Errorf("signature %q", got)
	}
	if !s.record("INBOX", uid).Flags.Has(mailstore.Seen) {
		t.Error("not marked as read")
	}
	r = s.get(fmt.Sprintf("/m/INBOX/1/%d?headers=1", uid)).want(http.StatusOK)
	if got := r.one("pre.headers").Text(); !strings.HasPrefix(got, "From: Mia <mia@example.com> To:") {
		t.Errorf("headers %q", got)
	}
	raw := s.get(fmt.Sprintf("/m/INBOX/1/%d/raw", uid)).want(http.StatusOK)
	if got := raw.Header().Get("Content-Disposition"); got != "attachment; filename=Hello.eml" || !strings.HasPrefix(raw.Body.String(), "From: Mia") {
		t.Errorf("raw: %q %.40q", got, raw.Body)
	}
}

const htmlMail = `From: News <news@example.com>
Subject: News
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain

plain form
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html

<p onclick=x>html form</p><img src="cid:pic@x"><img src="https://evil.example/x.png" width=100 height=50><script>alert(1)</script>
--r
Content-Type: image/png
Content-ID: <pic@x>
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==
--r
Content-Type: image/png
Content-ID: <unused@x>

not shown by the text
--r--
--a--
--m
Content-Type: text/html; name="page.html"
Content-Disposition: attachment; filename="page.html"

<script>alert(1)</script>
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''Pr%C3%BCfung%2F..%2Fx.pdf

PDF
--m
Content-Type: message/rfc822

From: Inner <inner@example.com>
Subject: Inner one

inner text
--m--
`

func TestHTMLMessage(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", htmlMail, 0)
	base := fmt.Sprintf("/m/INBOX/1/%d", uid)
	r := s.get(base).want(http.StatusOK)
	frame := r.one("iframe")
	if got := frame.Attr("src"); got != base+"/body/1.2.1" {
		t.Errorf("frame %q", got)
	}
	if got := frame.Attr("sandbox"); got != "allow-popups allow-popups-to-escape-sandbox" {
		t.Errorf("sandbox %q", got)
	}
	if got := r.one(".pictures span").Text(); !strings.HasPrefix(got, "1 remote picture is not shown") {
		t.Errorf("notice %q", got)
	}
	want := []string{"page.html", "_.._x.pdf", "Inner one.eml", "image.png"}
	names := r.texts(".attachment-name")
	if len(names) != 4 || names[0] != want[0] || names[2] != want[2] || names[3] != want[3] || strings.ContainsAny(names[1], "/\\") {
		t.Errorf("attachments %q, want about %q (the picture that the text shows is none)", names, want)
	}
	if got := r.texts(".text"); !slices.Equal(got, []string{"inner text"}) {
		t.Errorf("texts %q", got)
	}

	body := s.get(frame.Attr("src")).want(http.StatusOK)
	text := body.Body.String()
	if strings.Contains(text, "alert") || strings.Contains(text, "evil") || strings.Contains(text, "onclick") || !strings.Contains(text, "html form") {
		t.Errorf("body: %s", text)
	}
	picture := body.one("img").Attr("src")
	delete(s.cookies, "__Host-restante") // the frame's requests carry no cookie
	got := s.get(picture).want(http.StatusOK)
	if got.Header().Get("Content-Type") != "image/png" || !strings.HasPrefix(got.Body.String(), "\x89PNG") {
		t.Errorf("picture: %v %.20q", got.Header(), got.Body)
	}
	s.get(strings.Replace(picture, "1.2.2", "1.1", 1)).want(http.StatusNotFound)
	s.get(picture + "x").want(http.StatusNotFound)
	s.signIn()

	r = s.get(r.one(".pictures a").Attr("href")).want(http.StatusOK)
	body = s.get(r.one("iframe").Attr("src")).want(http.StatusOK)
	if csp := body.Header().Get("Content-Security-Policy"); !strings.Contains(body.Body.String(), "https://evil.example/x.png") || !strings.Contains(csp, "img-src 'self' data: https: http:") {
		t.Errorf("with pictures: %q %s", csp, body.Body)
	}
	r = s.get(base + "?view=text").want(http.StatusOK)
	if got := r.texts(".text"); len(got) == 0 || got[0] != "plain form" || len(r.page.Find("iframe")) != 0 {
		t.Errorf("text form: %q", got)
	}
}

// TestHTMLCharset: without a charset parameter the HTML's own word counts.
func TestHTMLCharset(t *testing.T) {
	s := signedIn(t)
	for _, c := range []struct{ header, body string }{
		{"text/html; charset=koi8-r", "<p>\xf0\xd2\xc9\xd7\xc5\xd4"},
		{"text/html", "<meta charset=koi8-r><p>\xf0\xd2\xc9\xd7\xc5\xd4"},
		{"text/html", "<p>Привет"},
		{"text/html", "<meta charset=koi8-r><p>Привет"},
	} {
		uid := s.add("INBOX", "Content-Type: "+c.header+"\n\n"+c.body, 0)
		r := s.get(fmt.Sprintf("/m/INBOX/1/%d/body/1", uid)).want(http.StatusOK)
		if got := r.one("p").Text(); got != "Привет" {
			t.Errorf("%s %q: %q", c.header, c.body, got)
		}
	}
}

// TestInlinePicture: a picture that stands in the message by itself is shown in its place.
func TestInlinePicture(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", "Content-Type: image/png; name=cat.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n", 0)
	r := s.get(fmt.Sprintf("/m/INBOX/1/%d", uid)).want(http.StatusOK)
	src := r.one(".picture img").Attr("src")
	if got := s.get(src).want(http.StatusOK).Header().Get("Content-Type"); got != "image/png" || r.one(".attachment-name").Text() != "cat.png" {
		t.Errorf("%s: %s", src, got)
	}
}

func TestAttachments(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", htmlMail, 0)
	base := fmt.Sprintf("/m/INBOX/1/%d/part/", uid)
	for _, c := range []struct{ part, kind, disposition string }{
		{"2", "application/octet-stream", "attachment; filename=page.html"},
		{"3", "application/pdf", ""},
		{"4", "message/rfc822", `attachment; filename="Inner one.eml"`},
		{"1.2.2", "image/png", "attachment; filename=image.png"},
		{"1.2.1", "application/octet-stream", "attachment; filename=text.html"},
	} {
		r := s.get(base + c.part).want(http.StatusOK)
		if got := r.Header().Get("Content-Type"); got != c.kind {
			t.Errorf("%s: type %q, want %q", c.part, got, c.kind)
		}
		got := r.Header().Get("Content-Disposition")
		if (c.disposition != "" && got != c.disposition) || !strings.HasPrefix(got, "attachment; filename") {
			t.Errorf("%s: disposition %q, want %q", c.part, got, c.disposition)
		}
		if csp := r.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; sandbox") {
			t.Errorf("%s: policy %q", c.part, csp)
		}
	}
	if r := s.get(base + "1.2.2?inline=1").want(http.StatusOK); r.Header().Get("Content-Disposition") != "inline" {
		t.Errorf("picture: %v", r.Header())
	}
	for _, bad := range []string{"2?inline=1", "3?inline=1", "1", "9", "0", "1.2.9", "01", "1..2", "x", "-1"} {
		s.get(base + bad).want(http.StatusNotFound)
	}
}

func TestActions(t *testing.T) {
	s := signedIn(t)
	one, two, three := s.add("INBOX", mail("one"), 0), s.add("INBOX", mail("two"), 0), s.add("INBOX", mail("three"), 0)
	form := func(do string, uids ...mailstore.UID) url.Values {
		f := url.Values{"do": {do}, "v": {"1"}}
		for _, u := range uids {
			f.Add("uid", fmt.Sprint(u))
		}
		return f
	}
	s.act("INBOX", form("read", one, two)).want(http.StatusOK)
	if s.record("INBOX", three).Flags.Has(mailstore.Seen) || !s.record("INBOX", two).Flags.Has(mailstore.Seen) {
		t.Error("read: wrong messages")
	}
	s.act("INBOX", form("unread", two)).want(http.StatusOK)
	s.act("INBOX", form(fmt.Sprintf("star %d", three), one)).want(http.StatusOK)
	if s.record("INBOX", one).Flags.Has(mailstore.Flagged) || !s.record("INBOX", three).Flags.Has(mailstore.Flagged) || s.record("INBOX", two).Flags.Has(mailstore.Seen) {
		t.Error("star of one row, or unread: wrong messages")
	}

	move := form("", one)
	move.Set("move", "family/Übersicht")
	r := s.act("INBOX", move).want(http.StatusOK)
	if got := r.one(".flash span").Text(); got != "1 message moved to family/Übersicht." {
		t.Errorf("moved: %q", got)
	}
	undo := url.Values{"do": {"move"}}
	for _, in := range r.page.Find(".flash input") {
		undo.Add(in.Attr("name"), in.Attr("value"))
	}
	s.post(r.one(".flash form").Attr("action"), undo).want(http.StatusSeeOther)
	if got := s.uids("INBOX"); len(got) != 3 {
		t.Errorf("after undo INBOX holds %v", got)
	}
	if got := s.get("/m/INBOX").want(http.StatusOK); len(got.page.Find(".flash")) != 1 {
		t.Error("no word about the move back")
	}
	if got := s.get("/m/INBOX").want(http.StatusOK); len(got.page.Find(".flash")) != 0 {
		t.Error("the word about what was done is told twice")
	}

	r = s.act("INBOX", form("delete", two, three)).want(http.StatusOK)
	if got := r.one(".flash span").Text(); got != "2 messages moved to Trash." || len(s.uids("Trash")) != 2 {
		t.Errorf("deleted: %q", got)
	}
	trashed := s.uids("Trash")
	form2 := form("delete", trashed[0])
	form2.Set("v", validity(s, "Trash"))
	r = s.act("Trash", form2).want(http.StatusOK)
	if len(s.uids("Trash")) != 2 || r.one("h1").Text() != "Delete 1 message?" {
		t.Fatalf("deleting for good was not asked: %s", r.Body)
	}
	confirmed := url.Values{"do": {r.one("button[name=do]").Attr("value")}}
	for _, in := range r.page.Find("form input") {
		confirmed.Add(in.Attr("name"), in.Attr("value"))
	}
	s.act("Trash", confirmed).want(http.StatusOK)
	if got := s.uids("Trash"); !slices.Equal(got, trashed[1:]) {
		t.Errorf("trash holds %v, want %v", got, trashed[1:])
	}
	empty := url.Values{"do": {"empty"}, "v": {validity(s, "Trash")}, "confirmed": {"yes"}}
	s.act("Trash", empty).want(http.StatusOK)
	if got := s.uids("Trash"); len(got) != 0 {
		t.Errorf("the emptied trash holds %v", got)
	}
	inbox := url.Values{"do": {"empty"}, "v": {"1"}, "confirmed": {"yes"}}
	s.act("INBOX", inbox).want(http.StatusBadRequest)
	if len(s.uids("INBOX")) == 0 {
		t.Error("the inbox was emptied")
	}
}

// validity is a mailbox's UIDVALIDITY as forms carry it.
func validity(s *site, box string) string {
	m, err := s.account.Open(s.t.Context(), box)
	if err != nil {
		s.t.Fatal(err)
	}
	defer m.Close()
	return fmt.Sprint(m.UIDValidity())
}

// TestNoTrash: where there is no trash, deleting is for good, after a question.
func TestNoTrash(t *testing.T) {
	s := newSite(t, newOptions())
	s.signIn()
	uid := s.add("INBOX", mail("one"), 0)
	form := url.Values{"do": {"delete"}, "v": {"1"}, "uid": {fmt.Sprint(uid)}}
	s.act("INBOX", form).one("button.danger")
	form.Set("confirmed", "yes")
	s.act("INBOX", form).want(http.StatusOK)
	if got := s.uids("INBOX"); len(got) != 0 {
		t.Errorf("INBOX holds %v", got)
	}
}

func TestEmptyStates(t *testing.T) {
	s := signedIn(t)
	for box, want := range map[string]string{"INBOX": "Your inbox is empty", "Trash": "The trash is empty", "Sent": "No messages here", "Drafts": "No drafts", "Junk": "No junk"} {
		if got := s.get("/m/" + box).want(http.StatusOK).texts(".list .empty p")[0]; got != want {
			t.Errorf("%s: %q, want %q", box, got, want)
		}
	}
}

func TestErrorPages(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", mail("one"), 0)
	for _, c := range []struct {
		path   string
		status int
		title  string
	}{
		{"/m/nowhere", 404, "There is no such mailbox"},
		{"/m/family", 404, "This is not a mailbox"},
		{fmt.Sprintf("/m/INBOX/77/%d", uid), 410, "This link is out of date"},
		{"/m/INBOX/1/999", 410, "This message is gone"},
		{"/m/INBOX/1/0", 404, "There is no such page"},
		{"/m/INBOX/x/1", 404, "There is no such page"},
		{"/m/INBOX/1/99999999999", 404, "There is no such page"},
		{"/nothing", 404, "There is no such page"},
		{fmt.Sprintf("/m/INBOX/1/%d/body/1", uid), 404, "The message has no such part"},
	} {
		r := s.get(c.path).want(c.status)
		if got := r.one("h1").Text(); got != c.title && c.path != "/m/family" {
			t.Errorf("%s: %q, want %q", c.path, got, c.title)
		}
		if href := r.one(".actions a").Attr("href"); href != "/m/INBOX" {
			t.Errorf("%s: no way on: %q", c.path, href)
		}
	}
}

// TestLongSummary: a list shows the beginning of what is too long for a line, and remembers no more of it.
func TestLongSummary(t *testing.T) {
	s := signedIn(t)
	long := strings.Repeat("long ", 4000)
	s.add("INBOX", "From: "+long+" <a@b.example>\r\nTo: "+long+"@b.example\r\nSubject: "+long+"\r\n\r\nx\r\n", 0)
	r := s.get("/m/INBOX").want(http.StatusOK)
	if n := r.Body.Len(); n > 20000 {
		t.Errorf("the list has %d octets", n)
	}
	if got := r.texts(".subject"); len(got) != 1 || !strings.HasPrefix(got[0], "long long") || !strings.HasSuffix(got[0], "…") {
		t.Errorf("subject: %.100q", got)
	}
}

// TestDownloadName: a name that is saved reads as the one that is shown.
func TestDownloadName(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", "Subject: x\r\nContent-Type: application/octet-stream\r\n"+
		"Content-Disposition: attachment; filename*=utf-8''..%2F..%5Ca%E2%80%AEgpj%0D%0Ab.exe\r\n\r\nx\r\n", 0)
	r := s.get(fmt.Sprintf("/m/INBOX/1/%d/part/1", uid)).want(http.StatusOK)
	_, params, err := mime.ParseMediaType(r.Header().Get("Content-Disposition"))
	if err != nil || strings.ContainsAny(params["filename"], "\u202e/\\\r\n") || !strings.HasSuffix(params["filename"], "b.exe") {
		t.Errorf("%q: %q, %v", r.Header().Get("Content-Disposition"), params["filename"], err)
	}
}

// TestNestedSpecial: what stands below a special mailbox is shown below it.
func TestNestedSpecial(t *testing.T) {
	s := signedIn(t)
	for _, name := range []string{"Archive/2024", "Archive/2024/Q1", "AAA"} {
		if err := s.account.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(s.get("/m/INBOX").texts(".folder-name"), " ")
	if want := "Inbox Drafts Sent Archive 2024 Q1 Junk Trash AAA family Übersicht"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestNeighboursAcrossPages: the way from message to message does not end where a page of the list does.
func TestNeighboursAcrossPages(t *testing.T) {
	s := signedIn(t)
	for i := range 60 {
		s.add("INBOX", mail(fmt.Sprint(i)), 0)
	}
	link := func(path, label string) string {
		for _, a := range s.get(path).page.Find(".tools a") {
			if a.Attr("aria-label") == label {
				return a.Attr("href")
			}
		}
		return ""
	}
	if got, want := link("/m/INBOX/1/11", "Older message"), "/m/INBOX/1/10?p=2#u10"; got != want {
		t.Errorf("from the end of page 1 to %s, want %s", got, want)
	}
	if got, want := link("/m/INBOX/1/10?p=2", "Newer message"), "/m/INBOX/1/11#u11"; got != want {
		t.Errorf("from the beginning of page 2 to %s, want %s", got, want)
	}
	if got, want := link("/m/INBOX/1/5", "Older message"), "/m/INBOX/1/4#u4"; got != want {
		t.Errorf("from a message that is not on the page to %s, want %s", got, want)
	}
}

// TestUndoReturns: whoever takes a move back is where the messages are again.
func TestUndoReturns(t *testing.T) {
	s := signedIn(t)
	uid := s.add("INBOX", mail("x"), 0)
	s.post("/m/INBOX/act", url.Values{"v": {"1"}, "uid": {fmt.Sprint(uid)}, "do": {"delete"}}).want(http.StatusSeeOther)
	s.header.Set("Restante-Auto", "1")
	s.get("/m/INBOX") // a page that looks for news meanwhile does not eat the notice
	s.header.Del("Restante-Auto")
	page := s.get("/m/INBOX")
	fields := url.Values{"do": {"move"}}
	for _, in := range page.page.Find(".flash input") {
		fields.Add(in.Attr("name"), in.Attr("value"))
	}
	r := s.post(page.one(".flash form").Attr("action"), fields).want(http.StatusSeeOther)
	if got := r.Header().Get("Location"); got != "/m/INBOX" {
		t.Errorf("after undo: %s", got)
	}
	if got := s.get("/m/INBOX").texts(".flash span"); len(got) != 1 || got[0] != "1 message moved back to Inbox." {
		t.Errorf("notice: %q", got)
	}
}
