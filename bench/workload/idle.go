package workload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"restante/bench/load"
	"restante/bench/mail"
)

const (
	connectionsPerUser = 10 // at least
	perAddress         = 10_000
	watchers           = 10
	delivered          = 20 // while they watch
	notifiedUsers      = 100
	inboxOfMany        = 50 // messages that each of many users has at most
)

// idleRows are about connections that wait with IDLE in INBOX.
func idleRows(s Sizes) []Row {
	m := mail.Spec{Format: mail.Maildir, Users: s.Users, Messages: min(s.Small, inboxOfMany)}
	rows := []Row{{
		Name: fmt.Sprintf("idle: a delivery is seen by %d connections", watchers), Unit: "delivery", Mail: m, Wants: []Service{IMAP},
		Must:    Goal{cpu(Packaged, 0.1), {P50, Absolute, 0.05}},
		Stretch: Goal{cpu(Packaged, 0.03), {P50, Absolute, 0.01}}, Run: watch,
	}}
	for _, n := range s.Idle {
		rows = append(rows, idleRow(m, IMAP, "clear text", n, 32<<10, 16<<10, Bound{PSS, Hibernate, 2.5}))
	}
	for _, n := range s.IdleTLS {
		rows = append(rows, idleRow(m, IMAPS, "TLS", n, 64<<10, 40<<10, Bound{PSS, Hibernate, 0.7}))
	}
	return rows
}

// idleRow has bounds for the memory of one connection, and for how soon the last
// hear of a delivery to one of many users. A peer that has a process for each
// connection is asked only where it has room for them.
func idleRow(m mail.Spec, svc Service, name string, n int, must, stretch float64, parked Bound) Row {
	r := Row{
		Name: fmt.Sprintf("memory of an idle connection, %d, %s", n, name), Unit: "connection", Start: Restarted, Mail: m, Wants: []Service{svc},
		Must:    Goal{{PSS, Absolute, must}, parked, {P99, Absolute, 0.05}},
		Stretch: Goal{{PSS, Absolute, stretch}},
		Point:   Point{Plot: "memory against idle connections", Series: name, X: float64(n)},
		Files:   n + 500, Rounds: 3,
		Run: idle(svc, n, max(1, min(m.Users, n/connectionsPerUser))),
	}
	if n <= 1000 {
		r.Must = append(r.Must, Bound{PSS, Packaged, 0.1})
	}
	if n > 10_000 {
		r.Rounds = 1
	}
	return r
}

// idlers opens n connections of users that wait, calls fn and closes them.
// Connection i is that of user i%users.
func (e *Env) idlers(ctx context.Context, svc Service, n, users int, fn func(list []*box) (Sample, error)) (Sample, error) {
	list := make([]*box, n)
	defer func() {
		for _, b := range list {
			if b != nil {
				b.Close() // of use to nobody any more
			}
		}
	}()
	_, err := together(16, n, func(_, i int) (err error) {
		o := load.Options{Buffer: 512, From: net.IPv4(127, 0, 0, byte(2+i/perAddress))}
		if list[i], err = e.login(ctx, svc, i%users, o); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if err := list[i].all("SELECT INBOX"); err != nil {
			return err
		}
		return list[i].Idle()
	})
	if err != nil {
		return Sample{}, err
	}
	return fn(list)
}

// idle tells what waiting connections take, and how soon they hear of a delivery.
func idle(svc Service, n, users int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		before, err := e.memory(ctx)
		if err != nil {
			return Sample{}, err
		}
		return e.idlers(ctx, svc, n, users, func(list []*box) (Sample, error) {
			after, err := e.memory(ctx)
			if err != nil {
				return Sample{}, err
			}
			s := Sample{Units: float64(n), Memory: Memory{PSS: after.PSS - before.PSS, Processes: after.Processes - before.Processes}}
			if !e.Ours { // how soon is a bound of ours alone, and who has few inotify instances looks twice a minute
				return s, nil
			}
			for user := range min(users, notifiedUsers) {
				var watching []*box
				for i := user; i < n; i += users {
					watching = append(watching, list[i])
				}
				seen, err := e.notify(ctx, watching, user, 1)
				if err != nil {
					return s, err
				}
				s.Latencies = append(s.Latencies, seen.Latencies...)
			}
			slices.Sort(s.Latencies)
			return s, nil
		})
	}
}

// watch counts deliveries that connections wait for.
func watch(ctx context.Context, e *Env) (Sample, error) {
	return e.idlers(ctx, IMAP, watchers, 1, func(list []*box) (Sample, error) {
		return e.notify(ctx, list, 0, delivered)
	})
}

// notify delivers n messages, one when all have seen that before, and tells how
// long that took.
func (e *Env) notify(ctx context.Context, watching []*box, user, n int) (s Sample, err error) {
	d, err := e.deliveries(ctx, user)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, d.undo(context.WithoutCancel(ctx))) }()
	var seen []time.Duration
	s, err = e.Count(func() (float64, error) {
		for range n {
			took, err := d.seenBy(watching)
			if err != nil {
				return 0, err
			}
			seen = append(seen, took...)
		}
		return float64(n), nil
	})
	slices.Sort(seen)
	s.Latencies = seen
	return s, err
}

// seenBy delivers a message and waits until all connections have heard of it.
func (d *deliveries) seenBy(watching []*box) ([]time.Duration, error) {
	var wg sync.WaitGroup
	at := make([]time.Time, len(watching))
	errs := make([]error, len(watching))
	for i, b := range watching {
		wg.Go(func() {
			errs[i] = b.Await(" EXISTS")
			at[i] = time.Now()
		})
	}
	err := d.deliver()
	if err != nil {
		for _, b := range watching {
			b.Close() // or they would wait for ever
		}
	}
	wg.Wait()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	took := make([]time.Duration, len(at))
	for i := range at {
		took[i] = at[i].Sub(d.last)
	}
	return took, nil
}
