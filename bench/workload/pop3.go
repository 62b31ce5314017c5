package workload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"restante/bench/load"
	"restante/bench/mail"
)

// pop3Rows are about programs that fetch.
func pop3Rows(s Sizes) []Row {
	rows := []Row{
		{Name: "POP3 login and STAT", Unit: "session", Must: against(0.3), Stretch: against(0.1), Run: popSessions(s.Pop3, 4*opens)},
		{Name: "POP3 RETR all", Unit: "GB", Must: against(0.45), Stretch: against(0.3), Run: retrieveAll(s.Pop3)},
	}
	return of(rows, mail.Spec{Format: mail.Maildir, Users: 1, Messages: s.Pop3}, POP3, IMAP)
}

// pop opens a session of the first user.
func (e *Env) pop(ctx context.Context, messages int) (*load.POP3, error) {
	p, err := load.DialPOP3(ctx, e.Target.Addr(POP3), load.Options{})
	if err != nil {
		return nil, fmt.Errorf("POP3 of %s: %w", e.Target.Name(), err)
	}
	if err := p.LogIn(mail.User(0), mail.Password); err != nil {
		p.Close()
		return nil, err
	}
	stat, err := p.Command("STAT")
	if count, _, _ := strings.Cut(stat, " "); err == nil && count != fmt.Sprint(messages) {
		err = fmt.Errorf("STAT tells %q, want %d messages", stat, messages)
	}
	if err != nil {
		p.Close()
	}
	return p, err
}

func popSessions(messages, n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		session := func(_, _ int) error {
			p, err := e.pop(ctx, messages)
			if err != nil {
				return err
			}
			return p.Quit()
		}
		if err := session(0, 0); err != nil { // the index is made
			return Sample{}, err
		}
		return e.countEach(1, n, session)
	}
}

func retrieveAll(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (s Sample, err error) {
		unseen, err := e.unseen(ctx)
		if err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, e.makeUnseen(context.WithoutCancel(ctx), unseen)) }()
		p, err := e.pop(ctx, messages)
		if err != nil {
			return s, err
		}
		before := p.Received()
		s, err = e.countEach(1, messages, func(_, i int) error { return p.Multi(fmt.Sprintf("RETR %d", i+1)) })
		if err != nil {
			p.Close()
			return s, err
		}
		s.Received = p.Received() - before
		return s.inGB(), p.Quit()
	}
}

// unseen are the numbers of messages that have not been seen. RETR changes that.
func (e *Env) unseen(ctx context.Context) (numbers []int, err error) {
	_, err = e.in(ctx, "INBOX", func(b *box) (Sample, error) {
		b.Untagged = func(line []byte) {
			rest, ok := bytes.CutPrefix(line, []byte("SEARCH "))
			for _, field := range strings.Fields(string(rest)) {
				if n, err := strconv.Atoi(field); ok && err == nil {
					numbers = append(numbers, n)
				}
			}
		}
		return Sample{}, b.all("SEARCH UNSEEN")
	})
	return numbers, err
}

func (e *Env) makeUnseen(ctx context.Context, numbers []int) error {
	var commands []string
	for list := range slices.Chunk(numbers, chunk) {
		commands = append(commands, fmt.Sprintf(`STORE %s -FLAGS.SILENT (\Seen)`, set(list)))
	}
	return e.do(ctx, "INBOX", commands...)
}
