package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

const (
	changed = 100 // messages that have changed since the client was there
	polling = 50  // sessions that ask for news in turn
)

// resyncRows are about what a client does that knows a mailbox already.
func resyncRows(s Sizes) []Row {
	rows := []Row{
		{Name: "CHANGEDSINCE, 100 changes", Unit: "command", Must: against(0.5), Stretch: against(0.1), Run: changedSince},
		{Name: "QRESYNC, 100 changes", Unit: "command", Must: against(0.5), Stretch: against(0.1), Run: quickResync},
		noopRow(1, s.Changes),
		noopRow(10, s.Changes),
		noopRow(polling, s.Changes),
		{Name: "STATUS", Unit: "command", Must: against(0.3), Stretch: against(0.1), Run: status(s.Changes / 4)},
	}
	return of(rows, bigMail(s), IMAP)
}

// withChanges works when a hundred messages or fewer, spread over INBOX, have got a
// flag since a modification sequence.
func (e *Env) withChanges(ctx context.Context, fn func(since string, validity string, n int) (Sample, error)) (Sample, error) {
	return e.in(ctx, "INBOX (CONDSTORE)", func(b *box) (s Sample, err error) {
		if b.highest == "" {
			return s, errors.New("SELECT tells no HIGHESTMODSEQ")
		}
		since := b.highest
		numbers := spread(changed, b.exists)
		defer func() { err = errors.Join(err, b.flag(numbers, "-FLAGS.SILENT")) }()
		if err := b.flag(numbers, "+FLAGS.SILENT"); err != nil {
			return s, err
		}
		return fn(since, b.uidValidity, len(numbers))
	})
}

// flag sets or clears a flag that no message has.
func (b *box) flag(numbers []int, how string) error {
	return b.all(fmt.Sprintf(`STORE %s %s (\Draft)`, set(numbers), how))
}

// set writes numbers as IMAP does.
func set(numbers []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
}

func changedSince(ctx context.Context, e *Env) (Sample, error) {
	return e.withChanges(ctx, func(since, _ string, n int) (Sample, error) {
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			return repeat(4*opens, func() (Sample, error) {
				return e.countCommand(b, fmt.Sprintf("FETCH 1:* (FLAGS) (CHANGEDSINCE %s)", since), n, 1)
			})
		})
	})
}

// quickResync opens the mailbox as a client does that was there before.
func quickResync(ctx context.Context, e *Env) (Sample, error) {
	return e.withChanges(ctx, func(since, validity string, n int) (Sample, error) {
		return e.sessions(ctx, 2*opens, func(list []*box) (Sample, error) {
			for _, b := range list {
				if err := b.all("ENABLE QRESYNC"); err != nil {
					return Sample{}, err
				}
			}
			return e.countEach(1, len(list), func(_, i int) error {
				reply, err := list[i].Command(fmt.Sprintf("SELECT INBOX (QRESYNC (%s %s))", validity, since))
				if err == nil {
					err = want("messages told of by QRESYNC", reply.Fetches, n)
				}
				return err
			})
		})
	})
}

// noopRow has goals for as many sessions as a server has of clients that poll. A session
// that asks again at once finds all of its server in the caches of the processor: what that
// costs is a point of a plot.
func noopRow(sessions, n int) Row {
	r := Row{
		Name: fmt.Sprintf("NOOP, %d sessions in turn", sessions), Unit: "command", Run: noop(sessions, n),
		Point: Point{Plot: "processor time of one NOOP, by how many sessions take turns", Series: "sessions", X: float64(sessions)},
	}
	switch sessions {
	case 1:
		r.Name = "NOOP, 1 session"
	case polling:
		r.Must, r.Stretch = against(0.3), against(0.1)
	}
	return r
}

// noop has sessions of one mailbox ask one after the other, each when the one before has
// its answer.
func noop(sessions, n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.sessions(ctx, sessions, func(list []*box) (Sample, error) {
			for _, b := range list {
				if err := b.all("SELECT INBOX", "NOOP"); err != nil {
					return Sample{}, err
				}
			}
			return e.countEach(1, n, func(_, i int) error { return list[i%len(list)].all("NOOP") })
		})
	}
}

func status(n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.sessions(ctx, 1, func(list []*box) (Sample, error) {
			return e.countEach(1, n, func(_, _ int) error {
				return list[0].all("STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ)")
			})
		})
	}
}
