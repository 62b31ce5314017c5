package main

import (
	"syscall"

	"restante/fsys"
)

// canBecome reports whether this process can do what it does with a user's mail
// with the rights of that user. The groups that root was started with would
// count for all of them; it gives them up.
func canBecome() bool {
	return fsys.CanBecome() && syscall.Setgroups(nil) == nil
}
