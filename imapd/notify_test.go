package imapd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// A lookedStore counts how often mailboxes are looked at and watched, and lets the
// looks fail.
type lookedStore struct {
	mailstore.Store
	looks, watches atomic.Int64
	fail           atomic.Pointer[error]
	alike          atomic.Bool // all mailboxes have the same UIDVALIDITY
}

type lookedAccount struct {
	mailstore.Account
	s *lookedStore
}

func (s *lookedStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := s.Store.OpenAccount(ctx, u)
	return lookedAccount{a, s}, err
}

func (a lookedAccount) Status(ctx context.Context, name string, items mailstore.StatusItems) (mailstore.Status, error) {
	a.s.looks.Add(1)
	if err := a.s.fail.Load(); err != nil {
		return mailstore.Status{}, *err
	}
	st, err := a.Account.Status(ctx, name, items)
	if a.s.alike.Load() {
		st.UIDValidity = 7
	}
	return st, err
}

func (a lookedAccount) Watch(what mailstore.Watched, changed func(string)) (stop func()) {
	a.s.watches.Add(1)
	end := a.Account.Watch(what, changed)
	return func() {
		a.s.watches.Add(-1)
		end()
	}
}

// notifyBubble is a session that is logged in, and another account's hand on the
// same mail.
func notifyBubble(t *testing.T, change func(*Options)) (b *bubble, s *lookedStore, hand mailstore.Account) {
	opt := testOptions(t)
	s = &lookedStore{Store: opt.Store}
	opt.Store = s
	if change != nil {
		change(&opt)
	}
	hand, err := s.Store.OpenAccount(t.Context(), mailstore.User{Name: "user"})
	if err != nil {
		t.Fatal(err)
	}
	b = newBubble(t, opt)
	b.login()
	b.said()
	return b, s, hand
}

func deliver(t *testing.T, hand mailstore.Account, name string) {
	t.Helper()
	box, err := hand.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	app, err := box.NewAppend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Abort()
	if err := app.Add(mailstore.AppendOptions{}, strings.NewReader("Subject: x\r\n\r\ny\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := app.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const notifyPersonal = "n NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))\r\n"

// TestNotifyFlood: news comes at once when it is rare, and many changes cost few
// looks.
func TestNotifyFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, hand := notifyBubble(t, nil)
		b.send("n NOTIFY SET (mailboxes INBOX (MessageNew MessageExpunge))\r\n")
		b.said()
		time.Sleep(time.Minute)
		b.said()
		deliver(t, hand, "INBOX")
		if said := b.said(); len(said) != 1 || !strings.Contains(said[0], "MESSAGES 1 ") {
			t.Errorf("after one delivery it says %q", said)
		}
		before := s.looks.Load()
		for range 1000 {
			deliver(t, hand, "INBOX")
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		if said := last(b.said()); !strings.Contains(said, "MESSAGES 1001 ") {
			t.Errorf("at the end it says %q", said)
		}
		if n := s.looks.Load() - before; n > 6 {
			t.Errorf("a second of deliveries cost %d looks", n)
		}
	})
}

// TestNotifyRetry: a mailbox that cannot be looked at is tried again, and commands
// are answered meanwhile.
func TestNotifyRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, hand := notifyBubble(t, nil)
		b.send(notifyPersonal)
		time.Sleep(time.Second)
		b.said()
		locked := fmt.Errorf("test: %w", mailstore.ErrInUse)
		s.fail.Store(&locked)
		deliver(t, hand, "INBOX")
		if said := b.said(); len(said) != 0 {
			t.Errorf("it says %q of a mailbox that is locked", said)
		}
		b.send("a NOOP\r\n")
		if said := last(b.said()); !strings.HasPrefix(said, "a OK") {
			t.Errorf("it says %q", said)
		}
		before := s.looks.Load()
		time.Sleep(time.Minute)
		if n := s.looks.Load() - before; n < 5 || n > 15 {
			t.Errorf("it was tried %d times in a minute", n)
		}
		s.fail.Store(nil)
		time.Sleep(6 * time.Second)
		if said := last(b.said()); !strings.HasPrefix(said, "* STATUS ") || !strings.Contains(said, "MESSAGES 1 ") {
			t.Errorf("it says %q", said)
		}
	})
}

// TestNotifyOverflow: too many mailboxes are refused, and so many that they become
// too many end it.
func TestNotifyOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, hand := notifyBubble(t, func(o *Options) { o.Limits.Watched = 3 })
		for i := range 3 {
			if err := hand.Create(t.Context(), fmt.Sprint("box", i)); err != nil {
				t.Fatal(err)
			}
		}
		b.send(notifyPersonal)
		if said := last(b.said()); !strings.HasPrefix(said, "n NO [NOTIFICATIONOVERFLOW] ") {
			t.Errorf("four of three: %q", said)
		}
		if n := s.watches.Load(); n != 0 {
			t.Errorf("%d watches of a refused NOTIFY", n)
		}
		if err := hand.Delete(t.Context(), "box0"); err != nil {
			t.Fatal(err)
		}
		b.send(notifyPersonal)
		if said := last(b.said()); !strings.HasPrefix(said, "n OK") {
			t.Errorf("three of three: %q", said)
		}
		time.Sleep(time.Second)
		if err := hand.Create(t.Context(), "more"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if said := b.said(); len(said) != 1 || !strings.HasPrefix(said[0], "* OK [NOTIFICATIONOVERFLOW] ") {
			t.Errorf("one more: %q", said)
		}
		if n := s.watches.Load(); n != 0 {
			t.Errorf("%d watches after the overflow", n)
		}
		deliver(t, hand, "INBOX")
		time.Sleep(time.Second)
		b.send("a NOOP\r\n")
		if said := b.said(); len(said) != 1 {
			t.Errorf("afterwards it says %q", said)
		}
	})
}

// TestNotifyEnds: every end of NOTIFY ends its watch.
func TestNotifyEnds(t *testing.T) {
	for _, end := range []string{"NOTIFY NONE", "UNAUTHENTICATE", "LOGOUT", "NOTIFY SET (selected NONE)", "close"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, s, _ := notifyBubble(t, nil)
				b.send(notifyPersonal)
				b.send(strings.ReplaceAll(notifyPersonal, "n ", "n2 "))
				b.said()
				if n := s.watches.Load(); n != 1 {
					t.Errorf("%d watches of one NOTIFY", n)
				}
				if end == "close" {
					b.c.Close()
				} else {
					b.send("e " + end + "\r\n")
				}
				b.said()
				if n := s.watches.Load(); n != 0 {
					t.Errorf("%d watches are left", n)
				}
			})
		})
	}
}

// TestNotifyGone: a selected mailbox that is deleted while nothing is asked ends the
// session with BYE, as does a server that stops.
func TestNotifyGone(t *testing.T) {
	const selected = "s NOTIFY SET (selected (MessageNew MessageExpunge))\r\n"
	for name, end := range map[string]func(*testing.T, *bubble, mailstore.Account){
		"deleted": func(t *testing.T, _ *bubble, hand mailstore.Account) {
			if err := hand.Delete(t.Context(), "box"); err != nil {
				t.Fatal(err)
			}
		},
		"stopped": func(_ *testing.T, b *bubble, _ mailstore.Account) { b.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _, hand := notifyBubble(t, nil)
				b.send("a CREATE box\r\nb SELECT box\r\n" + selected)
				b.said()
				end(t, b, hand)
				if said := last(b.said()); !strings.HasPrefix(said, "* BYE ") || !b.ended() {
					t.Errorf("it says %q", said)
				}
			})
		})
	}
}

// TestNotifyTree: what becomes of names, each with the responses that say it.
func TestNotifyTree(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		do   func(hand mailstore.Account) error
		want []string
	}{
		"a tree is renamed, and only its top is named": {
			func(a mailstore.Account) error { return a.Rename(ctx, "old", "new") },
			[]string{`* LIST (\HasChildren) "/" "new" ("OLDNAME" ("old"))`},
		},
		"the first child affects its parent": {
			func(a mailstore.Account) error { return a.Create(ctx, "leaf/x") },
			[]string{`* LIST (\HasChildren) "/" "leaf"`, `* LIST (\HasNoChildren) "/" "leaf/x"`},
		},
		"a parent that is deleted stays as a name": {
			func(a mailstore.Account) error { return a.Delete(ctx, "old") },
			[]string{`* LIST (\NonExistent \HasChildren) "/" "old"`},
		},
		"subscribed without being there": {
			func(a mailstore.Account) error { return a.Subscribe(ctx, "nothing", true) },
			[]string{`* LIST (\NonExistent \Subscribed) "/" "nothing"`},
		},
		"created and deleted between two looks": {
			func(a mailstore.Account) error {
				return errors.Join(a.Create(ctx, "brief"), a.Delete(ctx, "brief"))
			},
			nil,
		},
		"INBOX is renamed and stays": {
			func(a mailstore.Account) error { return a.Rename(ctx, "INBOX", "was") },
			[]string{`* LIST (\HasNoChildren) "/" "was"`},
		},
		"renamed to the name of one that was deleted": {
			func(a mailstore.Account) error {
				return errors.Join(a.Delete(ctx, "leaf"), a.Rename(ctx, "other", "leaf"))
			},
			[]string{`* LIST (\NonExistent) "/" "other"`, `* STATUS "leaf" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1005 UNSEEN 0)`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _, hand := notifyBubble(t, nil)
				for _, name := range []string{"old", "old/a", "old/a/b", "leaf", "other"} {
					if err := hand.Create(ctx, name); err != nil {
						t.Fatal(err)
					}
				}
				b.send("n NOTIFY SET (personal (MessageNew MessageExpunge MailboxName SubscriptionChange))\r\n")
				time.Sleep(time.Second)
				b.said()
				if err := tt.do(hand); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if said := b.said(); !slices.Equal(said, tt.want) {
					t.Errorf("it says %q, want %q", said, tt.want)
				}
			})
		})
	}
}

// TestNotifyRenamedInDoubt: what may be one of two mailboxes is told as neither.
func TestNotifyRenamedInDoubt(t *testing.T) {
	for gone, want := range map[string][]string{
		"":    {`* LIST (\HasNoChildren) "/" "three" ("OLDNAME" ("two"))`},
		"one": {`* LIST (\NonExistent) "/" "one"`, `* LIST (\HasNoChildren) "/" "three"`, `* LIST (\NonExistent) "/" "two"`},
	} {
		t.Run("with "+gone, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, s, hand := notifyBubble(t, nil)
				s.alike.Store(true)
				err := errors.Join(hand.Create(t.Context(), "one"), hand.Create(t.Context(), "two"))
				b.send(notifyPersonal)
				time.Sleep(time.Second)
				b.said()
				if gone != "" {
					err = errors.Join(err, hand.Delete(t.Context(), gone))
				}
				if err = errors.Join(err, hand.Rename(t.Context(), "two", "three")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if said := b.said(); !slices.Equal(said, want) {
					t.Errorf("it says %q, want %q", said, want)
				}
			})
		})
	}
}

// TestNotifyScope: which mailboxes the filters mean.
func TestNotifyScope(t *testing.T) {
	ctx := context.Background()
	all := []string{"INBOX", "a", "a/b", "a/b/c", "ab", "z"}
	for _, tt := range []struct {
		groups string
		want   []string
	}{
		{"(personal (MessageNew MessageExpunge))", all},
		{"(inboxes (MessageNew MessageExpunge))", all}, // RFC 5465 section 6.3
		{"(subscribed (MessageNew MessageExpunge))", []string{"z"}},
		{"(subtree a (MessageNew MessageExpunge))", []string{"a", "a/b", "a/b/c"}},
		{"(subtree (a/b z) (MessageNew MessageExpunge))", []string{"a/b", "a/b/c", "z"}},
		{"(mailboxes (inbox a \"*\") (MessageNew MessageExpunge))", []string{"INBOX", "a"}},
		{"(subtree a NONE) (personal (MessageNew MessageExpunge))", []string{"INBOX", "ab", "z"}},
		{"(personal (MailboxName)) (mailboxes z (MessageNew MessageExpunge))", []string{"z"}},
		{"(mailboxes z (MessageNew MessageExpunge)) (mailboxes z NONE)", []string{"z"}},
		{"(selected (MessageNew MessageExpunge))", nil},
	} {
		t.Run(tt.groups, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _, hand := notifyBubble(t, nil)
				for _, name := range all[1:] {
					if err := hand.Create(ctx, name); err != nil {
						t.Fatal(err)
					}
				}
				if err := hand.Subscribe(ctx, "z", true); err != nil {
					t.Fatal(err)
				}
				b.send("n NOTIFY SET " + tt.groups + "\r\n")
				time.Sleep(time.Second)
				b.said()
				for _, name := range all {
					deliver(t, hand, name)
				}
				time.Sleep(time.Second)
				var got []string
				for _, line := range b.said() {
					name, _, _ := strings.Cut(strings.TrimPrefix(line, "* STATUS "), " (")
					got = append(got, strings.Trim(name, `"`))
				}
				slices.Sort(got)
				if !slices.Equal(got, tt.want) {
					t.Errorf("told of %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// TestNotifyLeft: a mailbox is told like the others when it is not selected any
// more, and what happened meanwhile is not lost.
func TestNotifyLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, hand := notifyBubble(t, nil)
		b.send("n NOTIFY SET (personal (MessageNew MessageExpunge))\r\na SELECT INBOX\r\n")
		b.said()
		deliver(t, hand, "INBOX")
		time.Sleep(time.Second)
		if said := b.said(); len(said) != 0 {
			t.Errorf("it says %q of the selected mailbox, of which nothing is asked", said)
		}
		b.send("b UNSELECT\r\n")
		time.Sleep(time.Second)
		if said := last(b.said()); !strings.HasPrefix(said, "* STATUS ") || !strings.Contains(said, "MESSAGES 1 ") {
			t.Errorf("afterwards it says %q", said)
		}
	})
}
