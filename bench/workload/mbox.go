package workload

import (
	"context"
	"fmt"
	"os"
	"slices"

	"restante/bench/mail"
)

// mboxRows are about mail in one file. A GB is one of the file.
func mboxRows(s Sizes) []Row {
	n := s.Mbox
	rows := []Row{
		{Name: "mbox open cold", Unit: "GB", Start: Forgotten, Must: against(0.35), Stretch: against(0.2), Run: openMbox},
		{Name: "mbox bodies", Unit: "GB", Must: against(0.5), Stretch: against(0.35), Run: bodies(IMAP, n)},
		{Name: "mbox store one by one", Unit: "change", Must: against(1), Stretch: against(0.7), Run: storeOneByOne(s.Changes)},
		{Name: "mbox rewrite when half is expunged", Unit: "GB", Must: against(1), Stretch: against(0.7), Run: expungeHalf(n), Rounds: 3},
	}
	return of(rows, mail.Spec{Format: mail.Mbox, Users: 1, Messages: n}, IMAP)
}

func openMbox(ctx context.Context, e *Env) (Sample, error) {
	fi, err := os.Stat(e.Target.Path(mail.User(0), "INBOX"))
	if err != nil {
		return Sample{}, err
	}
	return e.sessions(ctx, 1, func(list []*box) (Sample, error) {
		s, err := e.countSelects(list)
		s.Units = float64(fi.Size()) / 1e9
		return s, err
	})
}

// expungeHalf removes every second message of a copy.
func expungeHalf(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, 1, messages, []string{scratch}, func() (Sample, error) {
			return e.in(ctx, scratch, func(b *box) (Sample, error) {
				for list := range slices.Chunk(odd(messages), chunk) {
					if err := b.all(fmt.Sprintf(`STORE %s +FLAGS.SILENT (\Deleted)`, set(list))); err != nil {
						return Sample{}, err
					}
				}
				fi, err := os.Stat(e.Target.Path(mail.User(0), scratch))
				if err != nil {
					return Sample{}, err
				}
				s, err := e.countRemoved(b, "EXPUNGE", (messages+1)/2)
				s.Units = float64(fi.Size()) / 1e9
				return s, err
			})
		})
	}
}

const chunk = 1000 // messages that one command names, so that its line is not too long

// odd are the odd numbers up to another.
func odd(last int) []int {
	var list []int
	for i := 1; i <= last; i += 2 {
		list = append(list, i)
	}
	return list
}
