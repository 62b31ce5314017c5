package faulttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// round is one case: an operation, with one fault at one of its file operations.
type round struct {
	*campaign
	fault   fault
	n       int
	variant uint64

	fs    *faultfs.FS
	told  *ledger
	trace []string
	err   error // of the operation; nil when the last attempt was acknowledged
	met   error // of the attempt that met the fault
	bad   bool  // something was wrong

	powerless bool // the power was cut
}

// run reports whether the fault was met.
func (r *round) run() (hit bool) {
	r.fs, r.told = r.start.Clone(), r.campaign.told.clone()
	r.fault.set(r.fs, r.n)
	var p *process
	p, r.err = r.boot(r.fs, r.told, true)
	if r.err == nil {
		r.err = r.op.run(p)
	}
	r.met = r.err
	hit = r.fs.Ops() >= r.n
	r.trace = r.fs.Trace()
	if p != nil {
		hit = r.sameProcess(p, hit) || hit
	}
	if !hit && r.err == nil && !r.fault.cut { // the power is also cut when all is done
		return false
	}
	r.checkError()
	r.pause()
	switch {
	case r.fault.cut:
		r.crash()
	case r.fault.dead:
		bury(r.fs)
	case r.fault.sync && r.err == nil && !r.op.foreign:
		r.powerless = true
		r.fs.Crash(nil)
	}
	r.nextProcess()
	for _, complaint := range r.told.complaints {
		r.fail("%s", complaint)
	}
	return hit
}

// sameProcess goes on in the process that met the fault. When the operation did
// not meet it, leaving the process may.
func (r *round) sameProcess(p *process, hit bool) (hitLater bool) {
	if hit && !r.fault.cut && !r.fault.dead {
		r.fs.Inject(nil)
		r.checkLocks()
		r.quickly("the process that met the fault", func() error { return r.retryHere(p) })
	}
	err := p.quit(nil)
	if !hit {
		r.trace = r.fs.Trace()
	}
	hitLater = len(r.fs.Trace()) >= r.n
	if !r.fault.cut && !r.fault.dead {
		r.fs.Inject(nil)
		r.checkLocks()
		if err != nil && hit {
			r.fail("closing the account: %v", err)
		}
	}
	if r.fault.dead {
		r.fs.Inject(nil)
	}
	return !hit && hitLater
}

// retryHere looks at what an error has left and does the operation again.
func (r *round) retryHere(p *process) error {
	w, err := p.look()
	if err != nil {
		return fmt.Errorf("looking: %w", err)
	}
	r.checkWorld("seen by the process that met it", w)
	if r.err == nil {
		return nil
	}
	if err := r.op.run(p); err != nil {
		return fmt.Errorf("again: %w", err)
	}
	r.err = nil // acknowledged now
	if w, err = p.look(); err == nil {
		r.checkWorld("after the second attempt", w)
	}
	return err
}

// checkError looks at what kind of error it was.
func (r *round) checkError() {
	if r.fault.full && r.op.noRoom && r.met != nil {
		r.fail("it must succeed on a full disk")
	}
	if r.fault.full && r.met != nil && !errors.Is(r.met, mailstore.ErrOverQuota) {
		r.fail("a lack of room is not told as such")
	}
}

// crash starts the machine again. With keep the power is cut once more while the
// next process opens the mail.
func (r *round) crash() {
	var rnd *rand.Rand
	if r.fault.keep {
		rnd = rand.New(rand.NewPCG(r.variant, uint64(r.n)))
	}
	r.powerless = true
	r.fs.Crash(rnd)
	bury(r.fs)
	r.pause()
	if rnd == nil {
		return
	}
	r.fs.CutAt(1 + rnd.IntN(8))
	if p, err := r.boot(r.fs, r.told, true); err == nil {
		_, err = p.look()
		_ = p.quit(err) // it may have met the second cut
	}
	r.pause()
	r.fs.Crash(rnd)
	bury(r.fs)
	r.pause()
}

// nextProcess looks at what is there with the eyes of the next process, and uses
// it. Without its index it must see the same.
func (r *round) nextProcess() {
	left := r.locks() // by the one before; whoever wants one of them takes it
	bare := world{}
	if r.f.Indexed {
		r.quickly("the next process, without index,", func() (err error) {
			told := r.told.clone()
			bare, err = r.lookAnew(r.fs.Clone(), told, false)
			r.told.complaints = append(r.told.complaints, told.complaints...)
			return err
		})
	}
	if r.bad {
		return
	}
	r.quickly("the next process", func() error {
		p, err := r.boot(r.fs, r.told, true)
		if err != nil {
			return err
		}
		got, err := p.look()
		if err != nil {
			return p.quit(err)
		}
		if why := got.differs(bare); r.f.Indexed && why != "" {
			r.fail("it is otherwise with the index: %s\n%v\nand without it\n%v", why, got, bare)
		}
		r.checkWorld("seen by the next process", got)
		return p.quit(r.use(p, got))
	})
	r.checkLocks(left...)
	r.checkResidue()
}

// lookAnew looks as a process of its own.
func (r *round) lookAnew(fs *faultfs.FS, told *ledger, index bool) (world, error) {
	p, err := r.boot(fs, told, index)
	if err != nil {
		return world{}, err
	}
	w, err := p.look()
	return w, p.quit(err)
}

// checkWorld compares what is there with what must be there.
func (r *round) checkWorld(when string, w world) {
	var why string
	if r.err != nil && r.op.transient != "" {
		w = w.without(r.op.transient)
	}
	switch {
	case r.err == nil && r.op.late && r.powerless:
		if why = w.impossible(r.before, r.after); why == "" {
			why = w.lacks(r.told)
		}
	case r.err == nil:
		// Where the fault has kept the mail out that was delivered, the operation was
		// one on the rest.
		if why = w.without(deliveredID).differs(r.after.without(deliveredID)); why == "" {
			why = w.impossible(r.before, r.after)
		}
		if why == "" {
			why = w.lacks(r.told)
		}
	case !r.op.partial && !r.fault.cut && !r.fault.dead:
		why = w.differs(r.before)
	case r.op.whole && r.fault.cut:
		why = w.neither(r.before, r.after)
	default:
		why = w.impossible(r.before, r.after)
	}
	if why == "" {
		why = w.misnamed(r.before, r.after, r.told)
	}
	for to, from := range r.op.keeps {
		old, got := r.before.boxes[from], w.boxes[to]
		if why == "" && w.has(to) && r.op.kind == "rename" && got.id != old.id {
			why = fmt.Sprintf("%s has the object id %s, as %s it had %s", to, got.id, from, old.id)
		}
		if why == "" && w.has(to) && (got.validity != old.validity || fmt.Sprint(got.uids()) != fmt.Sprint(old.uids())) {
			why = fmt.Sprintf("%s has another UIDVALIDITY or other UIDs than %s had", to, from)
		}
	}
	if why != "" {
		r.fail("%s: %s; there is\n%v\nbefore there was\n%v\nand there should be\n%v", when, why, w, r.before, r.after)
	}
}

// lacks tells which message that was acknowledged is not there, or "".
func (w world) lacks(told *ledger) string {
	for _, a := range told.acked {
		if b, there := w.boxes[a.name]; !there || b.validity != a.validity || b.texted(a.uid) != a.text {
			return fmt.Sprintf("the message that was acknowledged as UID %d of %s is not there", a.uid, a.name)
		}
	}
	return ""
}

func (b box) uids() (uids []mailstore.UID) {
	for _, m := range b.messages {
		uids = append(uids, m.uid)
	}
	return uids
}

// use does the operation again if it was not acknowledged, and some others:
// wherever a lock was left behind, and else now here, now there.
func (r *round) use(p *process, w world) error {
	if r.err != nil {
		err := r.op.run(p)
		if err != nil && (w.differs(r.before) == "" || !slices.ContainsFunc(r.op.done, func(done error) bool { return errors.Is(err, done) })) {
			return fmt.Errorf("again: %w", err)
		}
	}
	list, err := p.acct.Mailboxes(p.ctx)
	if err != nil {
		return err
	}
	all := len(r.locks()) > 0
	for i, in := range list {
		if in.NoSelect || !all && i != r.n%len(list) {
			continue
		}
		if err := p.with(in.Name, p.probe); err != nil {
			return fmt.Errorf("using %s: %w", in.Name, err)
		}
	}
	if !all && r.n%4 != 0 {
		return nil
	}
	if err := p.acct.Subscribe(p.ctx, "Probe", true); err != nil {
		return err
	}
	if err := p.acct.Create(p.ctx, "Probe"); err != nil {
		return err
	}
	if err := p.with("Probe", p.probe); err != nil {
		return err
	}
	return p.acct.Delete(p.ctx, "Probe")
}

// probe does a little of everything to a mailbox.
func (p *process) probe(m mailstore.Mailbox) error {
	if err := p.add(m, none, "probe"); err != nil {
		return err
	}
	last := mailstore.NewUIDSet(m.Status().UIDNext - 1)
	if err := p.store(m, mailstore.AddFlags, seen, last); err != nil {
		return err
	}
	gone, err := m.Expunge(p.ctx, last, false)
	if err == nil && !slices.Equal(gone, last) {
		err = fmt.Errorf("%v was expunged, not %v", gone, last)
	}
	return err
}

// patience is how long anything may take that waits for nobody.
const patience = time.Second

// quickly does something that must succeed, and without waiting for a lock.
func (r *round) quickly(what string, fn func() error) {
	began := time.Now()
	if err := fn(); err != nil {
		r.fail("%s: %v", what, err)
	}
	if waited := time.Since(began); waited > patience {
		r.fail("%s waited for %v", what, waited)
	}
}

// fail reports what is wrong, once with all that happened.
func (r *round) fail(format string, args ...any) {
	r.Helper()
	if r.bad {
		return // what is first explains the rest
	}
	r.failures++
	r.bad = true
	at := "the end"
	if r.n <= len(r.trace) {
		at = r.trace[r.n-1]
	}
	r.Errorf("%s at %s (variant %d, which gave %v): %s", r.fault.name, at, r.variant, r.met, fmt.Sprintf(format, args...))
	if r.failures == 1 {
		r.Log("the file operations were\n" + strings.Join(r.trace, "\n"))
	}
}
