package imapd

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"restante/mailstore"
)

// A batchStore opens several messages at once, and counts those that are open.
type batchStore struct {
	mailstore.Store
	refuses func(mailstore.UID) bool // of OpenMessages
	batches int
	single  int // calls of OpenMessage
	open    int
	most    int
}

type batchAccount struct {
	mailstore.Account
	s *batchStore
}

type batchBox struct {
	mailstore.Mailbox
	s *batchStore
}

func (s *batchStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := s.Store.OpenAccount(ctx, u)
	return batchAccount{a, s}, err
}

func (a batchAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	return batchBox{m, a.s}, err
}

func (b batchBox) OpenMessages(ctx context.Context, uids []mailstore.UID, msgs []mailstore.Message) {
	b.s.batches++
	for i, uid := range uids {
		if b.s.refuses != nil && b.s.refuses(uid) {
			continue
		}
		if msg, err := b.Mailbox.OpenMessage(ctx, uid); err == nil {
			msgs[i] = b.counted(msg)
		}
	}
}

func (b batchBox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	b.s.single++
	msg, err := b.Mailbox.OpenMessage(ctx, uid)
	if err != nil {
		return nil, err
	}
	return b.counted(msg), nil
}

func (b batchBox) counted(msg mailstore.Message) mailstore.Message {
	b.s.open++
	b.s.most = max(b.s.most, b.s.open)
	return &countedMessage{Message: msg, s: b.s}
}

type countedMessage struct {
	mailstore.Message
	s *batchStore
}

func (m *countedMessage) Close() error {
	m.s.open--
	return m.Message.Close()
}

// batchSession is a session with 50 messages in a store that opens several at once.
func batchSession(t *testing.T) (*session, *sink, *batchStore) {
	t.Helper()
	opt := testOptions(t)
	opt.Logger = nil
	var messages []string
	for i := range 50 {
		messages = append(messages, "Subject: message "+strconv.Itoa(i)+"\n\nbody "+strconv.Itoa(i)+"\n")
	}
	fill(t, opt.Store, "INBOX", messages...)
	store := &batchStore{Store: opt.Store}
	opt.Store = store
	s, c := sinkSession(t, opt)
	return s, c, store
}

// said gives what a session says to a command.
func said(t *testing.T, s *session, c *sink, command string) []string {
	t.Helper()
	record := &recorder{}
	s.conn.Conn = recordedConn{c, record}
	defer func() { s.conn.Conn = c }()
	c.run(t, s, command)
	return strings.Split(record.take(), "\r\n")
}

// TestOpenAhead: the answers are the same whatever was opened together, and nothing
// stays open.
func TestOpenAhead(t *testing.T) {
	for _, command := range []string{
		"FETCH 1:* (BODY.PEEK[])",
		"FETCH 1:* (ENVELOPE BODYSTRUCTURE)",
		"UID FETCH 3:5,9:40 (BODY.PEEK[HEADER.FIELDS (Subject)])",
		"SORT (REVERSE SUBJECT) UTF-8 ALL",
	} {
		plain, c, store := batchSession(t)
		store.refuses = func(mailstore.UID) bool { return true }
		want := said(t, plain, c, command)
		for _, tt := range []struct {
			why     string
			refuses func(mailstore.UID) bool
		}{
			{"all are opened at once", nil},
			{"some are not", func(uid mailstore.UID) bool { return uid%3 == 0 }},
			{"the first of each batch is not", func(uid mailstore.UID) bool { return uid%batchLen == 1 }},
		} {
			s, c, store := batchSession(t)
			store.refuses = tt.refuses
			if command[0] != 'S' {
				c.run(t, s, "FETCH 12,20:22 (ENVELOPE BODYSTRUCTURE)") // these have summaries
			}
			single := store.single
			if got := said(t, s, c, command); !slices.Equal(got, want) {
				t.Errorf("%s, where %s: %q, want %q", command, tt.why, got, want)
			}
			if store.open != 0 || store.most > batchLen || store.batches == 0 {
				t.Errorf("%s, where %s: %d are open, %d were, of %d batches", command, tt.why, store.open, store.most, store.batches)
			}
			if tt.refuses == nil && store.single-single > 3 {
				t.Errorf("%s: %d were opened by themselves", command, store.single-single)
			}
		}
	}
}

// TestOpenAheadBreaksOff: what was opened for messages that are not sent any more is
// closed.
func TestOpenAheadBreaksOff(t *testing.T) {
	s, c, store := batchSession(t)
	s.conn.Conn = brokenConn{c}
	c.in = []byte("x FETCH 1:* (BODY.PEEK[])\r\n")
	cmd, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	s.w.Raw(strings.Repeat("x", 1<<20)) // more than is kept before it is sent
	s.dispatch(cmd)
	if store.batches == 0 || store.open != 0 {
		t.Errorf("%d batches, %d messages are open", store.batches, store.open)
	}
}

// brokenConn is a connection whose other end has gone.
type brokenConn struct{ *sink }

func (brokenConn) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
