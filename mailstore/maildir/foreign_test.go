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
	step("removed by another program", "2 [SRD] b", "3 [S] old")
	write(t, in("cur/1002.mbsync,U=5:2,S"), text("mbsync"))
	write(t, in("cur/.hidden"), "x")
	if err := os.Mkdir(in("cur/dir"), 0o700); err != nil {
		t.Fatal(err)
	}
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
	// Another program gives the letter a meaning.
	write(t, filepath.Join(root, "dovecot-keywords"), "0 $Forwarded\n1 next\n3 work\n25 late\n")
	deliver(t, root, "new/3.z", "z")
	inbox.refresh()
	inbox.want("1 [F late next work] x", "2 [] y", "3 [] z")
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

// TestTakeover reads the UID maps of others.
func TestTakeover(t *testing.T) {
	const guid = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		why, file, list string
		want            []string
		validity        uint32
		next            mailstore.UID
	}{
		{"Dovecot's", "dovecot-uidlist", "3 V777 N30 G" + guid + " Xkept\n5 :10.a\n7 W99 Pold-uidl :11.b\n8 :gone\n20 :12.c\n",
			[]string{"5 [S] a", "7 [] b", "20 [R] c", "30 [] d"}, 777, 31},
		{"Dovecot's with a name that came back", "dovecot-uidlist", "3 V777 N30 G" + guid + "\n5 :10.a\n7 :11.b\n8 :12.c\n31 :10.a\n",
			[]string{"7 [] b", "8 [R] c", "31 [S] a", "32 [] d"}, 777, 33},
		{"Dovecot 1.0's", "dovecot-uidlist", "1 777 30\n5 10.a\n7 11.b\n20 12.c\n",
			[]string{"5 [S] a", "7 [] b", "20 [R] c", "30 [] d"}, 777, 31},
		{"Courier's", "courierimapuiddb", "1 777 30\n5 10.a\n7 11.b\n20 12.c\n",
			[]string{"5 [S] a", "7 [] b", "20 [R] c", "30 [] d"}, 777, 31},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := t.TempDir()
			deliver(t, root, "cur/10.a:2,S", "a")
			deliver(t, root, "new/11.b", "b")
			deliver(t, root, "cur/12.c:2,R", "c")
			deliver(t, root, "new/13.d", "d")
			write(t, filepath.Join(root, c.file), c.list)
			for range 2 {
				acct := openAccount(t, maildir.Options{Root: root})
				inbox := openBox(t, acct, "INBOX")
				inbox.want(c.want...)
				if inbox.UIDValidity() != c.validity || inbox.Status().UIDNext != c.next {
					t.Errorf("UIDVALIDITY %d, UIDNEXT %d; want %d, %d", inbox.UIDValidity(), inbox.Status().UIDNext, c.validity, c.next)
				}
			}
			list := read(t, filepath.Join(root, "dovecot-uidlist"))
			if !strings.HasPrefix(list, "3 V777 ") || !strings.Contains(list, " :13.d\n") {
				t.Errorf("the list is now %q", list)
			}
			if strings.Contains(c.list, "Xkept") && (!strings.Contains(list, "Xkept") || !strings.Contains(list, "7 W99 Pold-uidl :11.b\n")) {
				t.Errorf("fields of others were lost: %q", list)
			}
		})
	}
}

// TestListIsRewritten sees to it that fields of others survive that, that sizes
// which had to be read are kept, and that dead records go.
func TestListIsRewritten(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/10.a:2,S", "a")
	deliver(t, root, "cur/11.b:2,S", "b")
	list := "3 V777 N9000 G0123456789abcdef0123456789abcdef Xkept\n5 Pold :10.a\n7 W99 :11.b\n"
	for i := range 2000 {
		list += fmt.Sprintf("%d :gone%d\n", 100+i, i)
	}
	write(t, filepath.Join(root, "dovecot-uidlist"), list)
	letLie(t, root)
	acct := openAccount(t, maildir.Options{Root: root})
	inbox := openBox(t, acct, "INBOX")
	inbox.ok(inbox.Fill(t.Context(), mailstore.AllUIDs(), mailstore.AttrSize))
	if err := errors.Join(inbox.Close(), acct.Close()); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("3 V777 N9000 G0123456789abcdef0123456789abcdef Xkept\n5 Pold W%d :10.a\n7 W99 :11.b\n",
		len(text("a"))+strings.Count(text("a"), "\n"))
	if got := read(t, filepath.Join(root, "dovecot-uidlist")); got != want {
		t.Errorf("the list has %d octets, want %q", len(got), want)
	}
}

// TestDamagedList repairs the UID list, keeps what it was, and never gives a UID
// again.
func TestDamagedList(t *testing.T) {
	const head = "3 V777 N30 G0123456789abcdef0123456789abcdef\n"
	for _, c := range []struct {
		why, list string
		want      []string
		sameUIDs  bool // UIDVALIDITY may stay
		kept      bool // the broken file is kept
	}{
		{"a line of rubbish", head + "5 :10.a\n\x00\x00\x00\x00\n20 :12.c\n", []string{"5 a", "20 c", "32 b"}, true, true},
		{"torn in the middle of a record", head + "5 :10.a\n7 :11.b\n20 :12", []string{"5 a", "7 b", "32 c"}, true, true},
		{"zeros at the end, as after a loss of power", head + "5 :10.a\n7 :11.b\n20 :12.c\n" + strings.Repeat("\x00", 100), []string{"5 a", "7 b", "20 c"}, true, true},
		{"out of order", head + "20 :12.c\n5 :10.a\n7 :11.b\n", []string{"5 a", "7 b", "20 c"}, true, true},
		{"one UID twice", head + "5 :10.a\n5 :11.b\n20 :12.c\n", []string{"5 a", "20 c", "32 b"}, true, true},
		{"no header", "5 :10.a\n7 :11.b\n20 :12.c\n", []string{"5 a", "7 b", "20 c"}, false, true},
		{"half a header", "3 V777\n5 :10.a\n7 :11.b\n20 :12.c\n", []string{"5 a", "7 b", "20 c"}, false, true},
		{"empty", "", []string{"1 a", "2 b", "3 c"}, false, false},
		{"not there", "-", []string{"1 a", "2 b", "3 c"}, false, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := t.TempDir()
			deliver(t, root, "cur/10.a:2,S", "a")
			deliver(t, root, "cur/11.b:2,S", "b")
			deliver(t, root, "cur/12.c:2,S", "c")
			if c.list != "-" {
				write(t, filepath.Join(root, "dovecot-uidlist"), c.list)
			}
			var first []string
			for range 2 {
				inbox := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
				got := inbox.contents()
				for i := range got {
					got[i] = strings.Replace(got[i], "[S] ", "", 1)
				}
				if c.sameUIDs != (inbox.UIDValidity() == 777) {
					t.Errorf("UIDVALIDITY is %d", inbox.UIDValidity())
				}
				if first == nil {
					first = got
				}
				if !slices.Equal(got, first) || !sameBut(got, c.want, 30) {
					t.Errorf("INBOX holds %q, want like %q", got, c.want)
				}
			}
			kept, err := filepath.Glob(filepath.Join(root, "dovecot-uidlist.broken-*"))
			if err != nil || c.kept != (len(kept) == 1) {
				t.Fatalf("kept %q, %v", kept, err)
			}
			if c.kept && read(t, kept[0]) != c.list {
				t.Errorf("kept %q of %q", read(t, kept[0]), c.list)
			}
		})
	}
}

// sameBut compares, but takes all UIDs from next on for equal.
func sameBut(got, want []string, next int) bool {
	return slices.EqualFunc(got, want, func(g, w string) bool {
		var gu, wu int
		var gid, wid string
		_, err := fmt.Sscan(g, &gu, &gid)
		_, err2 := fmt.Sscan(w, &wu, &wid)
		return err == nil && err2 == nil && gid == wid && (gu == wu || gu >= next && wu >= next)
	})
}

// TestListTakenAway writes the list anew from memory.
func TestListTakenAway(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	inbox := openBox(t, acct, "INBOX")
	inbox.add(mailstore.Flags{}, "a", "b", "c")
	_, err := inbox.Expunge(t.Context(), mailstore.NewUIDSet(2, 3), false)
	inbox.ok(err)
	path := filepath.Join(root, "dovecot-uidlist")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	inbox.add(mailstore.Flags{}, "d")
	inbox.want("1 [] a", "4 [] d")
	again := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
	again.want("1 [] a", "4 [] d")
	if again.UIDValidity() != inbox.UIDValidity() {
		t.Errorf("UIDVALIDITY was %d, is %d", inbox.UIDValidity(), again.UIDValidity())
	}
}

// TestListOfAnotherTime: with another UIDVALIDITY in the file the open mailbox
// is gone, and opened again it is the new one.
func TestListOfAnotherTime(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	inbox := openBox(t, acct, "INBOX")
	inbox.add(mailstore.NewFlags(mailstore.Seen), "a")
	write(t, filepath.Join(root, "dovecot-uidlist"), "3 V42 N10 G0123456789abcdef0123456789abcdef\n")
	deliver(t, root, "new/1.x", "x")
	if err := inbox.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("refresh: %v, want ErrGone", err)
	}
	again := openBox(t, acct, "INBOX")
	again.want("10 [] x", "11 [S] a")
	if again.UIDValidity() != 42 {
		t.Errorf("UIDVALIDITY %d", again.UIDValidity())
	}
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

// TestTree shows the names as other programs wrote them.
func TestTree(t *testing.T) {
	for _, c := range []struct {
		layout maildir.Layout
		dirs   []string
		want   []string
	}{
		{maildir.MaildirPP, []string{".Sent", ".a.b", ".Entw&APw-rfe", ".Müll", ".R&D", ".inbox.lists", "..trash", "nodot", ".&AGE-"},
			[]string{"INBOX", "INBOX.lists", "&AGE-", "Entwürfe", "Müll", "R&D", "Sent", "a.b"}},
		{maildir.FS, []string{"Sent", "a/b", "Entw&APw-rfe", "Müll", "inbox/lists", ".hidden", "&AG4-ew", "x.y"},
			[]string{"INBOX", "INBOX/lists", "Entwürfe", "Müll", "Sent", "a/b", "new", "x.y"}},
	} {
		root := t.TempDir()
		for _, dir := range c.dirs {
			deliver(t, filepath.Join(root, dir), "cur/1."+strings.ReplaceAll(dir, "/", "")+":2,S", "in "+dir)
		}
		acct := openAccount(t, maildir.Options{Root: root, Layout: c.layout})
		got := names(t, acct)
		if !slices.Equal(got, c.want) {
			t.Errorf("layout %d: mailboxes are %q, want %q", c.layout, got, c.want)
		}
		for _, name := range got[1:] {
			if m := openBox(t, acct, name); len(m.contents()) != 1 {
				t.Errorf("layout %d: %s is empty", c.layout, name)
			}
		}
		if err := acct.Rename(t.Context(), "Müll", "Papierkorb"); err != nil {
			t.Error(err)
		}
		if err := acct.Delete(t.Context(), "R&D"); err != nil && c.layout == maildir.MaildirPP {
			t.Error(err)
		}
	}
}

func TestSubscriptionFiles(t *testing.T) {
	for _, c := range []struct {
		why, file, text string
		layout          maildir.Layout
		subscribed      []string
		after           string // with Neu/a subscribed, Sent no longer
	}{
		{"version 1", "subscriptions", "INBOX\nSent\nEntw&APw-rfe\na.b\n", maildir.MaildirPP,
			[]string{"INBOX", "Entwürfe", "Sent", "a.b"}, "INBOX\nEntw&APw-rfe\na.b\nN&APY-.a\n"},
		{"version 2", "subscriptions", "V\t2\n\nSent\na\tb\nEntw&APw-rfe\n", maildir.FS,
			[]string{"Entwürfe", "Sent", "a/b"}, "V\t2\n\na\tb\nEntw&APw-rfe\nN&APY-\ta\n"},
		{"version 2 with escapes", "subscriptions", "V\t2\n\nSent\nx\x011y\n", maildir.MaildirPP,
			[]string{"Sent"}, "V\t2\n\nx\x011y\nN&APY-\ta\n"},
		{"Courier's", "courierimapsubscribed", "INBOX\nINBOX.Sent\nINBOX.a.b\n", maildir.MaildirPP,
			[]string{"INBOX", "Sent", "a.b"}, "V\t2\n\nINBOX\na\tb\nN&APY-\ta\n"},
		{"none", "subscriptions", "", maildir.MaildirPP, nil, "V\t2\n\nN&APY-\ta\n"},
	} {
		root := t.TempDir()
		if c.text != "" {
			write(t, filepath.Join(root, c.file), c.text)
		}
		acct := openAccount(t, maildir.Options{Root: root, Layout: c.layout})
		list, err := acct.Mailboxes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, in := range list {
			if in.Subscribed {
				got = append(got, in.Name)
			}
		}
		if !slices.Equal(got, c.subscribed) {
			t.Errorf("%s: subscribed to %q, want %q", c.why, got, c.subscribed)
		}
		if err := acct.Subscribe(t.Context(), "Nö"+string(acct.Delimiter())+"a", true); err != nil {
			t.Error(err)
		}
		if err := acct.Subscribe(t.Context(), "Sent", false); err != nil {
			t.Error(err)
		}
		if got := read(t, filepath.Join(root, "subscriptions")); got != c.after {
			t.Errorf("%s: the file is %q, want %q", c.why, got, c.after)
		}
	}
}

// TestTwoProcesses works on one Maildir through two accounts that share nothing.
func TestTwoProcesses(t *testing.T) {
	one, root := newAccount(t, maildir.MaildirPP)
	two := openAccount(t, maildir.Options{Root: root})
	a, b := openBox(t, one, "INBOX"), openBox(t, two, "INBOX")
	for i := range 20 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		uid := from.add(mailstore.Flags{}, fmt.Sprint(i))[0]
		if want := mailstore.UID(i + 1); uid != want {
			t.Fatalf("message %d has UID %d", i, uid)
		}
		to.refresh()
		to.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, fmt.Sprintf("k%d", i)), uid)
		from.refresh()
		if x, y := a.contents(), b.contents(); !slices.Equal(x, y) {
			t.Fatalf("the two see\n%q\n%q", x, y)
		}
	}
	_, err := a.Expunge(t.Context(), mailstore.NewUIDSet(3, 20), false)
	a.ok(err)
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
