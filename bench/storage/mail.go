package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"

	makemail "restante/bench/mail"
)

// mail is what a measurement works on: the same each time.
type mail struct {
	name string
	make func(dir string) error
}

// maker makes the messages. It takes some memory and time to get: what is measured
// gets it before, and only where it needs one.
var maker = sync.OnceValue(func() *makemail.Maker { return makemail.NewMaker(makemail.Seed) })

// delivered is the message that is delivered while something is measured.
var delivered = sync.OnceValue(func() []byte { return maker().AppendSized(nil, 1, 8000) })

// message is the same as a client sends it.
var message = sync.OnceValue(func() []byte { return bytes.ReplaceAll(delivered(), []byte("\n"), []byte("\r\n")) })

// makeMaildir makes a Maildir of n messages that no server has seen. They are
// small: it is the number that counts.
func makeMaildir(dir string, n int) error {
	return maker().WriteMaildir(context.Background(), dir, n, true)
}

// mboxMean is the mean size of messages in the mbox.
const mboxMean = 21 << 10

// makeMbox makes an mbox of about size octets that no server has seen.
func makeMbox(dir string, size int64) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return maker().WriteMbox(context.Background(), filepath.Join(dir, "inbox"), int(size/mboxMean), false)
}
