package mail

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// WriteMaildir makes a Maildir with the first n messages that no server has seen.
func (m *Maker) WriteMaildir(ctx context.Context, dir string, n int, small bool) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	return together(ctx, n, func(i int, buf *[]byte) error {
		*buf = m.Append((*buf)[:0], i, small)
		path := filepath.Join(dir, "cur", m.FileName(i, *buf))
		if err := os.WriteFile(path, *buf, 0o600); err != nil {
			return err
		}
		at := m.Arrival(i)
		return os.Chtimes(path, at, at)
	})
}

// FileName is what a server would call the file of message i, with its sizes and
// flags.
func (m *Maker) FileName(i int, message []byte) string {
	at := m.Arrival(i)
	return fmt.Sprintf("%d.M%06dP%dQ%d.mail.example.com,S=%d,W=%d:2,%s", at.Unix(), mix(m.seed, uint64(i), 'u')%1_000_000, 4711+i%300, i,
		len(message), len(message)+bytes.Count(message, []byte("\n")), m.Flags(i))
}
