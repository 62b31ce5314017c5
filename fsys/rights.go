package fsys

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// neededRights are the parts of root's power (capabilities(7)) that a mail server
// uses: to act as others, to make what is theirs, to read certificates and tables
// whose mode forgets root, and to listen on the ports of mail.
const neededRights = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID | 1<<unix.CAP_NET_BIND_SERVICE

// DropRights gives up, for the whole process and for good, what root may do
// beside that. It matters for more than caution: a process with CAP_SYS_RESOURCE
// writes past the quotas of users, whoever it acts as. A process that does not
// run as root keeps what it has. A program that is linked with C cannot give
// rights up for all its threads; the error is errors.ErrUnsupported then.
func DropRights() error {
	if os.Geteuid() != 0 {
		return nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // of 32 capabilities each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	low := unix.CapUserData{Effective: data[0].Effective & neededRights, Permitted: data[0].Permitted & neededRights}
	data = [2]unix.CapUserData{low}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); errno != 0 {
		return os.NewSyscallError("capset", errno)
	}
	return nil
}
