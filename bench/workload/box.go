package workload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"restante/bench/load"
	"restante/bench/mail"
)

// box is a session with what SELECT has told of its mailbox.
type box struct {
	*load.IMAP
	exists               int
	uidValidity, highest string
	uidNext              int
}

// login opens a session.
func (e *Env) login(ctx context.Context, s Service, user int, o load.Options) (*box, error) {
	o.TLS = s == IMAPS
	c, err := load.DialIMAP(ctx, e.Target.Addr(s), o)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", s, e.Target.Name(), err)
	}
	b := &box{IMAP: c}
	c.Untagged = b.note
	if err := c.LogIn(mail.User(user), mail.Password); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return b, nil
}

// note keeps what is asked for later of an untagged response.
func (b *box) note(line []byte) {
	if n, ok := bytes.CutSuffix(line, []byte(" EXISTS")); ok {
		b.exists, _ = strconv.Atoi(string(n)) // the server's number
		return
	}
	code, ok := bytes.CutPrefix(line, []byte("OK ["))
	if !ok {
		return
	}
	word, rest, _ := bytes.Cut(code, []byte(" "))
	value, _, _ := bytes.Cut(rest, []byte("]"))
	switch string(word) {
	case "UIDVALIDITY":
		b.uidValidity = string(value)
	case "UIDNEXT":
		b.uidNext, _ = strconv.Atoi(string(value))
	case "HIGHESTMODSEQ":
		b.highest = string(value)
	}
}

// open opens a session of the first user in a mailbox.
func (e *Env) open(ctx context.Context, mailbox string) (*box, error) {
	b, err := e.login(ctx, IMAP, 0, load.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := b.Command("SELECT " + mailbox); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// in works in a session of the first user in a mailbox.
func (e *Env) in(ctx context.Context, mailbox string, fn func(b *box) (Sample, error)) (Sample, error) {
	b, err := e.open(ctx, mailbox)
	if err != nil {
		return Sample{}, err
	}
	s, err := fn(b)
	if err != nil {
		return s, errors.Join(err, b.Close())
	}
	return s, b.LogOut()
}

// do runs commands one after the other in a session of its own that is in a
// mailbox.
func (e *Env) do(ctx context.Context, mailbox string, commands ...string) error {
	_, err := e.in(ctx, mailbox, func(b *box) (Sample, error) { return Sample{}, b.all(commands...) })
	return err
}

func (b *box) all(commands ...string) error {
	for _, c := range commands {
		if _, err := b.Command(c); err != nil {
			return err
		}
	}
	return nil
}

// scratch is a mailbox for what must not stay.
const scratch = "scratch"

// withScratch works while mailboxes exist that did not before, for each of the
// first users. fill is how many messages of INBOX are copied to the first mailbox
// of the first user.
func (e *Env) withScratch(ctx context.Context, users, fill int, names []string, fn func() (Sample, error)) (s Sample, err error) {
	if err := e.scratches(ctx, "CREATE", users, names); err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, e.scratches(context.WithoutCancel(ctx), "DELETE", users, names)) }()
	if fill > 0 {
		if err := e.do(ctx, "INBOX", fmt.Sprintf("COPY 1:%d %s", fill, names[0])); err != nil {
			return s, err
		}
	}
	return fn()
}

func (e *Env) scratches(ctx context.Context, command string, users int, names []string) error {
	for user := range users {
		b, err := e.login(ctx, IMAP, user, load.Options{})
		if err != nil {
			return err
		}
		for _, name := range names {
			if command == "CREATE" {
				_, _ = b.Command("DELETE " + name) // what a run left that was broken off
			}
			if _, err := b.Command(command + " " + name); err != nil {
				return errors.Join(err, b.Close())
			}
		}
		if err := b.LogOut(); err != nil {
			return err
		}
	}
	return nil
}
