package maildir_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// world is all that a client sees of an account: for each mailbox its
// UIDVALIDITY, and its messages by UID.
type world map[string]worldBox

type worldBox struct {
	validity uint32
	next     mailstore.UID
	messages map[mailstore.UID]string // flags and content
}

func look(t *testing.T, acct mailstore.Account) (world, error) {
	w := make(world)
	list, err := acct.Mailboxes(t.Context())
	if err != nil {
		return nil, err
	}
	for _, in := range list {
		if in.NoSelect {
			continue
		}
		m, err := acct.Open(t.Context(), in.Name)
		if err != nil {
			return nil, err
		}
		b := worldBox{validity: m.UIDValidity(), next: m.Status().UIDNext, messages: make(map[mailstore.UID]string)}
		uids, c := m.Follow()
		c.Close()
		for _, uid := range uids {
			r, _ := m.Record(uid)
			id, err := subject(t, m, uid)
			if err != nil {
				return nil, err
			}
			b.messages[uid] = flagText(r.Flags) + " " + id
		}
		saved, err := m.(mailstore.UIDLer).SavedUIDLs(t.Context())
		if err != nil {
			return nil, err
		}
		for uid, id := range saved { // in front, as what is behind the last space is the message
			b.messages[uid] = id + " " + b.messages[uid]
		}
		w[in.Name] = b
		if err := m.Close(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w world) String() string {
	var s strings.Builder
	for _, name := range sortedKeys(w) {
		b := w[name]
		fmt.Fprintf(&s, "%s next %d\n", name, b.next)
		for _, uid := range slices.Sorted(maps.Keys(b.messages)) {
			fmt.Fprintf(&s, "  %d %s\n", uid, b.messages[uid])
		}
	}
	return s.String()
}

// sameMessages compares everything but UIDNEXT, which a failure may raise, and
// UIDVALIDITY.
func (w world) sameMessages(o world) bool {
	return maps.EqualFunc(w, o, func(a, b worldBox) bool { return maps.Equal(a.messages, b.messages) })
}

// faultCases are the operations that must survive every failure.
var faultCases = []struct {
	name string
	run  func(t *testing.T, acct mailstore.Account) error
	// partial: after an error a part of it may have been done.
	partial bool
}{
	{"append", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, "INBOX", func(m mailstore.Mailbox) error {
			_, err := appendTo(t, m, mailstore.Flags{}, "new")
			return err
		})
	}, false},
	{"append several with keywords", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, "INBOX", func(m mailstore.Mailbox) error {
			_, err := appendTo(t, m, mailstore.NewFlags(mailstore.Seen, "fresh"), "new1", "new2", "new3")
			return err
		})
	}, false},
	{"set flags", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, "INBOX", func(m mailstore.Mailbox) error {
			_, err := m.SetFlags(t.Context(), mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered, "fresh"), mailstore.SetFlagsOptions{})
			return err
		})
	}, true},
	{"copy", func(t *testing.T, acct mailstore.Account) error {
		return withTwo(t, acct, func(from, to mailstore.Mailbox) error {
			_, err := from.Copy(t.Context(), mailstore.AllUIDs(), to)
			return err
		})
	}, false},
	{"move", func(t *testing.T, acct mailstore.Account) error {
		return withTwo(t, acct, func(from, to mailstore.Mailbox) error {
			_, err := from.Move(t.Context(), mailstore.AllUIDs(), to)
			return err
		})
	}, true},
	{"expunge", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, "INBOX", func(m mailstore.Mailbox) error {
			_, err := m.Expunge(t.Context(), mailstore.NewUIDSet(1, 3), false)
			return err
		})
	}, true},
	{"claim recent", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, "INBOX", func(m mailstore.Mailbox) error {
			_, err := m.ClaimRecent(t.Context())
			return err
		})
	}, true},
	{"create", func(t *testing.T, acct mailstore.Account) error {
		return acct.Create(t.Context(), "Made")
	}, false},
	{"delete", func(t *testing.T, acct mailstore.Account) error {
		return acct.Delete(t.Context(), "Old")
	}, true},
	{"rename", func(t *testing.T, acct mailstore.Account) error {
		return acct.Rename(t.Context(), "Old", "Renamed")
	}, true},
	{"rename INBOX", func(t *testing.T, acct mailstore.Account) error {
		return acct.Rename(t.Context(), "INBOX", "Kept")
	}, true},
	{"open with new mail", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, foreignBox, func(mailstore.Mailbox) error { return nil })
	}, true},
	{"open after Courier", func(t *testing.T, acct mailstore.Account) error {
		return with(t, acct, foreignBox, func(mailstore.Mailbox) error { return nil })
	}, true},
}

func with(t *testing.T, acct mailstore.Account, name string, fn func(m mailstore.Mailbox) error) error {
	m, err := acct.Open(t.Context(), name)
	if err != nil {
		return err
	}
	return errors.Join(fn(m), m.Close())
}

func withTwo(t *testing.T, acct mailstore.Account, fn func(from, to mailstore.Mailbox) error) error {
	return with(t, acct, "INBOX", func(from mailstore.Mailbox) error {
		return with(t, acct, "Old", func(to mailstore.Mailbox) error { return fn(from, to) })
	})
}

func openFault(t *testing.T, f *faultfs.FS, layout maildir.Layout, control string) (mailstore.Account, error) {
	return maildir.Open(t.Context(), maildir.Options{FS: f, Root: "/mail", Control: control, Layout: layout, Hostname: "test", LockWait: 50 * time.Millisecond, IndexDir: "/index"})
}

// foreignBox is where another program has left messages.
const foreignBox = "Foreign"

// prepareFault makes INBOX with three messages, Old with one, and Foreign.
func prepareFault(t *testing.T, f *faultfs.FS, layout maildir.Layout, control string, foreign, courier bool) {
	acct, err := openFault(t, f, layout, control)
	if err != nil {
		t.Fatal(err)
	}
	defer acct.Close()
	for _, name := range []string{"Old", foreignBox} {
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	inbox, old := openBox(t, acct, "INBOX"), openBox(t, acct, "Old")
	inbox.add(mailstore.Flags{}, "one")
	inbox.add(mailstore.NewFlags(mailstore.Seen, "k"), "two")
	inbox.add(mailstore.NewFlags(mailstore.Flagged|mailstore.Deleted), "three")
	old.add(mailstore.NewFlags(mailstore.Seen), "four")
	dir := ".Foreign"
	if layout == maildir.FS {
		dir = "Foreign"
	}
	uidlist := cmp.Or(control, "/mail") + "/" + dir + "/dovecot-uidlist"
	dir = "/mail/" + dir
	if control != "" { // where a quota is kept, too
		writeFault(t, f, control+"/maildirsize", dovecotSize)
	}
	f.Settle()
	if !foreign {
		return
	}
	for _, name := range []string{"new/1000.x", "cur/2000.x:2,S"} {
		writeFault(t, f, dir+"/"+name, text(name))
	}
	if courier {
		err := errors.Join(f.Remove(uidlist), f.Mkdir(dir+"/courierimapkeywords", 0o700))
		if err != nil {
			t.Fatal(err)
		}
		writeFault(t, f, dir+"/courierimapkeywords/:list", "late\n\n2000.x:0\n")
		writeFault(t, f, dir+"/courierimapkeywords/1000.x", "fresh\n")
		writeFault(t, f, dir+"/courierimapuiddb", "1 7 20\n12 2000.x\n")
		writeFault(t, f, dir+"/courierpop3dsizelist", "/2 9 7\n2000.x:2,S 9 1:7\n1000.x 9 2:7\n")
	}
	f.Settle()
}

func writeFault(t *testing.T, f *faultfs.FS, path, content string) {
	file, err := f.OpenFile(path, 0x42, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFaults(t *testing.T) {
	for _, l := range layouts {
		for _, c := range faultCases {
			for _, control := range []string{"", "/control"} {
				t.Run(l.name+"/"+c.name+control, func(t *testing.T) {
					f := faultTest{layout: l.layout, control: control, run: c.run, partial: c.partial, foreign: strings.HasPrefix(c.name, "open"), courier: c.name == "open after Courier"}
					s := faultfs.Scenario{Prepare: f.prepare, Run: f.do, Check: f.check}
					s.EachFault(t)
					s.EachCut(t, 3)
				})
			}
		}
	}
}

type faultTest struct {
	layout        maildir.Layout
	control       string
	run           func(t *testing.T, acct mailstore.Account) error
	partial       bool
	foreign       bool  // there are messages that have no UIDs yet
	courier       bool  // and Courier had them
	before, after world // without a fault
	inProcess     world // what the process that did it saw afterwards
}

// prepare makes the files, and does the operation once without a fault on a copy.
func (f *faultTest) prepare(t *testing.T, fs *faultfs.FS) {
	prepareFault(t, fs, f.layout, f.control, f.foreign, f.courier)
	clone := fs.Clone()
	f.before = f.reopen(t, fs.Clone())
	if err := f.do(t, clone); err != nil {
		t.Fatal(err)
	}
	f.after = f.reopen(t, clone)
	if got := f.after[foreignBox].messages; f.courier && (got[12] != "UID1-7 [S late] cur/2000.x:2,S" || got[20] != "UID2-7 [fresh] new/1000.x") {
		t.Fatalf("after Courier there is %v", got)
	}
}

func (f *faultTest) reopen(t *testing.T, fs *faultfs.FS) world {
	t.Helper()
	acct, err := openFault(t, fs, f.layout, f.control)
	if err != nil {
		t.Fatal(err)
	}
	defer acct.Close()
	w, err := look(t, acct)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (f *faultTest) do(t *testing.T, fs *faultfs.FS) error {
	f.inProcess = nil
	acct, err := openFault(t, fs, f.layout, f.control)
	if err != nil {
		return err
	}
	defer acct.Close()
	err = f.run(t, acct)
	if !errors.Is(err, faultfs.ErrPowerCut) {
		if w, lookErr := look(t, acct); lookErr == nil {
			f.inProcess = w
		}
	}
	return err
}

// check looks with the eyes of the next process.
func (f *faultTest) check(t *testing.T, fs *faultfs.FS, err error) {
	unlock(t, fs)
	got := f.reopen(t, fs)
	if again := f.reopen(t, fs); again.String() != got.String() {
		t.Errorf("opened twice it is\n%sand\n%s", got, again)
	}
	if f.inProcess != nil && !f.inProcess.sameMessages(got) {
		t.Errorf("the process that did it sees\n%sthe next\n%s", f.inProcess, got)
	}
	switch {
	case err == nil && !f.foreign:
		if !got.sameMessages(f.after) {
			t.Errorf("it was acknowledged, and there is\n%swant\n%s", got, f.after)
		}
	case !f.partial && !errors.Is(err, faultfs.ErrPowerCut):
		if !got.sameMessages(f.before) {
			t.Errorf("it failed with %v, and there is\n%swant\n%s", err, got, f.before)
		}
	}
	if now, want := got[foreignBox], f.after[foreignBox]; f.courier && (now.validity != want.validity || !maps.Equal(now.messages, want.messages)) {
		t.Errorf("UIDs, keywords or unique ids of Courier are not as without a fault: %v, want %v", now, want)
	}
	if b, renamed := got["Renamed"]; renamed && b.validity != f.before["Old"].validity {
		t.Errorf("the renamed mailbox has UIDVALIDITY %d, it had %d", b.validity, f.before["Old"].validity)
	}
	f.checkUIDs(t, got)
	f.checkLost(t, got)
}

// checkUIDs: no UID names two messages, and no mailbox goes back.
func (f *faultTest) checkUIDs(t *testing.T, got world) {
	for name, b := range got {
		old, existed := f.before[name]
		if !existed || f.foreign && name == foreignBox { // nobody was told of those UIDs
			continue
		}
		if b.validity != old.validity || b.next < old.next {
			t.Errorf("%s had UIDVALIDITY %d and UIDNEXT %d, has %d and %d", name, old.validity, old.next, b.validity, b.next)
		}
		for uid, m := range b.messages {
			was := old.messages[uid]
			if was != "" && idOf(was) != idOf(m) || was == "" && uid < old.next {
				t.Errorf("%s: UID %d was %q, is %q", name, uid, was, m)
			}
		}
	}
}

func idOf(message string) string { return message[strings.LastIndex(message, " ")+1:] }

// checkLost: what was there before and is there after the operation without a
// fault is somewhere in any case.
func (f *faultTest) checkLost(t *testing.T, got world) {
	count := func(w world) map[string]int {
		n := make(map[string]int)
		for _, b := range w {
			for _, m := range b.messages {
				n[idOf(m)]++
			}
		}
		return n
	}
	before, after, now := count(f.before), count(f.after), count(got)
	for id := range before {
		if after[id] > 0 && now[id] == 0 {
			t.Errorf("message %s is lost; there is\n%s", id, got)
		}
		if now[id] > max(before[id], after[id])+1 {
			t.Errorf("message %s is there %d times", id, now[id])
		}
	}
}

// unlock removes lock files. After a loss of power nobody takes their process for
// running; here it is this one, and does.
func unlock(t *testing.T, fs *faultfs.FS) {
	dirs := []string{"/mail", "/control"}
	for _, name := range []string{"INBOX", "Old", "Foreign", "Kept", "Renamed"} {
		for _, root := range dirs[:2] {
			dirs = append(dirs, root+"/."+name, root+"/"+name)
		}
	}
	for _, dir := range dirs {
		entries, err := fs.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name, ".lock") {
				if err := fs.Remove(dir + "/" + e.Name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
