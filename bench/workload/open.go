package workload

import (
	"context"
	"errors"

	"restante/bench/load"
	"restante/bench/mail"
)

const opens = 5 // of one run, where one is too short to be measured

func bigMail(s Sizes) mail.Spec {
	return mail.Spec{Format: mail.Maildir, Users: 1, Messages: s.Big}
}

// openRows are about SELECT of a big mailbox.
func openRows(s Sizes) []Row {
	rows := []Row{
		{Name: "open cold", Unit: "message", Start: Forgotten, Must: against(0.8), Stretch: against(0.5), Run: openCold(s.Big)},
		{Name: "open warm after a restart", Unit: "mailbox", Start: Restarted, Must: against(1), Stretch: against(0.5), Run: openWarm},
		{Name: "open again", Unit: "mailbox", Must: against(0.3), Stretch: against(0.1), Run: openAgain},
		{Name: "open just after a delivery", Unit: "mailbox", Must: against(0.7), Stretch: against(0.1), Run: openChanged},
	}
	return of(rows, bigMail(s), IMAP)
}

// of gives rows what they have in common.
func of(rows []Row, m mail.Spec, wants ...Service) []Row {
	for i := range rows {
		rows[i].Mail = m
		if rows[i].Wants == nil {
			rows[i].Wants = wants
		}
	}
	return rows
}

// sessions are n sessions of the first user that have not selected anything.
func (e *Env) sessions(ctx context.Context, n int, fn func(list []*box) (Sample, error)) (s Sample, err error) {
	var list []*box
	defer func() {
		for _, b := range list {
			err = errors.Join(err, b.Close())
		}
	}()
	for range n {
		b, err := e.login(ctx, IMAP, 0, load.Options{})
		if err != nil {
			return s, err
		}
		list = append(list, b)
	}
	return fn(list)
}

// countSelects counts one SELECT in each session.
func (e *Env) countSelects(list []*box) (Sample, error) {
	return e.countEach(1, len(list), func(_, i int) error { return list[i].all("SELECT INBOX") })
}

func openCold(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.sessions(ctx, 1, func(list []*box) (Sample, error) {
			s, err := e.countSelects(list)
			s.Units = float64(messages)
			return s, errors.Join(err, want("messages", list[0].exists, messages))
		})
	}
}

func openWarm(ctx context.Context, e *Env) (Sample, error) {
	return e.sessions(ctx, 1, e.countSelects)
}

// openAgain opens a mailbox that another session has open.
func openAgain(ctx context.Context, e *Env) (Sample, error) {
	return e.in(ctx, "INBOX", func(*box) (Sample, error) {
		return e.sessions(ctx, 4*opens, e.countSelects)
	})
}

// openChanged opens a mailbox into which another program has just delivered. The
// delivery is within what is counted, as a server may learn of it before SELECT.
func openChanged(ctx context.Context, e *Env) (s Sample, err error) {
	d, err := e.deliveries(ctx, 0)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, d.undo(context.WithoutCancel(ctx))) }()
	return e.sessions(ctx, opens, func(list []*box) (Sample, error) {
		return e.countEach(1, len(list), func(_, i int) error {
			if err := d.deliver(); err != nil {
				return err
			}
			if err := list[i].all("SELECT INBOX"); err != nil {
				return err
			}
			return want("messages after a delivery", list[i].exists, d.before+i+1)
		})
	})
}
