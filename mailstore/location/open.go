package location

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"

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
		return maildir.Open(ctx, maildir.Options{FS: opt.FS, Root: r.Path, Layout: layout, Inbox: r.Inbox, Logger: opt.Logger, Watcher: opt.Watcher, IndexDir: indexDir(opt.Index, r.Location)})
	case Mbox:
		locks, err := mbox.ParseLocks(opt.MboxLocks)
		if err != nil {
			return nil, err
		}
		return mbox.Open(ctx, mbox.Options{FS: opt.FS, Root: r.Path, Inbox: r.Inbox, Logger: opt.Logger, Locks: locks, Watcher: opt.Watcher, IndexDir: indexDir(opt.Index, r.Location)})
	}
	return nil, fmt.Errorf("no format is called %q", r.Format)
}

// maxDirName is how long a location may stand in a file name.
const maxDirName = 200

// indexDir is the directory for the indexes of one location: who reads it sees
// which, and no two locations share one.
func indexDir(root string, l Location) string {
	if root == "" {
		return ""
	}
	dir := url.PathEscape(l.String())
	if len(dir) > maxDirName {
		sum := sha256.Sum256([]byte(dir))
		dir = dir[:maxDirName] + "%" + hex.EncodeToString(sum[:8])
	}
	return filepath.Join(root, dir)
}
