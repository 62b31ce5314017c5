package maildir_test

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// The files of these tests are those that courier-imap 5.0.13 wrote, with
// shorter names. (They cannot be files of their own, as no module may have
// names with a colon.)
const (
	courierList = "late\n$Forwarded\n$Label2\n\n10.a,S=5:0\n12.c,S=5:2 0\n13.d,S=5:1\n"
	courierUIDs = "1 795228613 12\n1 10.a,S=5\n2 11.b,S=5\n4 12.c,S=5\n6 13.d,S=5\n"
)

// courierMail are four messages as Courier leaves them.
func courierMail(t *testing.T, root string) {
	for id, name := range map[string]string{"a": "10.a,S=5:2,F", "b": "11.b,S=5:2,S", "c": "12.c,S=5:2,D", "d": "13.d,S=5:2,"} {
		deliver(t, root, "cur/"+name, id)
	}
}

func TestCourierKeywords(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("k%02d", i)
	}
	for _, c := range []struct {
		why   string
		files map[string]string // in courierimapkeywords
		want  map[string]string // flags by message, where they are not as in the names
	}{
		{"nothing", map[string]string{}, nil},
		{"a list", map[string]string{":list": courierList},
			map[string]string{"a": "[F late]", "c": "[D $Label2 late]", "d": "[ $Forwarded]"}},
		{"what was set since", map[string]string{":list": courierList, "11.b,S=5": "late\nnew\n", "13.d,S=5": ""},
			map[string]string{"a": "[F late]", "b": "[S late new]", "c": "[D $Label2 late]"}},
		{"what was set a while ago, and once more", map[string]string{":list": courierList, ".5984095.12.c,S=5": "older\n", ".5984096.12.c,S=5": "newer\n", ".99.12.c,S=5": "oldest\n"},
			map[string]string{"a": "[F late]", "c": "[D newer]", "d": "[ $Forwarded]"}},
		{"now counts for more than a while ago", map[string]string{".5984096.12.c,S=5": "older\n", "12.c,S=5": "now\n"},
			map[string]string{"c": "[D now]"}},
		{"no list yet", map[string]string{"10.a,S=5": "$Label1\n"}, map[string]string{"a": "[F $Label1]"}},
		{"messages that are gone", map[string]string{":list": "late\n\n9.x:0\n10.a,S=5:0\n", "8.x": "late\n"}, map[string]string{"a": "[F late]"}},
		{"more than there are letters", map[string]string{"10.a,S=5": strings.Join(many, "\n") + "\n"},
			map[string]string{"a": "[F " + strings.Join(many, " ") + "]"}},
		{"one keyword in two spellings", map[string]string{":list": "Late\nlate\n\n10.a,S=5:0 1\n12.c,S=5:1\n"},
			map[string]string{"a": "[F Late]", "c": "[D Late]"}},
		{"what can be no keyword keeps its number", map[string]string{":list": "\\Seen\na b\na)\n" + long + "\ngood\n\n10.a,S=5:0 1 2 3 4\n"},
			map[string]string{"a": "[F good]"}},
		{"lines that are none", map[string]string{":list": "late\n\n\n:\n10.a,S=5\n10.a,S=5:x 9 -1 0\n" + long + ":0\n12.c,S=5:0\n13.d,S=5:0"},
			map[string]string{"a": "[F late]", "c": "[D late]"}},
		{"files that are none", map[string]string{".x.10.a,S=5": "bad\n", ".": "", "12.c,S=5": strings.Repeat("x\n", 40_000), "13.d,S=5": "\xff\n(\nok\n"},
			map[string]string{"d": "[ ok]"}},
		{"no end of numbers", map[string]string{":list": "late\n\n10.a,S=5:" + strings.Repeat("0 ", 5000) + "\n"}, map[string]string{"a": "[F late]"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := t.TempDir()
			courierMail(t, root)
			write(t, filepath.Join(root, "courierimapuiddb"), courierUIDs)
			for name, text := range c.files {
				if name != "." {
					write(t, filepath.Join(root, "courierimapkeywords", name), text)
				}
			}
			want := map[string]string{"a": "[F]", "b": "[S]", "c": "[D]", "d": "[]"}
			maps.Copy(want, c.want)
			for _, when := range []string{"first", "again", "from the index"} {
				acct := openAccount(t, maildir.Options{Root: root, IndexDir: filepath.Join(root, "..index")})
				inbox := openBox(t, acct, "INBOX")
				inbox.want("1 "+strings.Replace(want["a"], "[ ", "[", 1)+" a", "2 "+want["b"]+" b", "4 "+want["c"]+" c", "6 "+strings.Replace(want["d"], "[ ", "[", 1)+" d")
				inbox.ok(inbox.Close())
				inbox.ok(acct.Close())
				if t.Failed() {
					t.Fatal(when)
				}
			}
		})
	}
}

// TestCourierKeywordsOnce: what was changed through us is not undone by what
// Courier knew, and Courier's files stay as they are.
func TestCourierKeywordsOnce(t *testing.T) {
	root := t.TempDir()
	courierMail(t, root)
	list := filepath.Join(root, "courierimapkeywords", ":list")
	write(t, list, courierList)
	deliver(t, root, "new/14.e", "e")
	write(t, filepath.Join(root, "courierimapkeywords", "14.e"), "fresh\n") // by maildirkw, at delivery
	acct := openAccount(t, maildir.Options{Root: root})
	inbox := openBox(t, acct, "INBOX")
	inbox.want("1 [F late] a", "2 [S] b", "3 [D $Label2 late] c", "4 [$Forwarded] d", "5 [fresh] e")
	inbox.set(mailstore.RemoveFlags, mailstore.NewFlags(0, "late"), 1, 3)
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(0, "late"), 2)
	again := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
	again.want("1 [F] a", "2 [S late] b", "3 [D $Label2] c", "4 [$Forwarded] d", "5 [fresh] e")
	if got := read(t, list); got != courierList {
		t.Errorf("Courier's list is %q now", got)
	}
	if got, want := read(t, filepath.Join(root, "dovecot-keywords")), "0 late\n1 $Forwarded\n2 $Label2\n3 fresh\n"; got != want {
		t.Errorf("dovecot-keywords is %q, want %q", got, want)
	}
}

// TestCourierAfterDovecot: where Dovecot's list is, Courier's files are of the
// past.
func TestCourierAfterDovecot(t *testing.T) {
	root := t.TempDir()
	courierMail(t, root)
	write(t, filepath.Join(root, "courierimapkeywords", ":list"), courierList)
	write(t, filepath.Join(root, "courierimapuiddb"), courierUIDs)
	write(t, filepath.Join(root, "courierpop3dsizelist"), "/2 9 7\n10.a,S=5 9 1:7\n")
	write(t, filepath.Join(root, "dovecot-uidlist"), "3 V9 N20 G0123456789abcdef0123456789abcdef\n11 :10.a,S=5\n12 :11.b,S=5\n13 :12.c,S=5\n14 :13.d,S=5\n")
	inbox := openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX")
	inbox.want("11 [F] a", "12 [S] b", "13 [D] c", "14 [] d")
	if got := inbox.uidls(); len(got) != 0 {
		t.Errorf("unique ids %v", got)
	}
}

// TestCourierReadOnly: keywords and unique ids are shown where nothing may be
// written.
func TestCourierReadOnly(t *testing.T) {
	root := t.TempDir()
	courierMail(t, root)
	write(t, filepath.Join(root, "courierimapuiddb"), courierUIDs)
	write(t, filepath.Join(root, "courierimapkeywords", ":list"), courierList)
	write(t, filepath.Join(root, "courierpop3dsizelist"), "/2 9 7\n10.a,S=5 9 1:7\n")
	for range 2 {
		acct := openAccount(t, maildir.Options{Root: root, FS: readOnlyFS{}})
		inbox := openBox(t, acct, "INBOX")
		inbox.want("1 [F late] a", "2 [S] b", "4 [D $Label2 late] c", "6 [$Forwarded] d")
		if got, want := inbox.uidls(), map[mailstore.UID]string{1: "UID1-7"}; !maps.Equal(got, want) {
			t.Errorf("unique ids %v, want %v", got, want)
		}
		inbox.ok(acct.Close())
	}
}

// TestCourierUntrustedFiles: what is no plain file is not opened.
func TestCourierUntrustedFiles(t *testing.T) {
	root := t.TempDir()
	courierMail(t, root)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "secret\n\n10.a,S=5:0\n")
	dir := filepath.Join(root, "courierimapkeywords")
	for _, name := range []string{":list", "12.c,S=5"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	openBox(t, openAccount(t, maildir.Options{Root: root}), "INBOX").want("1 [F] a", "2 [S] b", "3 [D] c", "4 [] d")
}

func (b box) uidls() map[mailstore.UID]string {
	b.t.Helper()
	got, err := b.Mailbox.(mailstore.UIDLer).SavedUIDLs(b.t.Context())
	b.ok(err)
	return got
}

func TestCourierUIDLs(t *testing.T) {
	type ids map[mailstore.UID]string
	long := strings.Repeat("x", 245)
	for _, c := range []struct {
		why, text string
		want      ids
	}{
		{"version 3, which Courier writes now", "/3 9 1795228654\n10.a,S=5:2,F 112 1:1795228654:0\n12.c,S=5:2,D 112 7:1795228654:1\n", ids{1: "UID1-1795228654", 4: "UID7-1795228654"}},
		{"version 2", "/2 9 7\n10.a,S=5 9 1:7\n11.b,S=5:2, 9 2:7\n", ids{1: "UID1-7", 2: "UID2-7"}},
		{"version 1", "/1 9 7\n10.a,S=5 9 1\n", ids{1: "UID1"}},
		{"a message of before version 1 is known by its name", "/2 9 7\n10.a,S=5:2,S 9 0:0\n11.b,S=5 9 2:0\n", ids{1: "10.a,S=5", 2: "UID2"}},
		{"without a header all are", "10.a,S=5:2,S 9\n13.d,S=5 8\n", ids{1: "10.a,S=5", 6: "13.d,S=5"}},
		{"messages that are gone", "/2 9 7\n9.x 9 1:7\n10.a,S=5 9 2:7\n", ids{1: "UID2-7"}},
		{"no two messages have one id", "/2 9 7\n10.a,S=5 9 1:7\n11.b,S=5 9 1:7\n", ids{1: "UID1-7"}},
		{"lines that are none", "/2 9 7\n\n10.a,S=5 x 1:7\n11.b,S=5 9 1:7 \n12.c,S=5 9 x:7\n13.d,S=5 9 4:7\n 9 1:7\n" + long + "y y y\n10.a,S=5 9 1:7", ids{6: "UID4-7"}},
		{"nothing", "", nil},
	} {
		for _, withUIDs := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, UIDs %v", c.why, withUIDs), func(t *testing.T) {
				root := t.TempDir()
				courierMail(t, root)
				want := c.want
				if withUIDs {
					write(t, filepath.Join(root, "courierimapuiddb"), courierUIDs)
				} else { // of POP3 alone: the UIDs are 1 to 4
					want = make(ids)
					for uid, id := range c.want {
						want[map[mailstore.UID]mailstore.UID{1: 1, 2: 2, 4: 3, 6: 4}[uid]] = id
					}
				}
				write(t, filepath.Join(root, "courierpop3dsizelist"), c.text)
				for range 2 {
					acct := openAccount(t, maildir.Options{Root: root})
					inbox := openBox(t, acct, "INBOX")
					if got := inbox.uidls(); !maps.Equal(got, want) {
						t.Errorf("unique ids %v, want %v", got, want)
					}
					inbox.add(mailstore.Flags{}, "new")
					inbox.ok(inbox.Close())
					inbox.ok(acct.Close())
				}
			})
		}
	}
}

// TestCourierWarnings: what is damaged is told, once, and without end of it.
func TestCourierWarnings(t *testing.T) {
	root := t.TempDir()
	courierMail(t, root)
	write(t, filepath.Join(root, "courierimapkeywords", ":list"), strings.Repeat("a b\n", 100_000))
	var log strings.Builder
	acct, err := maildir.Open(t.Context(), maildir.Options{Root: root, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	openBox(t, acct, "INBOX")
	if lines := strings.Count(log.String(), "\n"); lines != 1 || len(log.String()) > 1000 || !strings.Contains(log.String(), "courierimapkeywords") {
		t.Errorf("%d lines and %d octets in the log: %.300s", lines, log.Len(), log.String())
	}
}

// FuzzCourierKeywords: whatever stands in the files, the mailbox opens, has all
// messages, and the same keywords the next time.
func FuzzCourierKeywords(f *testing.F) {
	f.Add(courierList, "late\n", "/3 9 7\n10.a,S=5:2,F 112 1:7:0\n")
	f.Add("a\n\n10.a,S=5:0 0\n10.a,S=5:0\n", "\x00\n\n", "10.a,S=5 1\n")
	f.Fuzz(func(t *testing.T, list, update, uidls string) {
		disk := faultfs.New()
		for _, dir := range []string{"/mail", "/mail/cur", "/mail/new", "/mail/tmp", "/mail/courierimapkeywords"} {
			if err := disk.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for name, content := range map[string]string{
			"cur/10.a,S=5:2,F": text("a"), "cur/12.c,S=5:2,": text("c"), "courierpop3dsizelist": uidls,
			"courierimapkeywords/:list": list, "courierimapkeywords/.7.12.c,S=5": update,
		} {
			if err := fsys.WriteFile(disk, "/mail/"+name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var before []string
		for range 2 {
			acct := openAccount(t, maildir.Options{FS: disk, Root: "/mail"})
			inbox := openBox(t, acct, "INBOX")
			now := inbox.contents()
			for uid, id := range inbox.uidls() {
				now = append(now, fmt.Sprint(uid, id))
			}
			slices.Sort(now)
			if before != nil && !slices.Equal(now, before) || len(now) < 2 {
				t.Errorf("first %q, then %q", before, now)
			}
			before = now
			inbox.ok(inbox.Close())
			inbox.ok(acct.Close())
		}
	})
}
