package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/mbox"
)

func (b *bench) mbox() (mailstore.Account, error) {
	return mbox.Open(b.ctx, mbox.Options{FS: fsys.OS{}, Root: mailDir(b.dir), Zone: time.UTC, IndexDir: indexDir(b.dir)})
}

func inbox(dir string) string { return filepath.Join(mailDir(dir), "inbox") }

// forgetMbox removes everything that a server has written down of an mbox, but
// for what stands in it.
func forgetMbox(dir string) error {
	return errors.Join(os.RemoveAll(filepath.Join(mailDir(dir), ".imap")), os.RemoveAll(indexDir(dir)))
}

func openMboxOnce(dir string) error {
	b := &bench{ctx: context.Background(), dir: dir}
	return b.with((*bench).mbox, func(mailstore.Account, mailstore.Mailbox) error { return nil })
}

func openMbox(b *bench) error { return b.openMailbox((*bench).mbox) }

// deliverMbox does what a delivery agent does.
func deliverMbox(dir string) error {
	return errors.Join(openMboxOnce(dir), appendMbox(dir))
}

func appendMbox(dir string) error {
	f, err := os.OpenFile(inbox(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "From user@example.org  Thu Nov 29 22:33:52 2001\n%s\n", delivered())
	return errors.Join(err, f.Close())
}

func mboxStoreOne(b *bench) error  { return b.storeOneByOne((*bench).mbox) }
func mboxStoreMany(b *bench) error { return b.storeManyAtOnce((*bench).mbox) }
func mboxAppendOne(b *bench) error { return b.append((*bench).mbox, 1) }
func mboxAppend16(b *bench) error  { return b.append((*bench).mbox, 16) }

func mboxExpungeHalf(b *bench) error {
	return b.with((*bench).mbox, func(_ mailstore.Account, m mailstore.Mailbox) error {
		uids, c := m.Follow()
		c.Close()
		var half mailstore.UIDSet
		for i := 0; i < len(uids); i += 2 {
			half.Add(uids[i])
		}
		return b.time(1, func() error {
			_, err := m.Expunge(b.ctx, half, false)
			return err
		})
	})
}

// bareMboxCold finds every line that may separate messages.
func bareMboxCold(b *bench) error {
	return b.time(1, func() error { return scanMbox(inbox(b.dir), 0, func(int64) {}) })
}

// scanMbox tells where messages begin, reading from an offset on.
func scanMbox(path string, from int64, begins func(int64)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 128<<10)
	separator := []byte("\nFrom ")
	keep, at := 0, from
	for {
		n, err := f.ReadAt(buf[keep:], at+int64(keep))
		data := buf[:keep+n]
		for i := 0; ; i += len(separator) {
			j := bytes.Index(data[i:], separator)
			if j < 0 {
				break
			}
			i += j
			begins(at + int64(i) + 1)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		keep = len(separator) - 1
		at += int64(len(data) - keep)
		copy(buf, data[len(data)-keep:])
	}
}

func bareMboxWarm(b *bench) error {
	return b.time(1, func() error {
		if _, err := os.Stat(inbox(b.dir)); err != nil {
			return err
		}
		return readAll(indexDir(b.dir))
	})
}

func bareMboxDelivered(b *bench) error {
	if err := openMboxOnce(b.dir); err != nil {
		return err
	}
	fi, err := os.Stat(inbox(b.dir))
	if err != nil {
		return err
	}
	if err := appendMbox(b.dir); err != nil {
		return err
	}
	return b.time(1, func() error {
		return errors.Join(readAll(indexDir(b.dir)), scanMbox(inbox(b.dir), fi.Size(), func(int64) {}))
	})
}

// bareMboxStoreOne writes one octet durably for each change.
func bareMboxStoreOne(b *bench) error {
	f, err := os.OpenFile(inbox(b.dir), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.time(changes, func() error {
		for i := range changes {
			if _, err := f.WriteAt([]byte("x"), int64(i)*4001+300); err != nil {
				return err
			}
			if err := f.Sync(); err != nil {
				return err
			}
		}
		return nil
	})
}

// bareMboxStoreMany puts a few octets into the headers of the first messages, which
// moves all that stands behind them: that is read and written once, durably.
func bareMboxStoreMany(b *bench) error {
	path := inbox(b.dir)
	var places []int64
	if err := scanMbox(path, 0, func(at int64) { places = append(places, at) }); err != nil {
		return err
	}
	return b.time(min(many, len(places)), func() (err error) {
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(path + ".new")
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(out, 128<<10)
		from := int64(0)
		for _, at := range places[:min(many, len(places))] {
			if _, err := io.Copy(w, io.NewSectionReader(in, from, at-from)); err != nil {
				return errors.Join(err, out.Close())
			}
			if _, err := w.WriteString("X-Status: F\n"); err != nil {
				return errors.Join(err, out.Close())
			}
			from = at
		}
		_, err = io.Copy(w, io.NewSectionReader(in, from, 1<<62))
		if err := errors.Join(err, w.Flush(), out.Sync(), out.Close()); err != nil {
			return err
		}
		return errors.Join(os.Rename(path+".new", path), syncDir(filepath.Dir(path)))
	})
}

func bareMboxAppendOne(b *bench) error { return b.bareMboxAppend(1) }
func bareMboxAppend16(b *bench) error  { return b.bareMboxAppend(16) }

// bareMboxAppend adds one message after the other, durably.
func (b *bench) bareMboxAppend(writers int) error {
	f, err := os.OpenFile(inbox(b.dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var mu sync.Mutex
	delivered()
	return b.time(appends, func() error {
		return together(writers, appends, func(int) error {
			mu.Lock()
			defer mu.Unlock()
			_, err := fmt.Fprintf(f, "From user@example.org  Thu Nov 29 22:33:52 2001\n%s\n", delivered())
			return errors.Join(err, f.Sync())
		})
	})
}

// bareMboxExpungeHalf writes every second message to another file.
func bareMboxExpungeHalf(b *bench) error {
	path := inbox(b.dir)
	places := []int64{0}
	if err := scanMbox(path, 0, func(at int64) { places = append(places, at) }); err != nil {
		return err
	}
	return b.time(1, func() (err error) {
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(path + ".new")
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(out, 128<<10)
		for i := 1; i+1 < len(places); i += 2 {
			if _, err := io.Copy(w, io.NewSectionReader(in, places[i], places[i+1]-places[i])); err != nil {
				return errors.Join(err, out.Close())
			}
		}
		if err := errors.Join(w.Flush(), out.Sync(), out.Close()); err != nil {
			return err
		}
		return errors.Join(os.Rename(path+".new", path), syncDir(filepath.Dir(path)))
	})
}
