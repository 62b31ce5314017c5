// Package netserve accepts connections for the services.
//
// It promises that every connection, whatever the service, counts against the
// same limits; that one over a limit hears the service's own words before it
// is closed; that a client which is slow to shake hands, vanishes or makes a
// handler panic costs nobody else anything; and that stopping is graceful:
// handlers are told by their context, get the time the caller grants, and only
// then lose their connections.
package netserve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A Handler serves one connection. It returns when the conversation is over;
// the connection is closed afterwards. The context ends when the server stops:
// then the handler says goodbye and returns soon. isTLS says that the
// connection is encrypted, in which case c is a *tls.Conn whose handshake is
// done.
type Handler interface {
	ServeConn(ctx context.Context, c net.Conn, isTLS bool)
}

// A Limit is what a refused connection would have exceeded.
type Limit int

// The limits.
const (
	TotalLimit   Limit = iota + 1 // connections of all services together
	AddressLimit                  // connections from one remote address or network
)

// A Service is what stands behind a listener.
type Service struct {
	// Name is the service in logs, such as "imaps".
	Name string
	// TLS asks for a handshake before the handler sees a connection.
	TLS bool
	// Handler serves the connections. It may be nil for a service that takes
	// its connections from Listener.Accept.
	Handler Handler
	// Refuse returns what a connection over a limit is told, in the protocol's
	// words. With nil the connection is closed without a word.
	Refuse func(Limit) []byte
	// ClientFirst says that in this protocol the client speaks first, as in
	// HTTP, so that a refusal before its first words would not be understood.
	ClientFirst bool
}

// Options are what a Server uses. Zero limits mean none.
type Options struct {
	Logger           *slog.Logger
	TLS              *tls.Config // for services with TLS
	MaxConnections   int
	MaxPerAddress    int           // per IPv4 address or IPv6 /64
	HandshakeTimeout time.Duration // 0 means 30 seconds
	// Vigil makes commands that follow each other closely cheaper. It occupies one of the
	// runtime's processors (GOMAXPROCS) meanwhile, so there must be one to spare.
	Vigil bool
}

// A Server owns listeners and the connections that came through them. Its
// methods may be called from any goroutine.
type Server struct {
	log       *slog.Logger
	tls       *tls.Config
	handshake time.Duration
	limits    *limits
	refusals  chan struct{} // a slot for each refusal that is being spoken
	vigil     *vigil        // or nil

	ctx    context.Context // what handlers see
	cancel context.CancelFunc

	mu        sync.Mutex
	stopping  bool
	listeners []*Listener
	conns     map[net.Conn]struct{} // raw connections, to be closed in the end
	open      sync.WaitGroup        // one for each of conns
}

// maxRefusals bounds the goroutines that tell clients to come back later; the
// connections beyond are closed without a word.
const maxRefusals = 64

// New makes a server without listeners.
func New(o Options) *Server {
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		log:       o.Logger,
		tls:       o.TLS,
		handshake: o.HandshakeTimeout,
		limits:    newLimits(o.MaxConnections, o.MaxPerAddress),
		refusals:  make(chan struct{}, maxRefusals),
		ctx:       ctx,
		cancel:    cancel,
		conns:     map[net.Conn]struct{}{},
	}
	if o.Vigil {
		s.vigil = newVigil()
	}
	return s
}

// keepAlive finds a vanished client within seven minutes.
//
// QUIRK: phones go to sleep with their connections open; each probe wakes them, so
// they are left alone for four minutes.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 4 * time.Minute, Interval: 30 * time.Second, Count: 6}
}

// Listen opens address for a service. Connections wait in the kernel's queue
// until Listener.Serve or Listener.Accept takes them, so all listeners can be
// open before the first connection is served.
func (s *Server) Listen(address string, svc Service) (*Listener, error) {
	if svc.TLS && s.tls == nil {
		return nil, fmt.Errorf("listen for %s on %s: no TLS settings", svc.Name, address)
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive()}
	nl, err := lc.Listen(s.ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s on %s: %w", svc.Name, address, cause(err))
	}
	return s.add(nl, svc)
}

// cause strips what net.OpError repeats of the address.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (s *Server) add(nl net.Listener, svc Service) (*Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		_ = nl.Close()
		return nil, net.ErrClosed
	}
	l := &Listener{server: s, inner: nl, service: svc}
	s.listeners = append(s.listeners, l)
	return l, nil
}

// track remembers an admitted connection until release is called. It is false
// once the server stops.
func (s *Server) track(c net.Conn, p place) (release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		s.limits.leave(p)
		return nil, false
	}
	s.conns[c] = struct{}{}
	s.open.Add(1)
	return sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.limits.leave(p)
		s.open.Done()
	}), true
}

// Connections returns how many connections are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Shutdown closes the listeners, ends the context of the handlers and waits
// until they are done. When ctx ends first, it closes the connections, so that
// handlers which read or write fail at once, and waits for them a moment more.
// It returns nil when no connection is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	listeners := s.listeners
	s.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
	s.cancel()

	done := make(chan struct{})
	go func() {
		s.open.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.closeConnections()
	select {
	case <-done:
		return nil
	case <-time.After(afterClose):
		return fmt.Errorf("stop: %d connections are still busy", s.Connections())
	}
}

// afterClose is how long a handler may take to notice that its connection has
// been closed, and to leave the storage in order.
const afterClose = 2 * time.Second

func (s *Server) closeConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}
