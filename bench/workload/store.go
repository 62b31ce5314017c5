package workload

import (
	"context"
	"fmt"
)

// storeRows are about flags in a mailbox of middle size.
func storeRows(s Sizes) []Row {
	rows := []Row{
		{Name: "store one by one", Unit: "change", Must: against(0.12), Stretch: against(0.06), Run: storeOneByOne(s.Changes)},
		{Name: "store pipelined", Unit: "change", Must: against(0.2), Stretch: against(0.1), Run: storePipelined(s.Changes)},
		{Name: "store range", Unit: "message", Must: against(1.1), Stretch: against(0.3), Run: storeRange(s.Middle)},
	}
	return of(rows, middleMail(s), IMAP)
}

// flagging works in INBOX and takes the flag away again from what has got it: from
// n messages that are spread over the mailbox, or from all if n is 0.
func (e *Env) flagging(ctx context.Context, n int, work func(b *box, numbers []int) (Sample, error)) (Sample, error) {
	return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
		numbers := spread(n, b.exists)
		s, err := work(b, numbers)
		if err != nil {
			return s, err
		}
		if n == 0 {
			return s, b.all(`STORE 1:* -FLAGS.SILENT (\Draft)`)
		}
		return s, b.flag(numbers, "-FLAGS.SILENT")
	})
}

func storeOne(number int) string { return fmt.Sprintf(`STORE %d +FLAGS (\Draft)`, number) }

func storeOneByOne(n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.flagging(ctx, n, func(b *box, numbers []int) (Sample, error) {
			return e.countEach(1, len(numbers), func(_, i int) error {
				reply, err := b.Command(storeOne(numbers[i]))
				if err == nil {
					err = want("answers to STORE", reply.Fetches, 1)
				}
				return err
			})
		})
	}
}

func storePipelined(n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.flagging(ctx, n, func(b *box, numbers []int) (Sample, error) {
			var commands []byte
			for _, number := range numbers {
				commands = b.AppendCommand(commands, storeOne(number))
			}
			return e.Count(func() (float64, error) {
				reply, err := b.Pipeline(commands, len(numbers))
				if err == nil {
					err = want("answers to STORE", reply.Fetches, len(numbers))
				}
				return float64(len(numbers)), err
			})
		})
	}
}

func storeRange(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.flagging(ctx, 0, func(b *box, _ []int) (Sample, error) {
			return e.countCommand(b, `STORE 1:* +FLAGS (\Draft)`, messages, float64(messages))
		})
	}
}
