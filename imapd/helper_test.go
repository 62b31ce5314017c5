package imapd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"restante/auth"
	"restante/imapd/imaptest"
	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/mailstore/shared"
)

// anyone lets everybody in who gives "pass" as the password.
type anyone struct{}

func (anyone) Authenticate(_ context.Context, _ net.Addr, name, password string) (auth.User, error) {
	if password != "pass" {
		return auth.User{}, auth.ErrCredentials
	}
	return auth.User{Name: name, Quota: imaptest.QuotaOf(name)}, nil
}

// Lookup makes anyone a user who may share mailboxes.
func (anyone) Lookup(name string) (auth.User, bool) { return auth.User{Name: name}, true }

// Canonical is the name as users of the table have it.
func (anyone) Canonical(name string) (string, error) {
	name = auth.Normalize(name)
	return name, auth.CheckName(name)
}

// logWriter sends the server's log to the test's, as long as it runs.
type logWriter struct {
	mu   sync.Mutex
	t    testing.TB
	done bool
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.t.Log(string(bytes.TrimRight(p, "\n")))
	}
	return len(p), nil
}

func testLogger(t testing.TB) *slog.Logger {
	w := &logWriter{t: t}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done = true
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// testOptions are those of a server over memory that lets anyone in.
func testOptions(t testing.TB) Options {
	return Options{
		Store:          memory.New(memory.Options{UIDValidity: 1000}),
		Auth:           anyone{},
		Logger:         testLogger(t),
		Hostname:       "test.example",
		Version:        "0.1",
		AllowPlaintext: func(net.Addr) bool { return true },
	}
}

// listen serves on the loopback until the test ends.
func listen(t testing.TB, opt Options) (dial func() (net.Conn, error)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := New(opt)
	ctx, cancel := context.WithCancel(context.Background())
	var sessions sync.WaitGroup
	sessions.Go(func() { // one of them, or Wait could be done before a session is counted
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { srv.ServeConn(ctx, c, false) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		sessions.Wait()
	})
	return func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
}

// memoryServer is a fresh server for one script.
func memoryServer(t *testing.T) imaptest.Server {
	opt := testOptions(t)
	opt.TLS = testTLS(t)
	opt.Store = shared.New(shared.Options{Store: opt.Store, Users: anyone{}})
	return imaptest.Server{Name: "restante", Dial: listen(t, opt), User: "user", Pass: "pass"}
}

// client is a connection that is logged in.
func client(t testing.TB, dial func() (net.Conn, error)) *imaptest.Client {
	t.Helper()
	c := dialClient(t, dial)
	do(t, c, "LOGIN user pass")
	return c
}

// dialClient is a connection that has read the greeting.
func dialClient(t testing.TB, dial func() (net.Conn, error)) *imaptest.Client {
	t.Helper()
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	c := imaptest.NewClient(nc)
	t.Cleanup(func() { c.Close() })
	if _, err := c.Response(); err != nil {
		t.Fatal(err)
	}
	return c
}

// do runs a command that has to succeed.
func do(t testing.TB, c *imaptest.Client, command string) []string {
	t.Helper()
	lines, err := c.OK(command)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// fill puts messages into a mailbox behind the server's back.
func fill(t testing.TB, store mailstore.Store, mailbox string, messages ...string) {
	t.Helper()
	ctx := t.Context()
	account, err := store.OpenAccount(ctx, mailstore.User{Name: "user"})
	if err != nil {
		t.Fatal(err)
	}
	defer account.Close()
	box, err := account.Open(ctx, mailbox)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	app, err := box.NewAppend(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Abort()
	for _, m := range messages {
		if err := app.Add(mailstore.AppendOptions{Date: time.Unix(1700000000, 0)}, bytes.NewReader([]byte(m))); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := app.Commit(ctx); err != nil {
		t.Fatal(err)
	}
}

// testTLS makes a certificate for the test.
func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"test.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
