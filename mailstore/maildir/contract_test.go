package maildir_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/storetest"
)

// layouts are the two ways in which a tree of Maildirs stands on disk.
var layouts = []struct {
	name   string
	layout maildir.Layout
}{
	{"Maildir++", maildir.MaildirPP},
	{"FS", maildir.FS},
}

func TestContract(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				root := filepath.Join(t.TempDir(), "Maildir")
				open := func(t *testing.T) mailstore.Account {
					return openAccount(t, maildir.Options{Root: root, Layout: l.layout})
				}
				return storetest.Harness{Account: open(t), Reopen: open}
			})
		})
	}
}

// openAccount opens an account whose log goes to the test.
func openAccount(t testing.TB, opt maildir.Options) mailstore.Account {
	t.Helper()
	opt.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	acct, err := maildir.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return acct
}
