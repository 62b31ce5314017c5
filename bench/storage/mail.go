package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mail is what a measurement works on: the same each time.
type mail struct {
	name string
	make func(dir string) error
}

// header is that of message i; it has the usual fields and length.
func header(i int) string {
	return fmt.Sprintf("Return-Path: <user%d@example.org>\nReceived: from mx.example.org (mx.example.org [192.0.2.7])\n\tby mail.example.com with ESMTPS id %08x\n\tfor <ana@example.com>; Thu, 29 Nov 2001 22:33:52 +0000\nFrom: User %d <user%d@example.org>\nTo: Ana <ana@example.com>\nSubject: message %d of many\nDate: Thu, 29 Nov 2001 22:33:52 +0000\nMessage-ID: <%d.bench@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n",
		i%97, i, i%97, i%97, i, i)
}

var line = "The quick brown fox jumps over the lazy dog, and the dog sleeps on.\n" // constant

// text is message i with about size octets.
func text(i, size int) string {
	h := header(i)
	return h + strings.Repeat(line, max(1, (size-len(h))/len(line)))
}

// fileName is the name that Dovecot would give to message i.
func fileName(i, size int) string {
	return fmt.Sprintf("%d.M%dP4711Q%d.host.example.org,S=%d,W=%d:2,S", 1_700_000_000+i*60, i%1_000_000, i, size, size+12)
}

// makeMaildir makes a Maildir of n messages that no server has seen. Big ones
// have small messages: there it is the number that counts.
func makeMaildir(dir string, n int) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	for i := range n {
		t := text(i, 900)
		if err := os.WriteFile(filepath.Join(dir, "cur", fileName(i, len(t))), []byte(t), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeMbox makes an mbox of about size octets that no server has seen.
func makeMbox(dir string, size int64) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "inbox"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	for i, done := 0, int64(0); done < size; i++ {
		n, err := fmt.Fprintf(w, "From user%d@example.org  Thu Nov 29 22:33:52 2001\n%s\n", i%97, text(i, 4000+i%97*200))
		if err != nil {
			return err
		}
		done += int64(n)
	}
	return w.Flush()
}
