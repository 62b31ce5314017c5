//go:build !386 && !arm

package fsys

import "golang.org/x/sys/unix"

const sysSetfsuid, sysSetfsgid = unix.SYS_SETFSUID, unix.SYS_SETFSGID
