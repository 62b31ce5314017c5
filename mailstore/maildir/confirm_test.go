package maildir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestHiddenChanges: what others do without a change of the directory's time, as within a
// tick of its clock, is found by who reads the names again.
func TestHiddenChanges(t *testing.T) {
	known := []string{"1 [] a", "2 [F] b", "3 [] c"}
	for _, c := range []struct {
		why  string
		do   func(root string) error
		want []string
	}{
		{"nothing", func(string) error { return nil }, known},
		{"other flags", func(root string) error {
			return os.Rename(filepath.Join(root, "cur/1.a:2,"), filepath.Join(root, "cur/1.a:2,S"))
		}, []string{"1 [S] a", "2 [F] b", "3 [] c"}},
		{"flags that have gone from one to the other", func(root string) error {
			err := os.Rename(filepath.Join(root, "cur/1.a:2,"), filepath.Join(root, "cur/1.a:2,F"))
			if err == nil {
				err = os.Rename(filepath.Join(root, "cur/2.b:2,F"), filepath.Join(root, "cur/2.b:2,"))
			}
			return err
		}, []string{"1 [F] a", "2 [] b", "3 [] c"}},
		{"a message has gone", func(root string) error { return os.Remove(filepath.Join(root, "cur/1.a:2,")) }, []string{"2 [F] b", "3 [] c"}},
		{"a message has come", func(root string) error {
			return os.WriteFile(filepath.Join(root, "cur/4.d:2,"), []byte(text("d")), 0o600)
		}, []string{"1 [] a", "2 [F] b", "3 [] c", "4 [] d"}},
		{"a message has come to new", func(root string) error {
			return os.WriteFile(filepath.Join(root, "new/4.d"), []byte(text("d")), 0o600)
		}, []string{"1 [] a", "2 [F] b", "3 [] c", "4 [] d"}},
		{"a message has left new", func(root string) error {
			return os.Rename(filepath.Join(root, "new/3.c"), filepath.Join(root, "cur/3.c:2,S"))
		}, []string{"1 [] a", "2 [F] b", "3 [S] c"}},
		{"a message has come, with a name that can be none", func(root string) error {
			return os.WriteFile(filepath.Join(root, "cur/4.d\n:2,"), nil, 0o600)
		}, known},
		{"a keyword has got its letter", func(root string) error {
			err := os.WriteFile(filepath.Join(root, "dovecot-keywords"), []byte("0 late\n"), 0o600)
			if err == nil {
				err = os.Rename(filepath.Join(root, "cur/1.a:2,"), filepath.Join(root, "cur/1.a:2,a"))
			}
			return err
		}, []string{"1 [late] a", "2 [F] b", "3 [] c"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			acct, root := newAccount(t, maildir.MaildirPP)
			deliver(t, root, "cur/1.a:2,", "a")
			deliver(t, root, "cur/2.b:2,F", "b")
			deliver(t, root, "new/3.c", "c")
			ahead := time.Now().Add(time.Hour) // and so never certain by its age
			times := func() {
				for _, sub := range []string{"new", "cur"} {
					if err := os.Chtimes(filepath.Join(root, sub), ahead, ahead); err != nil {
						t.Fatal(err)
					}
				}
			}
			times()
			m := openBox(t, acct, mailstore.Inbox)
			m.refresh() // once more, as nobody knows what a directory of the future has hidden at first
			if err := c.do(root); err != nil {
				t.Fatal(err)
			}
			times()
			before, changed := m.Status().HighestModSeq, !slices.Equal(c.want, known)
			for range 1000 { // a busy machine may make the directory look too large to be read at once
				m.refresh()
				if changed == (m.Status().HighestModSeq > before) {
					break
				}
				time.Sleep(time.Millisecond)
			}
			m.want(c.want...)
			if !changed && m.Status().HighestModSeq > before {
				t.Error("nothing has changed, and clients are told of it")
			}
		})
	}
}

// TestConfirmMemory: reading again the names of a directory in which nothing has changed
// takes no memory for them.
func TestConfirmMemory(t *testing.T) {
	const messages, looks = 500, 40 // few, as a directory that takes 2 ms is not read each time
	acct, root := newAccount(t, maildir.MaildirPP)
	deliver(t, root, "cur/1.first:2,", "x")
	for i := range messages - 1 {
		write(t, filepath.Join(root, "cur", fmt.Sprintf("%d.M%dP1Q%d.host,S=2,W=3:2,FS", 1_700_000_000+i, i, i)), "x\n")
	}
	m := openBox(t, acct, mailstore.Inbox)
	ahead := time.Now()
	taken := func(change bool) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range looks {
			if change { // then the names are read as if nothing were known
				ahead = ahead.Add(time.Hour)
				if err := os.Chtimes(filepath.Join(root, "cur"), ahead, ahead); err != nil {
					t.Fatal(err)
				}
			}
			m.refresh()
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / looks
	}
	anew, again := taken(true), taken(false)
	t.Logf("%d names: %d octets for reading them anew, %d for reading them again", messages, anew, again)
	if again > anew/3 {
		t.Errorf("reading %d names that are known takes %d octets, and reading them anew %d", messages, again, anew)
	}
}
