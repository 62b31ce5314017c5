package storetest

import (
	"errors"
	"io"
	"slices"
	"strings"

	"restante/mailstore"
)

// blobsOf gives the blobs of a mailbox, and skips the test where none are kept.
func (e *env) blobsOf(m mailstore.Mailbox) mailstore.Blobs {
	e.Helper()
	b := m.Blobs()
	if b == nil {
		e.Skip("this store keeps no blobs")
	}
	return b
}

// put keeps a blob.
func (e *env) put(b mailstore.Blobs, name, content string) {
	e.Helper()
	e.ok(b.Put(name, func(w io.Writer) error {
		for _, piece := range strings.SplitAfter(content, " ") {
			if _, err := io.WriteString(w, piece); err != nil {
				return err
			}
		}
		return nil
	}), "put a blob")
}

// blob reads a blob.
func (e *env) blob(b mailstore.Blobs, name string) string {
	e.Helper()
	f, err := b.Open(name)
	e.ok(err, "open a blob")
	return e.content(f)
}

// content reads and closes an open blob.
func (e *env) content(f mailstore.Blob) string {
	e.Helper()
	data := make([]byte, f.Len())
	if n, err := f.ReadAt(data, 0); n < len(data) {
		e.ok(err, "read a blob")
	}
	e.ok(f.Close(), "close a blob")
	return string(data)
}

// wantBlobs compares the names.
func (e *env) wantBlobs(b mailstore.Blobs, want ...string) {
	e.Helper()
	got, err := b.List()
	e.ok(err, "list blobs")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		e.Errorf("there are the blobs %q, want %q", got, want)
	}
}

func blobs(e *env) {
	b := e.blobsOf(e.box(mailstore.Inbox))
	e.wantBlobs(b)
	_, err := b.Open("none")
	e.is(err, mailstore.ErrNotFound, "open a blob that is not there")
	e.put(b, "a.1", "one and two")
	e.put(b, "b", "")
	e.wantBlobs(b, "a.1", "b")
	if got := e.blob(b, "a.1"); got != "one and two" {
		e.Errorf("the blob is %q", got)
	}
	if got := e.blob(b, "b"); got != "" {
		e.Errorf("an empty blob is %q", got)
	}
	old, err := b.Open("a.1")
	e.ok(err, "open a blob")
	e.put(b, "a.1", "another")
	gone, err := b.Open("a.1")
	e.ok(err, "open a blob")
	e.ok(b.Remove("a.1"), "remove a blob")
	e.ok(b.Remove("a.1"), "remove a blob that is not there")
	e.wantBlobs(b, "b")
	if was, is := e.content(old), e.content(gone); was != "one and two" || is != "another" {
		e.Errorf("blobs that were replaced and removed while they were open are %q and %q", was, is)
	}
	broken := errors.New("broken")
	for _, name := range []string{"b", "c"} {
		err := b.Put(name, func(w io.Writer) error {
			if _, err := io.WriteString(w, "half"); err != nil {
				return err
			}
			return broken
		})
		e.is(err, broken, "put half a blob")
	}
	e.wantBlobs(b, "b")
	if got := e.blob(b, "b"); got != "" {
		e.Errorf("half a blob has replaced another: %q", got)
	}
	for _, name := range []string{"", ".a", "A", "a/b", "../a", "1", "a b", strings.Repeat("a", 61)} {
		e.is(b.Put(name, func(io.Writer) error { return nil }), mailstore.ErrInvalidName, "put a blob named "+name)
	}
	e.put(b, strings.Repeat("a", 60), "")
}

// blobsElsewhere: blobs follow their mailbox and belong to no other.
func blobsElsewhere(e *env) {
	b := e.blobsOf(e.newBox("One"))
	e.put(b, "a", "of One")
	e.wantBlobs(e.blobsOf(e.newBox("Two")))
	e.ok(e.acct.Rename(e.ctx, "One", "Three"), "rename")
	if got := e.blob(b, "a"); got != "of One" {
		e.Errorf("after a rename the blob is %q", got)
	}
	e.put(b, "b", "more")
	e.wantBlobs(e.blobsOf(e.newBox("One")))
	e.wantBlobs(e.blobsOf(e.box("Three")), "a", "b")
	e.ok(e.acct.Delete(e.ctx, "Three"), "delete")
	_ = b.Put("late", func(io.Writer) error { return nil }) // it may say so
	e.wantBlobs(e.blobsOf(e.newBox("Three")))
}

// blobsReopened: what is there has the content that was put.
func blobsReopened(e *env) {
	m := e.box(mailstore.Inbox)
	e.add(m, text("a"))
	e.put(e.blobsOf(m), "a", "content")
	e.reopen()
	b := e.blobsOf(e.box(mailstore.Inbox))
	names, err := b.List()
	e.ok(err, "list blobs")
	for _, name := range names {
		if got := e.blob(b, name); name != "a" || got != "content" {
			e.Errorf("blob %q is %q", name, got)
		}
	}
}
