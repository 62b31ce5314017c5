package workload

import (
	"context"
	"fmt"
)

// target is the mailbox into which messages go.
const target = "target"

// copyRows are about messages that change their place or go.
func copyRows(s Sizes) []Row {
	rows := []Row{
		{Name: "copy range", Unit: "message", Must: against(0.7), Stretch: against(0.5), Run: copyRange(s.Middle)},
		{Name: "move range", Unit: "message", Must: against(0.7), Stretch: against(0.5), Run: moveRange(s.Middle)},
		{Name: "move one by one", Unit: "message", Must: against(0.02), Stretch: against(0.01), Run: moveOneByOne(s.Middle, min(s.Changes/4, 200))},
		{Name: "expunge range", Unit: "message", Must: against(0.9), Stretch: against(0.6), Run: expungeRange(s.Middle)},
	}
	return of(rows, middleMail(s), IMAP)
}

func copyRange(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, 1, 0, []string{scratch}, func() (Sample, error) {
			return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
				s, err := e.countCommand(b, "COPY 1:* "+scratch, 0, float64(messages))
				if err != nil {
					return s, err
				}
				return s, e.checkScratch(ctx, 1, messages)
			})
		})
	}
}

func moveRange(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, 1, messages, []string{scratch, target}, func() (Sample, error) {
			return e.in(ctx, scratch, func(b *box) (Sample, error) {
				return e.countRemoved(b, "MOVE 1:* "+target, messages)
			})
		})
	}
}

// countRemoved counts a command that has to bring so many EXPUNGE responses.
func (e *Env) countRemoved(b *box, command string, messages int) (Sample, error) {
	return e.Count(func() (float64, error) {
		reply, err := b.Command(command)
		if err == nil {
			err = want("messages removed", reply.Removed, messages)
		}
		return float64(messages), err
	})
}

// moveOneByOne moves into a mailbox that has messages already, which is what
// deleting by hand does.
func moveOneByOne(messages, n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, 1, messages, []string{target, scratch}, func() (Sample, error) {
			if err := e.do(ctx, "INBOX", fmt.Sprintf("COPY 1:%d %s", n, scratch)); err != nil {
				return Sample{}, err
			}
			return e.in(ctx, scratch, func(b *box) (Sample, error) {
				return e.countEach(1, n, func(_, _ int) error {
					reply, err := b.Command("MOVE 1 " + target)
					if err == nil {
						err = want("messages removed", reply.Removed, 1)
					}
					return err
				})
			})
		})
	}
}

func expungeRange(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, 1, messages, []string{scratch}, func() (Sample, error) {
			return e.in(ctx, scratch, func(b *box) (Sample, error) {
				if err := b.all(`STORE 1:* +FLAGS.SILENT (\Deleted)`); err != nil {
					return Sample{}, err
				}
				return e.countRemoved(b, "EXPUNGE", messages)
			})
		})
	}
}
