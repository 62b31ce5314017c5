package maildir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

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
