package shared

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/memory"
)

// stubborn is a mailbox from which only some messages can be removed.
type stubborn struct {
	mailstore.Mailbox
	gives mailstore.UIDSet
	err   error
}

func (s stubborn) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	removed, err := s.Mailbox.Expunge(ctx, s.gives, onlyDeleted)
	return removed, errors.Join(err, s.err)
}

// broken is a mailbox in which a message cannot be read.
type broken struct {
	mailstore.Mailbox
	unread mailstore.UID
	err    error
}

func (b broken) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	if uid == b.unread {
		return nil, b.err
	}
	return b.Mailbox.OpenMessage(ctx, uid)
}

func twoBoxes(t *testing.T) (from, to mailstore.Mailbox) {
	store := memory.New(memory.Options{})
	var boxes []mailstore.Mailbox
	for _, user := range []string{"jane", "fred"} {
		acct, err := store.OpenAccount(t.Context(), mailstore.User{Name: user})
		if err != nil {
			t.Fatal(err)
		}
		box, err := acct.Open(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		boxes = append(boxes, box)
	}
	app, err := boxes[0].NewAppend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 600 { // more than one page
		if err := app.Add(mailstore.AppendOptions{Flags: mailstore.NewFlags(mailstore.Flagged)}, strings.NewReader("Subject: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := app.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return boxes[0], boxes[1]
}

var errInjected = errors.New("injected")

// TestCarryOver: a message is in one of both mailboxes, whatever fails.
func TestCarryOver(t *testing.T) {
	all := mailstore.AllUIDs()
	for _, test := range []struct {
		why        string
		make       func(from mailstore.Mailbox) mailstore.Mailbox
		uids       mailstore.UIDSet
		err        error
		here, then uint32
	}{
		{"nothing fails", func(m mailstore.Mailbox) mailstore.Mailbox { return m }, all, nil, 0, 600},
		{"some of them", func(m mailstore.Mailbox) mailstore.Mailbox { return m },
			mailstore.UIDSet{{First: 2, Last: 3}, {First: 290, Last: 299}, {First: 600, Last: 900}}, nil, 587, 13},
		{"none of them is there", func(m mailstore.Mailbox) mailstore.Mailbox { return m }, mailstore.NewUIDSet(601), nil, 600, 0},
		{"one cannot be read: none goes", func(m mailstore.Mailbox) mailstore.Mailbox { return broken{m, 300, errInjected} }, all, errInjected, 600, 0},
		{"one has gone: the others go", func(m mailstore.Mailbox) mailstore.Mailbox { return broken{m, 300, mailstore.ErrExpunged} }, all, nil, 1, 599},
		{"none can be removed: none goes", func(m mailstore.Mailbox) mailstore.Mailbox { return stubborn{m, nil, errInjected} }, all, errInjected, 600, 0},
		{"some can be removed: they go", func(m mailstore.Mailbox) mailstore.Mailbox {
			return stubborn{m, mailstore.NewUIDSet(5, 7), errInjected}
		}, all, errInjected, 598, 2},
	} {
		from, to := twoBoxes(t)
		res, err := carryOver(t.Context(), test.make(from), test.uids, to)
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v", test.why, err)
		}
		if here, there := from.Status().Messages, to.Status().Messages; here != test.here || there != test.then || len(res.Dest) != int(test.then) {
			t.Errorf("%s: %d here, %d there, told of %d", test.why, here, there, len(res.Dest))
		}
		uids, c := to.Follow()
		c.Close()
		if !slices.Equal(uids, res.Dest) {
			t.Errorf("%s: there are %v, told of %v", test.why, uids, res.Dest)
		}
		for _, r := range to.Records(make([]mailstore.Record, 0, 1000), 1) {
			if !r.Flags.Has(mailstore.Flagged) {
				t.Errorf("%s: message %d has lost its flags", test.why, r.UID)
				break
			}
		}
	}
}
