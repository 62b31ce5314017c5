package imapd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// A faultStore is a store in which things fail: what its functions say, where
// they are set.
type faultStore struct {
	mailstore.Store
	open    func(uid mailstore.UID, m mailstore.Message) (mailstore.Message, error)
	refresh func() error
	expunge func() error
	id      func() error
}

type faultAccount struct {
	mailstore.Account
	s *faultStore
}

type faultBox struct {
	mailstore.Mailbox
	s *faultStore
}

func (s *faultStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := s.Store.OpenAccount(ctx, u)
	return faultAccount{a, s}, err
}

func (a faultAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return faultBox{m, a.s}, nil
}

func (b faultBox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	m, err := b.Mailbox.OpenMessage(ctx, uid)
	if err != nil || b.s.open == nil {
		return m, err
	}
	return b.s.open(uid, m)
}

func (b faultBox) ObjectID(ctx context.Context) (string, error) {
	if b.s.id != nil {
		if err := b.s.id(); err != nil {
			return "", err
		}
	}
	return b.Mailbox.ObjectID(ctx)
}

func (a faultAccount) Status(ctx context.Context, name string, items mailstore.StatusItems) (mailstore.Status, error) {
	if a.s.id != nil && items&mailstore.WantObjectID != 0 {
		if err := a.s.id(); err != nil {
			return mailstore.Status{}, err
		}
	}
	return a.Account.Status(ctx, name, items)
}

func (b faultBox) Refresh(ctx context.Context) error {
	if b.s.refresh != nil {
		return b.s.refresh()
	}
	return b.Mailbox.Refresh(ctx)
}

func (b faultBox) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	if b.s.expunge != nil {
		if err := b.s.expunge(); err != nil {
			return nil, err
		}
	}
	return b.Mailbox.Expunge(ctx, uids, onlyDeleted)
}

// TestBusyMailbox: when what other programs did cannot be folded in, because one
// of them has the mailbox locked, sessions go on with what they know. NOOP and
// IDLE do not fail; RFC 9051 sections 6.1.2 and 6.3.13 have no NO for that. A
// mailbox that somebody has open can be selected too.
func TestBusyMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := testOptions(t)
		opt.Logger = nil
		busy := false
		opt.Store = &faultStore{Store: opt.Store, refresh: func() error {
			if busy {
				return mailstore.ErrInUse
			}
			return nil
		}}
		b := newBubble(t, opt)
		b.login()
		b.send("a2 SELECT INBOX\r\n")
		b.said()
		busy = true
		b.send("a3 NOOP\r\na4 CHECK\r\na5 IDLE\r\n")
		if got := strings.Join(b.said(), "; "); got != "a3 OK Noop completed; a4 OK Check completed; + idling" {
			t.Fatal(got)
		}
		time.Sleep(5 * time.Minute)
		if got := strings.Join(b.said(), "; "); got != "* OK Still here; * OK Still here" {
			t.Error(got)
		}
		b.send("DONE\r\n")
		if got := last(b.said()); got != "a5 OK Idle completed" {
			t.Error(got)
		}
		b.send("a6 EXAMINE INBOX\r\n")
		if got := last(b.said()); got != "a6 OK [READ-ONLY] Mailbox opened for reading" {
			t.Error(got)
		}
	})
}

// TestCloseFails: CLOSE leaves the mailbox in any case (RFC 9051 section 6.4.1
// has no NO); that something was not removed is told untagged.
func TestCloseFails(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string // the untagged answer
	}{
		{mailstore.ErrInUse, "* NO [INUSE]"},
		{errors.New("input/output error"), "* NO [SERVERBUG]"},
		{mailstore.ErrGone, ""}, // the mailbox was deleted, and what was to be removed with it
	} {
		opt := testOptions(t)
		opt.Logger = nil
		opt.Store = &faultStore{Store: opt.Store, expunge: func() error { return tt.err }}
		fill(t, opt.Store, "INBOX", "Subject: a\n\n1\n")
		c := client(t, listen(t, opt))
		do(t, c, "SELECT INBOX")
		lines, tagged, err := c.Do("CLOSE")
		if err != nil || tagged != "OK Close completed" {
			t.Errorf("%v: %q, %v", tt.err, tagged, err)
		}
		if got := strings.Join(lines, "; "); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%v: %q", tt.err, got)
		}
		if _, tagged, _ := c.Do("FETCH 1 FLAGS"); !strings.HasPrefix(tagged, "BAD") {
			t.Errorf("%v: the mailbox is still selected: %s", tt.err, tagged)
		}
	}
}

// TestStorageErrors: each kind of failure of the storage has its response code (RFC 9051 section
// 7.1), however it is wrapped; what was not foreseen is SERVERBUG, and says no more to the client.
func TestStorageErrors(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = nil
	var fails error
	opt.Store = &faultStore{Store: opt.Store, expunge: func() error { return fails }}
	fill(t, opt.Store, "INBOX", "Subject: a\n\n1\n")
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	do(t, c, `STORE 1 +FLAGS.SILENT (\Deleted)`)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{mailstore.ErrInUse, "NO [INUSE] Mailbox is locked by another program; try again later"},
		{mailstore.ErrDamaged, "NO [CORRUPTION] Mailbox is damaged; tell the administrator"},
		{mailstore.ErrReadOnly, "NO [READ-ONLY] Mailbox is read-only"},
		{mailstore.ErrOverQuota, "NO [OVERQUOTA] There is no space left for this"},
		{mailstore.ErrLimit, "NO [LIMIT] There are too many of them"},
		{mailstore.ErrNoRight, "NO [NOPERM] "},
		{context.DeadlineExceeded, "NO [UNAVAILABLE] This took too long; try again later"},
		{context.Canceled, "NO [UNAVAILABLE] The server is stopping; try again later"},
		{errors.New("input/output error"), "NO [SERVERBUG] Internal error, nothing was done; the server's log has the details"},
	} {
		fails = fmt.Errorf("expunge %q: %w", "/home/user/Maildir", tt.err)
		lines, tagged, err := c.Do("EXPUNGE")
		if err != nil || len(lines) > 0 || !strings.HasPrefix(tagged, tt.want) || strings.Contains(tagged, "/home") {
			t.Errorf("%v: %q, %q, %v", tt.err, lines, tagged, err)
		}
	}
	fails = nil
	if lines := do(t, c, "EXPUNGE"); len(lines) == 0 || lines[0] != "* 1 EXPUNGE" {
		t.Errorf("after the failures: %q", lines)
	}
}
