package workload

import (
	"context"
	"fmt"

	"restante/bench/load"
	"restante/bench/mail"
)

func middleMail(s Sizes) mail.Spec {
	return mail.Spec{Format: mail.Maildir, Users: 1, Messages: s.Middle}
}

// bodyRows are about whole messages. A GB is what goes over the wire.
func bodyRows(s Sizes) []Row {
	rows := []Row{
		{Name: "bodies, one command", Unit: "GB", Must: against(0.75), Stretch: against(0.6), Run: bodies(IMAP, s.Middle)},
		{Name: "bodies, one command for each message", Unit: "GB", Must: against(0.45), Stretch: against(0.35), Run: bodiesOneByOne(s.Middle)},
		{Name: "bodies over TLS", Unit: "GB", Must: against(0.45), Stretch: against(0.33), Wants: []Service{IMAPS}, Run: bodies(IMAPS, s.Middle)},
	}
	return of(rows, middleMail(s), IMAP)
}

func bodies(svc Service, messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		b, err := e.login(ctx, svc, 0, load.Options{})
		if err != nil {
			return Sample{}, err
		}
		defer b.Close()
		if err := b.all("SELECT INBOX"); err != nil {
			return Sample{}, err
		}
		s, err := e.countCommand(b, "FETCH 1:* (BODY.PEEK[])", messages, 1)
		return s.inGB(), err
	}
}

// inGB has as units what was received.
func (s Sample) inGB() Sample {
	s.Units = float64(s.Received) / 1e9
	return s
}

func bodiesOneByOne(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			before := b.Received()
			s, err := e.countEach(1, messages, func(_, i int) error {
				reply, err := b.Command(fmt.Sprintf("FETCH %d (BODY.PEEK[])", i+1))
				if err == nil {
					err = want("FETCH responses", reply.Fetches, 1)
				}
				return err
			})
			s.Received = b.Received() - before
			return s.inGB(), err
		})
	}
}
