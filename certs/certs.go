// Package certs provides the certificate of the server.
//
// It promises that there always is one. Without an operator's own files it
// makes a small local authority and a leaf signed by it for all names of the
// machine, keeps them in a directory, and renews the leaf by itself with the
// same key. With an operator's files it serves those and takes up new ones as
// soon as both have been replaced. A connection never sees a half-changed pair:
// the certificate in use is swapped as one value, and only after it has been
// checked.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"restante/fsys"
)

// Options are what a Manager uses.
type Options struct {
	// Dir holds what we make ourselves. It is created with mode 0700.
	Dir string
	// Hostname is the name or address by which clients reach this machine.
	Hostname string
	// CertFile and KeyFile are the operator's own, PEM, the certificate first
	// and its chain after it. Both empty: our own authority.
	CertFile, KeyFile string
	// Logger hears of renewals and of files that cannot be used. May be nil.
	Logger *slog.Logger
	// FS is the file system; nil is the machine's.
	FS fsys.FS
	// Names returns what our leaf is to be valid for beside Hostname; nil is
	// MachineNames. Tests set it.
	Names func() Names
}

// A Manager holds the certificate in use. Its methods may be called from any
// goroutine.
type Manager struct {
	o     Options
	log   *slog.Logger
	files pair
	local *authority // nil with an operator's own files

	loading sync.Mutex // one load or renewal at a time
	current atomic.Pointer[tls.Certificate]
}

// A pair is a certificate file and the file of its key.
type pair struct{ cert, key string }

// The files that we make in Options.Dir.
const (
	authorityCert = "ca.pem"
	authorityKey  = "ca-key.pem"
	leafCert      = "cert.pem"
	leafKey       = "key.pem"
)

// Open loads the operator's certificate, or ours, which it makes first when
// there is none or when it is due for renewal.
func Open(o Options) (*Manager, error) {
	m := newManager(o)
	return m, m.Reload()
}

// Inspect loads what Open would, and makes and changes nothing. The error is
// fs.ErrNotExist when our own certificate has not been made yet.
func Inspect(o Options) (*Manager, error) {
	m := newManager(o)
	return m, m.load()
}

func newManager(o Options) *Manager {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = fsys.OS{}
	}
	if o.Names == nil {
		o.Names = MachineNames
	}
	m := &Manager{o: o, log: o.Logger, files: pair{o.CertFile, o.KeyFile}}
	if o.CertFile == "" {
		m.files = pair{filepath.Join(o.Dir, leafCert), filepath.Join(o.Dir, leafKey)}
		m.local = &authority{fs: o.FS, dir: o.Dir, log: o.Logger, names: func() Names { return o.Names().with(o.Hostname) }}
	}
	return m
}

// Reload reads the files again, after a renewal of our own leaf when it is due.
// When that fails, the certificate in use stays in use.
func (m *Manager) Reload() error {
	m.loading.Lock()
	defer m.loading.Unlock()
	if m.local != nil {
		if err := m.local.ensure(false); err != nil {
			return err
		}
	}
	return m.load()
}

// Renew makes a new leaf now, with the same key. It fails for an operator's
// own certificate.
func (m *Manager) Renew() error {
	if m.local == nil {
		return fmt.Errorf("the certificate %s is your own: renew it where it came from; restante notices the new file by itself", m.files.cert)
	}
	m.loading.Lock()
	defer m.loading.Unlock()
	if err := m.local.ensure(true); err != nil {
		return err
	}
	return m.load()
}

// load reads the pair and puts it into use.
func (m *Manager) load() error {
	c, err := m.files.read(m.o.FS)
	if err != nil {
		return err
	}
	m.current.Store(c)
	return nil
}

// read loads the pair and makes sure that its parts belong together.
func (p pair) read(f fsys.FS) (*tls.Certificate, error) {
	certPEM, err := fsys.ReadFile(f, p.cert, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	keyPEM, err := fsys.ReadFile(f, p.key, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("key of the certificate: %w", err)
	}
	if _, err := parseCertificate(certPEM); err != nil {
		return nil, fmt.Errorf("certificate %s: %w", p.cert, err)
	}
	if _, err := parseKey(keyPEM); err != nil {
		return nil, fmt.Errorf("key %s: %w", p.key, err)
	}
	c, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("the key in %s does not belong to the certificate in %s; name the two files that were made together (%w)", p.key, p.cert, err)
	}
	return &c, nil
}

// TLSConfig returns settings for all services: TLS 1.2 or newer (RFC 8996), and
// always the certificate that is in use at the time of the handshake, whatever
// name the client asks for.
func (m *Manager) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Small records let a browser show the beginning of a page early. Mail is of
		// use when it is there, and each record costs a write.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return m.current.Load(), nil
		},
	}
}

// How often Run looks.
const (
	watchEvery = 5 * time.Second
	renewEvery = time.Hour
)

// Run keeps the certificate fresh until ctx ends: it renews our own leaf when
// that is due, and takes up files that somebody replaced. A pair is read only
// when it has not changed between two looks, because a program that renews
// certificates writes one file after the other.
func (m *Manager) Run(ctx context.Context) {
	watch, renew := time.NewTicker(watchEvery), time.NewTicker(renewEvery)
	defer watch.Stop()
	defer renew.Stop()
	used := m.files.state(m.o.FS)
	last := used
	for {
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			m.logged("renew", m.Reload())
			used = m.files.state(m.o.FS)
			last = used
		case <-watch.C:
			now := m.files.state(m.o.FS)
			if now != used && now == last {
				m.logged("reload", m.Reload())
				used = m.files.state(m.o.FS)
				now = used
			}
			last = now
		}
	}
}

func (m *Manager) logged(op string, err error) {
	if err != nil {
		m.log.Error("certificate not changed; the old one stays in use", "op", op, "err", err)
	} else if op == "reload" {
		i := m.Info()
		m.log.Info("certificate read again", "file", m.files.cert, "sha256", i.SHA256, "until", i.NotAfter)
	}
}

// pairState is what tells that a file has been replaced or rewritten.
type pairState struct{ cert, key fileState }

type fileState struct {
	size  int64
	mtime time.Time
	file  uint64
}

func (p pair) state(f fsys.FS) pairState {
	return pairState{stateOf(f, p.cert), stateOf(f, p.key)}
}

func stateOf(f fsys.FS, name string) fileState {
	info, err := f.Stat(name)
	if err != nil {
		return fileState{size: -1}
	}
	return fileState{size: info.Size(), mtime: info.ModTime(), file: inode(info)}
}

// Info describes the certificate in use.
type Info struct {
	Own                 bool // the operator's, not ours
	CertFile, KeyFile   string
	Subject, Issuer     string
	Names               Names
	NotBefore, NotAfter time.Time
	SHA256              string // of the certificate, as browsers show it
	Algorithm           x509.PublicKeyAlgorithm
	AuthorityFile       string // what clients may import; "" with Own
	AuthoritySHA256     string
}

// Info returns what "cert show" prints.
func (m *Manager) Info() Info {
	leaf := m.leaf()
	i := Info{
		Own: m.local == nil, CertFile: m.files.cert, KeyFile: m.files.key,
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: namesOf(leaf),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		SHA256: Fingerprint(leaf.Raw), Algorithm: leaf.PublicKeyAlgorithm,
	}
	if m.local == nil {
		return i
	}
	i.AuthorityFile = filepath.Join(m.local.dir, authorityCert)
	if ca, err := m.local.readCertificate(authorityCert); err == nil {
		i.AuthoritySHA256 = Fingerprint(ca.Raw)
	}
	return i
}

// leaf returns the parsed certificate in use.
func (m *Manager) leaf() *x509.Certificate { return m.current.Load().Leaf }

// Problems returns what is wrong with the certificate in use although it can be
// served, each as a sentence with what to do about it.
func (m *Manager) Problems() []string {
	leaf := m.leaf()
	var list []string
	add := func(format string, args ...any) { list = append(list, m.files.cert+": "+fmt.Sprintf(format, args...)) }
	switch now := time.Now(); {
	case now.After(leaf.NotAfter):
		add("expired on %s; clients will refuse it: install a new one", leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		add("valid only from %s on; check the clock of this machine", leaf.NotBefore.Format(time.DateTime))
	case m.local == nil && leaf.NotAfter.Sub(now) < 14*24*time.Hour:
		add("expires on %s; install a new one", leaf.NotAfter.Format(time.DateOnly))
	}
	if err := leaf.VerifyHostname(m.o.Hostname); err != nil {
		add("not valid for the host name %q, which clients use (%v); set hostname to a name of the certificate", m.o.Hostname, err)
	}
	if leaf.PublicKeyAlgorithm == x509.Ed25519 {
		// QUIRK: Thunderbird 153 cannot connect to an Ed25519 certificate and
		// offers no exception.
		add("has an Ed25519 key, with which Thunderbird and other clients cannot connect; use ECDSA P-256 or RSA")
	}
	if info, err := m.o.FS.Stat(m.files.key); err == nil && info.Mode().Perm()&0o007 != 0 {
		list = append(list, fmt.Sprintf("%s: everybody on this machine may read this key; chmod o= it", m.files.key))
	}
	return list
}

// exists is whether name can be found; what cannot be looked at counts as there,
// so that the error of reading it is seen.
func exists(f fsys.FS, name string) bool {
	_, err := f.Stat(name)
	return !errors.Is(err, os.ErrNotExist)
}
