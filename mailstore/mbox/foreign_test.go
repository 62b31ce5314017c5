package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

// two is a mailbox that two servers of ours have open, of which one has looked at it a moment ago.
func two(t *testing.T, ids ...string) (b *killed, mine mailstore.Mailbox) {
	b = newKilled(t, "")
	b.append(ids...)
	mine = b.m
	b.noted()
	b.fs.Settle()
	time.Sleep(20 * time.Millisecond) // by the real clock, so that the file is certain to be as it was
	b.open()
	return b, mine
}

// killedBeforeAppend: the other server is killed when the journal says that it appends, and nothing
// of that is in the mailbox; the next one takes it back.
func (b *killed) killedBeforeAppend() {
	b.Helper()
	m := b.m.(*Mailbox)
	const from = "From "
	h := journalHeader{kind: journalAppend, oldSize: m.snap.size, newSize: m.snap.size + int64(len(from)), litLen: int64(len(from))}
	w := newMetaWriter(m.j.f)
	w.write([]byte(from))
	w.flush()
	fi, err := m.h.Stat()
	b.ok(err)
	h.metaCRC = w.crc
	h.dev, h.ino = fileID(fi)
	b.ok(m.j.put(h))
	b.ok(m.j.sync())
	b.open()
}

// TestHeadersOfTheOther: what another server wrote to the journal is seen though it has not touched the
// mailbox.
func TestHeadersOfTheOther(t *testing.T) {
	t.Run("told", func(t *testing.T) {
		b, mine := two(t, "b")
		b.killedBeforeAppend()
		other := b.m
		b.m = mine
		b.append("c")
		b.noted()
		b.remove("c")
		b.deliver("d")
		b.m = other
		b.told()
	})
	for n := 1; n < 20; n++ {
		t.Run(fmt.Sprintf("killed at %d", n), func(t *testing.T) {
			b, mine := two(t, "b", "c", "d")
			b.killedBeforeAppend()
			b.fs.Inject(faultfs.FailFrom(n, syscall.EIO))
			_, err := mine.Expunge(t.Context(), mailstore.NewUIDSet(2), false)
			b.fs.Inject(nil)
			b.ok(ignoreMissing(b.fs.Remove("/mail/inbox.lock")))
			b.open()
			list := slices.DeleteFunc(subjectsOf(t, b.m), func(s string) bool { return s == "2 b" && err != nil })
			if want := []string{"1 a", "3 c", "4 d"}; !slices.Equal(list, want) {
				t.Errorf("expunge: %v; there is %q, want %q", err, list, want)
			}
		})
	}
}

// TestHeadersAreDurable: what is done to a mailbox without a journal rests on another server's word that
// nothing is going on, which it had no time to sync.
func TestHeadersAreDurable(t *testing.T) {
	for synced := 1; synced < 9; synced++ {
		t.Run(fmt.Sprint(synced), func(t *testing.T) {
			b := newKilled(t, "")
			b.append("b", "c")
			b.told()
			b.reopen()
			b.told()
			mine := b.m
			time.Sleep(20 * time.Millisecond)
			b.open()
			b.fs.Settle()
			n := 0
			b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
				if strings.HasSuffix(path, "restante.journal") && op == faultfs.Sync {
					if n++; n > synced {
						return syscall.EIO
					}
				}
				return nil
			})
			_, _ = b.m.SetFlags(t.Context(), mailstore.NewUIDSet(2), mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered, strings.Repeat("long", 30)), mailstore.SetFlagsOptions{})
			b.fs.Inject(nil)
			b.m = mine
			b.refresh()
			b.expunge(3)
			b.deliver("y")
			b.edit("body of y", strings.Repeat("body of y, long\n", 60)+"end of y")
			want, text := b.told(), string(b.content())
			b.fs.Crash(nil)
			b.ok(ignoreMissing(b.fs.Remove("/mail/inbox.lock")))
			b.open()
			if got := subjectsOf(t, b.m); !slices.Equal(got, want) {
				t.Errorf("there is %q, was %q", got, want)
			}
			if got := string(b.content()); got != text {
				t.Errorf("there is\n%.1500s\nwas\n%.1500s", got, text)
			}
		})
	}
}

// TestToldBeforeFailedLook: a look that fails takes nothing of what another server has told for known.
func TestToldBeforeFailedLook(t *testing.T) {
	t.Run("no mbox", func(t *testing.T) {
		b, mine := two(t, "b")
		b.append("c")
		b.noted()
		good := string(b.content())
		b.write("something else, for a moment\n")
		b.m = mine
		if mine.Refresh(t.Context()) == nil {
			t.Error("it could be read")
		}
		b.write(good)
		b.remove("c")
		b.deliver("d")
		b.told()
	})
	for n := range 16 {
		n, looked := n/2+1, n%2 > 0
		t.Run(fmt.Sprintf("failure at %d, looked %v", n, looked), func(t *testing.T) {
			b, mine := two(t, "b")
			if looked { // then only the state file tells
				b.deliver("c")
			} else {
				b.append("c")
			}
			b.told()
			b.deliver("d") // so that there is something to write down
			b.m = mine
			b.fs.Inject(faultfs.FailAt(n, syscall.EIO))
			_ = mine.Refresh(t.Context())
			b.fs.Inject(nil)
			b.remove("c")
			b.remove("d")
			b.deliver("e")
			b.told()
		})
	}
}

// TestOtherHasEnded: the other server writes the state file anew when it ends, without a lock on the
// mailbox, and nobody is told of an error for that.
func TestOtherHasEnded(t *testing.T) {
	for why, act := range map[string]func(b *killed, ids []mailstore.UID){
		"an append that the journal has no room for": func(b *killed, _ []mailstore.UID) {
			b.ok(appendText(b.T, b.m, "Subject: big\n\n"+strings.Repeat("much text in a line\n", maxAppendData/10)))
		},
		"the last message goes": func(b *killed, ids []mailstore.UID) {
			_, err := b.m.Expunge(b.Context(), mailstore.NewUIDSet(ids...), false)
			b.ok(err)
		},
	} {
		t.Run(why, func(t *testing.T) {
			b, mine := two(t, "b", "c")
			b.expunge(2)
			b.noted()
			other := b.m
			b.m = mine
			b.refresh()
			b.noted()
			b.ok(other.Close())
			act(b, []mailstore.UID{1, 3})
			b.told()
			st, err := newStateFile(b.fs, "/mail/.imap/INBOX/restante.uids").load(true)
			b.ok(err)
			if st.next < mine.Status().UIDNext {
				t.Errorf("UIDNEXT is %d and on the disk %d", mine.Status().UIDNext, st.next)
			}
			b.open()
			b.told()
		})
	}
}

// TestRefusedIsToldToNobody: another server does not learn the UIDs of a refused append, which are given again.
func TestRefusedIsToldToNobody(t *testing.T) {
	for n := 1; n < 16; n++ {
		t.Run(fmt.Sprintf("failure at %d", n), func(t *testing.T) {
			b, mine := two(t, "b")
			b.fs.Inject(faultfs.FailAt(n, syscall.EIO))
			b.m = mine
			err := appendText(t, mine, "Subject: refused\n\nrefused\n")
			b.fs.Inject(nil)
			b.open()
			b.noted()
			b.ok(b.m.Close())
			b.m = mine
			b.append("c", "d")
			b.edit("Subject: c", "Status: RO\nSubject: c")
			b.deliver("e")
			want := b.told()
			b.open() // without an end of this one
			if got := b.told(); !slices.Equal(got, want) {
				t.Errorf("append: %v; there is %q, and was %q", err, got, want)
			}
		})
	}
}

// TestClaimedByTheOther: what another server has claimed stays so, however often this one writes.
func TestClaimedByTheOther(t *testing.T) {
	b, mine := two(t, "b", "c")
	_, err := b.m.ClaimRecent(t.Context())
	b.ok(err)
	b.m = mine
	for range 2 { // the journal has no room for them
		b.ok(appendText(b.T, b.m, "Subject: big\n\n"+strings.Repeat("much text in a line\n", maxAppendData/10)))
	}
	st, err := newStateFile(b.fs, "/mail/.imap/INBOX/restante.uids").load(false)
	b.ok(err)
	if st.claimed < 3 {
		t.Errorf("%d is claimed", st.claimed)
	}
}

// TestOtherStateFile: one of another UIDVALIDITY is not written to, and the mailbox is to be opened again.
func TestOtherStateFile(t *testing.T) {
	b, mine := two(t, "b")
	b.noted()
	st := &state{validity: mine.UIDValidity() + 1, next: 1}
	other := newStateFile(b.fs, "/mail/.imap/INBOX/restante.uids")
	_, err := other.load(false)
	b.ok(err)
	b.ok(other.save(st, none))
	if err := appendText(t, mine, "Subject: big\n\n"+strings.Repeat("much text in a line\n", maxAppendData/10)); !errors.Is(err, errForeign) {
		t.Errorf("append: %v", err)
	}
	if err := mine.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("refresh: %v", err)
	}
}

// TestToldDuringLook: while this server looks, another one tells of a message that came after that.
func TestToldDuringLook(t *testing.T) {
	b, _ := two(t, "b")
	other := b.m
	between := &betweenFS{FS: b.fs}
	mine, err := openAccount(t, Options{FS: between, Root: "/mail", Zone: time.UTC}).Open(t.Context(), mailstore.Inbox)
	b.ok(err)
	b.m = mine
	b.noted()
	b.deliver("c")
	between.opened = func() {
		b.m = other
		b.deliver("d")
		b.told()
		b.remove("d")
		b.m = mine
	}
	b.refresh()
	b.deliver("e")
	if got := b.told(); got[len(got)-1] != "5 e" {
		t.Errorf("there is %q", got)
	}
}

// betweenFS lets something happen once when the state file is opened for writing, or has been made.
type betweenFS struct {
	*faultfs.FS
	opened, made func()
}

func once(fn *func()) {
	if now := *fn; now != nil {
		*fn = nil
		now()
	}
}

func (f *betweenFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if strings.HasSuffix(name, "/restante.uids") && flag&os.O_RDWR != 0 {
		once(&f.opened)
	}
	return f.FS.OpenFile(name, flag, perm)
}

func (f *betweenFS) SyncDir(name string) error {
	err := f.FS.SyncDir(name)
	if _, serr := f.FS.Stat(name + "/restante.uids"); serr == nil {
		once(&f.made)
	}
	return err
}

// TestOpenedAtOnce: two servers open a mailbox with new mail at the same time, and tell the same.
func TestOpenedAtOnce(t *testing.T) {
	for _, first := range []bool{false, true} {
		t.Run(fmt.Sprintf("for the first time %v", first), func(t *testing.T) {
			b := newKilled(t, "")
			b.ok(b.m.Close())
			b.deliver("b")
			between := &betweenFS{FS: b.fs}
			var other mailstore.Mailbox
			open := func() { b.open(); other = b.m }
			if first {
				b.ok(b.fs.Remove("/mail/.imap/INBOX/restante.uids"))
				b.ok(b.fs.Remove("/mail/.imap/INBOX/restante.journal"))
				b.write(mailOf("x") + mailOf("y")) // without a UIDVALIDITY
				between.made = open
			} else {
				between.opened = open
			}
			mine, err := openAccount(t, Options{FS: between, Root: "/mail", Zone: time.UTC}).Open(t.Context(), mailstore.Inbox)
			b.ok(err)
			if other == nil {
				t.Fatal("there was no other")
			}
			if got, want := subjectsOf(t, mine), subjectsOf(t, other); !slices.Equal(got, want) || mine.UIDValidity() != other.UIDValidity() {
				t.Errorf("%q, UIDVALIDITY %d, and the other %q, %d", got, mine.UIDValidity(), want, other.UIDValidity())
			}
			st, err := newStateFile(b.fs, "/mail/.imap/INBOX/restante.uids").load(true)
			b.ok(err)
			if st.validity != mine.UIDValidity() || len(st.messages) != 2 {
				t.Errorf("the file says %+v", st)
			}
		})
	}
}
