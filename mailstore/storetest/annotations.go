package storetest

import (
	"fmt"
	"strings"

	"restante/mailstore"
)

// annotate notes something; "" takes it away.
func (e *env) annotate(name, entry, value string) {
	e.Helper()
	e.ok(e.acct.ChangeAnnotations(e.ctx, name, func(a mailstore.Annotations) error {
		if a[entry] = value; value == "" {
			delete(a, entry)
		}
		return nil
	}), "annotate "+name)
}

// wantAnnotations compares all that was noted, as a map is printed.
func (e *env) wantAnnotations(name, want string) {
	e.Helper()
	a, err := e.acct.Annotations(e.ctx, name)
	e.ok(err, "annotations of "+name)
	if got := fmt.Sprintf("%q", map[string]string(a)); got != "map["+want+"]" {
		e.Errorf("the annotations of %q are %s, want %s", name, got, want)
	}
}

func treeAnnotations(e *env) {
	e.create("box")
	for _, name := range []string{"", "INBOX", "box"} {
		e.wantAnnotations(name, "")
		e.annotate(name, "/private/comment", "of "+name+" \x00\r\n\xff")
		e.annotate(name, "/shared/x", "gone")
		e.annotate(name, "/shared/x", "")
	}
	for range 2 {
		e.wantAnnotations("", `"/private/comment":"of  \x00\r\n\xff"`)
		e.wantAnnotations("inbox", `"/private/comment":"of INBOX \x00\r\n\xff"`)
		e.wantAnnotations("box", `"/private/comment":"of box \x00\r\n\xff"`)
		e.reopen()
	}
	e.annotate("box", "/private/comment", "")
	e.wantAnnotations("box", "")
	e.is(e.acct.ChangeAnnotations(e.ctx, "INBOX", func(a mailstore.Annotations) error {
		clear(a)
		return mailstore.ErrNotPermitted
	}), mailstore.ErrNotPermitted, "a change that is given up")
	e.is(e.acct.ChangeAnnotations(e.ctx, "INBOX", func(a mailstore.Annotations) error {
		a["/private/x"] = strings.Repeat("x", mailstore.MaxAnnotation+1)
		return nil
	}), mailstore.ErrTooBig, "a value that is too long")
	e.wantAnnotations("INBOX", `"/private/comment":"of INBOX \x00\r\n\xff"`)
	e.create(e.name("up", "down"))
	for name, want := range map[string]error{"never": mailstore.ErrNotFound, "up": mailstore.ErrNoSelect} {
		_, err := e.acct.Annotations(e.ctx, name)
		e.is(err, want, "annotations of "+name)
		e.is(e.acct.ChangeAnnotations(e.ctx, name, func(mailstore.Annotations) error { return nil }), want, "change of those of "+name)
	}
}

func treeAnnotationsFollow(e *env) {
	deep := e.name("from", "deep")
	e.create(deep)
	e.create("plain")
	e.annotate(deep, "/a", "deep")
	e.annotate("plain", "/a", "plain")
	e.annotate("INBOX", "/a", "inbox")
	e.box("plain") // one that is open
	e.ok(e.acct.Rename(e.ctx, "from", "to"), "rename a tree")
	e.ok(e.acct.Rename(e.ctx, "plain", "new"), "rename")
	e.ok(e.acct.Rename(e.ctx, "INBOX", "kept"), "rename INBOX")
	e.create("plain")
	for range 2 {
		e.wantAnnotations(e.name("to", "deep"), `"/a":"deep"`)
		e.wantAnnotations("new", `"/a":"plain"`)
		e.wantAnnotations("INBOX", `"/a":"inbox"`)
		e.wantAnnotations("kept", "")
		e.wantAnnotations("plain", "")
		e.reopen()
	}
	e.ok(e.acct.Delete(e.ctx, "new"), "delete")
	e.create("new")
	e.wantAnnotations("new", "")
}
