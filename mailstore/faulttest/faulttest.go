// Package faulttest is the suite that every format on a file system must pass
// when the file system fails it. It does each operation that changes something
// again and again on a file system of faultfs: once with its first file
// operation failing, once with its second, and so on until it makes no more of
// them; then with the power cut at each of them. Whatever happened, afterwards
//
//   - what was acknowledged is there, octet by octet, but for flags where the format
//     does not wait for the disk;
//   - what was moved is gone from where it was, unless the format leaves that for later;
//   - an operation that failed has changed nothing, where the contract says so,
//     and succeeds when it is tried again;
//   - a message has its old flags or its new ones, and is in its old place or in
//     its new one, or in both, but not nowhere;
//   - no object id means another mailbox than the one it was told for, and no
//     mailbox gets another;
//   - no UID means another message than the one it was told for, no UIDNEXT goes
//     back, and no mailbox gets a UIDVALIDITY that one of its name had before;
//   - a client that knew a mailbox learns by mod-sequences what is different;
//   - nobody waits for a lock that was left behind;
//   - temporary files go away.
//
// All runs in a synctest bubble, so waiting costs no time, and is noticed. With
// RESTANTE_FAULTS=long in the environment there are several times as many cases;
// with the race detector there are a few of them.
package faulttest

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// A Format is a mail format in one of its configurations.
type Format struct {
	// Indexed: there is an index, which may be lost at any time.
	Indexed bool
	// Open opens the account that stands in the file system, as a process does
	// that has just begun, and with or without its index. Operations must be
	// willing to wait for locks.
	Open func(ctx context.Context, fs *faultfs.FS, index bool) (mailstore.Account, error)
	// Deliver adds a message to INBOX as a delivery agent does that knows nothing of
	// UIDs, with Date as its internal date. The text has LF as line end.
	Deliver func(fs *faultfs.FS, text []byte) error
	// DeliverBefore, unless nil, is Deliver for a message that the format takes for
	// an older one than all that are there: without a record it would get a lower UID.
	DeliverBefore func(fs *faultfs.FS, text []byte) error
	// Prepare, unless nil, changes the files before anything else is done with them.
	Prepare func(fs *faultfs.FS) error
	// Takeovers are mailboxes that another server has left.
	Takeovers []Takeover
	// ForgetID takes a mailbox its object id, as if it came from a server that gives
	// none.
	ForgetID func(fs *faultfs.FS, name string) error
	// CopyID gives a mailbox the object id of another, as it gets it that is copied by
	// hand.
	CopyID func(fs *faultfs.FS, from, to string) error
	// Delimiter separates the levels of names.
	Delimiter string
	// DualUse: a mailbox may have others below it.
	DualUse bool
	// Places: a name that only leads to others stands on disk.
	Places bool
	// HalfAppended: an append of several messages may be there in part after a
	// loss of power.
	HalfAppended bool
	// LateFlags: a loss of power may take back flags that were acknowledged just now.
	LateFlags bool
	// LateMoves: after a loss of power a message that was moved just now may also be
	// where it was.
	LateMoves bool
	// TwoNames: a mailbox that was renamed into another directory may have both
	// names after a loss of power.
	TwoNames bool
	// ScatteredRename: of a mailbox and those below it some may have the new name
	// and others the old one after a loss of power.
	ScatteredRename bool
}

// A Takeover is a mailbox that another server has left, with UIDs and flags that
// are those of the first opening that succeeds, whatever went wrong before.
type Takeover struct {
	Name string
	// Prepare puts the other server's files in the place of the mailbox Empty.
	// Messages are made with Text.
	Prepare func(fs *faultfs.FS) error
	// Want tells what is wrong when it was taken over without a fault, or "".
	Want func(m mailstore.Mailbox) string
}

// Text is a message that can be told from others by its name, in LF form. It has
// lines that mean something in an mbox.
func Text(id string) []byte {
	return []byte("From: a@example.org\nSubject: " + id + "\n\nThis is\nFrom " + id + ".\n" + strings.Repeat("x", len(id)) + "\n")
}

// Date is the internal date of all messages.
func Date() time.Time { return time.Date(1999, time.March, 4, 14, 5, 6, 0, time.UTC) }

// A fault is a way in which the file system fails from the n-th operation on.
type fault struct {
	name  string
	set   func(fs *faultfs.FS, n int)
	cut   bool // the power is cut
	keep  bool // of what is not durable then a random part has reached the disk
	dead  bool // nothing can be repaired by the process that met it
	full  bool // all that fails, fails for want of room
	sync  bool // the power is cut when all is done that was acknowledged at once: what failed may be an fsync
	extra bool // a part of the long form alone, where there is no index
}

var faults = [...]fault{
	{name: "an I/O error", set: func(fs *faultfs.FS, n int) { fs.Inject(faultfs.FailAt(n, syscall.EIO)) }, sync: true},
	{name: "no space once", set: func(fs *faultfs.FS, n int) { fs.Inject(faultfs.FailAt(n, syscall.ENOSPC)) }},
	{name: "disk full from here", set: (*faultfs.FS).FillAt, full: true, extra: true},
	{name: "disk dead from here", set: func(fs *faultfs.FS, n int) { fs.Inject(faultfs.FailFrom(n, syscall.EIO)) }, dead: true, extra: true},
	{name: "power cut", set: (*faultfs.FS).CutAt, cut: true},
	{name: "power cut, some reached the disk", set: (*faultfs.FS).CutAt, cut: true, keep: true},
}

// longVariants is how often the long form cuts the power at each operation with
// another random part of what was not durable left on disk.
const longVariants = 12

// isLong asks for the long form. The short one visits every file operation too,
// in fewer ways.
func isLong() bool { return os.Getenv("RESTANTE_FAULTS") == "long" }

// Run runs the suite and logs how many cases it visited.
func Run(t *testing.T, f Format) {
	var tally tally
	t.Run("each", func(t *testing.T) {
		for _, op := range operations(f) {
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { tally.add(op.kind, newCampaign(t, &f, op).run()) })
			})
		}
	})
	tally.log(t)
}

// tally counts cases by the kind of operation.
type tally struct {
	mu    sync.Mutex
	cases map[string]int
}

func (c *tally) add(kind string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cases == nil {
		c.cases = make(map[string]int)
	}
	c.cases[kind] += n
}

func (c *tally) log(t *testing.T) {
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(c.cases)) {
		t.Logf("%-10s %6d cases", kind, c.cases[kind])
		total += c.cases[kind]
	}
	t.Logf("%-10s %6d cases", "total", total)
}

// campaign is all that is done to one operation.
type campaign struct {
	*testing.T
	f             *Format
	op            operation
	start         *faultfs.FS // everything in it is durable
	told          *ledger     // by whoever made it
	before, after world       // without a fault
	failures      int
}

// maxFailures ends a campaign: more of them tell nothing new.
const maxFailures = 3

func newCampaign(t *testing.T, f *Format, op operation) *campaign {
	c := &campaign{T: t, f: f, op: op, start: faultfs.New(), told: newLedger()}
	c.prepare()
	c.before = c.dryRun(func(*process) error { return nil })
	c.after = c.dryRun(op.run)
	return c
}

// dryRun does something without a fault and tells what the next process sees.
func (c *campaign) dryRun(do func(p *process) error) world {
	c.Helper()
	fs, told := c.start.Clone(), c.told.clone()
	p, err := c.boot(fs, told, true)
	if err == nil {
		err = p.quit(do(p))
	}
	if err != nil {
		c.Fatalf("without a fault: %v", err)
	}
	c.pause()
	p, err = c.boot(fs, told, true)
	if err != nil {
		c.Fatal(err)
	}
	w, err := p.look()
	if err = p.quit(err); err != nil {
		c.Fatal(err)
	}
	for _, complaint := range told.complaints {
		c.Errorf("without a fault: %s", complaint)
	}
	return w
}

// pause is the time from one process to the next: the clock, from which new
// mod-sequences come, stands still in a bubble otherwise. An index that was not
// closed well lets them begin a second further on; where there is none the pause
// is short, so that the clock alone keeps no UIDVALIDITY from coming again.
func (c *campaign) pause() {
	if c.f.Indexed {
		time.Sleep(2 * time.Second)
	}
	time.Sleep(10 * time.Millisecond)
}

// run visits all file operations with all faults, and counts.
func (c *campaign) run() (cases int) {
	operations := 0
	for i, ft := range faults {
		if ft.extra && !c.f.Indexed && !isLong() {
			continue
		}
		times := 1
		if ft.keep && isLong() {
			times = longVariants
		}
		n := 1 + i%every
		for ; c.failures < maxFailures; n += every {
			hit := false
			for v := range times {
				r := &round{campaign: c, fault: ft, n: n, variant: uint64(v)}
				if r.run() {
					hit = true
					cases++
				}
			}
			if !hit {
				break
			}
		}
		operations = max(operations, n-every)
	}
	c.Logf("%d file operations, one in %d visited, %d cases", operations, every, cases)
	if cases == 0 {
		c.Error("nothing was visited: it changes nothing on disk, or does not meet its faults")
	}
	return cases
}
