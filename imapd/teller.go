package imapd

import (
	"errors"
	"os"
	"time"

	"restante/imap"
)

// A teller tells news while the session waits for the client: the same goroutine
// does both, since whoever has news ends the wait (conn.wake). So an idle
// connection needs no more than that goroutine.
type teller struct {
	s         *session
	silent    bool          // nothing is told of the selected mailbox
	expunge   bool          // EXPUNGE may be told
	keepAlive time.Duration // how often to give a sign of life; 0 for never

	deadline time.Time // until when the client may be silent
	alive    time.Time // when the next sign of life is due
	later    time.Time // when the other mailboxes may be looked at; zero if they need not be
}

// tellWhile tells news while read waits for the client, until it has something, the
// deadline has come or the session cannot go on. read must be one that may be
// interrupted by a read deadline and called again.
func (t *teller) tellWhile(read func() error) error {
	t.begin()
	err := t.tellNow()
	for err == nil {
		t.mayWait()
		if err = t.s.conn.wait(read); !t.interrupted(err) {
			break
		}
		err = t.tellNow()
	}
	t.end()
	return err
}

// tellNow sends what there is to be told.
func (t *teller) tellNow() error {
	err := t.tell()
	t.s.flush()
	if t.s.w.Err() != nil {
		err = t.s.w.Err()
	}
	if err != nil {
		return &idleFailure{err}
	}
	return nil
}

func (t *teller) mayWait() { t.s.conn.mayWait(t.until(), t.deadline) }

// interrupted reports whether err is that of a wait that goes on.
func (t *teller) interrupted(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !t.s.conn.stopped() && time.Now().Before(t.deadline)
}

// begin lets who has news wake the session.
func (t *teller) begin() {
	s := t.s
	if s.view != nil && !t.silent {
		s.view.cursor.Wake(s.conn.wake)
	}
	if s.notify != nil {
		s.notify.pending.wakes(s.conn.wake)
	}
	t.alive = time.Now().Add(t.keepAlive)
}

// end is begin's opposite.
func (t *teller) end() {
	s := t.s
	if s.view != nil {
		s.view.cursor.Wake(nil)
	}
	if s.notify != nil {
		s.notify.pending.wakes(nil)
	}
	s.conn.takeWoken()
}

// tell tells what there is to be told now.
func (t *teller) tell() error {
	s := t.s
	if s.conn.takeWoken() && s.view != nil && !t.silent {
		s.sendNews(t.expunge, false)
		if err := s.view.cursor.Err(); err != nil {
			return err
		}
	}
	t.others()
	if t.keepAlive == 0 || time.Now().Before(t.alive) {
		return nil
	}
	t.alive = time.Now().Add(t.keepAlive)
	err := s.refresh()
	s.w.Status("", imap.OK, "", "Still here")
	return err
}

// others tells what happened to other mailboxes, or puts it off.
func (t *teller) others() {
	n := t.s.notify
	t.later = time.Time{}
	if n == nil || n.pending.empty() {
		return
	}
	if !time.Now().Before(n.rest) {
		n.tell()
	}
	if !n.pending.empty() {
		t.later = n.rest
	}
}

// until is how long there is nothing to do unless somebody wakes the session.
func (t *teller) until() time.Time {
	deadline := t.deadline
	if t.keepAlive != 0 && t.alive.Before(deadline) {
		deadline = t.alive
	}
	if !t.later.IsZero() && t.later.Before(deadline) {
		deadline = t.later
	}
	return deadline
}
