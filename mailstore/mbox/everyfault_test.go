package mbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/faulttest"
)

// TestFaults fails and cuts off every file operation of everything that changes
// an mbox.
func TestFaults(t *testing.T) {
	t.Run("with index", func(t *testing.T) { faulttest.Run(t, faultFormat("/index")) })
	t.Run("without index", func(t *testing.T) { faulttest.Run(t, faultFormat("")) })
}

func faultFormat(indexDir string) faulttest.Format {
	return faulttest.Format{
		Indexed: indexDir != "",
		Open: func(ctx context.Context, fs *faultfs.FS, index bool) (mailstore.Account, error) {
			opt := Options{FS: fs, Root: "/mail", LockTimeout: 20 * time.Second, Zone: time.UTC}
			if index {
				opt.IndexDir = indexDir
			}
			return Open(ctx, opt)
		},
		Deliver: func(fs *faultfs.FS, text []byte) error {
			f, err := fs.OpenFile("/mail/inbox", os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			from := "From mx@example.org " + faulttest.Date().Format(time.ANSIC) + "\n"
			_, err = f.Write(append([]byte(from), append(text, '\n')...))
			return errors.Join(err, f.Close())
		},
		ForgetID:  func(fs *faultfs.FS, name string) error { return fs.Remove("/mail/.imap/" + name + "/restante.id") },
		CopyID:    copyID,
		Delimiter: "/",
		LateFlags: true,
		Places:    true,
		TwoNames:  true, // docs/design/mbox.md
	}
}

// copyID leaves what cp -a leaves: the notes of the original.
func copyID(fs *faultfs.FS, from, to string) error {
	a := &account{opt: Options{FS: fs, Logger: slog.New(slog.DiscardHandler)}}
	is := a.readIdentity(&place{notes: "/mail/.imap/" + from})
	p := &place{notes: "/mail/.imap/" + to}
	was := a.readIdentity(p)
	if is.id == "" || was.id == "" {
		return fmt.Errorf("%s is %q and %s is %q", from, is.id, to, was.id)
	}
	return a.writeIdentity(p, identity{is.id, was.validity, is.home})
}
