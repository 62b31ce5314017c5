package mbox

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// oddTick is not a whole number of milliseconds: such clocks count no nanoseconds.
const oddTick = 4*time.Millisecond + 7

// ticking is a mailbox on a file system the clock of which stands still for a tick.
func ticking(t *testing.T, tick time.Duration, index string) *killed {
	time.Sleep(tick * 3 / 2)
	b := newKilled(t, index)
	b.fs.StampByTicks(tick)
	b.edit("Subject: a\n", "Subject: 0\n")
	clear(b.names)
	return b
}

// subjects are those in the file.
func (b *killed) subjects() (list []string) {
	for line := range strings.Lines(string(b.content())) {
		if id, found := strings.CutPrefix(line, "Subject: "); found {
			list = append(list, strings.TrimSpace(id))
		}
	}
	return list
}

// sees wants the mailbox to be what the file is, and a UID to be that of one text.
func (b *killed) sees() {
	b.Helper()
	b.refresh()
	var got []string
	for _, message := range subjectsOf(b.T, b.m) {
		uid, id, _ := strings.Cut(message, " ")
		if was, told := b.names[uid]; told && was != id {
			b.Errorf("UID %s names %q and named %q", uid, id, was)
		}
		b.names[uid] = id
		got = append(got, id)
	}
	if want := b.subjects(); !slices.Equal(got, want) {
		b.Errorf("the mailbox has %q, the file %q", got, want)
	}
}

// TestChangedInOneTick: what others change in the clock tick of what we did last, without
// changing the size of the file, is seen.
func TestChangedInOneTick(t *testing.T) {
	for what, us := range map[string]func(b *killed){
		"nothing":       func(b *killed) {},
		"a look":        func(b *killed) { b.deliver("y"); b.refresh() },
		"a store":       func(b *killed) { b.flag() },
		"an append":     func(b *killed) { b.append("c") },
		"an expunge":    func(b *killed) { b.append("c", "d"); b.expunge(b.m.Status().UIDNext - 2) },
		"a new start":   func(b *killed) { b.deliver("y"); b.reopen() },
		"a known start": func(b *killed) { b.deliver("y"); b.refresh(); b.reopen() },
	} {
		for _, tick := range []time.Duration{oddTick, time.Millisecond, time.Second} {
			for _, refused := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/%v", what, tick, refused), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						b := ticking(t, tick, "/index")
						defer func() { b.ok(b.m.Close()) }()
						if refused {
							b.refuseTimes()
						}
						b.sees()
						for i := range 4 {
							us(b)
							b.edit(fmt.Sprintf("Subject: %d\n", i), fmt.Sprintf("Subject: %d\n", i+1))
							b.sees()
							time.Sleep(tick / 3)
						}
					})
				})
			}
		}
	}
}

// TestProcessesInOneTick: two processes that work on a mailbox within one clock tick never
// give a UID twice, and lose nothing.
func TestProcessesInOneTick(t *testing.T) {
	for _, tick := range []time.Duration{oddTick, time.Millisecond, time.Second} {
		t.Run(tick.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := ticking(t, tick, "")
				b.ok(b.m.Close())
				twoProcesses(t, b.fs, "/mail")
			})
		})
	}
}

// TestCertain: after every look and every change the times of the file tell whether it has
// been changed since. Our own changes do not wait for that where the times can be set.
func TestCertain(t *testing.T) {
	for what, c := range map[string]struct {
		do    func(b *killed)
		waits bool
	}{
		"a look":             {func(b *killed) { b.deliver("y"); b.refresh() }, true},
		"a start":            {func(b *killed) { b.deliver("y"); b.reopen() }, true},
		"a store":            {func(b *killed) { b.flag() }, false},
		"an append":          {func(b *killed) { b.append("c") }, false},
		"of somebody else's": {func(b *killed) { b.refuseTimes(); b.flag() }, true},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := ticking(t, oddTick, "/index")
				defer func() { b.ok(b.m.Close()) }()
				b.refresh()
				start := time.Now()
				c.do(b)
				if took := time.Since(start); took > 0 != c.waits || took > clockTick {
					t.Errorf("it waited %v", took)
				}
				b.certain()
			})
		})
	}
}

// TestCertainAtLast: where the clock stands still for long, it is so when it has moved on.
func TestCertainAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ticking(t, time.Second, "")
		defer func() { b.ok(b.m.Close()) }()
		b.flag()
		b.deliver("y")
		b.refresh()
		time.Sleep(coarseTick)
		b.refresh()
		b.certain()
	})
}

func (b *killed) certain() {
	b.Helper()
	m := b.m.(*Mailbox)
	b.ok(m.begin(b.Context()))
	defer m.end()
	if m.unsure || !m.unchanged() {
		b.Error("it is not certain that the file has not been changed")
	}
}

// refuseTimes makes the file somebody else's.
func (b *killed) refuseTimes() {
	b.fs.Inject(func(_ int, op faultfs.Op, _ string) error {
		if op == faultfs.Chtimes {
			return syscall.EPERM
		}
		return nil
	})
}

func (b *killed) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// flag changes the flags of all messages.
func (b *killed) flag() {
	b.Helper()
	op := mailstore.AddFlags
	if r, _ := b.m.Record(b.m.Status().UIDNext - 1); r.Flags.Has(mailstore.Flagged) {
		op = mailstore.RemoveFlags
	}
	_, err := b.m.SetFlags(b.Context(), mailstore.AllUIDs(), op, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
	b.ok(err)
}

// TestNewSecondInOneTick: mutt notices each of our changes, however close they are.
func TestNewSecondInOneTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ticking(t, oddTick, "")
		defer func() { b.ok(b.m.Close()) }()
		b.flag()
		before, err := b.fs.Stat("/mail/inbox")
		b.ok(err)
		for range 4 {
			b.flag()
			after, err := b.fs.Stat("/mail/inbox")
			b.ok(err)
			if before.Size() != after.Size() || before.ModTime().Unix() == after.ModTime().Unix() {
				t.Errorf("%d octets of %v became %d of %v", before.Size(), before.ModTime(), after.Size(), after.ModTime())
			}
			before = after
		}
	})
}

// TestTimeSetBack: who changes the file within the tick of our change, and gives it back the time
// that it had, in whole seconds, is seen all the same. mutt does so.
func TestTimeSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ticking(t, oddTick, "/index")
		defer func() { b.ok(b.m.Close()) }()
		b.sees()
		for i := range 6 {
			b.flag()
			fi, err := b.fs.Stat("/mail/inbox")
			b.ok(err)
			b.edit(fmt.Sprintf("Subject: %d\n", i), fmt.Sprintf("Subject: %d\n", i+1))
			b.ok(b.fs.Chtimes("/mail/inbox", fi.ModTime(), time.Unix(fi.ModTime().Unix(), 0)))
			b.sees()
			time.Sleep(oddTick / 3)
		}
	})
}
