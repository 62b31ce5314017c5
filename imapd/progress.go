package imapd

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"restante/gate"
	"restante/imap"
	"restante/mailstore"
)

const (
	// progressEvery is when the client of a long command hears that it is being
	// worked on, and how often from then on (RFC 9585 section 3).
	progressEvery = 10 * time.Second
	// progressRetry is when it is tried again while the session itself has the
	// writer and has not looked whether it is time.
	progressRetry = time.Second
)

// A progress lets clients know that a long command goes on, and how far it is (RFC
// 9585). What storage tells of its work may be told with its locks held, so it is
// only noted; a timer says it to the client.
//
// Who holds writing may use the session's writer. The session's goroutine holds it for
// all its life but while it is in long.
type progress struct {
	s           *session
	writing     gate.Gate
	ctx         context.Context // of the session, with this as its Progress
	tag         string          // of the running command
	timer       *time.Timer
	set         atomic.Bool  // the timer: it fires within progressEvery
	next        atomic.Int64 // when the client is to hear, as time since the session's start
	running     atomic.Bool
	due         atomic.Bool // the session is to tell, as it has the writer
	done, total atomic.Int64
}

// initProgress makes the session's progress and takes the writer.
func (s *session) initProgress() {
	p := &s.progress
	p.writing.TryLock() // nobody else has it
	p.s = s
	p.ctx = mailstore.WithProgress(s.ctx, p.note)
}

// begin starts the clock for a command. The timer of one before is left as it is and
// finds out when it fires that there is another: most commands are over before anybody
// looks at a clock, and setting a timer wakes a thread of the runtime.
func (p *progress) begin(tag string) {
	p.tag = tag
	p.due.Store(false)
	p.note(0, 0)
	p.nextIn(progressEvery)
	if p.timer == nil {
		p.set.Store(true)
		p.timer = time.AfterFunc(progressEvery, p.fire)
	}
	p.running.Store(true) // after all that fire reads when it sees this
	p.wind(progressEvery)
}

// end stops it.
func (p *progress) end() { p.running.Store(false) }

// close is for the end of the session.
func (p *progress) close() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// nextIn puts off telling the client, and left says how long it still is.
func (p *progress) nextIn(d time.Duration) { p.next.Store(int64(time.Since(p.s.started) + d)) }
func (p *progress) left() time.Duration {
	return time.Duration(p.next.Load()) - time.Since(p.s.started)
}

// wind sets the timer if it is not set.
func (p *progress) wind(d time.Duration) {
	if p.set.CompareAndSwap(false, true) {
		p.timer.Reset(d)
	}
}

// note is the mailstore.Progress of the session.
func (p *progress) note(done, total int64) {
	p.done.Store(done)
	p.total.Store(total)
}

// fire tells the client if the session waits for something in long and it is time. If
// it does not wait, the session has to tell. Without a command the timer rests.
func (p *progress) fire() {
	p.set.Store(false)
	if !p.running.Load() { // a command that begins now winds the timer itself
		return
	}
	if left := p.left(); left > 0 {
		p.wind(left)
		return
	}
	if !p.writing.TryLock() {
		p.due.Store(true)
		p.wind(progressRetry)
		return
	}
	defer p.writing.Unlock()
	if p.running.Load() && p.left() <= 0 { // it may have ended at this moment, and another begun
		p.tell()
	}
}

// tell says how far the command is. The caller has the writer. A client that does not read
// holds up no more than it would with its answer.
func (p *progress) tell() {
	p.due.Store(false)
	p.s.w.Status("", imap.OK, inProgress(p.tag, p.done.Load(), p.total.Load()), "Still working").Flush()
	p.nextIn(progressEvery)
	p.wind(progressEvery)
}

// inProgress is the response code. Numbers have 32 bits and the goal is above what
// has been done; where it is not, more is being done than was known.
func inProgress(tag string, done, total int64) string {
	for total > 1<<32-1 || done > 1<<32-1 {
		done, total = done>>10, total>>10
	}
	b := append([]byte(`INPROGRESS ("`), tag...)
	b = append(b, `" `...)
	switch {
	case total == 0 && done == 0:
		b = append(b, "NIL NIL"...)
	case total <= done:
		b = append(strconv.AppendInt(b, done, 10), " NIL"...)
	default:
		b = append(strconv.AppendInt(b, done, 10), ' ')
		b = strconv.AppendInt(b, total, 10)
	}
	return string(append(b, ')'))
}

// long runs something that may take long and does not write to the client, with a
// context by which storage tells how far it is.
func (s *session) long(do func(ctx context.Context) error) error {
	s.progress.writing.Unlock()
	defer s.progress.writing.Lock(context.Background()) // nothing ends this wait
	return do(s.progress.ctx)
}

// step is for loops of the session's own, between two responses: it notes how far
// they are and tells the client when it is time.
func (s *session) step(done, total int) {
	s.progress.note(int64(done), int64(total))
	if s.progress.due.Load() && s.progress.running.Load() {
		s.progress.tell()
	}
}
