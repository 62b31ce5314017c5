package maildir_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"restante/fsys/watch"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/storetest"
)

// TestWatcher: what others do to a watched mailbox is told, whether the kernel
// tells it or somebody has to look, also after the mailbox was renamed.
func TestWatcher(t *testing.T) {
	w := watch.New(watch.Options{})
	defer w.Close()
	for name, watcher := range map[string]*watch.Watcher{"told": w, "polled": nil} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "Maildir")
			acct := openAccount(t, maildir.Options{Root: root, Watcher: watcher})
			defer acct.Close()
			if err := acct.Create(t.Context(), "Lists"); err != nil {
				t.Fatal(err)
			}
			m := openBox(t, acct, "Lists")
			defer m.Watch()()
			_, c := m.Follow()
			defer c.Close()
			signs := storetest.Signs(c)
			dir := filepath.Join(root, ".Lists")
			wait := func(what string, there func() bool) {
				t.Helper()
				for deadline := time.After(time.Minute); !there(); {
					select {
					case <-signs:
						c.Next()
					case <-deadline:
						t.Fatalf("%s was never told; there is %q", what, m.contents())
					}
				}
			}
			messages := func(n uint32) func() bool { return func() bool { return m.Status().Messages == n } }
			for i := range uint32(2) {
				deliver(t, dir, fmt.Sprintf("new/%d.x", i), fmt.Sprint("m", i))
				wait("a delivery", messages(i+1))
			}
			rename(t, filepath.Join(dir, "new/0.x"), filepath.Join(dir, "cur/0.x:2,F"))
			wait("a flag", func() bool {
				r, _ := m.Record(1)
				return r.Flags.Has(mailstore.Flagged)
			})
			if err := acct.Rename(t.Context(), "Lists", "Old"); err != nil {
				t.Fatal(err)
			}
			deliver(t, filepath.Join(root, ".Old"), "new/9.x", "m9")
			wait("a delivery after a rename", messages(3))
		})
	}
}
