package fulltext

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/search"
)

// A world is a Maildir with an index directory, of which a test has one mailbox open.
type world struct {
	*testing.T
	fs   *faultfs.FS
	acct mailstore.Account
	box  mailstore.Mailbox
	name string
	rnd  *rand.Rand
	made int // messages
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{T: t, fs: faultfs.New(), name: "Mail", rnd: rand.New(rand.NewPCG(seed, 1))}
	w.must(w.fs.Mkdir("/mail", 0o700))
	w.openAccount()
	w.must(w.acct.Create(t.Context(), w.name))
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) openAccount() {
	w.Helper()
	var err error
	w.acct, err = maildir.Open(context.WithoutCancel(w.Context()), maildir.Options{
		FS: w.fs, Root: "/mail", IndexDir: "/index", Hostname: "test", LockWait: time.Second, KeepMessages: -1,
	})
	w.must(err)
}

func (w *world) open() {
	w.Helper()
	var err error
	w.box, err = w.acct.Open(w.Context(), w.name)
	w.must(err)
}

func (w *world) close() {
	_ = w.box.Close() // what cannot be saved is found out again
	_ = w.acct.Close()
}

// reopen is another process.
func (w *world) reopen() {
	w.Helper()
	w.close()
	w.openAccount()
	w.open()
}

var syllables = strings.Fields("an ber com den el fis gro hau in jo kin lo mün nä or pla qua rös ste ti un vor wei xy zu ß é я ж 郵 便 ﬁ")

// words makes a text; most of them come again and again.
func (w *world) words(n int) string {
	var b strings.Builder
	for range n {
		for range 1 + w.rnd.IntN(4) {
			b.WriteString(syllables[w.rnd.IntN(len(syllables))])
		}
		b.WriteString([]string{" ", " ", " ", "\n", ", "}[w.rnd.IntN(5)])
	}
	return b.String()
}

// mail makes a message.
func (w *world) mail() string {
	w.made++
	subject := strings.ReplaceAll(w.words(1+w.rnd.IntN(5)), "\n", " ")
	body := w.words(1 + w.rnd.IntN(60))
	head := fmt.Sprintf("Message-ID: <%d@example.org>\nSubject: %s\nX-Number: n%dn\n", w.made, subject, w.made)
	switch w.rnd.IntN(4) {
	case 0:
		return head + "Content-Type: multipart/mixed; boundary=b\n\n--b\nX-Part: " + subject + "\n\n" + body + "\n--b\nContent-Type: image/png\n\nnothing\n--b--\n"
	case 1:
		return head + "\n" + strings.ToUpper(body)
	}
	return head + "Content-Type: text/plain; charset=utf-8\n\n" + body
}

// add appends messages.
func (w *world) add(n int) {
	w.Helper()
	a, err := w.box.NewAppend(w.Context())
	w.must(err)
	defer a.Abort()
	for range n {
		w.must(a.Add(mailstore.AppendOptions{}, strings.NewReader(w.mail())))
	}
	_, _, err = a.Commit(w.Context())
	w.must(err)
}

// expunge removes some messages.
func (w *world) expunge(share float64) {
	w.Helper()
	var set mailstore.UIDSet
	for _, uid := range w.uids() {
		if w.rnd.Float64() < share {
			set.Add(uid)
		}
	}
	_, err := w.box.Expunge(w.Context(), set, false)
	w.must(err)
}

func (w *world) uids() []mailstore.UID { return find(w.T, w.box, search.All{}, nil) }

// update brings the index up to date, in small segments.
func (w *world) update(whole bool) error {
	_, err := Update(w.Context(), w.box, UpdateOptions{Whole: whole, pairs: 2000})
	return err
}

// find searches a mailbox, with an index or without.
func find(t testing.TB, box mailstore.Mailbox, x search.Expr, ix *Index) (found []mailstore.UID) {
	t.Helper()
	q := search.New(x)
	if ix != nil {
		q.Narrow(ix)
	}
	recs := make([]mailstore.Record, 0, 100)
	for first := mailstore.UID(1); ; first = recs[len(recs)-1].UID + 1 {
		if recs = box.Records(recs[:0], first); len(recs) == 0 {
			return found
		}
		var err error
		if found, err = q.Filter(context.WithoutCancel(t.Context()), box, recs, found); err != nil {
			t.Fatal(err)
		}
	}
}

// text is something to look for.
func (w *world) text() string {
	text := []rune(w.words(3))
	at := w.rnd.IntN(len(text))
	text = text[at:min(at+1+w.rnd.IntN(9), len(text))]
	if w.rnd.IntN(10) == 0 {
		return fmt.Sprintf("n%dN", w.rnd.IntN(w.made+1))
	}
	return string(text)
}

// query is one of all kinds.
func (w *world) query() search.Expr {
	a, b := w.text(), w.text()
	return []search.Expr{
		search.Text{Text: a}, search.Body{Text: a}, search.Header{Field: "Subject", Text: a}, search.Header{Field: "X-Number", Text: a},
		search.Not{X: search.Text{Text: a}}, search.Or{search.Body{Text: a}, search.Header{Field: "Subject", Text: b}},
		search.And{search.Text{Text: a}, search.Not{X: search.Body{Text: b}}},
	}[w.rnd.IntN(7)]
}

// check compares searches with and without the index.
func (w *world) check(what string, queries int) {
	w.Helper()
	for range queries {
		ix := Open(w.box)
		x := w.query()
		got, want := find(w.T, w.box, x, ix), find(w.T, w.box, x, nil)
		ix.Close()
		if !slices.Equal(got, want) {
			w.Fatalf("%s: %#v gives %v with an index and %v without", what, x, got, want)
		}
	}
}

// known is how many messages the index has, and in how many segments.
func (w *world) known() (messages, segments int) {
	ix := Open(w.box)
	defer ix.Close()
	return count(ix.Known()), len(ix.segs)
}

// files are the segments on disk.
func (w *world) files() (paths []string) {
	w.Helper()
	dir := "/index/" + w.name
	entries, err := w.fs.ReadDir(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		w.must(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name, "blob.") {
			paths = append(paths, dir+"/"+e.Name)
		}
	}
	return paths
}
