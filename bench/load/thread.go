package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// threadConn is a TCP connection whose reads and writes block in the kernel. So a client
// waits that has one connection and a thread for it; neither the scheduler nor the poller
// of Go's runtime take part, which together take as long as a short answer.
type threadConn struct {
	net.Conn          // closed; for its addresses
	file     *os.File // the connection, of which the poller does not know
	fd       int      // its descriptor, until Close, which the goroutine calls that reads and writes
}

// onThread makes one of a connection, which it closes.
func onThread(c net.Conn) (*threadConn, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a thread can wait for TCP, not for %T", c)
	}
	fd, err := own(tcp)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "connection") // that blocks is not given to the poller
	if err := tcp.Close(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &threadConn{Conn: c, file: f, fd: fd}, nil
}

// own is a descriptor of a connection that the poller does not have, and that blocks.
func own(c *net.TCPConn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(of uintptr) {
		if fd, failed = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0); failed != nil {
			return
		}
		if failed = unix.SetNonblock(fd, false); failed != nil {
			failed = errors.Join(failed, unix.Close(fd))
		}
	})
	return fd, errors.Join(err, failed)
}

// end ends all that waits, now and later. Any goroutine may call it.
func (c *threadConn) end() {
	raw, err := c.file.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) }) // or it is closed
	}
}

func (c *threadConn) Close() error { return c.file.Close() }

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
