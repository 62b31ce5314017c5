package maildir_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
		for _, beside := range []string{"index", "", "index and control"} {
			t.Run(strings.TrimSuffix(l.name+" with "+beside, " with "), func(t *testing.T) {
				t.Parallel()
				storetest.Run(t, func(t *testing.T) storetest.Harness {
					dir := t.TempDir()
					open := func(t *testing.T) mailstore.Account {
						opt := maildir.Options{Root: filepath.Join(dir, "Maildir"), Layout: l.layout}
						if strings.Contains(beside, "index") {
							opt.IndexDir = filepath.Join(dir, "index")
						}
						if strings.Contains(beside, "control") {
							opt.Control = filepath.Join(dir, "control")
						}
						return openWith(t, opt)
					}
					return storetest.Harness{Account: open(t), Reopen: open}
				})
			})
		}
	}
}

// openAccount opens an account with an index, which is the same for all
// accounts of one root.
func openAccount(t testing.TB, opt maildir.Options) mailstore.Account {
	t.Helper()
	opt.IndexDir = filepath.Join(filepath.Dir(opt.Root), ".index-"+filepath.Base(opt.Root))
	t.Cleanup(func() { _ = os.RemoveAll(opt.IndexDir) })
	return openWith(t, opt)
}

// openWith opens an account whose log goes to the test.
func openWith(t testing.TB, opt maildir.Options) mailstore.Account {
	t.Helper()
	opt.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	acct, err := maildir.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = acct.Close() }) // else it saves and logs after the test
	return acct
}
