//go:build 386 || arm

package fsys

import "golang.org/x/sys/unix"

// The calls without 32 in their names are for ids of 16 bits.
const sysSetfsuid, sysSetfsgid = unix.SYS_SETFSUID32, unix.SYS_SETFSGID32
