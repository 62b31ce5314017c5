package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"restante/bench/mail"
)

// growthRows are the points of the plots of what one change costs as a mailbox
// grows. The messages are small: it is their number that counts.
func growthRows(s Sizes) []Row {
	few := max(s.Changes/50, 2) // where a peer takes a second for each
	var rows []Row
	for _, n := range s.Growth {
		list := []Row{
			{Name: "store", Run: storeOneByOne(few)},
			{Name: "move into", Run: growMove(few)},
			{Name: "append", Run: growAppend(few)},
			{Name: "expunge", Run: growExpunge(few)},
			{Name: "NOOP", Run: noop(1, s.Changes)},
			{Name: "CHANGEDSINCE", Run: changedSince},
		}
		for i := range list {
			list[i].Point = Point{Plot: "cost of one change as the mailbox grows", Series: list[i].Name, X: float64(n)}
			list[i].Name = fmt.Sprintf("one %s, %d messages", list[i].Name, n)
			list[i].Unit = "command"
			list[i].Run = settled(n, list[i].Run)
			if n >= 100_000 {
				list[i].Rounds = 3
			}
		}
		rows = append(rows, of(list, mail.Spec{Format: mail.Maildir, Users: 1, Messages: n, Small: true}, IMAP)...)
	}
	return rows
}

// settled runs when the server has had time to see that nothing has changed since the run
// before, which for so many messages takes a reading of their directory.
func settled(messages int, run func(context.Context, *Env) (Sample, error)) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			time.Sleep(time.Duration(messages) * settlePerMessage)
			if err := b.all("NOOP"); err != nil {
				return Sample{}, err
			}
			return run(ctx, e)
		})
	}
}

// settlePerMessage is several times what reading a name takes.
const settlePerMessage = 8 * time.Microsecond

// growing works in INBOX and removes what has come to it.
func (e *Env) growing(ctx context.Context, work func(b *box) (Sample, error)) (Sample, error) {
	before := 0
	s, err := e.in(ctx, "INBOX", func(b *box) (Sample, error) {
		before = b.exists
		return work(b)
	})
	d := &deliveries{env: e, before: before}
	return s, errors.Join(err, d.undo(context.WithoutCancel(ctx)))
}

func growAppend(n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.growing(ctx, func(b *box) (Sample, error) {
			return e.countEach(1, n, func(_, _ int) error {
				_, err := b.Append("INBOX", wireSample())
				return err
			})
		})
	}
}

func growMove(n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.growing(ctx, func(*box) (Sample, error) {
			return e.withScratch(ctx, 1, n, []string{scratch}, func() (Sample, error) {
				return e.in(ctx, scratch, func(b *box) (Sample, error) {
					return e.countEach(1, n, func(_, _ int) error {
						reply, err := b.Command("MOVE 1 INBOX")
						if err == nil {
							err = want("messages removed", reply.Removed, 1)
						}
						return err
					})
				})
			})
		})
	}
}

// growExpunge expunges copies of messages one by one.
func growExpunge(n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.growing(ctx, func(b *box) (Sample, error) {
			first := b.uidNext
			if err := b.all(fmt.Sprintf("COPY 1:%d INBOX", n), fmt.Sprintf(`UID STORE %d:* +FLAGS.SILENT (\Deleted)`, first)); err != nil {
				return Sample{}, err
			}
			return e.countEach(1, n, func(_, i int) error {
				reply, err := b.Command(fmt.Sprintf("UID EXPUNGE %d", first+i))
				if err == nil {
					err = want("messages removed", reply.Removed, 1)
				}
				return err
			})
		})
	}
}
