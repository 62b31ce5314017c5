package mail

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"time"
)

// WriteMbox makes an mbox with the first n messages that no server has seen.
func (m *Maker) WriteMbox(ctx context.Context, path string, n int, small bool) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	var message, entry []byte
	for i := range n {
		message = m.Append(message[:0], i, small)
		entry = m.AppendEntry(entry[:0], i, message)
		if _, err := w.Write(entry); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return w.Flush()
}

// AppendEntry appends message i as it stands in an mbox: behind a line that begins
// with From, before an empty one, and with such lines quoted (mboxrd).
func (m *Maker) AppendEntry(dst []byte, i int, message []byte) []byte {
	dst = append(dst, "From "+m.from(i).addr+"  "...)
	dst = m.Arrival(i).AppendFormat(dst, time.ANSIC)
	dst = append(dst, '\n')
	for rest := message; ; {
		at := bytes.Index(rest, []byte("\nFrom "))
		if at < 0 {
			return append(append(dst, rest...), '\n')
		}
		dst = append(append(dst, rest[:at+1]...), '>')
		rest = rest[at+1:]
	}
}
