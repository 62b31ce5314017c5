// Package mail makes mail to measure with: the same octets each time, and much
// like what people have in kind and size. Sizes are log-normal (median 8 KB, mean
// 21 KB), there are texts with markup beside them, things attached, other
// languages in their charsets, encoded words in headers, threads and lists.
package mail

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Make writes the mail of a specification below dir, which it creates: a
// directory for each user, as Format says. Users share message files by hard
// links, as Make's callers may do with copies of the whole: no server changes a
// file of a Maildir. An mbox has to be copied.
func Make(ctx context.Context, dir string, s Spec) error {
	m := NewMaker(Seed)
	first := filepath.Join(dir, User(0))
	if s.Format == Mbox {
		if err := os.MkdirAll(filepath.Join(first, "mail"), 0o700); err != nil {
			return err
		}
		if err := m.WriteMbox(ctx, filepath.Join(first, "mail", "inbox"), s.Messages, s.Small); err != nil {
			return err
		}
	} else if err := m.WriteMaildir(ctx, filepath.Join(first, "Maildir"), s.Messages, s.Small); err != nil {
		return err
	}
	for i := 1; i < s.Users; i++ {
		if err := Link(ctx, first, filepath.Join(dir, User(i))); err != nil {
			return err
		}
	}
	return nil
}

// Seed is the one that Make uses.
const Seed = 1

// Link makes a copy of a tree of mail: files of Maildirs are linked, for the time
// being the same, all others are copied. Modes and times stay.
func Link(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dest := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(dest, 0o700)
		}
		switch filepath.Base(filepath.Dir(path)) {
		case "cur", "new":
			return os.Link(path, dest)
		}
		return copyFile(path, dest)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	return os.Chtimes(to, fi.ModTime(), fi.ModTime())
}

const (
	workers = 4
	stride  = 64 // messages that a worker takes at a time
)

// together calls fn for all numbers below n, by several goroutines.
func together(ctx context.Context, n int, fn func(i int, buf *[]byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	blocks := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var buf []byte
			for from := range blocks {
				for i := from; i < min(from+stride, n); i++ {
					if err := fn(i, &buf); err != nil {
						cancel(err)
						break
					}
				}
			}
		})
	}
	for from := 0; from < n && ctx.Err() == nil; from += stride {
		blocks <- from
	}
	close(blocks)
	wg.Wait()
	return context.Cause(ctx)
}
