package fsys

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// plainFS has OpenFile and no shorter way.
type plainFS struct{ FS }

// TestContent: the short way and the long one give the same.
func TestContent(t *testing.T) {
	text := []byte(strings.Repeat("some text\n", 1000))
	name := filepath.Join(t.TempDir(), "message")
	modTime := time.Unix(1_000_000_000, 5e8)
	if err := errors.Join(os.WriteFile(name, text, 0o600), os.Chtimes(name, modTime, modTime)); err != nil {
		t.Fatal(err)
	}
	for kind, sys := range map[string]FS{"system": OS{}, "debts": NewDebts(OS{}), "plain": plainFS{OS{}}} {
		t.Run(kind, func(t *testing.T) {
			c, err := OpenContent(sys, name)
			if err != nil {
				t.Fatal(err)
			}
			if c.Size() != int64(len(text)) || c.ModTime() != modTime.Unix() {
				t.Errorf("%d octets of %d", c.Size(), c.ModTime())
			}
			if got, err := io.ReadAll(io.NewSectionReader(c, 0, 1<<30)); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%d octets, %v", len(got), err)
			}
			part := make([]byte, 100)
			if n, err := c.ReadAt(part, int64(len(text))-30); n != 30 || err != io.EOF {
				t.Errorf("at the end %d octets, %v", n, err)
			}
			if _, err := c.ReadAt(part, -1); err == nil {
				t.Error("reads in front of the beginning")
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if n, err := c.ReadAt(part, 0); n > 0 || !errors.Is(err, fs.ErrClosed) {
				t.Errorf("closed, it gives %d octets, %v", n, err)
			}
			if err := c.Close(); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("closed again: %v", err)
			}
		})
	}
}

// TestContentRefuses: what OpenFile would not open, or is not to be read as a message.
func TestContentRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), nil, 0o600), os.Symlink("file", at("link")), unix.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("dir"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, why string
		want      error
	}{
		{"none", "no such file", fs.ErrNotExist},
		{"link", "a link may lead anywhere", unix.ELOOP},
		{"pipe", "it would wait for a writer", ErrNotFile},
		{"dir", "it has no content", ErrNotFile},
	} {
		for _, sys := range []FS{OS{}, plainFS{OS{}}} {
			f, err := OpenContent(sys, at(c.name))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), at(c.name)) {
				t.Errorf("%T: %s gives %v, want %v: %s", sys, c.name, err, c.want, c.why)
			}
			if err == nil {
				f.Close()
			}
		}
	}
}

// TestContentCloses: a read at the moment of closing gets its octets or fs.ErrClosed, and
// never those of a file that got the same number.
func TestContentCloses(t *testing.T) {
	dir := t.TempDir()
	mine, other := filepath.Join(dir, "mine"), filepath.Join(dir, "other")
	if err := errors.Join(os.WriteFile(mine, []byte("mine"), 0o600), os.WriteFile(other, []byte("your"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		c, err := OpenContent(OS{}, mine)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			c.Close()
			if o, err := OpenContent(OS{}, other); err == nil {
				defer o.Close()
			}
		})
		b := make([]byte, 4)
		if n, err := c.ReadAt(b, 0); !errors.Is(err, fs.ErrClosed) && string(b[:n]) != "mine" {
			t.Errorf("%q, %v", b[:n], err)
		}
		wg.Wait()
	}
}
