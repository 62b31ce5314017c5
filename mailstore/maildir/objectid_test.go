package maildir_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

const dovecotGUID = "0123456789abcdef0123456789abcdef"

// objectID opens the account anew and asks for a mailbox's name for ever, of the open
// mailbox and of one that is not.
func objectID(t *testing.T, opt maildir.Options, name string) string {
	t.Helper()
	acct := openAccount(t, opt)
	m, err := acct.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	id, err := m.ObjectID(t.Context())
	if err = errors.Join(err, m.Close(), acct.Close()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	acct = openAccount(t, opt)
	s, err := acct.Status(t.Context(), name, mailstore.WantObjectID)
	if err = errors.Join(err, acct.Close()); err != nil {
		t.Fatal(err)
	}
	if s.ObjectID != id {
		t.Errorf("%s is %q, and by Status %q", name, id, s.ObjectID)
	}
	return id
}

// copyAll is what people do who want a mailbox twice.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v, %s", err, out)
	}
}

// withMail makes the mailboxes, each with a message, and returns their root.
func withMail(t *testing.T, names ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "Maildir")
	acct := openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	for _, name := range names {
		if name != mailstore.Inbox {
			if err := acct.Create(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		openBox(t, acct, name).add(mailstore.Flags{}, "a")
	}
	return root
}

var ourField = regexp.MustCompile(` R[0-9]+`)

// asDovecot takes what we have added out of the UID list in a directory.
func asDovecot(t *testing.T, dir string) {
	t.Helper()
	list := filepath.Join(dir, "dovecot-uidlist")
	was := read(t, list)
	if !ourField.MatchString(was) {
		t.Fatalf("%s does not say whose the GUID is: %q", list, was)
	}
	write(t, list, ourField.ReplaceAllString(was, ""))
}

// TestCopiedMailbox: somebody has made a copy of a mailbox with everything in it. The
// original keeps its name, whoever is asked first.
func TestCopiedMailbox(t *testing.T) {
	for _, tt := range []struct {
		why, copy string
		plain     bool // nothing says whose the GUID is
		copyFirst bool
		want      string // what keeps the GUID
	}{
		{why: "the original is asked first", copy: "z", want: "m"},
		{why: "the copy is asked first", copy: "z", copyFirst: true, want: "m"},
		{why: "the copy comes first by name", copy: "a", copyFirst: true, want: "m"},
		{why: "Dovecot's: the first by name keeps it", copy: "z", plain: true, copyFirst: true, want: "m"},
		{why: "Dovecot's: the copy comes first by name", copy: "a", plain: true, copyFirst: true, want: "a"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			root := withMail(t, "m", "other")
			opt := maildir.Options{Root: root}
			if tt.plain {
				asDovecot(t, filepath.Join(root, ".m"))
			}
			guid := regexp.MustCompile(`G([0-9a-f]{32})`).FindStringSubmatch(read(t, filepath.Join(root, ".m", "dovecot-uidlist")))[1]
			copyAll(t, filepath.Join(root, ".m"), filepath.Join(root, "."+tt.copy))
			names := []string{"m", tt.copy}
			if tt.copyFirst {
				names = []string{tt.copy, "m"}
			}
			ids := make(map[string]string)
			for range 3 {
				for _, name := range names {
					id := objectID(t, opt, name)
					if was := ids[name]; was != "" && was != id {
						t.Errorf("%s was %s and is %s", name, was, id)
					}
					ids[name] = id
				}
			}
			if ids["m"] == ids[tt.copy] {
				t.Errorf("%s is both", ids["m"])
			}
			if ids[tt.want] != guid {
				t.Errorf("%s is %s, want %s", tt.want, ids[tt.want], guid)
			}
			acct := openAccount(t, opt)
			defer acct.Close()
			openBox(t, acct, tt.copy).want("1 [] a")
		})
	}
}

// TestCopiedWhileOpen: the copy turns up when all is known of the account.
func TestCopiedWhileOpen(t *testing.T) {
	root := withMail(t, "m")
	asDovecot(t, filepath.Join(root, ".m"))
	acct := openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	m := openBox(t, acct, "m")
	id, err := m.ObjectID(t.Context())
	m.ok(err)
	copyAll(t, filepath.Join(root, ".m"), filepath.Join(root, ".a"))
	other, err := openBox(t, acct, "a").ObjectID(t.Context())
	m.ok(err)
	if again, err := m.ObjectID(t.Context()); err != nil || again != id || other == id {
		t.Errorf("it was %s and is %s, %v; the copy is %s", id, again, err, other)
	}
}

// TestMoved: what moves as a whole keeps its name, though it does not stand where it
// stood.
func TestMoved(t *testing.T) {
	root := withMail(t, mailstore.Inbox, "m")
	opt := maildir.Options{Root: root}
	inbox, m := objectID(t, opt, mailstore.Inbox), objectID(t, opt, "m")
	rename(t, filepath.Join(root, ".m"), filepath.Join(root, ".n"))
	if id := objectID(t, opt, "n"); id != m {
		t.Errorf("renamed by hand it is %s, was %s", id, m)
	}
	opt.Root = filepath.Join(t.TempDir(), "Maildir")
	copyAll(t, root, opt.Root)
	for range 2 {
		if id := objectID(t, opt, "n"); id != m {
			t.Errorf("on another machine it is %s, was %s", id, m)
		}
		if id := objectID(t, opt, mailstore.Inbox); id != inbox {
			t.Errorf("on another machine INBOX is %s, was %s", id, inbox)
		}
	}
}

// TestObjectIDKnown: an index that may be believed knows the name too, and without
// it the name is the same.
func TestObjectIDKnown(t *testing.T) {
	root, _ := known(t)
	first := objectID(t, maildir.Options{Root: root}, "INBOX")
	f := &readingFS{}
	acct := openAccount(t, maildir.Options{Root: root, FS: f})
	s, err := acct.Status(t.Context(), "INBOX", mailstore.WantObjectID)
	if err != nil || s.ObjectID != first {
		t.Errorf("status %+v, %v, want %s", s, err, first)
	}
	m := openBox(t, acct, "INBOX")
	if id, err := m.ObjectID(t.Context()); err != nil || id != first {
		t.Errorf("object id %s, %v, want %s", id, err, first)
	}
	if l := f.lists.Load(); l > 0 {
		t.Errorf("that read the UID list %d times", l)
	}
	m.ok(errors.Join(m.Close(), acct.Close(), os.RemoveAll(filepath.Join(filepath.Dir(root), ".index-"+filepath.Base(root)))))
	if id := objectID(t, maildir.Options{Root: root}, "INBOX"); id != first {
		t.Errorf("without the index it is %s, was %s", id, first)
	}
}

// TestObjectIDReadOnly: where nothing can be written, a GUID that is there is told, and
// none is made up.
func TestObjectIDReadOnly(t *testing.T) {
	for _, tt := range []struct {
		why, header, want string
		err               error
	}{
		{"Dovecot gave one", "3 V777 N30 G" + dovecotGUID, dovecotGUID, nil},
		{"an old Dovecot gave none", "3 V777 N30", "", mailstore.ErrReadOnly},
	} {
		t.Run(tt.why, func(t *testing.T) {
			root := t.TempDir()
			deliver(t, root, "cur/10.a:2,S", "a")
			write(t, filepath.Join(root, "dovecot-uidlist"), tt.header+"\n5 :10.a\n")
			m := openBox(t, openAccount(t, maildir.Options{Root: root, FS: readOnlyFS{}}), "INBOX")
			if id, err := m.ObjectID(t.Context()); id != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("object id %q, %v", id, err)
			}
		})
	}
}

// TestObjectIDAndDovecot: Dovecot's GUID is the name, and Dovecot keeps all of it when
// it renames the mailbox and writes the list anew.
func TestObjectIDAndDovecot(t *testing.T) {
	d := newDovecot(t, maildir.MaildirPP)
	d.start()
	d.do("CREATE box")
	d.append("box", "", "one")
	d.stop()
	opt := maildir.Options{Root: d.path("Maildir")}
	id := objectID(t, opt, "box")
	if list := read(t, d.path("Maildir/.box/dovecot-uidlist")); !strings.Contains(list, " G"+id+" R") {
		t.Errorf("%s is not Dovecot's GUID, or it does not say whose that is: %q", id, list)
	}
	d.start()
	d.do("RENAME box new")
	for range 30 { // most of the list's records become old
		d.append("new", `\Deleted`, "more")
	}
	d.do("SELECT new")
	d.do("EXPUNGE")
	d.stop()
	d.removeIndexes()
	d.start()
	d.append("new", "", "two")
	d.do("SELECT new")
	d.stop()
	if list := read(t, d.path("Maildir/.new/dovecot-uidlist")); !strings.Contains(list, " G"+id+" R") {
		t.Errorf("Dovecot has lost it: %q", list)
	}
	if again := objectID(t, opt, "new"); again != id {
		t.Errorf("after Dovecot it is %s, was %s", again, id)
	}
}
