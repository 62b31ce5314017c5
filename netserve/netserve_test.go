package netserve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// handlerFunc makes a function a Handler.
type handlerFunc func(ctx context.Context, c net.Conn, isTLS bool)

func (f handlerFunc) ServeConn(ctx context.Context, c net.Conn, isTLS bool) { f(ctx, c, isTLS) }

// echo answers bytes with the same bytes until the client or the server stops.
func echo(ctx context.Context, c net.Conn, _ bool) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := io.Copy(c, c)
	if ctx.Err() != nil && err != nil {
		_, _ = io.WriteString(c, "BYE")
	}
}

func refuse(l Limit) []byte { return []byte("* BYE over " + l.String() + "\r\n") }

// start opens one loopback listener and serves it until the test ends.
func start(t *testing.T, o Options, svc Service) (*Server, *Listener) {
	t.Helper()
	s := New(o)
	l, err := s.Listen("127.0.0.1:0", svc)
	if err != nil {
		t.Fatal(err)
	}
	if svc.Handler != nil {
		go l.Serve()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := s.Connections(); n != 0 {
			t.Errorf("%d connections left after Shutdown", n)
		}
	})
	return s, l
}

func dial(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// talk sends a word and wants it back, which shows that c is being served.
func talk(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Fatalf("read %q, %v", got, err)
	}
}

func testTLS(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{{127, 0, 0, 1}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

func TestServeAndPortZero(t *testing.T) {
	_, l := start(t, Options{}, Service{Name: "echo", Handler: handlerFunc(echo)})
	if port := l.Addr().(*net.TCPAddr).Port; port == 0 {
		t.Error("the bound address still says port 0")
	}
	talk(t, dial(t, l))
}

func TestTLS(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	saw := make(chan bool, 1)
	_, l := start(t, Options{TLS: serverTLS}, Service{Name: "echo", TLS: true, Handler: handlerFunc(func(ctx context.Context, c net.Conn, isTLS bool) {
		tc, ok := c.(*tls.Conn)
		saw <- isTLS && ok && tc.ConnectionState().HandshakeComplete
		echo(ctx, c, isTLS)
	})})
	c := tls.Client(dial(t, l), clientTLS)
	talk(t, c)
	if !<-saw {
		t.Error("the handler did not see a *tls.Conn with its handshake done and isTLS")
	}
}

func TestTLSNeedsSettings(t *testing.T) {
	if _, err := New(Options{}).Listen("127.0.0.1:0", Service{Name: "imaps", TLS: true}); err == nil {
		t.Error("a TLS service was opened without TLS settings")
	}
}

func TestListenErrorNamesAddress(t *testing.T) {
	_, l := start(t, Options{}, Service{Name: "one", Handler: handlerFunc(echo)})
	_, err := New(Options{}).Listen(l.Addr().String(), Service{Name: "imap"})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "imap") || strings.Count(err.Error(), l.Addr().String()) != 1 {
		t.Errorf("error is %q, want the service, the address once and the cause", err)
	}
}

func TestLimits(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	tests := []struct {
		why  string
		o    Options
		tls  bool
		want string
	}{
		{"the total", Options{MaxConnections: 1, MaxPerAddress: 5}, false, "* BYE over limits.connections\r\n"},
		{"one address", Options{MaxConnections: 5, MaxPerAddress: 1}, false, "* BYE over limits.connections_per_address\r\n"},
		{"the refusal of a TLS service is readable for its clients", Options{MaxConnections: 1, TLS: serverTLS}, true, "* BYE over limits.connections\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			s, l := start(t, tt.o, Service{Name: "echo", TLS: tt.tls, Handler: handlerFunc(echo), Refuse: refuse})
			open := func() net.Conn {
				if c := dial(t, l); !tt.tls {
					return c
				} else {
					return tls.Client(c, clientTLS)
				}
			}
			first := open()
			talk(t, first)
			if got, err := io.ReadAll(open()); err != nil || string(got) != tt.want {
				t.Errorf("the second connection reads %q, %v; want %q", got, err, tt.want)
			}
			talk(t, first)
			_ = first.Close()
			for s.Connections() > 0 {
				time.Sleep(time.Millisecond)
			}
			talk(t, open())
		})
	}
}

// TestAcceptCounts holds that net/http has the same limits through Accept.
func TestAcceptCounts(t *testing.T) {
	s, l := start(t, Options{MaxConnections: 1}, Service{Name: "https", ClientFirst: true, Refuse: func(Limit) []byte {
		return []byte("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	}})
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") })}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	url := "http://" + l.Addr().String()

	busy := dial(t, l)
	for s.Connections() == 0 {
		time.Sleep(time.Millisecond)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, err := client.Get(url); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("over the limit: %v, %v; want 503", resp, err)
	}
	_ = busy.Close()
	for s.Connections() > 0 {
		time.Sleep(time.Millisecond)
	}
	if resp, err := client.Get(url); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("below the limit: %v, %v; want 200", resp, err)
	}
	_ = hs.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestPanicEndsOneConnection(t *testing.T) {
	var log safeBuffer
	_, l := start(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, Service{Name: "imap", Handler: handlerFunc(func(ctx context.Context, c net.Conn, isTLS bool) {
		b := make([]byte, 1)
		if _, err := c.Read(b); err == nil && b[0] == '!' {
			panic("handler defect")
		}
		echo(ctx, c, isTLS)
	})})
	other, bad := dial(t, l), dial(t, l)
	_, _ = io.WriteString(bad, "!")
	if got, err := io.ReadAll(bad); err != nil || len(got) > 0 {
		t.Errorf("the panicking connection reads %q, %v; want its end", got, err)
	}
	_, _ = io.WriteString(other, "x")
	talk(t, other)
	if text := log.String(); !strings.Contains(text, "handler defect") || !strings.Contains(text, "service=imap") || !strings.Contains(text, "netserve_test.go") {
		t.Errorf("the log lacks the panic, the service or the stack: %s", text)
	}
}

func TestShutdownLetsHandlersSayGoodbye(t *testing.T) {
	s, l := start(t, Options{}, Service{Name: "echo", Handler: handlerFunc(echo)})
	c := dial(t, l)
	talk(t, c)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "BYE" {
		t.Errorf("the client reads %q, %v; want BYE", got, err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
	if _, err := s.Listen("127.0.0.1:0", Service{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen after Shutdown: %v, want net.ErrClosed", err)
	}
}

// TestShutdownClosesTheStubborn: a handler that does not look at its context
// loses its connection when the caller's time is up.
func TestShutdownClosesTheStubborn(t *testing.T) {
	s, l := start(t, Options{}, Service{Name: "echo", Handler: handlerFunc(func(_ context.Context, c net.Conn, _ bool) {
		_, _ = io.Copy(c, c)
	})})
	c := dial(t, l)
	talk(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if n := s.Connections(); n != 0 {
		t.Errorf("%d connections left", n)
	}
}

// pipes is a listener that hands out what the test gives it, errors included.
type pipes struct {
	next   chan any
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{next: make(chan any), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case v := <-p.next:
		if err, ok := v.(error); ok {
			return nil, err
		}
		return v.(net.Conn), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestAcceptBacksOff holds that errors which pass do not end the loop and that
// it pauses longer and longer in between, up to a second.
func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := New(Options{}), newPipes()
		l, err := s.add(p, Service{Name: "echo", Handler: handlerFunc(echo)})
		if err != nil {
			t.Fatal(err)
		}
		go l.Serve()
		begin := time.Now()
		for range 10 { // 5, 10, … 640, 1000, 1000 ms
			p.next <- syscall.EMFILE
		}
		client, server := net.Pipe()
		p.next <- server
		if waited, want := time.Since(begin), 3275*time.Millisecond; waited != want {
			t.Errorf("ten failures cost %v, want %v", waited, want)
		}
		talk(t, client)
		_ = client.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestHandshakeDeadline: a client that connects to a TLS port and says nothing
// is closed.
func TestHandshakeDeadline(t *testing.T) {
	serverTLS, _ := testTLS(t)
	synctest.Test(t, func(t *testing.T) {
		s, p := New(Options{TLS: serverTLS, HandshakeTimeout: 7 * time.Second}), newPipes()
		l, err := s.add(p, Service{Name: "echo", TLS: true, Handler: handlerFunc(echo)})
		if err != nil {
			t.Fatal(err)
		}
		go l.Serve()
		client, server := net.Pipe()
		begin := time.Now()
		p.next <- server
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("the silent client read something")
		}
		if waited := time.Since(begin); waited != 7*time.Second {
			t.Errorf("closed after %v, want 7s", waited)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestNetwork(t *testing.T) {
	tests := []struct {
		addr net.Addr
		want string
		why  string
	}{
		{&net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, "192.0.2.1/32", "an IPv4 address counts alone"},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}, "192.0.2.1/32", "the same client through a dual-stack listener"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3::4")}, "2001:db8:1:2::/64", "an IPv6 host has its whole /64"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::/64", "zones do not matter"},
		{&net.UnixAddr{Name: "/x"}, "invalid Prefix", "no IP address"},
	}
	for _, tt := range tests {
		if got := network(tt.addr).String(); got != tt.want {
			t.Errorf("network(%v) = %s, want %s: %s", tt.addr, got, tt.want, tt.why)
		}
	}
}

// TestLimitsForget holds that the table does not grow with the addresses seen.
func TestLimitsForget(t *testing.T) {
	l := newLimits(0, 10)
	for i := range 1000 {
		p, limit := l.enter(&net.TCPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i))})
		if limit != 0 {
			t.Fatal(limit)
		}
		l.leave(p)
	}
	if len(l.counts) != 0 || l.count != 0 {
		t.Errorf("%d networks and %d connections remembered", len(l.counts), l.count)
	}
}

func TestReportsAreRare(t *testing.T) {
	l, now := newLimits(1, 1), time.Unix(1000, 0)
	if n := l.report(now); n != 1 {
		t.Errorf("the first refusal reports %d, want 1", n)
	}
	for range 5 {
		if n := l.report(now.Add(time.Second)); n != 0 {
			t.Errorf("a second later: reports %d, want silence", n)
		}
	}
	if n := l.report(now.Add(reportEvery)); n != 6 {
		t.Errorf("after the pause: reports %d, want the 6 since", n)
	}
}

// safeBuffer is a log that may be written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
