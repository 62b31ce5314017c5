package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"restante/bench/load"
	"restante/bench/mail"
)

const (
	sessionsPerSecond = 30
	inboxOfMixed      = 2000 // messages at most
)

// mixedRows are about what a server does all day.
func mixedRows(s Sizes) []Row {
	m := mail.Spec{Format: mail.Maildir, Users: s.Mixed, Messages: min(s.Middle, inboxOfMixed)}
	return []Row{{
		Name: fmt.Sprintf("mixed sessions, %d/s", sessionsPerSecond), Unit: "session", Mail: m, Wants: []Service{IMAP},
		Must:    Goal{cpu(Packaged, 0.3), cpu(Reused, 0.6), {EveryP99, Packaged, 0.7}},
		Stretch: Goal{cpu(Reused, 0.4), {EveryP99, Packaged, 0.3}},
		Run:     mixed(s.Mixed, 2*s.Sessions), // enough for the 99th percentile of what two in ten do
	}}
}

// mixed begins sessions at a steady rate, whether those before have ended or not,
// as people do.
func mixed(users, n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, users, 0, []string{scratch}, func() (s Sample, err error) {
			defer func() { err = errors.Join(err, e.unflagAll(context.WithoutCancel(ctx), users)) }()
			if _, err := together(4, users, func(_, i int) error { return e.mixedSession(ctx, i, i, func(string, time.Duration) {}) }); err != nil {
				return s, err // indexes are made
			}
			commands := map[string][]time.Duration{}
			defer calm()()
			s, err = e.Count(func() (float64, error) { return float64(n), e.atRate(ctx, users, n, commands) })
			for _, list := range commands {
				slices.Sort(list)
			}
			s.Commands = commands
			return s, err
		})
	}
}

func (e *Env) atRate(ctx context.Context, users, n int, commands map[string][]time.Duration) error {
	var mu sync.Mutex
	note := func(command string, took time.Duration) {
		mu.Lock()
		commands[command] = append(commands[command], took)
		mu.Unlock()
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	begin := time.Now()
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / sessionsPerSecond)))
		wg.Go(func() { errs[i] = e.mixedSession(ctx, i, i%users, note) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// mixedSession is a session of seven to nine commands: half look for new mail, the
// others read or file something.
func (e *Env) mixedSession(ctx context.Context, i, user int, note func(command string, took time.Duration)) error {
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	start := time.Now()
	b, err := e.login(ctx, IMAP, user, load.Options{Buffer: 16 << 10, Thread: true})
	if err != nil {
		return err
	}
	note("LOGIN", time.Since(start))
	commands := []string{"SELECT INBOX"}
	if err := b.timed(note, commands); err != nil {
		return errors.Join(err, b.Close())
	}
	one := func() int { return 1 + rng.IntN(b.exists) }
	commands = []string{fmt.Sprintf("FETCH %d:* (FLAGS)", max(b.exists-200, 1))}
	body := func() string { return fmt.Sprintf("FETCH %d (BODY.PEEK[])", one()) }
	store := func() string { return fmt.Sprintf(`STORE %d +FLAGS (\Draft)`, one()) }
	switch kind := rng.IntN(10); {
	case kind < 5:
		commands = append(commands, "SEARCH UNSEEN", "NOOP", `LIST "" *`)
	case kind < 8:
		headers := strings.Replace(thunderbirdSync, "UID FETCH 1:*", fmt.Sprintf("FETCH %d:*", max(b.exists-50, 1)), 1)
		commands = append(commands, headers, body(), body(), store(), "NOOP")
	default:
		commands = append(commands, body(), fmt.Sprintf("COPY %d %s", one(), scratch), store(), "STATUS "+scratch+" (MESSAGES UNSEEN)", "APPEND")
	}
	if err := b.timed(note, append(commands, "LOGOUT")); err != nil {
		return errors.Join(err, b.Close())
	}
	return nil
}

// timed gives commands and tells how long each took.
func (b *box) timed(note func(string, time.Duration), commands []string) error {
	for _, c := range commands {
		name, _, _ := strings.Cut(c, " ")
		if strings.Contains(c, "BODY.PEEK[]") {
			name = "FETCH body"
		} else if strings.Contains(c, "HEADER.FIELDS") {
			name = "FETCH headers"
		} else if name == "FETCH" {
			name = "FETCH flags"
		}
		start := time.Now()
		var err error
		switch name {
		case "APPEND":
			_, err = b.Append(scratch, wireSample())
		case "LOGOUT":
			err = b.LogOut()
		default:
			_, err = b.Command(c)
		}
		if err != nil {
			return err
		}
		note(name, time.Since(start))
	}
	return nil
}

// unflagAll takes the flag away that sessions have set.
func (e *Env) unflagAll(ctx context.Context, users int) error {
	for user := range users {
		b, err := e.login(ctx, IMAP, user, load.Options{})
		if err != nil {
			return err
		}
		if err := b.all("SELECT INBOX", `STORE 1:* -FLAGS.SILENT (\Draft)`); err != nil {
			return errors.Join(err, b.Close())
		}
		if err := b.LogOut(); err != nil {
			return err
		}
	}
	return nil
}
