package pop3d

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// badStore fails in a chosen place.
type badStore struct {
	mailstore.Store
	openAccount, open, refresh, expunge, message, read, fill error
	readOnly                                                 bool
}

func (b *badStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := b.Store.OpenAccount(ctx, u)
	return &badAccount{a, b}, errors.Join(err, b.openAccount)
}

type badAccount struct {
	mailstore.Account
	bad *badStore
}

func (a *badAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	return &badMailbox{m, a.bad}, errors.Join(err, a.bad.open)
}

type badMailbox struct {
	mailstore.Mailbox
	bad *badStore
}

func (m *badMailbox) Refresh(context.Context) error { return m.bad.refresh }
func (m *badMailbox) ReadOnly() bool                { return m.bad.readOnly }

func (m *badMailbox) Records(dst []mailstore.Record, first mailstore.UID) []mailstore.Record {
	dst = m.Mailbox.Records(dst, first)
	if m.bad.fill != nil {
		for i := range dst {
			dst[i].Size = mailstore.Unknown
		}
	}
	return dst
}

func (m *badMailbox) Fill(context.Context, mailstore.UIDSet, mailstore.Attrs) error {
	return m.bad.fill
}

func (m *badMailbox) Expunge(ctx context.Context, uids mailstore.UIDSet, only bool) (mailstore.UIDSet, error) {
	if m.bad.expunge != nil {
		return nil, m.bad.expunge
	}
	return m.Mailbox.Expunge(ctx, uids, only)
}

func (m *badMailbox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	if m.bad.message != nil {
		return nil, m.bad.message
	}
	msg, err := m.Mailbox.OpenMessage(ctx, uid)
	return &badMessage{msg, m.bad}, err
}

type badMessage struct {
	mailstore.Message
	bad *badStore
}

func (m *badMessage) ReadAt(p []byte, off int64) (int, error) {
	if m.bad.read != nil {
		return 0, m.bad.read
	}
	return m.Message.ReadAt(p, off)
}

// TestStoreFails checks what clients are told, and that what is not theirs to know stays in the log.
func TestStoreFails(t *testing.T) {
	burnt := errors.New("/var/mail/jo: input/output error")
	wrap := func(err error) error { return &mailstore.Error{Op: "open", Mailbox: "INBOX", Err: err} }
	tests := []struct {
		name string
		bad  badStore
		say  string
		want string
		log  string
	}{
		{"account", badStore{openAccount: burnt}, "PASS se cret", "-ERR [SYS/TEMP] Your mail cannot be opened", "level=ERROR"},
		{"open", badStore{open: wrap(burnt)}, "PASS se cret", "-ERR [SYS/TEMP] Internal error", "level=ERROR"},
		{"locked", badStore{refresh: wrap(mailstore.ErrInUse)}, "PASS se cret", "-ERR [IN-USE] ", "level=WARN"},
		{"sizes", badStore{fill: wrap(burnt)}, "STAT", "-ERR [SYS/TEMP] Internal error", "level=ERROR"},
		{"one size", badStore{fill: wrap(burnt)}, "LIST 1", "-ERR [SYS/TEMP] Internal error", "level=ERROR"},
		{"message", badStore{message: wrap(burnt)}, "RETR 1", "-ERR [SYS/TEMP] Internal error", "level=ERROR"},
		{"message gone", badStore{message: wrap(mailstore.ErrExpunged)}, "TOP 1 0", "-ERR The message has been deleted", "level=DEBUG"},
		{"mailbox gone", badStore{message: wrap(mailstore.ErrGone)}, "RETR 1", "-ERR [SYS/TEMP] The mailbox has been replaced", "level=DEBUG"},
		{"deletion", badStore{expunge: wrap(burnt)}, "QUIT", "-ERR [SYS/TEMP] Internal error", "level=ERROR"},
		{"read-only", badStore{expunge: wrap(mailstore.ErrReadOnly), readOnly: true}, "QUIT", "-ERR [SYS/PERM] The mailbox is read-only", "level=WARN"},
		{"in the middle of a message", badStore{read: burnt}, "RETR 1", "+OK 28 octets", "answer cut off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t)
				o.opt.Logger = slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				o.deliver(threeMessages...)
				tt.bad.Store = o.store
				o.opt.Store = &tt.bad
				p := newPipe(t, t.Context(), o)
				p.say("USER jo")
				p.expect("+OK")
				if tt.say != "PASS se cret" {
					p.say("PASS se cret", "DELE 2")
					p.expect("+OK", "+OK")
				}
				p.say(tt.say)
				p.expect(tt.want)
				if tt.say == "QUIT" || tt.bad.read != nil {
					p.ended(time.Now(), 0)
				}
				p.conn.Close()
				<-p.done
				if log := o.log.String(); !strings.Contains(log, tt.log) || strings.Contains(log, "se cret") {
					t.Errorf("the log is\n%s", log)
				}
			})
		})
	}
}

// lazyStore does not know sizes before Fill, as a Maildir does.
type lazyStore struct {
	mailstore.Store
	fills int
	known mailstore.UIDSet
}

func (l *lazyStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := l.Store.OpenAccount(ctx, u)
	return &lazyAccount{a, l}, err
}

type lazyAccount struct {
	mailstore.Account
	l *lazyStore
}

func (a *lazyAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	return &lazyMailbox{m, a.l}, err
}

type lazyMailbox struct {
	mailstore.Mailbox
	l *lazyStore
}

func (m *lazyMailbox) hide(r *mailstore.Record) {
	if !m.l.known.Contains(r.UID) {
		r.Size = mailstore.Unknown
	}
}

func (m *lazyMailbox) Record(uid mailstore.UID) (mailstore.Record, bool) {
	r, ok := m.Mailbox.Record(uid)
	m.hide(&r)
	return r, ok
}

func (m *lazyMailbox) Records(dst []mailstore.Record, first mailstore.UID) []mailstore.Record {
	dst = m.Mailbox.Records(dst, first)
	for i := range dst {
		m.hide(&dst[i])
	}
	return dst
}

func (m *lazyMailbox) Fill(_ context.Context, uids mailstore.UIDSet, _ mailstore.Attrs) error {
	m.l.fills++
	for _, r := range uids {
		m.l.known.AddRange(r.First, r.Last)
	}
	return nil
}

// TestSizesAreLazy checks that nothing is read for sizes before somebody asks, that all are found out in one
// go, and that a message that has gone meanwhile does no harm.
func TestSizesAreLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for i := range 1500 {
			o.deliver(fmt.Sprintf("Subject: %04d\r\n\r\n", i))
		}
		lazy := &lazyStore{Store: o.store}
		o.opt.Store = lazy
		p := newPipe(t, t.Context(), o)
		p.login()
		steps := []struct {
			say, want string
			fills     int
		}{
			{"UIDL 3", "+OK 3 00000003", 0},
			{"NOOP", "+OK", 0},
			{"LIST 7", "+OK 7 17", 1},
			{"LIST 7", "+OK 7 17", 1},
			{"STAT", "+OK 1500 25483", 2}, // one has gone before its size was known
			{"LIST 1499", "+OK 1499 17", 2},
			{"LIST 1400", "+OK 1400 0", 2},
		}
		for i, step := range steps {
			if i == 4 {
				if _, err := o.inbox().Expunge(t.Context(), mailstore.NewUIDSet(1400), false); err != nil {
					t.Fatal(err)
				}
			}
			p.say(step.say)
			p.expect(step.want)
			if lazy.fills != step.fills {
				t.Errorf("after %s: %d fills, want %d", step.say, lazy.fills, step.fills)
			}
		}
		p.say("QUIT")
		p.expect("+OK")
		<-p.done
	})
}
