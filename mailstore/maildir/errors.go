package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
)

var errNotDir = syscall.ENOTDIR

var (
	errForeignMailbox = errors.New("the destination belongs to another account")
	errNoUIDs         = errors.New("no UIDs are left; copy the messages to a new mailbox")
	errAppendOver     = errors.New("the append has been committed or aborted")
)

// fail is the error of an operation on a mailbox, with the kind that the
// contract gives it. nil stays nil.
func fail(op, mailbox string, err error) error {
	if err == nil {
		return nil
	}
	return &mailstore.Error{Op: op, Mailbox: mailbox, Err: classify(err)}
}

// classify adds the contract's kind to errors of the system.
func classify(err error) error {
	for _, known := range []struct{ is, kind error }{
		{context.Canceled, nil},
		{mailstore.ErrOverQuota, nil},
		{syscall.ENOSPC, mailstore.ErrOverQuota},
		{syscall.EDQUOT, mailstore.ErrOverQuota},
		{syscall.EFBIG, mailstore.ErrTooBig},
		{fsys.ErrLocked, mailstore.ErrInUse},
		{syscall.EROFS, mailstore.ErrReadOnly},
		{fs.ErrPermission, mailstore.ErrReadOnly},
		{fsys.ErrNotFile, mailstore.ErrDamaged},
		{syscall.ENAMETOOLONG, mailstore.ErrInvalidName},
	} {
		if !errors.Is(err, known.is) {
			continue
		}
		if known.kind == nil {
			return err
		}
		return fmt.Errorf("%w: %w", known.kind, err)
	}
	return err
}

// isReadOnly reports whether an error means that the files are not ours to
// change.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// isFull reports whether there is no room for what should be written.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
