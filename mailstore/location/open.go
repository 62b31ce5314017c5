package location

import (
	"context"
	"fmt"
	"strings"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/index"
	"restante/mailstore/maildir"
	"restante/mailstore/mbox"
)

// site is where the files of an account stand, beside its location.
type site struct {
	files    fsys.FS // with the rights of the owner
	indexes  fsys.FS
	indexDir string // "" for none
}

// siteOf says with which rights an account is opened and where its indexes are.
func (s *Store) siteOf(user mailstore.User, r Resolved) (site, error) {
	files, err := s.filesOf(r.Owner, r.Location)
	if err != nil {
		return site{}, err
	}
	in := site{files: files, indexes: fsys.AsProcess(s.opt.FS)}
	root := s.opt.Index
	if strings.Contains(root, "%") || strings.HasPrefix(root, "~") {
		user.Home = r.Home
		vals, err := values(user)
		if err == nil {
			root, err = expandPath(root, vals)
		}
		if err != nil {
			return site{}, fmt.Errorf("index %q: %w", s.opt.Index, err)
		}
		in.indexes = in.files
	}
	in.indexDir = indexDir(root, r.Location)
	return in, nil
}

// openFormat opens an account in the format of its location.
func openFormat(ctx context.Context, r Resolved, in site, opt Options) (mailstore.Account, error) {
	switch r.Format {
	case Maildir:
		layout := maildir.MaildirPP
		if r.Layout == LayoutFS {
			layout = maildir.FS
		}
		return maildir.Open(ctx, maildir.Options{
			FS: in.files, Root: r.Path, Layout: layout, Inbox: r.Inbox, Control: r.Control, Logger: opt.Logger, Watcher: opt.Watcher,
			IndexDir: in.indexDir, IndexFS: in.indexes, Warned: opt.warned, Late: opt.late,
		})
	case Mbox:
		locks, err := mbox.ParseLocks(opt.MboxLocks)
		if err != nil {
			return nil, err
		}
		return mbox.Open(ctx, mbox.Options{
			FS: in.files, Root: r.Path, Inbox: r.Inbox, Logger: opt.Logger, Locks: locks, Watcher: opt.Watcher,
			IndexDir: in.indexDir, IndexFS: in.indexes, Late: opt.late,
		})
	}
	return nil, fmt.Errorf("no format is called %q", r.Format)
}

// indexDir is the directory for the indexes of one location.
func indexDir(root string, l Location) string {
	if root == "" {
		return ""
	}
	return index.Dir(root, l.String())
}
