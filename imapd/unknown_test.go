package imapd

import (
	"context"
	"slices"
	"testing"

	"restante/mailstore"
)

// A shyStore is a store that knows no date of a message before somebody has asked
// for it, or with tells has opened the message.
type shyStore struct {
	mailstore.Store
	tells  bool
	known  mailstore.UIDSet
	asked  int // messages that Fill was called for
	opened int
}

type shyAccount struct {
	mailstore.Account
	s *shyStore
}

type shyBox struct {
	mailstore.Mailbox
	s *shyStore
}

func (s *shyStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := s.Store.OpenAccount(ctx, u)
	return shyAccount{a, s}, err
}

func (a shyAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	return shyBox{m, a.s}, err
}

func (b shyBox) hide(r *mailstore.Record) {
	if !b.s.known.Contains(r.UID) {
		r.Date = mailstore.Unknown
	}
}

func (b shyBox) Record(uid mailstore.UID) (mailstore.Record, bool) {
	r, ok := b.Mailbox.Record(uid)
	b.hide(&r)
	return r, ok
}

func (b shyBox) Records(dst []mailstore.Record, first mailstore.UID) []mailstore.Record {
	dst = b.Mailbox.Records(dst, first)
	for i := range dst {
		b.hide(&dst[i])
	}
	return dst
}

func (b shyBox) Fill(_ context.Context, uids mailstore.UIDSet, attrs mailstore.Attrs) error {
	b.s.asked += int(uids.Len())
	for _, r := range uids {
		if attrs&mailstore.AttrDate != 0 {
			b.s.known.AddRange(r.First, r.Last)
		}
	}
	return nil
}

func (b shyBox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	b.s.opened++
	if b.s.tells {
		b.s.known.Add(uid)
	}
	return b.Mailbox.OpenMessage(ctx, uid)
}

// TestDatesByOpening: who opens a message anyway does not ask for its date before,
// where opening tells it; and always gets it.
func TestDatesByOpening(t *testing.T) {
	for _, c := range []struct {
		command       string
		tells         bool
		asked, opened int
		why           string
	}{
		{"FETCH 1:* (INTERNALDATE)", true, 3, 0, "nothing else needs the message"},
		{"FETCH 1:* (INTERNALDATE BODYSTRUCTURE)", true, 0, 3, "it is opened for its structure"},
		{"FETCH 1:* (INTERNALDATE BODYSTRUCTURE)", false, 3, 3, "a format that keeps dates elsewhere"},
		{"FETCH 1:* (BODY.PEEK[] INTERNALDATE)", true, 0, 3, "it is opened and has no summary then"},
		{"FETCH 1:* (BODY.PEEK[] INTERNALDATE)", false, 3, 3, "likewise, elsewhere"},
		{"SORT (DATE) UTF-8 ALL", true, 0, 3, "it is opened for its Date"},
		{"SORT (DATE) UTF-8 ALL", false, 3, 3, "likewise, elsewhere"},
		{"SORT (ARRIVAL) UTF-8 ALL", true, 3, 0, "the header is not needed"},
	} {
		opt := testOptions(t)
		fill(t, opt.Store, "INBOX", "Subject: a\n\n1\n", "Subject: b\n\n2\n", "Subject: c\n\n3\n")
		plain := client(t, listen(t, opt))
		do(t, plain, "EXAMINE INBOX")
		want := do(t, plain, c.command)

		opt = testOptions(t)
		shy := &shyStore{Store: opt.Store, tells: c.tells}
		opt.Store = shy
		fill(t, opt.Store, "INBOX", "Subject: a\n\n1\n", "Subject: b\n\n2\n", "Subject: c\n\n3\n")
		hidden := client(t, listen(t, opt))
		do(t, hidden, "EXAMINE INBOX")
		if got := do(t, hidden, c.command); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.command, got, want)
		}
		if shy.asked != c.asked || shy.opened != c.opened {
			t.Errorf("%s: asked for %d dates, opened %d messages; want %d and %d: %s", c.command, shy.asked, shy.opened, c.asked, c.opened, c.why)
		}
	}
}

// TestDatesBesideSummaries: a date that is missing beside a summary is asked for.
func TestDatesBesideSummaries(t *testing.T) {
	opt := testOptions(t)
	shy := &shyStore{Store: opt.Store}
	opt.Store = shy
	fill(t, opt.Store, "INBOX", "Subject: a\n\n1\n", "Subject: b\n\n2\n")
	c := client(t, listen(t, opt))
	do(t, c, "EXAMINE INBOX")
	want := do(t, c, "FETCH 1:* (INTERNALDATE BODYSTRUCTURE)")
	shy.known, shy.asked, shy.opened = nil, 0, 0
	if got := do(t, c, "FETCH 1:* (INTERNALDATE BODYSTRUCTURE)"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if shy.asked != 2 || shy.opened != 0 {
		t.Errorf("asked for %d dates, opened %d messages; want 2 and none", shy.asked, shy.opened)
	}
}
