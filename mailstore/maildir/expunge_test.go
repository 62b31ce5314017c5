package maildir_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestExpungedStaysAway: a loss of power does not bring back what was expunged from cur/ and had been
// in new/ before, by whomever and whenever it was taken from there.
func TestExpungedStaysAway(t *testing.T) {
	flag := func(b *memoryBox) {
		if _, err := b.m.SetFlags(b.Context(), mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	claim := func(b *memoryBox) {
		if _, err := b.m.ClaimRecent(b.Context()); err != nil {
			b.Fatal(err)
		}
		time.Sleep(3 * time.Second)
	}
	others := func(b *memoryBox) {
		if err := b.disk.Rename("/mail/new/1.a", "/mail/cur/1.a:2,"); err != nil {
			b.Fatal(err)
		}
	}
	another := func(b *memoryBox) {
		b.list()
		b.deliver("2.b")
		b.list()
	}
	unsynced := func(b *memoryBox) {
		b.deliverInMemory("2.b")
		b.list()
	}
	again := func(b *memoryBox) {
		b.close()
		b.open()
		b.list()
	}
	for _, c := range []struct {
		why   string
		steps []func(b *memoryBox)
	}{
		{"its first flag", []func(b *memoryBox){flag}},
		{"no longer recent", []func(b *memoryBox){claim}},
		{"another program", []func(b *memoryBox){others}},
		{"another program, which nobody has looked at", []func(b *memoryBox){another, others}},
		{"another program, and one that was expunged before", []func(b *memoryBox){another, others, func(b *memoryBox) { b.list() }}},
		{"a process before", []func(b *memoryBox){claim, again}},
		{"a delivery since", []func(b *memoryBox){claim, another}},
		{"a delivery that was not synced", []func(b *memoryBox){claim, unsynced}},
		{"a sync that failed", []func(b *memoryBox){func(b *memoryBox) {
			b.deliver("2.b")
			b.list()
			claim(b)
			b.disk.Inject(faultfs.FailFrom(1, syscall.EIO, faultfs.SyncDir))
			if _, err := b.m.Expunge(b.Context(), mailstore.NewUIDSet(3), false); err == nil {
				b.Fatal("a sync failed, and nobody was told")
			}
			b.disk.Inject(nil)
		}}},
	} {
		for how, expunge := range map[string]func(b *memoryBox){"expunge": (*memoryBox).expungeB, "move": (*memoryBox).moveB} {
			t.Run(c.why+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &memoryBox{T: t, disk: faultfs.New(), opt: maildir.Options{Root: "/mail", IndexDir: "/index"}}
					b.opt.FS = b.disk
					b.open()
					b.deliver("0.before")
					b.list()
					b.deliver("1.a")
					b.list()
					b.disk.Settle()
					if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(1), false); err != nil {
						t.Fatal(err)
					}
					for _, step := range c.steps {
						step(b)
					}
					time.Sleep(time.Second)
					expunge(b)
					time.Sleep(3 * time.Second)
					b.disk.CutAt(1)
					b.close()
					b.disk.Crash(nil)
					b.open()
					for _, uid := range b.list() {
						if uid < 3 {
							t.Errorf("%d has come back", uid)
						}
					}
					b.close()
				})
			})
		}
	}
}

// TestExpungedTwins: of a message that has two names both go, in whatever order a directory tells them.
func TestExpungedTwins(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			b := &memoryBox{T: t, disk: faultfs.New(), opt: maildir.Options{Root: "/mail"}}
			b.opt.FS = b.disk
			b.open()
			b.close()
			b.deliver("1.a")
			if err := errors.Join(b.disk.Rename("/mail/new/1.a", "/mail/cur/1.a:2,"), b.disk.Link("/mail/cur/1.a:2,", "/mail/cur/1.a:2,S")); err != nil {
				t.Fatal(err)
			}
			b.open()
			if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(1), false); err != nil {
				t.Fatal(err)
			}
			if got := b.list(); len(got) > 0 {
				t.Fatalf("there is %v", got)
			}
			b.close()
		})
	}
}

// TestExpungeSyncsOnce: new/ is synced for those in cur/ only if something has left it since the last time.
func TestExpungeSyncsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &memoryBox{T: t, disk: faultfs.New(), opt: maildir.Options{Root: "/mail"}}
		b.opt.FS = b.disk
		claim := func() {
			b.list()
			if _, err := b.m.ClaimRecent(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
		}
		b.open()
		for _, name := range []string{"1.a", "2.b", "3.c", "4.d", "5.e"} {
			b.deliver(name)
		}
		claim()
		for _, c := range []struct {
			uid    mailstore.UID
			before func()
			syncs  int
		}{
			{1, func() {}, 2},
			{2, func() {}, 1},
			{3, func() { b.deliver("6.f"); b.list() }, 1},
			{4, func() { b.list() }, 1}, // reads once more, as its own change was just now
			{5, claim, 2},
		} {
			c.before()
			b.disk.Inject(nil) // counts anew
			if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(c.uid), false); err != nil {
				t.Fatal(err)
			}
			trace := b.disk.Trace()
			syncs := 0
			for _, line := range trace {
				if strings.Contains(line, "syncdir") {
					syncs++
				}
			}
			if syncs != c.syncs {
				t.Errorf("expunging %d took %d syncs, want %d: %q", c.uid, syncs, c.syncs, trace)
			}
		}
		b.close()
	})
}

func (b *memoryBox) deliverInMemory(name string) {
	b.Helper()
	time.Sleep(time.Second)
	f, err := b.disk.OpenFile("/mail/new/"+name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	_ = f.Close()
}

func (b *memoryBox) expungeB() {
	b.Helper()
	if _, err := b.m.Expunge(b.Context(), mailstore.NewUIDSet(2), false); err != nil {
		b.Fatal(err)
	}
}

func (b *memoryBox) moveB() {
	b.Helper()
	if err := b.acct.Create(b.Context(), "Other"); err != nil {
		b.Fatal(err)
	}
	other, err := b.acct.Open(b.Context(), "Other")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := b.m.Move(b.Context(), mailstore.NewUIDSet(2), other); err != nil {
		b.Fatal(err)
	}
	_ = other.Close()
}
