package mbox

import (
	"path/filepath"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/storetest"
)

func openAccount(t testing.TB, opt Options) mailstore.Account {
	t.Helper()
	if opt.FS == nil {
		opt.FS = fsys.OS{}
	}
	if opt.LockTimeout == 0 {
		opt.LockTimeout = 5 * time.Second
	}
	a, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var cannot = map[storetest.Ability]string{
	storetest.DualUse: "a mailbox is a file, and a place for others is a directory",
}

func TestStore(t *testing.T) {
	for _, c := range []struct {
		name  string
		inbox string
	}{
		{"inbox in the root", ""},
		{"inbox elsewhere", "spool/joe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				dir := t.TempDir()
				opt := Options{Root: filepath.Join(dir, "mail")}
				if c.inbox != "" {
					opt.Inbox = filepath.Join(dir, c.inbox)
					if err := fsys.MkdirAll(fsys.OS{}, filepath.Dir(opt.Inbox), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				return storetest.Harness{
					Account: openAccount(t, opt),
					Reopen:  func(t *testing.T) mailstore.Account { return openAccount(t, opt) },
					Cannot:  cannot,
				}
			})
		})
	}
}
