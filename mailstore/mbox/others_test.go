package mbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// TestToldByTheOther: what another server of ours told is true here, whatever has become of the
// message since, and however the other came to write it down.
func TestToldByTheOther(t *testing.T) {
	for why, c := range map[string]struct {
		other func(b *killed) // has b.m
		want  []string
	}{
		"it looked": {func(b *killed) { b.deliver("b"); b.told(); b.remove("b"); b.deliver("c") }, []string{"1 a", "4 c"}},
		"it looked, and all is as large as it was": {func(b *killed) { b.deliver("b"); b.told(); b.remove("b") }, []string{"1 a"}},
		"it appended":              {func(b *killed) { b.append("b"); b.remove("b"); b.deliver("c") }, []string{"1 a", "4 c"}},
		"it appended and looked":   {func(b *killed) { b.append("b", "c"); b.told(); b.remove("b"); b.deliver("d") }, []string{"1 a", "4 c", "5 d"}},
		"it expunged what it told": {func(b *killed) { b.append("b"); b.expunge(3) }, []string{"1 a"}},
		"it has put another journal in the place": {func(b *killed) {
			j := b.m.(*Mailbox).j
			next, err := j.successor()
			b.ok(err)
			b.ok(next.clean())
			b.ok(next.rename(j.path))
			b.ok((&rewriter{j: j}).take(next))
			b.append("b")
			b.remove("b")
			b.deliver("c")
		}, []string{"1 a", "4 c"}},
		"it ended": {func(b *killed) {
			b.deliver("b")
			b.append("c")
			b.ok(b.m.Close())
			b.remove("b")
			b.remove("c")
			b.deliver("d")
		}, []string{"1 a", "5 d"}},
		"it was killed": {func(b *killed) {
			b.deliver("b")
			b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
				if op == faultfs.Sync && filepath.Base(path) == "restante.uids" {
					return syscall.EIO
				}
				return nil
			})
			if b.m.Refresh(b.Context()) == nil {
				b.Error("there was no sync")
			}
			b.fs.Inject(nil)
		}, []string{"1 a", "3 b"}},
	} {
		t.Run(why, func(t *testing.T) {
			b := newKilled(t, "")
			b.append("gone")
			b.expunge(2)
			b.names["2"] = "gone"
			b.reopen()
			mine := b.m
			b.refresh()
			b.fs.Settle()

			b.open()
			c.other(b)
			b.m = mine
			b.refresh()
			b.noted()
			list, next := subjectsOf(t, b.m), b.m.Status().UIDNext
			for uid := range b.names {
				if uid >= fmt.Sprint(next) {
					t.Errorf("UIDNEXT is %d, and UID %s was told", next, uid)
				}
			}
			if !slices.Equal(list, c.want) {
				t.Errorf("there is %q, want %q", list, c.want)
			}

			b.fs.Crash(nil) // what was told is durable
			b.remove("b")
			b.deliver("y")
			b.open()
			b.told()
			if got := b.m.Status().UIDNext; got < next {
				t.Errorf("UIDNEXT was %d and is %d", next, got)
			}
		})
	}
}

// TestStateOfTwo: who writes to a state file to which another has added messages is told so, and
// has changed nothing; what another has claimed is kept.
func TestStateOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := faultfs.New()
		if err := fs.Mkdir("/d", 0o700); err != nil {
			t.Fatal(err)
		}
		one := func(uid mailstore.UID) func(func(known) bool) {
			return slices.Values([]known{{text: text{uid: uid, hsum: uint32(uid)}}})
		}
		a, b := newStateFile(fs, "/d/uids"), newStateFile(fs, "/d/uids")
		st := func(next, claimed mailstore.UID) *state { return &state{validity: 7, next: next, claimed: claimed} }
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		foreign := func(err error) {
			t.Helper()
			if !errors.Is(err, errForeign) {
				t.Errorf("%v, want %v", err, errForeign)
			}
		}
		ok(a.add(st(2, 0), one(1)))
		foreign(b.add(st(2, 0), one(1))) // it has not read it
		_, err := b.load(true)
		ok(err)
		ok(b.add(st(3, 0), one(2)))
		foreign(a.add(st(3, 0), one(2)))
		foreign(a.save(st(3, 0), none))
		_, err = a.load(true)
		ok(err)

		ok(a.add(st(3, 2), none)) // claimed
		ok(b.add(st(4, 1), one(3)))
		got, err := a.load(true)
		ok(err)
		if got.claimed != 2 {
			t.Errorf("%d is claimed, want 2", got.claimed)
		}

		ok(a.save(st(4, 2), none)) // another file
		foreign(b.add(st(5, 2), one(4)))

		f, err := fs.OpenFile("/d/uids", os.O_RDWR, 0)
		ok(err)
		if free, err := f.TryLock(true); !free || err != nil {
			t.Fatal(free, err)
		}
		start := time.Now()
		time.AfterFunc(50*time.Millisecond, func() { _ = f.Close() })
		ok(a.add(st(5, 2), one(4)))
		if time.Since(start) < 50*time.Millisecond {
			t.Error("it did not wait for the lock")
		}
		got, err = newStateFile(fs, "/d/uids").load(true)
		ok(err)
		if len(got.messages) != 1 || got.messages[0].uid != 4 || got.next != 5 || got.claimed != 2 {
			t.Errorf("it holds %+v", got)
		}

		if f, err = fs.OpenFile("/d/uids", os.O_RDWR, 0); err != nil {
			t.Fatal(err)
		}
		if free, err := f.TryLock(true); !free || err != nil {
			t.Fatal(free, err)
		}
		time.AfterFunc(50*time.Millisecond, func() { // while it waits another puts one in its place
			c := newStateFile(fs, "/d/other")
			ok(c.add(st(9, 2), none))
			ok(fs.Rename("/d/other", "/d/uids"))
			ok(f.Close())
		})
		foreign(a.add(st(6, 2), one(5)))
	})
}

// TestServersAtOnce: two servers of ours work on one mailbox at the same time, together with a
// delivery agent: no message is lost or doubled, and no UID names two.
func TestServersAtOnce(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "inbox")
	if err := os.WriteFile(file, []byte(mailOf("first")), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &ledger{in: map[string]bool{"first": true}, out: make(map[string]bool), uids: make(map[mailstore.UID]string)}
	var wg sync.WaitGroup
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	var boxes []mailstore.Mailbox
	opt := Options{Root: root, Zone: time.UTC, LockTimeout: 30 * time.Second}
	for range 2 {
		m, err := openAccount(t, opt).Open(t.Context(), mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		boxes = append(boxes, m)
	}
	for i, m := range boxes {
		wg.Go(func() {
			for n := range rounds {
				id := fmt.Sprintf("server%d-%d", i, n)
				l.put(id)
				if err := appendText(t, m, "Subject: "+id+"\r\n\r\nFrom here\r\n"+filler(id)+"\r\n"); err != nil {
					t.Error(err)
					return
				}
				if _, err := m.ClaimRecent(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if err := worked(t, m, l, n+i); err != nil {
					t.Error(err)
					return
				}
				noteAll(t, m, l)
			}
		})
	}
	wg.Go(func() {
		for n := range rounds {
			id := fmt.Sprintf("delivered-%d", n)
			l.put(id)
			if err := deliver(t.Context(), file, id); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	for _, m := range boxes {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	checkLedger(t, openAccount(t, opt), l)
}

// noteAll looks at all messages.
func noteAll(t *testing.T, m mailstore.Mailbox, l *ledger) {
	uids, c := m.Follow()
	c.Close()
	for _, uid := range uids {
		id, err := subjectOf(t.Context(), m, uid)
		if err != nil {
			continue // the other one was quicker
		}
		if before := l.named(uid, id); before != id {
			t.Errorf("UID %d named %s and names %s", uid, before, id)
		}
	}
}
