package webmail_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/message"
	"restante/webmail"
)

// watched is a store that counts the messages that are opened.
type watched struct {
	mailstore.Store
	opened int
	// Faults: no summaries are kept; messages go in the moment in which they are opened.
	forgetful, vanishing bool
}

func (w *watched) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := w.Store.OpenAccount(ctx, u)
	return watchedAccount{a, w}, err
}

type watchedAccount struct {
	mailstore.Account
	w *watched
}

func (a watchedAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	return watchedMailbox{m, a.w}, err
}

type watchedMailbox struct {
	mailstore.Mailbox
	w *watched
}

func (m watchedMailbox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	m.w.opened++
	if m.w.vanishing {
		return nil, fmt.Errorf("message %d: %w", uid, mailstore.ErrExpunged)
	}
	return m.Mailbox.OpenMessage(ctx, uid)
}

func (m watchedMailbox) Summaries() mailstore.SummaryReader {
	if m.w.forgetful {
		return nil
	}
	return m.Mailbox.Summaries()
}

func (m watchedMailbox) PutSummary(uid mailstore.UID, b []byte) {
	if !m.w.forgetful {
		m.Mailbox.PutSummary(uid, b)
	}
}

// sites are two servers over one store, of which the second keeps no summaries.
func sites(t *testing.T) (s *site, w *watched, plain *site) {
	store := memory.New(memory.Options{})
	w = &watched{Store: store}
	s = newSite(t, webmail.Options{Store: w})
	plain = newSite(t, webmail.Options{Store: &watched{Store: store, forgetful: true}})
	s.signIn()
	plain.signIn()
	return s, w, plain
}

// rows is the part of a page that lists messages.
func (a *answer) rows() string {
	a.t.Helper()
	_, rest, found := strings.Cut(a.want(http.StatusOK).Body.String(), `<ol class="rows"`)
	rows, _, closed := strings.Cut(rest, "</ol>")
	if !found || !closed {
		a.t.Fatalf("no rows in:\n%.3000s", a.Body)
	}
	return rows
}

// TestListOpensNothing: what was listed once is listed from summaries, and the list is that which is made of the messages.
func TestListOpensNothing(t *testing.T) {
	s, w, plain := sites(t)
	const mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee there\n--b\nContent-Type: application/pdf\n\n"
	for _, text := range []string{
		mail("one"),
		"Subject: html\nMIME-Version: 1.0\nContent-Type: text/html; charset=iso-8859-1\n\n<p>caf\xe9 & more",
		"",
		"no header at all",
		"Subject: small\n" + mixed + "x\n--b--\n",
		"Subject: large\n" + mixed + strings.Repeat("line\n", 200_000) + "--b--\n",
		"Subject: a long header\nX-Long: " + strings.Repeat("x", 100_000) + "\n\ntext",
		"Subject: nul \x00\nDate: nonsense\n\nte\x00xt",
	} {
		s.add("INBOX", text, 0)
	}
	want := plain.get("/m/INBOX").rows()
	first := s.get("/m/INBOX").rows()
	w.opened = 0
	again := s.get("/m/INBOX").rows()
	if first != want || again != want {
		t.Errorf("without summaries\n%s\nfirst\n%s\nagain\n%s", want, first, again)
	}
	if w.opened > 0 {
		t.Errorf("%d messages were opened for a list that was shown before", w.opened)
	}
	if got := plain.get("/m/INBOX").rows(); got != want {
		t.Errorf("the list without summaries changes to\n%s", got)
	}
}

// TestListOfLargeMessages: a page reads no more of large messages than it has time for. What it shows of the others stands in
// their headers, and the next page knows more.
func TestListOfLargeMessages(t *testing.T) {
	s, w, _ := sites(t)
	const mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee there\n--b\nContent-Type: application/pdf\n\n"
	huge := s.add("INBOX", "Subject: huge\n"+mixed+strings.Repeat("line\n", 20<<20/5)+"--b--\n", 0)
	var large []mailstore.UID
	for range 3 {
		large = append(large, s.add("INBOX", "Subject: large\n"+mixed+strings.Repeat("line\n", 7<<20/5)+"--b--\n", 0))
	}
	for page, want := range []struct {
		previews, opened int
		why              string
	}{
		{2, 4, "two fit into what is read for a page"},
		{3, 1, "the third, and what is too large is not tried again"},
		{3, 0, "nothing is left to be read"},
	} {
		w.opened = 0
		r := s.get("/m/INBOX").want(http.StatusOK)
		if got := len(r.page.Find("#rows .preview")); got != want.previews || w.opened != want.opened {
			t.Errorf("page %d has %d previews and %d messages were opened, want %d and %d: %s", page+1, got, w.opened, want.previews, want.opened, want.why)
		}
		for _, uid := range append(large, huge) {
			if got := r.one(fmt.Sprintf("#u%d .sign", uid)).Text(); got != "Has attachments." {
				t.Errorf("page %d, message %d: %q", page+1, uid, got)
			}
		}
	}
}

// TestListOfOthersSummaries: a summary of a header only is read on, and one that cannot be read is made anew.
func TestListOfOthersSummaries(t *testing.T) {
	s, w, _ := sites(t)
	const text = "Subject: a\n\nhello\n"
	uid := s.add("INBOX", text, 0)
	box, err := s.account.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for _, tt := range []struct {
		why  string
		kept []byte
	}{
		{"only of the header", message.AppendHeaderSummary(nil, []byte("Subject: a\n\n"), true)},
		{"of another version", []byte{0, 1, 2, 3}},
		{"nothing", nil},
	} {
		box.PutSummary(uid, tt.kept)
		for i := range 2 {
			w.opened = 0
			if got := s.get("/m/INBOX").one(".preview").Text(); got != "hello" || w.opened != 1-i {
				t.Errorf("%s: preview %q, %d messages opened", tt.why, got, w.opened)
			}
		}
	}
}

// TestListWhileMessagesGo: a message that goes while it is listed is not in the list.
func TestListWhileMessagesGo(t *testing.T) {
	s, w, _ := sites(t)
	s.add("INBOX", mail("one"), 0)
	w.vanishing = true
	r := s.get("/m/INBOX").want(http.StatusOK)
	if got := r.texts("#rows .subject"); len(got) > 0 {
		t.Errorf("rows %q", got)
	}
}

// TestCorpusList: the list of real mail is the same with summaries and without.
func TestCorpusList(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpusDir(t, "eml"), "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	s, w, plain := sites(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.add("INBOX", string(data), mailstore.Seen)
	}
	previews := 0
	for page := 1; page*50 < len(files)+50; page++ {
		path := fmt.Sprintf("/m/INBOX?p=%d", page)
		want := plain.get(path).rows()
		first := s.get(path).rows()
		w.opened = 0
		again := s.get(path)
		if first != want || again.rows() != want {
			t.Errorf("page %d is another one with summaries", page)
		}
		if w.opened > 0 {
			t.Errorf("page %d: %d messages were opened", page, w.opened)
		}
		previews += len(again.page.Find("#rows .preview"))
		checkPage(t, path, again)
	}
	if previews < len(files)*3/4 {
		t.Errorf("%d previews of %d messages", previews, len(files))
	}
}
