package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"restante/bench/mail"
)

// Indexer is a target that can look up text in an index of its own, which it has
// no use for unless it is told to.
type Indexer interface {
	// Indexes is whether it can.
	Indexes() bool
	// Index starts the server anew with a full-text index of a user's INBOX, which
	// is made first, and tells what that has cost.
	Index(ctx context.Context, user string) (Index, error)
	// NoIndex starts it anew without.
	NoIndex(ctx context.Context) error
}

// Index is what a full-text index costs.
type Index struct {
	CPU  time.Duration // to make it
	Size int64         // octets on disk
	Mail int64         // octets of mail that it is about
}

// fullTextRows are about a search for a rare word in a big mailbox with an index.
// A peer without one opens all messages, so it is asked once only.
func fullTextRows(s Sizes) []Row {
	rows := []Row{{
		Name: "search TEXT with a full-text index", Unit: "command", Start: Forgotten, Rounds: 2,
		Must:    Goal{cpu(Absolute, 0.05), cpu(Packaged, 0.01), {IndexCPU, Absolute, 15}, {IndexSize, Absolute, 0.5}},
		Stretch: Goal{cpu(Absolute, 0.01), {IndexCPU, Absolute, 6}, {IndexSize, Absolute, 0.25}},
		Run:     searchIndexed(s.Big),
	}}
	return of(rows, bigMail(s), IMAP)
}

func searchIndexed(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (s Sample, err error) {
		var made Index
		if t, ok := e.Target.(Indexer); ok && t.Indexes() {
			if made, err = t.Index(ctx, mail.User(0)); err != nil {
				return s, err
			}
			defer func() { err = errors.Join(err, t.NoIndex(context.WithoutCancel(ctx))) }()
		}
		made.Mail, err = sizeOf(e.Target.Path(mail.User(0), "INBOX"))
		if err != nil {
			return s, err
		}
		s, err = e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			i := 0
			return repeat(opens, func() (Sample, error) {
				i++
				number := messages * i / (opens + 1)
				return e.countSearch(b, fmt.Sprintf("SEARCH TEXT %q", mail.Token(mail.Seed, number)), 1, number+1)
			})
		})
		s.Index = made
		return s, err
	}
}
