package maildir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// What other programs do to the files while a mailbox is open.
func TestForeignChanges(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	inbox := openBox(t, acct, "INBOX")
	step := func(what string, want ...string) {
		t.Helper()
		inbox.refresh()
		if got := inbox.contents(); !slices.Equal(got, want) {
			t.Fatalf("%s: INBOX holds %q, want %q", what, got, want)
		}
	}
	in := func(name string) string { return filepath.Join(root, name) }
	deliver(t, root, "new/1001.b", "b")
	deliver(t, root, "new/1000.M7.a", "a")
	step("two deliveries, in the order of their times", "1 [] a", "2 [] b")
	deliver(t, root, "cur/999.old", "old")
	step("a file without info in cur, older than the others", "1 [] a", "2 [] b", "3 [] old")
	rename(t, in("new/1001.b"), in("cur/1001.b:2,FS"))
	step("read by another program", "1 [] a", "2 [SF] b", "3 [] old")
	rename(t, in("cur/999.old"), in("cur/999.old:2,PT"))
	step("passed on, which is no flag here, and deleted", "1 [] a", "2 [SF] b", "3 [T] old")
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), 3)
	inbox.set(mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Deleted), 3)
	step("the unknown flag stays", "1 [] a", "2 [SF] b", "3 [S] old")
	if got := files(t, root); !slices.Contains(got, "cur/999.old:2,PS") {
		t.Errorf("files are %q", got)
	}
	rename(t, in("cur/1001.b:2,FS"), in("cur/1001.b:2,RS"))
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Draft), 2)
	step("renamed under a store", "1 [] a", "2 [SRD] b", "3 [S] old")
	if err := os.Remove(in("new/1000.M7.a")); err != nil {
		t.Fatal(err)
	}
	later(t, in("new"))
	step("removed by another program", "2 [SRD] b", "3 [S] old")
	write(t, in("cur/1002.mbsync,U=5:2,S"), text("mbsync"))
	write(t, in("cur/.hidden"), "x")
	if err := os.Mkdir(in("cur/dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	later(t, in("cur"))
	step("mbsync's field, a hidden file and a directory", "2 [SRD] b", "3 [S] old", "4 [S] mbsync")
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), 4)
	if got := files(t, root); !slices.Contains(got, "cur/1002.mbsync,U=5:2,FS") {
		t.Errorf("files are %q", got)
	}
	rename(t, in("cur/1002.mbsync,U=5:2,FS"), filepath.Join(root, "away"))
	step("moved away", "2 [SRD] b", "3 [S] old")
	rename(t, filepath.Join(root, "away"), in("cur/1002.mbsync,U=5:2,"))
	step("and back: another UID", "2 [SRD] b", "3 [S] old", "5 [] mbsync")
}

func TestForeignRecent(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	inbox := openBox(t, acct, "INBOX")
	deliver(t, root, "new/1000.a", "a")
	deliver(t, root, "new/1001.b", "b")
	deliver(t, root, "cur/1002.c:2,S", "c")
	inbox.refresh()
	recent := func(want ...mailstore.UID) {
		t.Helper()
		var got []mailstore.UID
		for _, r := range inbox.Records(make([]mailstore.Record, 0, 10), 1) {
			if r.Flags.Has(mailstore.Recent) {
				got = append(got, r.UID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("recent are %v, want %v", got, want)
		}
	}
	recent(1, 2, 3)
	rename(t, filepath.Join(root, "new/1000.a"), filepath.Join(root, "cur/1000.a:2,"))
	inbox.refresh()
	recent(2, 3) // another program's session has taken the first
	claimed, err := inbox.ClaimRecent(t.Context())
	if err != nil || !slices.Equal(claimed, mailstore.NewUIDSet(2, 3)) {
		t.Errorf("claimed %v, %v", claimed, err)
	}
	if err := errors.Join(inbox.Close(), acct.Close()); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, root), []string{"cur/1000.a:2,", "cur/1001.b:2,", "cur/1002.c:2,S"}; !slices.Equal(got, want) {
		t.Errorf("files are %q, want %q", got, want)
	}
}

// TestNewFiles pins the form of what we write, which others read.
func TestNewFiles(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	inbox := openBox(t, acct, "INBOX")
	a, err := inbox.NewAppend(t.Context())
	inbox.ok(err)
	date := time.Date(2003, 2, 1, 4, 5, 6, 0, time.UTC)
	inbox.ok(a.Add(mailstore.AppendOptions{Date: date}, strings.NewReader("Subject: x\r\n\r\none\r\ntwo\n")))
	inbox.ok(a.Add(mailstore.AppendOptions{Date: date, Flags: mailstore.NewFlags(mailstore.Seen, "$Forwarded", "work")}, strings.NewReader("y\n")))
	_, _, err = a.Commit(t.Context())
	inbox.ok(err)
	got := files(t, root)
	if len(got) != 2 || !strings.HasPrefix(got[0], "new/") || !strings.HasSuffix(got[0], ",S=20,W=24") ||
		!strings.HasPrefix(got[1], "cur/") || !strings.HasSuffix(got[1], ",S=2,W=3:2,Sab") {
		t.Fatalf("files are %q", got)
	}
	if data := read(t, filepath.Join(root, got[0])); data != "Subject: x\n\none\ntwo\n" {
		t.Errorf("stored as %q", data)
	}
	fi, err := os.Stat(filepath.Join(root, got[0]))
	inbox.ok(err)
	if !fi.ModTime().Equal(date) || fi.Mode().Perm() != 0o600 {
		t.Errorf("stored with time %v and mode %v", fi.ModTime(), fi.Mode())
	}
	if data := read(t, filepath.Join(root, "dovecot-keywords")); data != "0 $Forwarded\n1 work\n" {
		t.Errorf("keywords are %q", data)
	}
	base := func(name string) string { name, _, _ = strings.Cut(name[4:], ":"); return name }
	list := strings.Split(read(t, filepath.Join(root, "dovecot-uidlist")), "\n")
	want := []string{"1 :" + base(got[0]), "2 :" + base(got[1]), ""}
	if !slices.Equal(list[1:], want) || !strings.HasPrefix(list[0], fmt.Sprintf("3 V%d N1 G", inbox.UIDValidity())) {
		t.Errorf("the UID list is %q", list)
	}
	if left, _ := os.ReadDir(filepath.Join(root, "tmp")); len(left) != 0 {
		t.Errorf("tmp holds %v", left)
	}
}

func TestKeywords(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	write(t, filepath.Join(root, "dovecot-keywords"), "0 $Forwarded\n3 work\n99 no\nrubbish\n")
	deliver(t, root, "cur/1.x:2,Sadz", "x")
	deliver(t, root, "cur/2.y:2,", "y")
	inbox := openBox(t, acct, "INBOX")
	inbox.want("1 [S $Forwarded work] x", "2 [] y")
	inbox.set(mailstore.ReplaceFlags, mailstore.NewFlags(mailstore.Flagged, "WORK", "next"), 1)
	inbox.want("1 [F next work] x", "2 [] y")
	if got := files(t, root); !slices.Contains(got, "cur/1.x:2,Fbdz") {
		t.Errorf("a letter without meaning was lost: %q", got)
	}
	if got := read(t, filepath.Join(root, "dovecot-keywords")); got != "0 $Forwarded\n1 next\n3 work\n" {
		t.Errorf("keywords are %q", got)
	}
	// Another program gives the letter a meaning, to use it.
	write(t, filepath.Join(root, "dovecot-keywords"), "0 $Forwarded\n1 next\n3 work\n25 late\n")
	rename(t, filepath.Join(root, "cur/2.y:2,"), filepath.Join(root, "cur/2.y:2,z"))
	deliver(t, root, "new/3.z", "z")
	inbox.refresh()
	inbox.want("1 [F late next work] x", "2 [late] y", "3 [] z")
}

// TestManyKeywords uses more than there are letters for.
func TestManyKeywords(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	if err := acct.Create(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	inbox, other := openBox(t, acct, "INBOX"), openBox(t, acct, "other")
	uids := inbox.add(mailstore.Flags{}, "a", "b")
	var words []string
	for i := range 40 {
		words = append(words, fmt.Sprintf("k%02d", i))
	}
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(0, words...), uids[0])
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k01", "k39", "extra"), uids[1])
	inbox.set(mailstore.RemoveFlags, mailstore.NewFlags(0, words[30:39]...), uids[0])
	all := strings.Join(append(slices.Clone(words[:30]), "k39"), " ")
	want := []string{"1 [" + all + "] a", "2 [S extra k01 k39] b"}
	inbox.want(want...)
	_, err := inbox.Copy(t.Context(), mailstore.AllUIDs(), other.Mailbox)
	inbox.ok(err)
	other.want(want...)
	inbox.set(mailstore.ReplaceFlags, mailstore.NewFlags(0, "k00"), uids[1])
	want[1] = "2 [k00] b"
	again := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
	again.want(want...)
	inbox.want(want...)
	other.want("1 ["+all+"] a", "2 [S extra k01 k39] b")
}

// TestTwins: two messages with one base name are both shown, two links to one
// message are shown once.
func TestTwins(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/10.a:2,S", "a")
	deliver(t, root, "cur/10.a:2,FS", "another")
	deliver(t, root, "new/11.b", "b")
	if err := os.Link(filepath.Join(root, "new/11.b"), filepath.Join(root, "cur/11.b:2,S")); err != nil {
		t.Fatal(err)
	}
	inbox := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
	inbox.refresh()
	var ids []string
	for _, line := range inbox.contents() {
		ids = append(ids, line[strings.LastIndex(line, " ")+1:])
	}
	slices.Sort(ids)
	if want := []string{"a", "another", "b"}; !slices.Equal(ids, want) {
		t.Errorf("INBOX holds %q, want %q", ids, want)
	}
	if got := files(t, root); len(got) != 3 || !slices.Contains(got, "cur/11.b:2,S") {
		t.Errorf("files are %q", got)
	}
}

func TestTmpIsCleaned(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	old := time.Now().Add(-40 * time.Hour)
	for _, name := range []string{"1000.left-over", "also-left-over"} {
		write(t, filepath.Join(root, "tmp", name), "x")
		if err := os.Chtimes(filepath.Join(root, "tmp", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	// An append of a message of long ago, in progress in another process.
	kept := fmt.Sprintf("%d.M1P1Q1.host", time.Now().Unix())
	write(t, filepath.Join(root, "tmp", kept), "x")
	if err := os.Chtimes(filepath.Join(root, "tmp", kept), old, old); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "tmp", "young"), "x")
	openBox(t, acct, "INBOX")
	left, err := os.ReadDir(filepath.Join(root, "tmp"))
	if err != nil || len(left) != 2 || left[0].Name() != kept || left[1].Name() != "young" {
		t.Errorf("tmp holds %v, %v", left, err)
	}
}

// TestTwoProcesses works on one Maildir through two accounts that share nothing.
func TestTwoProcesses(t *testing.T) {
	one, root := newAccount(t, maildir.MaildirPP)
	two := openAccount(t, maildir.Options{Root: root})
	a, b, cur := openBox(t, one, "INBOX"), openBox(t, two, "INBOX"), filepath.Join(root, "cur")
	for i := range 20 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		uid := from.add(mailstore.Flags{}, fmt.Sprint(i))[0]
		if want := mailstore.UID(i + 1); uid != want {
			t.Fatalf("message %d has UID %d", i, uid)
		}
		later(t, cur)
		to.refresh()
		to.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, fmt.Sprintf("k%d", i)), uid)
		later(t, cur)
		from.refresh()
		if x, y := a.contents(), b.contents(); !slices.Equal(x, y) {
			t.Fatalf("the two see\n%q\n%q", x, y)
		}
	}
	_, err := a.Expunge(t.Context(), mailstore.NewUIDSet(3, 20), false)
	a.ok(err)
	later(t, cur)
	if uid := b.add(mailstore.Flags{}, "last")[0]; uid != 21 {
		t.Errorf("after an expunge in the other process the next UID was %d", uid)
	}
	b.refresh()
	if got := b.contents(); len(got) != 19 {
		t.Errorf("the other process sees %q", got)
	}
}

// TestReadOnly opens what may not be written. Root may write everything, so the
// file system says no.
func TestReadOnly(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/10.a:2,S", "a")
	deliver(t, root, "new/11.b", "b")
	write(t, filepath.Join(root, "dovecot-uidlist"), "3 V777 N30 G0123456789abcdef0123456789abcdef\n5 :10.a\n6 :11.b\n")
	open := func() box {
		return openBox(t, openAccount(t, maildir.Options{Root: root, FS: readOnlyFS{}}), "INBOX")
	}
	m := open()
	m.want("5 [S] a", "6 [] b")
	if !m.ReadOnly() || m.UIDValidity() != 777 {
		t.Errorf("read-only %v, UIDVALIDITY %d", m.ReadOnly(), m.UIDValidity())
	}
	_, err := m.SetFlags(t.Context(), mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
	if !errors.Is(err, mailstore.ErrReadOnly) {
		t.Errorf("set flags: %v", err)
	}
	if _, err = m.Expunge(t.Context(), mailstore.AllUIDs(), false); !errors.Is(err, mailstore.ErrReadOnly) {
		t.Errorf("expunge: %v", err)
	}
	if _, err = m.NewAppend(t.Context()); !errors.Is(err, mailstore.ErrReadOnly) {
		t.Errorf("append: %v", err)
	}
	if claimed, err := m.ClaimRecent(t.Context()); err != nil || claimed.Len() != 1 {
		t.Errorf("claimed %v, %v", claimed, err)
	}
	m.want("5 [S] a", "6 [] b")
	// New mail has UIDs that are no other process's, so the UIDVALIDITY changes.
	deliver(t, root, "new/12.c", "c")
	if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("refresh: %v, want ErrGone", err)
	}
	m = open()
	m.want("5 [S] a", "6 [] b", "30 [] c")
	if m.UIDValidity() <= 777 || !m.ReadOnly() {
		t.Errorf("read-only %v, UIDVALIDITY %d", m.ReadOnly(), m.UIDValidity())
	}
	if err := m.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}
