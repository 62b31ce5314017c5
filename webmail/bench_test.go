package webmail_test

import (
	"fmt"
	"net/http"
	"testing"

	"restante/mailstore"
)

// BenchmarkList is a page of a mailbox that was seen before; BenchmarkMessage a message beside it.
func BenchmarkList(b *testing.B) { benchmark(b, func(mailstore.UID) string { return "/m/INBOX" }) }

func BenchmarkMessage(b *testing.B) {
	benchmark(b, func(uid mailstore.UID) string { return fmt.Sprintf("/m/INBOX/1/%d", uid) })
}

func BenchmarkBody(b *testing.B) {
	benchmark(b, func(uid mailstore.UID) string { return fmt.Sprintf("/m/INBOX/1/%d/body/1.2.1", uid) })
}

func benchmark(b *testing.B, path func(mailstore.UID) string) {
	s := signedIn(b)
	var uid mailstore.UID
	for range 200 {
		uid = s.add("INBOX", htmlMail, mailstore.Seen)
	}
	r, _ := http.NewRequest("GET", "https://mail.example.org"+path(uid), nil)
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := &discard{header: make(http.Header)}
		s.srv.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
