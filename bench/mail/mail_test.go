package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// maker is made once: it is a value that never changes.
var maker = sync.OnceValue(func() *Maker { return NewMaker(Seed) })

func TestSameSeedSameMail(t *testing.T) {
	other := NewMaker(Seed)
	different := NewMaker(Seed + 1)
	same := 0
	for _, i := range []int{0, 1, 17, 4711, 999_999} {
		for _, small := range []bool{false, true} {
			want := maker().Append(nil, i, small)
			if got := other.Append([]byte("before"), i, small); string(got) != "before"+string(want) {
				t.Errorf("message %d, small %t: another Maker of the seed made another one", i, small)
			}
			if bytes.Equal(different.Append(nil, i, small), want) {
				same++
			}
		}
	}
	if same > 0 {
		t.Errorf("another seed made %d of the same messages", same)
	}
}

// TestSizes compares with what mail is like: see the figures in the package comment.
func TestSizes(t *testing.T) {
	const n = 4000
	sizes := make([]int, n)
	var buf []byte
	sum := 0
	for i := range n {
		buf = maker().Append(buf[:0], i, false)
		sizes[i] = len(buf)
		sum += len(buf)
	}
	slices.Sort(sizes)
	if m := sizes[n/2]; m < 7<<10 || m > 10<<10 {
		t.Errorf("median %d octets, want about 8 KB", m)
	}
	if mean := sum / n; mean < 17<<10 || mean > 26<<10 {
		t.Errorf("mean %d octets, want about 21 KB", mean)
	}
	small := 0
	for i := range 500 {
		small += len(maker().Append(nil, i, true))
	}
	if mean := small / 500; mean < 800 || mean > 1800 {
		t.Errorf("small messages have %d octets, want about 1 KB", mean)
	}
}

// TestKinds reads messages with the standard library, which knows nothing of how
// they were made.
func TestKinds(t *testing.T) {
	seen := map[string]int{}
	const n = 1500
	for i := range n {
		raw := maker().Append(nil, i, false)
		if bytes.Contains(raw, []byte("\r")) {
			t.Fatalf("message %d has a carriage return", i)
		}
		msg, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("message %d: %v\n%.2000s", i, err, raw)
		}
		if _, err := msg.Header.AddressList("From"); err != nil {
			t.Errorf("message %d: From: %v", i, err)
		}
		if _, err := msg.Header.Date(); err != nil {
			t.Errorf("message %d: Date: %v", i, err)
		}
		if strings.Contains(msg.Header.Get("Subject"), "=?") {
			seen["encoded subject"]++
		}
		if msg.Header.Get("References") != "" {
			seen["answer"]++
		}
		countParts(t, i, msg.Header.Get("Content-Type"), msg.Body, seen)
	}
	for _, kind := range []string{"text/plain", "text/html", "multipart/alternative", "multipart/mixed", "message/rfc822", "application/pdf", "image/jpeg",
		"charset us-ascii", "charset utf-8", "charset iso-8859-1", "charset koi8-r", "charset iso-2022-jp", "charset windows-1252", "charset iso-8859-2", "encoded subject", "answer"} {
		if seen[kind] < n/200 {
			t.Errorf("%d of %d messages have %s: too few", seen[kind], n, kind)
		}
	}
}

func countParts(t *testing.T, i int, contentType string, body io.Reader, seen map[string]int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("message %d: %q: %v", i, contentType, err)
	}
	seen[kind]++
	if c := params["charset"]; c != "" {
		seen["charset "+c]++
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return
	}
	parts := 0
	for r := multipart.NewReader(body, params["boundary"]); ; parts++ {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("message %d: part %d of %s: %v", i, parts, kind, err)
		}
		countParts(t, i, p.Header.Get("Content-Type"), p, seen)
	}
	if parts < 2 {
		t.Errorf("message %d: %s of %d parts", i, kind, parts)
	}
}

func TestThreads(t *testing.T) {
	for i := range 2000 {
		p := maker().parent(i)
		if p >= i {
			t.Fatalf("message %d answers %d, which is later", i, p)
		}
		if p < 0 {
			continue
		}
		raw := string(maker().Append(nil, i, true))
		if !strings.Contains(raw, "In-Reply-To: "+maker().id(p)+"\n") {
			t.Errorf("message %d does not name what it answers", i)
		}
		if !strings.HasPrefix(maker().Subject(i), "Re: ") {
			t.Errorf("message %d answers %d with the subject %q", i, p, maker().Subject(i))
		}
	}
}

func digest(t *testing.T, root string) (files int, sum [32]byte) {
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		io.WriteString(h, strings.TrimPrefix(path, root))
		h.Write(data)
		fi, _ := d.Info()
		io.WriteString(h, fi.ModTime().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, [32]byte(h.Sum(nil))
}

func TestMakeMaildir(t *testing.T) {
	spec := Spec{Format: Maildir, Users: 3, Messages: 150}
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		if err := Make(t.Context(), dir, spec); err != nil {
			t.Fatal(err)
		}
	}
	n, sum := digest(t, a)
	if _, again := digest(t, b); n != 450 || sum != again {
		t.Errorf("%d files, want 450; the same twice: %t", n, sum == again)
	}
	names, err := filepath.Glob(filepath.Join(a, User(2), "Maildir", "cur", "*,S=*,W=*:2,*"))
	if err != nil || len(names) != 150 {
		t.Fatalf("%d names as they should be, want 150 (%v)", len(names), err)
	}
	if !slices.ContainsFunc(names, func(s string) bool { return strings.HasSuffix(s, "RS") }) || !slices.ContainsFunc(names, func(s string) bool { return strings.HasSuffix(s, ":2,") }) {
		t.Error("flags are not spread")
	}
}

func TestMakeMbox(t *testing.T) {
	dir := t.TempDir()
	if err := Make(t.Context(), dir, Spec{Format: Mbox, Users: 2, Messages: 300}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, User(1), "mail", "inbox"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte("\n\nFrom ")) + 1; n != 300 {
		t.Errorf("%d lines that separate messages, want 300", n)
	}
	if !bytes.Contains(data, []byte("\n>From ")) {
		t.Error("no line had to be quoted: the mail does not try that")
	}
}

func TestMakeStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Make(ctx, t.TempDir(), Spec{Format: Maildir, Users: 1, Messages: 10_000}); err != context.Canceled {
		t.Errorf("Make gives %v, want that it was cancelled", err)
	}
}

func BenchmarkMessage(b *testing.B) {
	m := maker()
	var buf []byte
	for i := 0; b.Loop(); i++ {
		buf = m.Append(buf[:0], i, false)
		b.SetBytes(int64(len(buf)))
	}
}
