package maildir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore/maildir"
)

// openedFS notes which files are opened.
type openedFS struct {
	fsys.OS
	names []string
}

func (o *openedFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	o.names = append(o.names, filepath.Base(name))
	return o.OS.OpenFile(name, flag, perm)
}

// TestListOpensWhatIsThere: LIST does not look for files that the listing of their directory
// has shown to be absent, and reads those of every server that are there.
func TestListOpensWhatIsThere(t *testing.T) {
	for name, opt := range map[string]maildir.Options{
		"beside the mailboxes": {},
		"elsewhere":            {Control: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			root, sys := t.TempDir(), &openedFS{}
			deliver(t, root, "cur/1.old:2,", "x")
			opt.Root, opt.FS = root, sys
			acct := openAccount(t, opt)
			list := func() (subscribed, uses []string) {
				t.Helper()
				infos, err := acct.Mailboxes(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range infos {
					if i.Subscribed {
						subscribed = append(subscribed, i.Name)
					}
					if i.SpecialUse != "" {
						uses = append(uses, i.Name+i.SpecialUse)
					}
				}
				return subscribed, uses
			}
			past := time.Now().Add(-time.Minute)
			settle := func() {
				t.Helper()
				if err := os.Chtimes(root, past, past); err != nil {
					t.Fatal(err)
				}
			}
			list()
			if len(sys.names) == 0 {
				t.Error("a root that was changed a moment ago is believed to lack what it did not tell of")
			}
			settle()
			sys.names = nil
			list()
			if opt.Control == "" && len(sys.names) > 0 {
				t.Errorf("opened for nothing: %v", sys.names)
			}
			check := func(what string, wantSubs, wantUses []string) {
				t.Helper()
				settle()
				if subs, uses := list(); !slices.Equal(subs, wantSubs) || !slices.Equal(uses, wantUses) {
					t.Errorf("%s: %v are subscribed, uses %v; want %v, %v", what, subs, uses, wantSubs, wantUses)
				}
			}
			write(t, filepath.Join(root, "courierimapsubscribed"), "INBOX\n")
			check("as Courier has it", []string{"INBOX"}, nil)
			if err := acct.Create(t.Context(), "Sent"); err != nil {
				t.Fatal(err)
			}
			if err := acct.SetSpecialUse(t.Context(), "Sent", `\Sent`); err != nil {
				t.Fatal(err)
			}
			check("with a special use", []string{"INBOX"}, []string{`Sent\Sent`})
			if err := acct.Subscribe(t.Context(), "Sent", true); err != nil {
				t.Fatal(err)
			}
			check("with subscriptions of our own", []string{"INBOX", "Sent"}, []string{`Sent\Sent`})
			if err := os.Remove(filepath.Join(root, "courierimapsubscribed")); err != nil {
				t.Fatal(err)
			}
			check("without Courier's", []string{"INBOX", "Sent"}, []string{`Sent\Sent`})
		})
	}
}
