package mbox

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// tree makes files and directories (with a trailing slash) and opens them.
func tree(t *testing.T, opt Options, paths ...string) (mailstore.Account, string) {
	t.Helper()
	root := t.TempDir()
	for _, p := range paths {
		path := filepath.Join(root, p)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil && strings.HasSuffix(p, "/") {
			err = os.MkdirAll(path, 0o700)
		} else if err == nil {
			err = os.WriteFile(path, []byte(mailOf("x")), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	opt.Root = root
	opt.Zone = time.UTC
	if opt.Inbox != "" {
		opt.Inbox = filepath.Join(root, opt.Inbox)
	}
	return openAccount(t, opt), root
}

func listed(t *testing.T, a mailstore.Account) []string {
	t.Helper()
	list, err := a.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, in := range list {
		name := in.Name
		if in.NoSelect {
			name += " (NoSelect)"
		}
		names = append(names, name)
	}
	return names
}

func TestNamesOnDisk(t *testing.T) {
	a, root := tree(t, Options{},
		"inbox", "plain", "Entw&APw-rfe", "Ünicode", "R&D", "R&-D", "sub/box", "sub/empty/", "&AOk-t&AOk-/a&-b",
		"INBOX/below", "x.lock", ".hidden", ".imap/plain/dovecot.index", "bad\xffname", "&Jjo", "nul&AAA-l", "slash&AC8-x")
	if err := os.Symlink("plain", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"circle", "circle2", "sub/circle"} {
		if err := os.Symlink(root, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(root, "dangling")); err != nil {
		t.Fatal(err)
	}
	want := []string{"INBOX", "INBOX/below", "&Jjo", "Entwürfe", "R&D", "link", "nul&AAA-l", "plain", "slash&AC8-x", "sub (NoSelect)", "sub/box", "sub/empty (NoSelect)", "Ünicode", "ét\u00e9 (NoSelect)", "ét\u00e9/a&b"}
	got := listed(t, a)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("listed\n%q\nwant\n%q", got, want)
	}
	for _, name := range []string{"Entwürfe", "Ünicode", "R&D", "été/a&b", "INBOX/below", "link", "&Jjo"} {
		m, err := a.Open(t.Context(), name)
		if err != nil {
			t.Errorf("open %q: %v", name, err)
			continue
		}
		if m.Status().Messages != 1 {
			t.Errorf("%q: %+v", name, m.Status())
		}
		m.Close()
	}
	if err := a.Create(t.Context(), "Neu & schön"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "Neu &- sch&APY-n")); err != nil {
		t.Errorf("a new name is not in modified UTF-7: %v", err)
	}
	if err := a.Rename(t.Context(), "Ünicode", "Ünicode 2"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "&ANw-nicode 2")); err != nil {
		t.Error(err)
	}
}

// TestLinksToEachOther: N directories with links to each other have N! paths. A
// list of them would take the memory of the whole server.
func TestLinksToEachOther(t *testing.T) {
	dirs := strings.Split("abcdefgh", "")
	var paths []string
	for _, d := range dirs {
		paths = append(paths, d+"/box")
	}
	a, root := tree(t, Options{}, paths...)
	for _, in := range dirs {
		for _, to := range dirs {
			if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, in, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	names := listed(t, a)
	if len(names) < 50 || len(names) > 2000 {
		t.Errorf("%d mailboxes", len(names))
	}
	for _, want := range []string{"a/box", "b/box", "g/box", "h/box"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestBelowAFile(t *testing.T) {
	a, root := tree(t, Options{}, "inbox", "a", "dir/b")
	ctx := t.Context()
	for _, name := range []string{"a/x", "a/x/y", "dir/b/c", "a/x/"} {
		err := a.Create(ctx, name)
		if !errors.Is(err, mailstore.ErrInvalidName) || !strings.Contains(err.Error(), "mbox file") {
			t.Errorf("create %q: %v", name, err)
		}
		if err := a.Rename(ctx, "dir/b", name); err == nil {
			t.Errorf("renamed to %q", name)
		}
		if _, err := a.Open(ctx, name); !errors.Is(err, mailstore.ErrNotFound) && !errors.Is(err, mailstore.ErrInvalidName) {
			t.Errorf("open %q: %v", name, err)
		}
	}
	if err := a.Create(ctx, "dir"); !errors.Is(err, mailstore.ErrExists) {
		t.Errorf("create of a name that is a directory: %v", err)
	}
	if _, err := a.Open(ctx, "dir"); !errors.Is(err, mailstore.ErrNoSelect) {
		t.Errorf("open of a directory: %v", err)
	}
	if err := a.Delete(ctx, "dir"); !errors.Is(err, mailstore.ErrHasChildren) {
		t.Errorf("delete of a directory that is not empty: %v", err)
	}
	if err := a.Create(ctx, "place/"); err != nil {
		t.Error(err)
	}
	if fi, err := os.Stat(filepath.Join(root, "place")); err != nil || !fi.IsDir() {
		t.Errorf("a trailing delimiter made no directory: %v", err)
	}
	if err := a.Delete(ctx, "place"); err != nil {
		t.Error(err)
	}
	if err := a.Delete(ctx, "dir/b"); err != nil {
		t.Error(err)
	}
	if got := listed(t, a); !slices.Equal(got, []string{"INBOX", "a"}) {
		t.Errorf("listed %q", got)
	}
}

// TestInboxPlaces: where INBOX stands, and that it has no second name.
func TestInboxPlaces(t *testing.T) {
	for _, c := range []struct {
		why   string
		inbox string
		paths []string
		file  string
		want  []string
	}{
		{"Dovecot's default", "", []string{"a"}, "inbox", []string{"INBOX", "a"}},
		{"capitals as found", "", []string{"INBOX", "a"}, "INBOX", []string{"INBOX", "a"}},
		{"spool in the root", "Mailspool", []string{"a", "Mailspool"}, "Mailspool", []string{"INBOX", "a"}},
		{"another file that would be INBOX", "spool/joe", []string{"a", "Inbox", "spool/joe"}, "spool/joe", []string{"INBOX", "a", "spool (NoSelect)"}},
		{"a directory that cannot be written", "no/such/directory/joe", []string{"a"}, "", []string{"INBOX", "a"}},
	} {
		a, root := tree(t, Options{Inbox: c.inbox}, c.paths...)
		if got := listed(t, a); !slices.Equal(got, c.want) {
			t.Errorf("%s: listed %q, want %q", c.why, got, c.want)
		}
		m, err := a.Open(t.Context(), "inbox")
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		err = appendText(t, m, "Subject: hello\r\n\r\n")
		if c.file == "" {
			// Appending makes the file, and its directory.
			c.file = c.inbox
		}
		if err != nil {
			t.Errorf("%s: append: %v", c.why, err)
		}
		if text, err := os.ReadFile(filepath.Join(root, c.file)); err != nil || !strings.Contains(string(text), "hello") {
			t.Errorf("%s: the message is not in %s: %v", c.why, c.file, err)
		}
		m.Close()
		if c.inbox == "Mailspool" {
			if _, err := a.Open(t.Context(), "Mailspool"); !errors.Is(err, mailstore.ErrNotFound) {
				t.Errorf("%s: INBOX opens by its file's name: %v", c.why, err)
			}
		}
	}
}

// TestSubscriptionsFile: the forms that Dovecot has written over the years.
func TestSubscriptionsFile(t *testing.T) {
	for _, c := range []struct {
		why, before string
		names       []string
		after       string
	}{
		{"none", "", nil, "V\t2\n\nEntw&APw-rfe\tNeu\n"},
		{"version 2", "V\t2\n\nINBOX\nLists\tgo&-lang\n", []string{"INBOX", "Lists/go&lang"}, "V\t2\n\nINBOX\nLists\tgo&-lang\nEntw&APw-rfe\tNeu\n"},
		{"before version 2", "inbox\nLists/go\nUnl&APY-sbar\nroh ü\n", []string{"INBOX", "Lists/go", "Unlösbar", "roh ü"}, "inbox\nLists/go\nUnl&APY-sbar\nroh ü\nEntw&APw-rfe/Neu\n"},
		{"what cannot be a name", "a\n\xff\n\nb\n", []string{"a", "b"}, "a\n\xff\nb\nEntw&APw-rfe/Neu\n"},
	} {
		a, root := tree(t, Options{}, "inbox")
		file := filepath.Join(root, ".subscriptions")
		if c.before != "" {
			if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list, err := a.Mailboxes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, in := range list {
			if in.Subscribed {
				got = append(got, in.Name)
			}
		}
		if !slices.Equal(got, c.names) {
			t.Errorf("%s: subscribed to %q, want %q", c.why, got, c.names)
		}
		for range 2 {
			if err := a.Subscribe(t.Context(), "Entwürfe/Neu", true); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != c.after {
			t.Errorf("%s: the file is\n%q\nwant\n%q", c.why, after, c.after)
		}
	}
}

// TestNotAMailbox: a file that is something else is refused by name, left as it
// is, and can be deleted.
func TestNotAMailbox(t *testing.T) {
	a, root := tree(t, Options{}, "inbox")
	file := filepath.Join(root, "letter.tex")
	if err := os.WriteFile(file, []byte("\\documentclass{letter}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := a.Open(t.Context(), "letter.tex")
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "not an mbox") {
		t.Errorf("open: %v", err)
	}
	if _, err := a.Status(t.Context(), "letter.tex", 0); err == nil {
		t.Error("has a status")
	}
	if err := a.Delete(t.Context(), "letter.tex"); err != nil {
		t.Error(err)
	}
}

func TestMUTF7(t *testing.T) {
	for _, c := range []struct{ name, disk string }{
		{"plain", "plain"}, {"a&b", "a&-b"}, {"Entwürfe", "Entw&APw-rfe"}, {"日本語", "&ZeVnLIqe-"}, {"📬", "&2D3c7A-"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, {"\x7f\n", "&AH8ACg-"},
	} {
		if got := encodeMUTF7(c.name); got != c.disk {
			t.Errorf("%q is written %q, want %q", c.name, got, c.disk)
		}
		if got, ok := decodeMUTF7(c.disk); !ok || got != c.name {
			t.Errorf("%q is read %q, %v, want %q", c.disk, got, ok, c.name)
		}
	}
	for _, bad := range []string{"&", "&x", "&AA-", "&AGE-", "a&ü-", "ü", "&2D0-", "&AOkA6Q"} {
		if got, ok := decodeMUTF7(bad); ok {
			t.Errorf("%q is read as %q", bad, got)
		}
	}
}

func FuzzMUTF7(f *testing.F) {
	f.Add("Entwürfe")
	f.Add("&AOk-")
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := decodeMUTF7(s); ok && encodeMUTF7(name) != s {
			t.Errorf("%q reads as %q, which is written %q", s, name, encodeMUTF7(name))
		}
		s = strings.ToValidUTF8(s, "")
		if got, ok := decodeMUTF7(encodeMUTF7(s)); !ok || got != s {
			t.Errorf("%q comes back as %q, %v", s, got, ok)
		}
	})
}
