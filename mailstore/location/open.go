package location

import (
	"context"
	"fmt"

	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/mbox"
)

// openFormat opens an account in the format of its location.
func openFormat(ctx context.Context, r Resolved, opt Options) (mailstore.Account, error) {
	switch r.Format {
	case Maildir:
		layout := maildir.MaildirPP
		if r.Layout == LayoutFS {
			layout = maildir.FS
		}
		return maildir.Open(ctx, maildir.Options{FS: opt.FS, Root: r.Path, Layout: layout, Inbox: r.Inbox, Logger: opt.Logger})
	case Mbox:
		locks, err := mbox.ParseLocks(opt.MboxLocks)
		if err != nil {
			return nil, err
		}
		return mbox.Open(ctx, mbox.Options{FS: opt.FS, Root: r.Path, Inbox: r.Inbox, Logger: opt.Logger, Locks: locks, Watcher: opt.Watcher})
	}
	return nil, fmt.Errorf("no format is called %q", r.Format)
}
