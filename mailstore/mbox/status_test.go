package mbox

import (
	"os"
	"path/filepath"
	"testing"

	"restante/mailstore"
)

// TestStatusUnopened: STATUS of an mbox that has not changed since it was open does
// not open it; of one that has, it tells the truth.
func TestStatusUnopened(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(b *indexed)
		reads  bool
	}{
		{"nothing has changed", func(*indexed) {}, false},
		{"a delivery", func(b *indexed) { b.deliver(mailOf("z")) }, true},
		{"another program has removed a message", func(b *indexed) {
			b.ok(os.WriteFile(b.file(), []byte(mailOf("y")), 0o600))
		}, true},
		{"the state file is gone", func(b *indexed) {
			b.ok(os.RemoveAll(filepath.Join(b.root, notesDir)))
		}, true},
		{"our files have been removed", func(b *indexed) { b.ok(os.Remove(b.index())) }, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := someMail(t)
			b.ok(b.m.Close())
			c.change(b)
			b.fs.read.Store(0)
			got, err := b.acct.Status(t.Context(), mailstore.Inbox, 0)
			b.ok(err)
			if n := b.fs.read.Load(); (n > 0) != c.reads {
				t.Errorf("STATUS has read %d octets of the mbox", n)
			}
			b.open()
			want := b.m.Status()
			want.HighestModSeq, got.HighestModSeq = 0, 0 // of which the contract has a test
			if got != want {
				t.Errorf("STATUS is %+v, opened %+v", got, want)
			}
		})
	}
}
