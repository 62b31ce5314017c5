package test

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// listener stands between clients and a server and keeps what both say. What one
// says in answer to the other stands behind it.
type listener struct {
	net.Listener
	server string

	mu    sync.Mutex
	conns int
	said  []event
	ended map[int]bool // connections
}

// listenIn listens in to all that is said to the server at an address.
func listenIn(t *testing.T, address string) *listener {
	t.Helper()
	l := &listener{server: address, ended: make(map[int]bool)}
	l.Listener = l.door(t)
	go l.accept(l.Listener)
	return l
}

// door is a further port of this machine, until the test ends.
func (l *listener) door(t *testing.T) net.Listener {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nl.Close() })
	return nl
}

// secure is the port of a second way to the server, by TLS up to the listener.
func (l *listener) secure(t *testing.T, config *tls.Config) string {
	t.Helper()
	door := l.door(t)
	go l.accept(tls.NewListener(door, config))
	_, port, _ := net.SplitHostPort(door.Addr().String())
	return port
}

func (l *listener) accept(door net.Listener) {
	for {
		client, err := door.Accept()
		if err != nil {
			return
		}
		go l.connect(client)
	}
}

// connect hears a client out.
func (l *listener) connect(client net.Conn) {
	// Who does not get through the handshake has said nothing.
	if c, ok := client.(*tls.Conn); ok && c.Handshake() != nil {
		client.Close()
		return
	}
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		client.Close()
		return
	}
	l.mu.Lock()
	l.conns++
	conn := l.conns
	l.said = append(l.said, event{kind: opens, from: 'C', conn: conn})
	l.mu.Unlock()
	go l.pass(server, client, 'C', conn)
	go l.pass(client, server, 'S', conn)
}

// pass carries what one side says, and keeps it before the other side has it.
func (l *listener) pass(to, from net.Conn, side byte, conn int) {
	defer to.Close()
	s := new(splitter)
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		l.keep(s.feed(b[:n]), side, conn)
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	rest := event{kind: says, data: string(s.rest)}
	if rest.data != "" {
		l.keep([]event{rest}, side, conn)
	}
	l.keep([]event{{kind: hangsUp}}, side, conn)
}

// keep keeps what is said on a connection until somebody hangs up.
func (l *listener) keep(events []event, side byte, conn int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		if l.ended[conn] {
			return
		}
		e.from, e.conn = side, conn
		l.said = append(l.said, e)
		if e.kind == hangsUp {
			l.ended[conn] = true
		}
	}
}

// record is what was said so far.
func (l *listener) record() *transcript {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &transcript{events: append([]event(nil), l.said...)}
}

// waitForEnd waits until all connections have ended.
func (l *listener) waitForEnd(t *testing.T) {
	t.Helper()
	for range 600 {
		l.mu.Lock()
		open := l.conns - len(l.ended)
		l.mu.Unlock()
		if open == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("connections do not end:\n%s", l)
}

func (l *listener) String() string { return l.record().print() }

// forget drops what was said so far.
func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = nil
}

func (l *listener) port() string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestListener: what is said is kept by line, connection and side, and in an order
// in which answers stand behind what they answer.
func TestListener(t *testing.T) {
	srv := formats[0].serve(t)
	c, err := srv.Dial()
	if err != nil {
		t.Fatal(err)
	}
	l := listenIn(t, c.RemoteAddr().String())
	c.Close()
	first, second := dialIMAP(t, l.Addr().String()), dialIMAP(t, l.Addr().String())
	first.ok("LOGIN user pass")
	second.cmd("LOGOUT")
	first.c.Close()
	l.waitForEnd(t)
	said := l.String()
	for _, want := range []string{
		"C1 opens\n", "C1: t1 LOGIN user pass\nS1: t1 OK ", "C1 hangs up\n", "S2: * OK ", "C2: t1 LOGOUT\nS2: * BYE ", "S2 hangs up\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
}
