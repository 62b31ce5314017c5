package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
)

// errKind gives errors of the machine their kind in the contract.
func errKind(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: %w", mailstore.ErrOverQuota, err)
	case isForbidden(err):
		return fmt.Errorf("%w: %w", mailstore.ErrReadOnly, err)
	case errors.Is(err, fsys.ErrNotFile):
		return fmt.Errorf("%w: %w", mailstore.ErrDamaged, err)
	}
	return err
}

// isFull: there is no room, on the disk or for this user.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isForbidden: this process may not write there.
func isForbidden(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}
