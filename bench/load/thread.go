package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// threadConn is a TCP connection whose reads and writes block in the kernel. So a client
// waits that has one connection and a thread for it; neither the scheduler nor the poller
// of Go's runtime take part, which together take as long as a short answer.
type threadConn struct {
	*net.TCPConn
	fd int // valid until Close, which the goroutine calls that reads and writes
}

// onThread makes one of a connection.
func onThread(c net.Conn) (*threadConn, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a thread can wait for TCP, not for %T", c)
	}
	t := &threadConn{TCPConn: tcp}
	return t, t.control(func(fd int) error {
		t.fd = fd
		return unix.SetNonblock(fd, false)
	})
}

// control runs fn with the descriptor, unless the connection is closed.
func (c *threadConn) control(fn func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = fn(int(fd)) })
	return errors.Join(err, failed)
}

// end ends all that waits, now and later. Any goroutine may call it.
func (c *threadConn) end() {
	_ = c.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) }) // or it is closed
}

func (c *threadConn) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(c.fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (c *threadConn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k, err := syscall.Write(c.fd, p[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}
