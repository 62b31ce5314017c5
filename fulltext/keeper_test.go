package fulltext

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/search"
)

// An office is a Keeper at work, and an account.
type office struct {
	*testing.T
	keeper *Keeper
	acct   mailstore.Account
	store  *closedStore
	log    bytes.Buffer
	stop   func()
}

var ana = mailstore.User{Name: "ana"}

// closedStore opens accounts, or not.
type closedStore struct {
	mailstore.Store
	err    error
	opened int
}

func (s *closedStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	s.opened++
	if s.err != nil {
		return nil, s.err
	}
	return s.Store.OpenAccount(ctx, u)
}

func newOffice(t *testing.T, which Which) *office {
	o := &office{T: t, store: &closedStore{Store: memory.New(memory.Options{})}}
	o.keeper = New(Options{Store: o.store, Which: which, Logger: slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	var err error
	if o.acct, err = o.store.Store.OpenAccount(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	return o
}

// start lets the Keeper work until stop.
func (o *office) start() {
	ctx, cancel := context.WithCancel(o.Context())
	done := make(chan struct{})
	go func() {
		o.keeper.Run(ctx)
		close(done)
	}()
	o.stop = func() { cancel(); <-done }
}

// box opens a new mailbox of n messages.
func (o *office) box(name string, n int) mailstore.Mailbox {
	o.Helper()
	err := o.acct.Create(o.Context(), name)
	box, openErr := o.acct.Open(o.Context(), name)
	if err = errors.Join(err, openErr); err != nil {
		o.Fatal(err)
	}
	o.add(box, n)
	return box
}

func (o *office) add(box mailstore.Mailbox, n int) {
	o.Helper()
	a, err := box.NewAppend(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	for i := range n {
		if err := a.Add(mailstore.AppendOptions{}, strings.NewReader(fmt.Sprintf("Subject: x\n\nnumber %d\n", i))); err != nil {
			o.Fatal(err)
		}
	}
	if _, _, err := a.Commit(o.Context()); err != nil {
		o.Fatal(err)
	}
}

// search searches as a service does, and returns how many messages were found and how
// many of those that were opened are not in the index.
func (o *office) search(box mailstore.Mailbox, text string) (found, unindexed int) {
	o.Helper()
	q := search.New(search.Body{Text: text})
	o.keeper.Narrow(q, box)
	recs := box.Records(make([]mailstore.Record, 0, 1000), 1)
	uids, err := q.Filter(o.Context(), box, recs, nil)
	if err != nil {
		o.Fatal(err)
	}
	o.keeper.HasSearched(ana, box, q)
	return len(uids), q.Unindexed.Messages
}

// indexed is how many messages are in the index of a mailbox when all is done.
func (o *office) indexed(box mailstore.Mailbox) int {
	time.Sleep(time.Minute) // the Keeper rests for longer than it works
	synctest.Wait()
	ix := Open(box)
	defer ix.Close()
	return count(ix.Known())
}

// TestSearched: a mailbox gets an index when a search has opened many messages, and
// more when there is more.
func TestSearched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, Searched)
		o.start()
		defer o.stop()
		box := o.box("Mail", 100)
		o.keeper.HasOpened(ana, box)
		if n := o.indexed(box); n != 0 {
			t.Errorf("%d messages were indexed that nobody has searched", n)
		}
		if found, opened := o.search(box, "number 42"); found != 1 || opened != 100 {
			t.Errorf("without an index %d found, %d opened", found, opened)
		}
		if n := o.indexed(box); n != 100 {
			t.Errorf("%d messages were indexed, want 100", n)
		}
		o.add(box, 63)
		if found, opened := o.search(box, "number 42"); found != 2 || opened != 63 {
			t.Errorf("with an index of some %d found, %d of the others opened", found, opened)
		}
		if n := o.indexed(box); n != 100 {
			t.Errorf("%d messages are indexed, which is not worth it", n)
		}
		o.add(box, 1)
		o.search(box, "number 42")
		if n := o.indexed(box); n != 164 {
			t.Errorf("%d messages are indexed, want 164", n)
		}
		if found, opened := o.search(box, "number 42"); found != 2 || opened != 0 {
			t.Errorf("with an index %d found, %d others opened", found, opened)
		}
		if found, _ := o.search(box, "nu"); found != 164 {
			t.Errorf("a short text is found in %d messages", found)
		}
	})
}

// TestOpened: with that setting a mailbox gets an index before it is searched.
func TestOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, Opened)
		o.start()
		defer o.stop()
		small, box := o.box("Small", 63), o.box("Mail", 64)
		o.keeper.HasOpened(ana, box)
		o.keeper.HasOpened(ana, small)
		if n, m := o.indexed(box), o.indexed(small); n != 64 || m != 0 {
			t.Errorf("%d and %d messages were indexed, want 64 and none", n, m)
		}
	})
}

// TestQueue: a mailbox waits once, and one that has gone meanwhile is passed over.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, Searched)
		gone, box := o.box("Gone", 100), o.box("Mail", 100)
		for range 3 {
			o.search(gone, "number 1")
			o.search(box, "number 1")
		}
		if err := errors.Join(gone.Close(), o.acct.Delete(t.Context(), "Gone")); err != nil {
			t.Fatal(err)
		}
		o.start()
		defer o.stop()
		if n := o.indexed(box); n != 100 {
			t.Errorf("%d messages were indexed, want 100", n)
		}
		if strings.Contains(o.log.String(), "WARN") {
			t.Errorf("there were warnings:\n%s", o.log.String())
		}
		if o.store.opened != 2 {
			t.Errorf("%d accounts were opened for 2 mailboxes", o.store.opened)
		}
	})
}

// TestFailure: a mailbox that cannot be indexed is told once, and left alone for an hour.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, Searched)
		o.start()
		defer o.stop()
		box := o.box("Mail", 100)
		o.store.err = errBroken
		for range 5 {
			o.search(box, "number 1")
			if n := o.indexed(box); n != 0 {
				t.Fatalf("%d messages were indexed", n)
			}
		}
		if n := strings.Count(o.log.String(), "level=WARN"); n != 1 || o.store.opened != 1 {
			t.Errorf("%d warnings, %d tries:\n%s", n, o.store.opened, o.log.String())
		}
		o.store.err = nil
		time.Sleep(retryAfter)
		o.search(box, "number 1")
		if n := o.indexed(box); n != 100 {
			t.Errorf("an hour later %d messages were indexed, want 100", n)
		}
	})
}

// TestStopped: the Keeper ends in the middle of its work.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, Searched)
		o.start()
		box := o.box("Mail", 200)
		o.search(box, "number 1")
		o.stop()
		if found, _ := o.search(box, "number 42"); found != 1 {
			t.Errorf("%d found after the end", found)
		}
	})
}

// TestNone: without a Keeper nothing is indexed.
func TestNone(t *testing.T) {
	var k *Keeper
	k.Narrow(nil, nil)
	k.HasSearched(ana, nil, nil)
	k.HasOpened(ana, nil)
	k.Run(t.Context())
}

// TestGrams: of a long text grams from all of its length are looked up.
func TestGrams(t *testing.T) {
	for n, want := range map[int]int{3: 1, 4: 2, 66: 64, 67: 64, 10_000: 64} {
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(i >> (i % 2 * 8)) // all grams are different
		}
		got := gramsOf(text)
		if len(got) != want || !slices.IsSorted(got) {
			t.Errorf("%d octets: %d grams, want %d", n, len(got), want)
		}
		if n >= 3 && (!slices.Contains(got, gram(text)) || !slices.Contains(got, gram(text[n-3:]))) {
			t.Errorf("%d octets: the first or the last gram is missing", n)
		}
	}
}
