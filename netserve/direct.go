package netserve

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// A directConn makes small reads and writes by system calls of which Go's scheduler is
// not told. It is told of those that may take long, so that it can give the processor to
// another goroutine meanwhile. None of these does: the descriptor never waits, what waits
// is the runtime's poller, as ever. To tell it takes a part of what a short command takes,
// and once in a while it takes the processor away all the same: a second thread has to
// wake then, on a processor that has nothing of all this in its caches.
type directConn struct {
	net.Conn
	raw     syscall.RawConn
	in, out transfer
}

// maxDirect bounds what one call may copy. Of more the scheduler should know: that takes
// longer than telling it.
const maxDirect = 16 << 10

// newDirectConn is c itself if it is no socket of the machine.
func newDirectConn(c net.Conn) net.Conn {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return c // its first use will tell
	}
	d := &directConn{Conn: c, raw: raw}
	d.in.call, d.out.call = d.in.read, d.out.write
	return d
}

// Read implements net.Conn.
func (c *directConn) Read(p []byte) (int, error) {
	t := &c.in
	if !t.take(p) {
		return c.Conn.Read(p)
	}
	defer t.give()
	switch err := c.raw.Read(t.call); {
	case err != nil:
		return 0, named("read", err)
	case t.errno != 0:
		return 0, c.failed("read", t.errno)
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

// Write implements net.Conn.
func (c *directConn) Write(p []byte) (int, error) {
	t := &c.out
	if !t.take(p) {
		return c.Conn.Write(p)
	}
	defer t.give()
	switch err := c.raw.Write(t.call); {
	case err != nil:
		return t.n, named("write", err)
	case t.errno != 0:
		return t.n, c.failed("write", t.errno)
	case t.n < len(p):
		return t.n, io.ErrUnexpectedEOF
	}
	return t.n, nil
}

// named gives an error of RawConn the name that it has elsewhere.
func named(op string, err error) error {
	if e, ok := err.(*net.OpError); ok {
		e.Op = op
	}
	return err
}

func (c *directConn) failed(op string, errno syscall.Errno) error {
	addr := c.RemoteAddr()
	return &net.OpError{Op: op, Net: addr.Network(), Source: c.LocalAddr(), Addr: addr, Err: os.NewSyscallError(op, errno)}
}

// A transfer is what goes in or out at the moment.
type transfer struct {
	mu    sync.Mutex                   // who does not get it goes the usual way
	call  func(fd uintptr) (done bool) // read or write
	p     []byte                       // what is left to be done
	n     int                          // so much is done
	errno syscall.Errno                // of the last call
}

// take makes ready for p, unless that has to go the usual way.
func (t *transfer) take(p []byte) bool {
	if len(p) == 0 || len(p) > maxDirect || !t.mu.TryLock() {
		return false
	}
	t.p, t.n, t.errno = p, 0, 0
	return true
}

func (t *transfer) give() {
	t.p = nil
	t.mu.Unlock()
}

// read reads once. It is not done if the descriptor would have to wait.
func (t *transfer) read(fd uintptr) (done bool) {
	n, wait := t.do(syscall.SYS_READ, fd)
	t.n = n
	return !wait
}

// write writes all. Until then nobody else does.
func (t *transfer) write(fd uintptr) (done bool) {
	for len(t.p) > 0 {
		n, wait := t.do(syscall.SYS_WRITE, fd)
		if wait {
			return false
		}
		if n == 0 {
			break
		}
		t.p, t.n = t.p[n:], t.n+n
	}
	return true
}

// do is one system call, of which nothing is done if it fails or would have to wait.
func (t *transfer) do(number, fd uintptr) (n int, wait bool) {
	for {
		n, _, errno := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(&t.p[0])), uintptr(len(t.p)))
		switch errno {
		case 0:
			return int(n), false
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, true
		}
		t.errno = errno
		return 0, false
	}
}
