package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

func (b *bench) maildir() (mailstore.Account, error) {
	return maildir.Open(b.ctx, maildir.Options{Root: mailDir(b.dir), IndexDir: indexDir(b.dir)})
}

// forget removes everything that a server has written down of a Maildir.
func forget(dir string) error {
	lists, err := filepath.Glob(filepath.Join(mailDir(dir), "*uid*"))
	if err != nil {
		return err
	}
	for _, path := range append(lists, indexDir(dir)) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// openOnce lets the server make its index, as every first opening does.
func openOnce(dir string) error {
	b := &bench{ctx: context.Background(), dir: dir}
	return b.with((*bench).maildir, func(mailstore.Account, mailstore.Mailbox) error { return nil })
}

func deliverBefore(dir string) error {
	return errors.Join(openOnce(dir), deliver(dir, 1))
}

// deliver does what postdrop, procmail and others do. No name comes twice, whatever
// was measured before in the same mailbox.
func deliver(dir string, i int) error {
	now := time.Now()
	name := fmt.Sprintf("%d.M%dP%dQ%d.mx", now.Unix(), now.Nanosecond(), os.Getpid(), i)
	tmp := filepath.Join(mailDir(dir), "tmp", name)
	if err := os.WriteFile(tmp, delivered(), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(mailDir(dir), "new", name))
}

// with opens account and INBOX, lets fn work, and closes both.
func (b *bench) with(open func(*bench) (mailstore.Account, error), fn func(a mailstore.Account, m mailstore.Mailbox) error) (err error) {
	a, err := open(b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	m, err := a.Open(b.ctx, mailstore.Inbox)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return fn(a, m)
}

// openMaildir measures from the start of the program to the answer of SELECT.
func openMaildir(b *bench) error { return b.openMailbox((*bench).maildir) }

func (b *bench) openMailbox(open func(*bench) (mailstore.Account, error)) error {
	var a mailstore.Account
	var m mailstore.Mailbox
	err := b.time(1, func() (err error) {
		if a, err = open(b); err != nil {
			return err
		}
		m, err = a.Open(b.ctx, mailstore.Inbox)
		return err
	})
	if err != nil {
		return err
	}
	b.has = int(m.Status().Messages)
	if b.has < b.n {
		return fmt.Errorf("%d messages, want %d", b.has, b.n)
	}
	return errors.Join(m.Close(), a.Close())
}

const deliveries = 50

func refreshDelivery(b *bench) error {
	return b.with((*bench).maildir, func(_ mailstore.Account, m mailstore.Mailbox) error {
		before := m.Status().Messages
		delivered()
		err := b.time(deliveries, func() error {
			for i := range deliveries {
				if err := errors.Join(deliver(b.dir, i), m.Refresh(b.ctx)); err != nil {
					return err
				}
			}
			return nil
		})
		if n := m.Status().Messages - before; err == nil && n != deliveries {
			err = fmt.Errorf("%d messages more, want %d", n, deliveries)
		}
		return err
	})
}

const changes = 500

func storeOne(b *bench) error { return b.storeOneByOne((*bench).maildir) }

func (b *bench) storeOneByOne(open func(*bench) (mailstore.Account, error)) error {
	return b.with(open, func(_ mailstore.Account, m mailstore.Mailbox) error {
		uids, c := m.Follow()
		c.Close()
		return b.time(changes, func() error {
			for i := range changes {
				uid := uids[(i*7919)%len(uids)]
				if _, err := m.SetFlags(b.ctx, mailstore.NewUIDSet(uid), mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

const many = 10_000

// firstUIDs is a set of the first n messages.
func firstUIDs(m mailstore.Mailbox, n int) mailstore.UIDSet {
	uids, c := m.Follow()
	c.Close()
	return mailstore.NewUIDSet(uids[:min(n, len(uids))]...)
}

func storeMany(b *bench) error { return b.storeManyAtOnce((*bench).maildir) }

func (b *bench) storeManyAtOnce(open func(*bench) (mailstore.Account, error)) error {
	return b.with(open, func(_ mailstore.Account, m mailstore.Mailbox) error {
		set := firstUIDs(m, many)
		return b.time(int(set.Len()), func() error {
			_, err := m.SetFlags(b.ctx, set, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
			return err
		})
	})
}

func copyMany(b *bench) error {
	return b.with((*bench).maildir, func(a mailstore.Account, m mailstore.Mailbox) (err error) {
		if err := a.Create(b.ctx, "Archive"); err != nil {
			return err
		}
		dest, err := a.Open(b.ctx, "Archive")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dest.Close()) }()
		set := firstUIDs(m, many)
		return b.time(int(set.Len()), func() error {
			_, err := m.Copy(b.ctx, set, dest)
			return err
		})
	})
}

func expungeMany(b *bench) error {
	return b.with((*bench).maildir, func(_ mailstore.Account, m mailstore.Mailbox) error {
		set := firstUIDs(m, many)
		return b.time(int(set.Len()), func() error {
			_, err := m.Expunge(b.ctx, set, false)
			return err
		})
	})
}

const appends = 400

func appendTo(b *bench, m mailstore.Mailbox) error {
	a, err := m.NewAppend(b.ctx)
	if err != nil {
		return err
	}
	defer a.Abort()
	if err := a.Add(mailstore.AppendOptions{}, bytes.NewReader(message())); err != nil {
		return err
	}
	_, _, err = a.Commit(b.ctx)
	return err
}

func appendOne(b *bench) error { return b.append((*bench).maildir, 1) }
func append16(b *bench) error  { return b.append((*bench).maildir, 16) }

func (b *bench) append(open func(*bench) (mailstore.Account, error), writers int) error {
	return b.with(open, func(_ mailstore.Account, m mailstore.Mailbox) error {
		message()
		return b.time(appends, func() error { return together(writers, appends, func(int) error { return appendTo(b, m) }) })
	})
}

// together lets writers do n pieces of work.
func together(writers, n int, fn func(i int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = fn(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// syncDir makes the entries of a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// writeSynced writes a file of its own and makes its content durable.
func writeSynced(path string, content io.WriterTo) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = content.WriteTo(f)
	return errors.Join(err, f.Sync(), f.Close())
}
