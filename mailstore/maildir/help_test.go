package maildir_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// text is a small message in LF form that can be told from others.
func text(id string) string {
	return "From: a@example.org\nSubject: " + id + "\n\nThis is " + id + ".\n"
}

// box is an open mailbox of a test.
type box struct {
	mailstore.Mailbox
	t testing.TB
}

func openBox(t testing.TB, acct mailstore.Account, name string) box {
	t.Helper()
	m, err := acct.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return box{m, t}
}

func (b box) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// add appends messages that consist of nothing but text(id).
func (b box) add(flags mailstore.Flags, ids ...string) []mailstore.UID {
	b.t.Helper()
	uids, err := appendTo(b.t, b, flags, ids...)
	b.ok(err)
	return uids
}

func appendTo(t testing.TB, m mailstore.Mailbox, flags mailstore.Flags, ids ...string) ([]mailstore.UID, error) {
	a, err := m.NewAppend(t.Context())
	if err != nil {
		return nil, err
	}
	defer a.Abort()
	for _, id := range ids {
		if err := a.Add(mailstore.AppendOptions{Flags: flags, Date: time.Unix(1e9, 0)}, strings.NewReader(text(id))); err != nil {
			return nil, err
		}
	}
	_, uids, err := a.Commit(t.Context())
	return uids, err
}

func (b box) refresh() {
	b.t.Helper()
	b.ok(b.Refresh(b.t.Context()))
}

func (b box) set(op mailstore.FlagOp, f mailstore.Flags, uids ...mailstore.UID) {
	b.t.Helper()
	_, err := b.SetFlags(b.t.Context(), mailstore.NewUIDSet(uids...), op, f, mailstore.SetFlagsOptions{})
	b.ok(err)
}

// contents lists the messages as `uid flags subject`.
func (b box) contents() []string {
	b.t.Helper()
	list, err := contents(b.t, b)
	b.ok(err)
	return list
}

func (b box) want(want ...string) {
	b.t.Helper()
	if got := b.contents(); !slices.Equal(got, want) {
		b.t.Errorf("%s holds\n%s\nwant\n%s", b.Name(), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func contents(t testing.TB, m mailstore.Mailbox) ([]string, error) {
	uids, c := m.Follow()
	c.Close()
	var list []string
	for _, uid := range uids {
		r, _ := m.Record(uid)
		id, err := subject(t, m, uid)
		if err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprintf("%d %s %s", uid, flagText(r.Flags), id))
	}
	return list, nil
}

func flagText(f mailstore.Flags) string {
	var s string
	for i, letter := range "SRFTD" { // in the order of the constants
		if f.Has(1 << i) {
			s += string(letter)
		}
	}
	return "[" + strings.TrimSpace(s+" "+f.Keywords.String()) + "]"
}

// subject checks that the message is text(id) and returns id.
func subject(t testing.TB, m mailstore.Mailbox, uid mailstore.UID) (string, error) {
	msg, err := m.OpenMessage(t.Context(), uid)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
	if err = errors.Join(err, msg.Close()); err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(data), "Subject: ")
	id, _, _ := strings.Cut(rest, "\n")
	if string(data) != text(id) {
		return "", fmt.Errorf("message %d of %s is %q", uid, m.Name(), data)
	}
	return id, nil
}

// deliver writes a file as another program would.
func deliver(t testing.TB, dir, path, id string) {
	t.Helper()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	temp := filepath.Join(dir, "tmp", filepath.Base(path))
	if err := os.WriteFile(temp, []byte(text(id)), 0o600); err != nil {
		t.Fatal(err)
	}
	rename(t, temp, filepath.Join(dir, path))
}

// letLie makes a Maildir look as if nobody had touched it for an hour.
func letLie(t testing.TB, dir string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	for _, sub := range []string{"cur", "new"} {
		if err := os.Chtimes(filepath.Join(dir, sub), long, long); err != nil {
			t.Fatal(err)
		}
	}
}

// rename renames a file as another program does, some time after our own changes.
func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	later(t, filepath.Dir(from), filepath.Dir(to))
}

// later lets directories look as if others had changed them some time after our own
// changes: what is done in the same tick of the file system's clock is seen later.
func later(t testing.TB, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		now := time.Now()
		if err := os.Chtimes(dir, now, now); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t testing.TB, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// files lists new/ and cur/ of a Maildir, sorted.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, sub+"/"+e.Name())
		}
	}
	return list
}

// names lists the mailboxes that can be opened.
func names(t testing.TB, acct mailstore.Account) []string {
	t.Helper()
	list, err := acct.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, in := range list {
		if !in.NoSelect {
			names = append(names, in.Name)
		}
	}
	return names
}

// newAccount is an account in an empty place, closed at the end.
func newAccount(t testing.TB, layout maildir.Layout) (mailstore.Account, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "Maildir")
	acct := openAccount(t, maildir.Options{Root: root, Layout: layout})
	t.Cleanup(func() { _ = acct.Close() })
	return acct, root
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
