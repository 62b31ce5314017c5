package workload

import (
	"context"

	"restante/bench/load"
	"restante/bench/mail"
)

const loginsAtOnce = 16

// loginRows are about sessions that do nothing but begin and end: people's
// programs do that all day.
func loginRows(s Sizes) []Row {
	m := mail.Spec{Format: mail.Maildir, Users: loginsAtOnce, Messages: s.Small}
	return []Row{
		{Name: "login, SELECT, logout, 16 at once", Unit: "session", Mail: m, Wants: []Service{IMAP},
			Must: Goal{cpu(Packaged, 0.08), cpu(Reused, 0.6)}, Stretch: Goal{cpu(Reused, 0.25)}, Run: logins(IMAP, s.Sessions)},
		{Name: "the same over TLS", Unit: "session", Mail: m, Wants: []Service{IMAPS},
			Must: Goal{cpu(Reused, 0.6)}, Stretch: Goal{cpu(Reused, 0.35)}, Run: logins(IMAPS, s.Sessions)},
	}
}

func logins(svc Service, n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		session := func(worker, _ int) error {
			b, err := e.login(ctx, svc, worker, load.Options{Buffer: 4096})
			if err != nil {
				return err
			}
			if err := b.all("SELECT INBOX"); err != nil {
				return err
			}
			return b.LogOut()
		}
		if _, err := together(loginsAtOnce, loginsAtOnce, session); err != nil { // indexes are made
			return Sample{}, err
		}
		return e.countEach(loginsAtOnce, n, session)
	}
}
