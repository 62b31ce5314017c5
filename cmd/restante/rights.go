package main

import (
	"errors"
	"syscall"

	"restante/fsys"
)

// canBecome reports whether this process can do what it does with a user's mail
// with the rights of that user. The groups that root was started with would
// count for all of them, and quotas for none; it gives up what does that.
func canBecome() bool {
	if !fsys.CanBecome() || syscall.Setgroups(nil) != nil {
		return false
	}
	err := fsys.DropRights()
	return err == nil || errors.Is(err, errors.ErrUnsupported) // linked with C, which quotas alone notice
}
