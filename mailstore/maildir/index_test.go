package maildir_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// readingFS counts what reads mail directories and message files.
type readingFS struct {
	fsys.OS
	dirs, lists atomic.Int64
}

func (f *readingFS) ReadDir(name string) ([]fsys.Entry, error) {
	f.dirs.Add(1)
	return f.OS.ReadDir(name)
}

func (f *readingFS) OpenFile(name string, flag int, perm os.FileMode) (fsys.File, error) {
	if filepath.Base(name) == "dovecot-uidlist" && flag == os.O_RDONLY {
		f.lists.Add(1)
	}
	return f.OS.OpenFile(name, flag, perm)
}

// known is a mailbox that has been opened, changed and closed, and then lain.
func known(t testing.TB) (root string, want []string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "Maildir")
	deliver(t, root, "cur/1.a:2,S", "a")
	deliver(t, root, "cur/2.b:2,", "b")
	deliver(t, root, "new/3.c", "c")
	acct := openAccount(t, maildir.Options{Root: root})
	m := openBox(t, acct, "INBOX")
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "word", "Other"), 2)
	m.add(mailstore.NewFlags(mailstore.Answered), "d")
	_, err := m.Expunge(t.Context(), mailstore.NewUIDSet(1), false)
	m.ok(err)
	for uid := mailstore.UID(2); uid <= 4; uid++ {
		m.PutSummary(uid, fmt.Append(nil, "summary ", uid))
	}
	want = m.contents()
	m.ok(errors.Join(m.Close(), acct.Close()))
	letLie(t, root)
	acct = openAccount(t, maildir.Options{Root: root}) // which looks, as the times are others
	m = openBox(t, acct, "INBOX")
	m.want(want...)
	m.ok(errors.Join(m.Close(), acct.Close()))
	return root, want
}

// everything is what a client may rely on.
func everything(t testing.TB, m mailstore.Mailbox) string {
	t.Helper()
	list, err := contents(t, m)
	if err != nil {
		return err.Error()
	}
	s := m.Status()
	return fmt.Sprintf("UIDVALIDITY %d UIDNEXT %d messages %d unseen %d deleted %d\n%s", s.UIDValidity, s.UIDNext, s.Messages, s.Unseen, s.Deleted, strings.Join(list, "\n"))
}

func TestWarmOpen(t *testing.T) {
	root, want := known(t)
	f := &readingFS{}
	acct := openAccount(t, maildir.Options{Root: root, FS: f})
	defer acct.Close()
	f.dirs.Store(0)
	m := openBox(t, acct, "INBOX")
	s, err := acct.Status(t.Context(), "INBOX", 0)
	if err != nil || s.Messages != 3 {
		t.Errorf("status %+v, %v", s, err)
	}
	m.refresh()
	if d, l := f.dirs.Load(), f.lists.Load(); d+l > 0 {
		t.Errorf("an unchanged mailbox cost %d readings of directories and %d of the UID list", d, l)
	}
	m.want(want...)
	for uid := mailstore.UID(2); uid <= 4; uid++ {
		if got, ok := m.Summaries().Get(uid); !ok || string(got) != fmt.Sprint("summary ", uid) {
			t.Errorf("summary of %d is %q, %v", uid, got, ok)
		}
	}
	uids, err := m.ClaimRecent(t.Context())
	if err != nil || !slices.Equal(uids, mailstore.NewUIDSet(3)) {
		t.Errorf("recent are %v, %v: what is in new/ is", uids, err)
	}
}

// TestModSeqsSurvive: mod-sequences and expunged UIDs are the same after a
// restart, and HIGHESTMODSEQ has risen.
func TestModSeqsSurvive(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	m := openBox(t, acct, "INBOX")
	m.add(mailstore.Flags{}, "a", "b", "c", "d")
	_, err := m.ClaimRecent(t.Context()) // Recent is of this process
	m.ok(err)
	left := m.Status().HighestModSeq
	m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), 2)
	_, err = m.Expunge(t.Context(), mailstore.NewUIDSet(3), false)
	m.ok(err)
	before := records(m)
	m.ok(errors.Join(m.Close(), acct.Close()))

	again := openAccount(t, maildir.Options{Root: root})
	defer again.Close()
	m = openBox(t, again, "INBOX")
	if now := records(m); !slices.Equal(now, before) {
		t.Errorf("records\n%v\nhave become\n%v", before, now)
	}
	if got := m.ChangedSince(make([]mailstore.Record, 0, 9), left, 1); len(got) != 1 || got[0].UID != 2 {
		t.Errorf("changed since %d: %v, want only UID 2", left, got)
	}
	if gone, complete := m.Vanished(left); !complete || !slices.Equal(gone, mailstore.NewUIDSet(3)) {
		t.Errorf("vanished since %d: %v, %v; want 3 and nothing else", left, gone, complete)
	}
}

func records(m mailstore.Mailbox) []mailstore.Record {
	return m.Records(make([]mailstore.Record, 0, 100), 1)
}

// TestIndexFollows: an index goes with its mailbox when that is renamed, and is
// not taken for that of another of the same name.
func TestIndexFollows(t *testing.T) {
	for _, inMemory := range []bool{true, false} {
		t.Run(fmt.Sprint("in memory ", inMemory), func(t *testing.T) {
			acct, root := newAccount(t, maildir.MaildirPP)
			for _, name := range []string{"Old", "Old.Kid"} {
				if err := acct.Create(t.Context(), name); err != nil {
					t.Fatal(err)
				}
				m := openBox(t, acct, name)
				m.PutSummary(m.add(mailstore.Flags{}, name)[0], []byte(name))
				m.ok(m.Close())
			}
			if !inMemory {
				if err := acct.Close(); err != nil {
					t.Fatal(err)
				}
				acct = openAccount(t, maildir.Options{Root: root})
			}
			for _, step := range []error{acct.Rename(t.Context(), "Old", "New"), acct.Create(t.Context(), "Old")} {
				if step != nil {
					t.Fatal(step)
				}
			}
			openBox(t, acct, "Old").want()
			if err := acct.Close(); err != nil {
				t.Fatal(err)
			}
			acct = openAccount(t, maildir.Options{Root: root})
			defer acct.Close()
			for _, name := range []string{"New", "New.Kid"} {
				m := openBox(t, acct, name)
				old := "Old" + strings.TrimPrefix(name, "New")
				m.want("1 [] " + old)
				if got, ok := m.Summaries().Get(1); !ok || string(got) != old {
					t.Errorf("summary in %s: %q, %v", name, got, ok)
				}
			}
			openBox(t, acct, "Old").want()
			if err := acct.Delete(t.Context(), "New"); err != nil {
				t.Fatal(err)
			}
			if left, err := filepath.Glob(filepath.Join(indexOf(root), "New", "*")); err != nil || len(left) > 0 {
				t.Errorf("a deleted mailbox has left %q, %v", left, err)
			}
		})
	}
}

// indexOf is where openAccount puts the indexes of a root.
func indexOf(root string) string {
	return filepath.Join(filepath.Dir(root), ".index-"+filepath.Base(root))
}

// TestOtherMailbox: an index of another UIDVALIDITY, and one whose files were
// exchanged behind its back, is not believed.
func TestOtherMailbox(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(t *testing.T, root string)
		want   []string
	}{
		{"another program has begun a new UIDVALIDITY", func(t *testing.T, root string) {
			list := read(t, filepath.Join(root, "dovecot-uidlist"))
			_, rest, _ := strings.Cut(list, "\n")
			write(t, filepath.Join(root, "dovecot-uidlist"), "3 V99 N9 G0123456789abcdef0123456789abcdef\n"+rest)
		}, []string{"2 [F Other word] b", "3 [] c", "4 [R] d"}},
		{"the UID list is gone: the index remembers", func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, "dovecot-uidlist")); err != nil {
				t.Fatal(err)
			}
		}, []string{"2 [F Other word] b", "3 [] c", "4 [R] d"}},
		{"a file is gone", func(t *testing.T, root string) {
			gone, err := filepath.Glob(filepath.Join(root, "cur", "2.b*"))
			if err != nil || len(gone) != 1 || os.Remove(gone[0]) != nil {
				t.Fatal(gone, err)
			}
		}, []string{"3 [] c", "4 [R] d"}},
		{"a letter means another keyword", func(t *testing.T, root string) {
			path := filepath.Join(root, "dovecot-keywords")
			write(t, path, strings.ReplaceAll(read(t, path), "word", "changed"))
		}, []string{"2 [F changed Other] b", "3 [] c", "4 [R] d"}},
		{"new mail came, and the times of both directories were put back", func(t *testing.T, root string) {
			deliver(t, root, "new/9.e", "e")
			letLie(t, root)
		}, []string{"2 [F Other word] b", "3 [] c", "4 [R] d", "5 [] e"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			root, _ := known(t)
			c.change(t, root)
			acct := openAccount(t, maildir.Options{Root: root})
			defer acct.Close()
			openBox(t, acct, "INBOX").want(c.want...)
		})
	}
}

// TestDamagedIndex cuts the index of a small mailbox at every octet, and changes
// octets at random: nothing that a client may rely on becomes another.
func TestDamagedIndex(t *testing.T) {
	root, _ := known(t)
	path := filepath.Join(indexOf(root), "INBOX", "index")
	whole := []byte(read(t, path))
	look := func() string {
		acct := openAccount(t, maildir.Options{Root: root})
		m, err := acct.Open(t.Context(), "INBOX")
		if err != nil {
			return err.Error()
		}
		got := everything(t, m)
		for uid := range mailstore.UID(9) {
			if s, ok := m.Summaries().Get(uid); ok && string(s) != fmt.Sprint("summary ", uid) {
				got += fmt.Sprintf("\nsummary of %d: %q", uid, s)
			}
		}
		if err := errors.Join(m.Close(), acct.Close()); err != nil {
			got += err.Error()
		}
		return got
	}
	want := look()
	for n := range whole {
		write(t, path, string(whole[:n]))
		if got := look(); got != want {
			t.Fatalf("cut at octet %d of %d:\n%s\nwant\n%s", n, len(whole), got, want)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		damaged := bytes.Clone(whole)
		for range 1 + rnd.IntN(3) {
			damaged[rnd.IntN(len(damaged))] ^= byte(1 + rnd.IntN(255))
		}
		write(t, path, string(damaged))
		sums := filepath.Join(filepath.Dir(path), fmt.Sprint("summaries.", rnd.IntN(2)))
		if data, err := os.ReadFile(sums); err == nil && len(data) > 0 {
			data[rnd.IntN(len(data))] ^= 0x55
			write(t, sums, string(data))
		}
		if got := look(); got != want {
			t.Fatalf("with damage:\n%s\nwant\n%s", got, want)
		}
	}
}

// TestIndexVanishesWhileServing: somebody deletes, truncates and overwrites the
// index all the time, while sessions work and the mailbox is closed and opened.
func TestIndexVanishesWhileServing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { vandalise(indexOf(root), stop) })
	rnd := rand.New(rand.NewPCG(3, 4))
	model := make(map[mailstore.UID]string)
	for round := range 25 {
		acct := openAccount(t, maildir.Options{Root: root})
		m := openBox(t, acct, "INBOX")
		for step := range 12 {
			id := fmt.Sprintf("m%d.%d", round, step)
			switch uids := sortedUIDs(model); {
			case len(uids) < 5 || rnd.IntN(3) == 0:
				uid := m.add(mailstore.Flags{}, id)[0]
				if model[uid] != "" {
					t.Fatalf("UID %d is given twice", uid)
				}
				model[uid] = "[] " + id
				m.PutSummary(uid, []byte(id))
			case rnd.IntN(3) == 0:
				uid := uids[rnd.IntN(len(uids))]
				_, err := m.Expunge(t.Context(), mailstore.NewUIDSet(uid), false)
				m.ok(err)
				delete(model, uid)
			default:
				uid := uids[rnd.IntN(len(uids))]
				m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), uid)
				_, id, _ := strings.Cut(model[uid], "] ")
				model[uid] = "[F] " + id
			}
		}
		checkModel(t, m, model)
		m.ok(errors.Join(m.Close(), acct.Close()))
	}
	close(stop)
	wg.Wait()
	acct := openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	checkModel(t, openBox(t, acct, "INBOX"), model)
}

func sortedUIDs(model map[mailstore.UID]string) []mailstore.UID {
	uids := make([]mailstore.UID, 0, len(model))
	for uid := range model {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return uids
}

func checkModel(t *testing.T, m box, model map[mailstore.UID]string) {
	t.Helper()
	_, err := m.ClaimRecent(t.Context())
	m.ok(err)
	var want []string
	for _, uid := range sortedUIDs(model) {
		want = append(want, fmt.Sprint(uid, " ", model[uid]))
		_, id, _ := strings.Cut(model[uid], "] ")
		if got, ok := m.Summaries().Get(uid); ok && string(got) != id {
			t.Errorf("UID %d has the summary %q, want %q", uid, got, id)
		}
	}
	m.want(want...)
}

// vandalise damages all files below dir until stop.
func vandalise(dir string, stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rnd.IntN(2000)) * time.Microsecond):
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*", "*")) // the pattern is good
		if len(files) == 0 {
			continue
		}
		path := files[rnd.IntN(len(files))]
		switch rnd.IntN(4) {
		case 0:
			_ = os.Remove(path) // it may be gone
		case 1:
			_ = os.Truncate(path, int64(rnd.IntN(2000)))
		case 2:
			_ = os.RemoveAll(filepath.Dir(path))
		case 3:
			if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
				_, _ = f.WriteAt([]byte("damage"), int64(rnd.IntN(1000)))
				_ = f.Close()
			}
		}
	}
}
