// Package load has clients that cost next to nothing: what they measure runs on
// the same machine. They send octets that were made before and skip what comes
// back, looking at no more of it than tells where an answer ends.
//
// A client is for one goroutine at a time. Its context ends every wait.
package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options say how to connect.
type Options struct {
	TLS bool // from the first octet; certificates are not checked
	// From is the source address, for more connections than one has ports.
	From net.IP
	// Buffer is how many octets are read at once; 0 is 128 KB. Connections that
	// wait need few.
	Buffer int
	// Thread lets the client's thread wait in the kernel for what comes. It is for
	// latencies, of few connections at a time, without TLS.
	Thread bool
}

const (
	buffer  = 128 << 10
	longest = 64 << 20 // line
)

// conn is a connection and what was read from it beforehand.
type conn struct {
	net      net.Conn
	stop     func() bool
	buf      []byte
	r, w     int // buf[r:w] is not used yet
	received int64
	out      []byte
}

func dial(ctx context.Context, addr string, o Options) (*conn, error) {
	if addr == "" {
		return nil, errors.New("the server does not offer this service")
	}
	d := net.Dialer{Timeout: 30 * time.Second}
	if o.From != nil {
		d.LocalAddr = &net.TCPAddr{IP: o.From}
		d.Control = shareSource
	}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if o.TLS {
		t := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // it is our own machine
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", addr, err), c.Close())
		}
		c = t
	}
	if o.Thread {
		t, err := onThread(c)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c = t
	}
	return newConn(ctx, c, o.Buffer), nil
}

// shareSource lets the kernel choose a port that is free for this destination,
// not one that is free for all.
func shareSource(_, _ string, raw syscall.RawConn) (err error) {
	control := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(control, err)
}

func newConn(ctx context.Context, c net.Conn, size int) *conn {
	if size == 0 {
		size = buffer
	}
	end := func() { _ = c.SetDeadline(time.Unix(1, 0)) } // a connection that is closed needs none
	if t, ok := c.(*threadConn); ok {
		end = t.end
	}
	return &conn{net: c, stop: context.AfterFunc(ctx, end), buf: make([]byte, size)}
}

// Close closes the connection without a farewell.
func (c *conn) Close() error {
	c.stop()
	return c.net.Close()
}

// Received is how many octets have come, without those of TLS.
func (c *conn) Received() int64 { return c.received }

// Send sends octets as they are.
func (c *conn) Send(data []byte) error {
	_, err := c.net.Write(data)
	return err
}

// fill reads more. It makes room first: what was returned before is not valid then.
func (c *conn) fill() error {
	switch {
	case c.r == c.w:
		c.r, c.w = 0, 0
	case c.w == len(c.buf) && c.r > 0:
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	case c.w == len(c.buf):
		if len(c.buf) >= longest {
			return fmt.Errorf("a line of more than %d octets", longest)
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.net.Read(c.buf[c.w:])
	c.w += n
	c.received += int64(n)
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// line is the next one without its end, valid until something else is read.
func (c *conn) line() ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(c.buf[c.r+seen:c.w], '\n'); i >= 0 {
			line := c.buf[c.r : c.r+seen+i]
			c.r += seen + i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		seen = c.w - c.r
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// skip passes over n octets.
func (c *conn) skip(n int64) error {
	for {
		have := int64(c.w - c.r)
		if have >= n {
			c.r += int(n)
			return nil
		}
		n -= have
		c.r = c.w
		if err := c.fill(); err != nil {
			return err
		}
	}
}
