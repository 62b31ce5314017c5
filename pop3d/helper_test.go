package pop3d

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"restante/auth"
	"restante/mailstore"
	"restante/mailstore/memory"
)

// users is an Authenticator with one user, jo.
type users struct{}

func (users) Authenticate(_ context.Context, _ net.Addr, name, password string) (mailstore.User, error) {
	switch {
	case name == "down":
		return mailstore.User{}, auth.ErrUnavailable
	case name == "broken":
		return mailstore.User{}, errors.New("the table has burnt down")
	case name == "jo" && password == "se cret":
		return mailstore.User{Name: "jo", UID: -1, GID: -1}, nil
	}
	return mailstore.User{}, fmt.Errorf("jo's table: %w", auth.ErrCredentials)
}

// The Authenticator of the program is one of ours.
var _ Authenticator = (*auth.Authenticator)(nil)

// office is a server with a store to look into.
type office struct {
	t     testing.TB
	store *memory.Store
	opt   Options
	log   bytes.Buffer
}

func newOffice(t testing.TB) *office {
	o := &office{t: t, store: memory.New(memory.Options{UIDValidity: 0x5ca1ab1e})}
	o.opt = Options{Store: o.store, Auth: users{}, Hostname: "mail.example.org", AllowPlaintext: func(net.Addr) bool { return true }}
	return o
}

// inbox opens the inbox of jo as another session would.
func (o *office) inbox() mailstore.Mailbox {
	o.t.Helper()
	account, err := o.store.OpenAccount(context.Background(), mailstore.User{Name: "jo"})
	if err != nil {
		o.t.Fatal(err)
	}
	box, err := account.Open(context.Background(), "INBOX")
	if err != nil {
		o.t.Fatal(err)
	}
	return box
}

// deliver adds messages as they are given.
func (o *office) deliver(texts ...string) {
	o.t.Helper()
	for _, text := range texts {
		app, err := o.inbox().NewAppend(context.Background())
		if err != nil {
			o.t.Fatal(err)
		}
		defer app.Abort()
		if err := app.Add(mailstore.AppendOptions{}, strings.NewReader(text)); err != nil {
			o.t.Fatal(err)
		}
		if _, _, err := app.Commit(context.Background()); err != nil {
			o.t.Fatal(err)
		}
	}
}

// state gives UIDs and flags of the inbox, such as "1 2(Seen)".
func (o *office) state() string {
	var parts []string
	records := o.inbox().Records(make([]mailstore.Record, 0, 100), 1)
	for _, r := range records {
		part := fmt.Sprint(r.UID)
		if r.Flags.Has(mailstore.Seen) {
			part += "(Seen)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

// testTLS gives the two ends of TLS with a certificate made on the spot.
func testTLS(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return server, &tls.Config{RootCAs: roots, ServerName: "mail.example.org"}
}
