package webmail_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"restante/mailstore"
)

// TestCorpus opens every real message: each has a page, its frames and its attachments can be fetched, and nothing of it
// gets into the page as markup.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpusDir(t, "eml"), "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	s := signedIn(t)
	frames, attachments := 0, 0
	box, err := s.account.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		uid := s.add("INBOX", string(data), 0)
		r := s.get(fmt.Sprintf("/m/INBOX/1/%d", uid))
		if r.Code != http.StatusOK {
			t.Errorf("%s: status %d", file, r.Code)
			continue
		}
		checkPage(t, file, r)
		for _, frame := range r.page.Find("iframe") {
			frames++
			if body := s.get(frame.Attr("src")); body.Code != http.StatusOK {
				t.Errorf("%s: %s: status %d", file, frame.Attr("src"), body.Code)
			}
		}
		for i, link := range r.page.Find("a.attachment") {
			attachments++
			if i >= 20 {
				break
			}
			if part := s.get(link.Attr("href")); part.Code != http.StatusOK {
				t.Errorf("%s: %s: status %d", file, link.Attr("href"), part.Code)
			}
		}
		if _, err := box.Expunge(t.Context(), mailstore.NewUIDSet(uid), false); err != nil { // keeps the list beside the next one short
			t.Fatal(err)
		}
	}
	t.Logf("%d messages, %d frames, %d attachments", len(files), frames, attachments)
	if frames < 300 || attachments < 300 {
		t.Errorf("%d frames and %d attachments in %d messages", frames, attachments, len(files))
	}
}
