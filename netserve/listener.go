package netserve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"
)

// A Listener is an open address of a service. It is a net.Listener whose
// connections are within the limits and counted until they are closed; a
// service with a Handler uses Serve instead.
type Listener struct {
	server  *Server
	inner   net.Listener
	service Service
}

var _ net.Listener = (*Listener)(nil)

// Addr returns the bound address; its port is never 0.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Service returns what stands behind the listener.
func (l *Listener) Service() Service { return l.service }

// Close stops accepting. Connections that were accepted live on.
func (l *Listener) Close() error { return l.inner.Close() }

// Serve hands connections to the service's handler, each in a goroutine of its
// own, until the listener is closed.
func (l *Listener) Serve() {
	for {
		c, release, err := l.next()
		if err != nil {
			return
		}
		go l.serveConn(c, release)
	}
}

// Accept returns the next connection within the limits, as the network gave
// it: TLS is the caller's matter. It fails only when the listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	c, release, err := l.next()
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: c, release: release}, nil
}

// countedConn gives its place back when it is closed.
type countedConn struct {
	net.Conn
	release func()
}

func (c *countedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// next accepts until a connection is admitted or the listener is closed.
func (l *Listener) next() (net.Conn, func(), error) {
	s := l.server
	for {
		c, err := l.accept()
		if err != nil {
			return nil, nil, err
		}
		p, limit := s.limits.enter(c.RemoteAddr())
		if limit != 0 {
			l.refuse(c, limit)
			continue
		}
		release, ok := s.track(c, p)
		if !ok {
			_ = c.Close()
			return nil, nil, net.ErrClosed
		}
		return c, release, nil
	}
}

// accept waits out errors that pass, such as too many open files. Without the
// growing pause the loop would eat the processor that is needed to close some.
func (l *Listener) accept() (net.Conn, error) {
	pause := 5 * time.Millisecond
	for {
		c, err := l.inner.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		l.server.log.Error("cannot accept a connection", "service", l.service.Name, "err", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-l.server.ctx.Done():
			return nil, net.ErrClosed
		}
		pause = min(2*pause, time.Second)
	}
}

// serveConn takes one connection from the handshake to its end.
func (l *Listener) serveConn(c net.Conn, release func()) {
	defer l.ended(c, release)
	if l.service.TLS {
		l.serveTLS(c)
	} else {
		l.service.Handler.ServeConn(l.server.ctx, newPatientConn(c, l.server.vigil), false)
	}
}

func (l *Listener) serveTLS(c net.Conn) {
	tc := l.secure(newPatientConn(c, l.server.vigil))
	if tc == nil {
		return
	}
	defer tc.Close() // says close_notify, where closing c alone would not
	l.service.Handler.ServeConn(l.server.ctx, tc, true)
}

// secure does the TLS handshake; nil is that there was none.
func (l *Listener) secure(c net.Conn) *tls.Conn {
	s := l.server
	tc, err := s.shake(s.ctx, c, s.handshake)
	if err != nil {
		s.log.Debug("no TLS session", "service", l.service.Name, "remote", remote(c), "err", err)
		return nil
	}
	return tc
}

// ended is deferred: a session that panics ends alone.
func (l *Listener) ended(c net.Conn, release func()) {
	if r := recover(); r != nil {
		l.server.log.Error("a session failed; this is a defect of the server, please report it with the stack",
			"service", l.service.Name, "remote", remote(c), "err", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
	_ = c.Close() // nothing is left to be lost by an error here
	release()
}

// shake does the TLS handshake within the given time.
func (s *Server) shake(ctx context.Context, c net.Conn, within time.Duration) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tc := tls.Server(c, s.tls)
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return tc, nil
}

// refuseTimeout is all that a refused client gets, handshake included.
const refuseTimeout = 5 * time.Second

// refuse tells a client over a limit so and closes its connection, without
// keeping the accept loop waiting.
func (l *Listener) refuse(c net.Conn, limit Limit) {
	s := l.server
	if n := s.limits.report(time.Now()); n > 0 {
		s.log.Warn("connections refused: over the limit", "service", l.service.Name, "remote", remote(c), "limit", limit.String(), "count", n)
	}
	select {
	case s.refusals <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	go func() {
		defer func() { <-s.refusals }()
		defer c.Close()
		l.speak(c, limit)
	}()
}

func (l *Listener) speak(c net.Conn, limit Limit) {
	if l.service.Refuse == nil {
		return
	}
	_ = c.SetDeadline(time.Now().Add(refuseTimeout))
	if l.service.TLS {
		tc, err := l.server.shake(l.server.ctx, c, refuseTimeout)
		if err != nil {
			return
		}
		defer tc.Close()
		c = tc
	}
	if l.service.ClientFirst {
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return
		}
	}
	if _, err := c.Write(l.service.Refuse(limit)); err != nil {
		return
	}
	// A close with unread bytes of the client behind it is a reset, which can
	// destroy our words on their way: end our side and read what it sent.
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, maxDrain)
	}
}

// maxDrain bounds what is read of a refused client.
const maxDrain = 64 << 10

// String names the limit by its key in the configuration.
func (l Limit) String() string {
	switch l {
	case TotalLimit:
		return "limits.connections"
	case AddressLimit:
		return "limits.connections_per_address"
	}
	return fmt.Sprintf("Limit(%d)", int(l))
}

func remote(c net.Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return ""
}
