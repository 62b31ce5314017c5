package workload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"restante/bench/load"
	"restante/bench/mail"
)

const writers = 16

// Aside begins the names of mailboxes that a row leaves.
const Aside = "aside"

// appendRows are about APPEND of messages of 8 KB.
func appendRows(s Sizes) []Row {
	rows := []Row{
		{Name: "append, 1 connection", Unit: "message", Must: against(0.5), Stretch: against(0.35), Run: appends(1, 1, s.Changes)},
		{Name: "append, 16 connections, 16 mailboxes", Unit: "message", Must: against(0.4), Stretch: against(0.25), Run: appends(writers, writers, 2*s.Changes)},
		{Name: "append, 16 connections, one mailbox", Unit: "message", Must: Goal{cpu(Packaged, 0.2), {P99, Packaged, 0.2}}, Stretch: against(0.1), Run: appends(writers, 1, 2*s.Changes)},
	}
	return of(rows, mail.Spec{Format: mail.Maildir, Users: loginsAtOnce, Messages: s.Small}, IMAP)
}

// wireSample is the message as it is sent.
var wireSample = sync.OnceValue(func() []byte { return bytes.ReplaceAll(sample(), []byte("\n"), []byte("\r\n")) })

// appends has connections append to a mailbox each of a user of its own, or all to
// one.
func appends(connections, users, n int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.withScratch(ctx, users, 0, []string{scratch}, func() (s Sample, err error) {
			list := make([]*box, connections)
			for i := range list {
				if list[i], err = e.login(ctx, IMAP, i%users, load.Options{Buffer: 4096}); err != nil {
					return s, err
				}
				defer list[i].Close()
			}
			message := wireSample()
			s, err = e.countEach(connections, n, func(worker, _ int) error {
				_, err := list[worker].Append(scratch, message)
				return err
			})
			if err != nil {
				return s, err
			}
			return s, errors.Join(e.checkScratch(ctx, users, n), e.setAside(ctx, users))
		})
	}
}

// setAside gives scratch mailboxes names of their own, so that what is in them goes with
// the server's mail and not before the next run. An ext4 without a journal keeps clear of
// inodes that were deleted within the last minutes, and looks at each of them for
// each new file: that took as long as all else in an append, of any server.
func (e *Env) setAside(ctx context.Context, users int) error {
	name := fmt.Sprintf("%s%x", Aside, time.Now().UnixNano())
	for user := range users {
		b, err := e.login(ctx, IMAP, user, load.Options{})
		if err != nil {
			return err
		}
		if err := b.all("RENAME "+scratch+" "+name, "CREATE "+scratch); err != nil {
			return errors.Join(err, b.Close())
		}
		if err := b.LogOut(); err != nil {
			return err
		}
	}
	return nil
}

// checkScratch looks whether all has arrived.
func (e *Env) checkScratch(ctx context.Context, users, n int) error {
	sum := 0
	for user := range users {
		b, err := e.login(ctx, IMAP, user, load.Options{})
		if err != nil {
			return err
		}
		if err := b.all("EXAMINE " + scratch); err != nil {
			return err
		}
		sum += b.exists
		if err := b.LogOut(); err != nil {
			return err
		}
	}
	return want("messages in "+scratch, sum, n)
}
