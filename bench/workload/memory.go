package workload

import "context"

// memoryRows are about what the server holds as a whole.
func memoryRows(s Sizes) []Row {
	rows := []Row{
		{Name: "memory, no connections", Unit: "server", Start: Restarted, Rounds: 3,
			Must: Goal{{PSS, Absolute, 25e6}}, Stretch: Goal{{PSS, Absolute, 15e6}}, Run: memoryAtRest},
		{Name: "memory, one session after a header sync", Unit: "server", Start: Restarted, Rounds: 3,
			Must: Goal{{PSS, Packaged, 0.6}}, Stretch: Goal{{PSS, Packaged, 0.3}}, Run: memorySynced(s.Big)},
	}
	return of(rows, bigMail(s), IMAP)
}

func memoryAtRest(ctx context.Context, e *Env) (Sample, error) {
	m, err := e.memory(ctx)
	return Sample{Units: 1, Memory: m}, err
}

func memorySynced(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			reply, err := b.Command(fullSync)
			if err == nil {
				err = want("FETCH responses", reply.Fetches, messages)
			}
			if err != nil {
				return Sample{}, err
			}
			m, err := e.memory(ctx)
			return Sample{Units: 1, Memory: m}, err
		})
	}
}
