package webmail_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore/memory"
	"restante/webmail"
)

// pipeListener is a network on which one client calls.
type pipeListener struct{ conns chan net.Conn }

func (l *pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l *pipeListener) Close() error   { return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// call runs talk as a client of a server that has no time limits of its own.
func call(t *testing.T, talk func(net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		s := webmail.New(webmail.Options{Store: memory.New(memory.Options{}), Auth: oneUser{}})
		l := &pipeListener{make(chan net.Conn, 1)}
		hs := &http.Server{Handler: s}
		go hs.Serve(l)
		client, server := net.Pipe()
		l.conns <- server
		talk(client)
		client.Close()
		close(l.conns)
		hs.Close()
		s.Close()
	})
}

// TestSlowBody: a client that promises a body and never sends it loses its connection, whether the body is wanted or not.
func TestSlowBody(t *testing.T) {
	for _, request := range []string{"POST /login", "POST /nothing", "GET /login"} {
		t.Run(request, func(t *testing.T) {
			call(t, func(c net.Conn) {
				begin := time.Now()
				fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nname=", request)
				c.SetReadDeadline(begin.Add(time.Hour))
				io.Copy(io.Discard, c)
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("the connection lived for %v", took)
				}
			})
		})
	}
}

// TestSlowReader: so does one that asks and does not read the answers.
func TestSlowReader(t *testing.T) {
	call(t, func(c net.Conn) {
		begin := time.Now()
		c.SetWriteDeadline(begin.Add(time.Hour))
		for time.Since(begin) < time.Hour {
			if _, err := io.Copy(c, strings.NewReader("GET /login HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
				break
			}
		}
		if took := time.Since(begin); took > 5*time.Minute {
			t.Errorf("the connection lived for %v", took)
		}
	})
}
