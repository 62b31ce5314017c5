package imapd

import (
	"errors"
	"log/slog"
	"time"

	"restante/imap"
	"restante/mailstore"
)

// heed lets the view of the selected mailbox, if any, tell what NOTIFY asks for.
func (s *session) heed() {
	v := s.view
	if v == nil {
		return
	}
	quiet := events(0)
	if s.notify != nil {
		quiet = (evMessages | evFlags) &^ s.notify.selected
	}
	if v.quiet&evFlags != 0 && quiet&evFlags == 0 {
		v.markSince(v.quietSince)
	}
	if v.quiet&evFlags == 0 {
		v.quietSince = v.modSeq
	}
	v.quiet = quiet
	if v.unwatch != nil {
		v.unwatch()
		v.unwatch = nil
	}
	if s.notify != nil && s.notify.selected != 0 {
		v.unwatch = v.box.Watch()
	}
}

// removesItself reports whether a command removes messages, of which the client is
// told in any case.
func removesItself(command string) bool {
	switch command {
	case "EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE", "REPLACE", "UID REPLACE":
		return true
	}
	return false
}

// fetchNew tells of the messages with these numbers what NOTIFY asks for.
func (s *session) fetchNew(from, to int) {
	if s.notify == nil || s.notify.newMessage == nil || from >= to {
		return
	}
	plan := *s.notify.newMessage
	plan.modSeq = plan.modSeq || s.condstore && plan.flags
	f := fetcher{s: s, plan: &plan}
	_, err := s.view.pages([]span{{from, to}}, f.page)
	if err = errors.Join(err, f.failed); err != nil && s.w.Err() == nil {
		s.log.Warn("new messages cannot be told with NOTIFY", slog.String("mailbox", s.view.box.Name()), slog.Any("err", err))
	}
}

// notifying reports whether something may have to be told while the client is
// silent.
func (s *session) notifying() bool {
	return s.notify != nil && (s.notify.all != 0 || s.notify.selected != 0)
}

// tellWhile tells news while read waits for the client in another goroutine, until
// it has something or the session cannot go on. In either case nobody reads any
// more when it returns. keepAlive, unless nil, is when to give a sign of life.
func (s *session) tellWhile(read func() error, expunge bool, keepAlive <-chan time.Time) error {
	s.conn.beforeRead = nil // the writer stays with this goroutine
	defer func() { s.conn.beforeRead = s.flush }()
	done := make(chan error, 1)
	go readAside(read, done)
	t := teller{s: s, expunge: expunge}
	t.begin()
	for {
		var err error
		select {
		case err := <-done:
			return err
		case <-s.newsReady():
			err = t.selected()
		case <-t.ready():
			t.others()
		case <-t.later:
			t.later = nil
			t.others()
		case <-keepAlive:
			err = s.refresh()
			s.w.Status("", imap.OK, "", "Still here")
		}
		s.flush()
		if s.w.Err() != nil {
			err = s.w.Err()
		}
		if err != nil {
			s.conn.SetReadDeadline(time.Unix(1, 0))
			<-done
			return &idleFailure{err}
		}
	}
}

// A teller tells news outside of commands.
type teller struct {
	s       *session
	expunge bool             // EXPUNGE may be told
	later   <-chan time.Time // when the other mailboxes may be looked at, if not now
}

// begin sees to it that what was noted during commands is looked at.
func (t *teller) begin() {
	if t.s.notify != nil {
		t.s.notify.pending.sign()
	}
}

// ready gives a sign when something may have happened to other mailboxes.
func (t *teller) ready() <-chan struct{} {
	if t.s.notify == nil || t.later != nil {
		return nil
	}
	return t.s.notify.pending.ready
}

// selected tells what happened to the selected mailbox. That it is gone ends the
// session.
func (t *teller) selected() error {
	t.s.sendNews(t.expunge, false)
	return t.s.view.cursor.Err()
}

// others tells what happened to other mailboxes, or puts it off.
func (t *teller) others() {
	n := t.s.notify
	if wait := time.Until(n.rest); wait > 0 {
		t.later = time.After(wait)
		return
	}
	n.tell()
}

// waitTelling is the reader's Wait with news.
func (s *session) waitTelling() error {
	s.flush()
	return s.tellWhile(s.r.Wait, s.notify.selected != 0 && !s.notify.delayed, nil)
}

// idleFailed ends a session that could not go on telling news.
func (s *session) idleFailed(err error) {
	if errors.Is(err, mailstore.ErrGone) {
		s.bye(errGone.text, goneReason)
		return
	}
	if !s.connectionFailed(err) {
		s.log.Error("news cannot be told", slog.Any("err", err))
		s.leave("news failed")
	}
}
