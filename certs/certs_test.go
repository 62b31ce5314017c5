package certs

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
)

func testNames() Names {
	return Names{
		DNS: []string{"vm", "localhost"},
		IP:  []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("192.0.2.7")},
	}
}

func open(t *testing.T, dir string, edit ...func(*Options)) *Manager {
	t.Helper()
	o := Options{Dir: dir, Hostname: "mail.example.org", Names: testNames}
	for _, e := range edit {
		e(&o)
	}
	m, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{authorityCert, authorityKey, leafCert, leafKey} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}

func TestFirstRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	m := open(t, dir)

	ca, err := m.local.readCertificate(authorityCert)
	if err != nil {
		t.Fatal(err)
	}
	if !ca.IsCA || !ca.MaxPathLenZero || ca.SignatureAlgorithm != x509.ECDSAWithSHA256 || !strings.Contains(ca.Subject.CommonName, "mail.example.org") {
		t.Errorf("authority: CA %v, path length zero %v, %v, %v", ca.IsCA, ca.MaxPathLenZero, ca.SignatureAlgorithm, ca.Subject)
	}
	if life := ca.NotAfter.Sub(ca.NotBefore); life != 10*365*24*time.Hour {
		t.Errorf("authority lives %v, want ten years", life)
	}
	leaf := m.leaf()
	if leaf.IsCA || !leaf.BasicConstraintsValid || !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("leaf: CA %v, constraints %v, usage %v", leaf.IsCA, leaf.BasicConstraintsValid, leaf.ExtKeyUsage)
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || leaf.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		t.Errorf("leaf: key %T, signature %v; Thunderbird wants P-256", leaf.PublicKey, leaf.SignatureAlgorithm)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 398*24*time.Hour || life < 365*24*time.Hour {
		t.Errorf("leaf lives %v, want a year and at most 398 days", life)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, name := range []string{"mail.example.org", "vm", "localhost", "127.0.0.1", "[::1]", "192.0.2.7"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]fs.FileMode{".": 0o700, authorityKey: 0o600, leafKey: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 4 {
		t.Errorf("the directory holds %v, want four files", list)
	}
	if p := m.Problems(); len(p) > 0 {
		t.Errorf("problems of a fresh certificate: %q", p)
	}
}

func TestSecondRunChangesNothing(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir).Info()
	before := readAll(t, dir)
	if second := open(t, dir).Info(); second.SHA256 != first.SHA256 {
		t.Error("the second start made another leaf")
	}
	for name, text := range readAll(t, dir) {
		if before[name] != text {
			t.Errorf("%s has changed", name)
		}
	}
}

// TestRenewal tables what makes a new leaf at the next start, and what must not.
func TestRenewal(t *testing.T) {
	withNames := func(edit func(*Names)) func(*Options) {
		return func(o *Options) {
			o.Names = func() Names { n := testNames(); edit(&n); return n }
		}
	}
	tests := []struct {
		why   string
		edit  func(*Options)
		renew bool
	}{
		{"the configured name has changed", func(o *Options) { o.Hostname = "imap.example.org" }, true},
		{"a new IPv4 address", withNames(func(n *Names) { n.IP = append(n.IP, netip.MustParseAddr("192.0.2.8")) }), true},
		{"an address has gone: the leaf is still right for the others", withNames(func(n *Names) { n.IP = n.IP[:2] }), false},
		{"hosts change IPv6 addresses daily", withNames(func(n *Names) { n.IP = append(n.IP, netip.MustParseAddr("2001:db8::9")) }), false},
		{"case is no change", func(o *Options) { o.Hostname = "MAIL.Example.org" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			dir := t.TempDir()
			first := open(t, dir)
			second := open(t, dir, tt.edit)
			if got := first.Info().SHA256 != second.Info().SHA256; got != tt.renew {
				t.Errorf("renewed: %v, want %v", got, tt.renew)
			}
			if !sameKey(second.leaf(), first.current.Load().PrivateKey.(crypto.Signer)) {
				t.Error("the renewed leaf has another key")
			}
		})
	}
}

func TestRenew(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	first, before := m.Info(), readAll(t, dir)
	if err := m.Renew(); err != nil {
		t.Fatal(err)
	}
	after := readAll(t, dir)
	if m.Info().SHA256 == first.SHA256 || before[leafCert] == after[leafCert] {
		t.Error("Renew made no new leaf")
	}
	for _, name := range []string{authorityCert, authorityKey, leafKey} {
		if before[name] != after[name] {
			t.Errorf("Renew changed %s", name)
		}
	}
}

// TestRunRenews runs the clock: a leaf is renewed when a third of its life is
// left, the authority before its end cuts leaves short, and every leaf that is
// served verifies against the authority of the first day for as long as that
// lasts.
func TestRunRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m := open(t, dir)
		roots := x509.NewCertPool()
		first, err := m.local.readCertificate(authorityCert)
		if err != nil {
			t.Fatal(err)
		}
		roots.AddCert(first)
		leaves := map[string]bool{}
		for range 12 * 366 / 30 {
			time.Sleep(30 * 24 * time.Hour)
			if err := m.Reload(); err != nil {
				t.Fatal(err)
			}
			leaf := m.leaf()
			leaves[m.Info().SHA256] = true
			if left := time.Until(leaf.NotAfter); left < 100*24*time.Hour {
				t.Fatalf("%v: only %v left", time.Now(), left)
			}
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "mail.example.org", Roots: roots, CurrentTime: time.Now()}); err != nil && time.Now().Before(first.NotAfter) {
				t.Fatalf("%v: %v", time.Now(), err)
			}
			now, err := m.local.readCertificate(authorityCert)
			if err != nil {
				t.Fatal(err)
			}
			roots.AddCert(now)
			if err := leaf.CheckSignatureFrom(now); err != nil {
				t.Fatal(err)
			}
		}
		if len(leaves) < 12 || len(leaves) > 20 {
			t.Errorf("%d leaves in twelve years", len(leaves))
		}
	})
}

// TestWrongClock: a machine without a battery starts in some other year.
func TestWrongClock(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { open(t, dir) }) // in the year 2000
	m := open(t, dir)
	if p := m.Problems(); len(p) > 0 {
		t.Errorf("made with a clock that was behind: %q", p)
	}
	synctest.Test(t, func(t *testing.T) { // from the future, seen from here
		m := open(t, dir)
		if p := m.Problems(); len(p) > 0 {
			t.Errorf("made with a clock that was ahead: %q", p)
		}
		ca, err := m.local.readCertificate(authorityCert)
		if err != nil || time.Now().Before(ca.NotBefore) {
			t.Errorf("the authority is not valid yet: %v", err)
		}
	})
}

// writePair makes a self-signed certificate of the operator's own.
func writePair(t *testing.T, dir, name string, key crypto.Signer, valid time.Duration) (certFile, keyFile string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "own.pem"), filepath.Join(dir, "own-key.pem")
	writeTest(t, certFile, encode("CERTIFICATE", der))
	writeTest(t, keyFile, encode("PRIVATE KEY", keyDER))
	return certFile, keyFile
}

func writeTest(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func own(cert, key string) func(*Options) {
	return func(o *Options) { o.CertFile, o.KeyFile = cert, key }
}

func TestOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "mail.example.org", newKey(t), 90*24*time.Hour)
	m := open(t, filepath.Join(dir, "certs"), own(cert, key))
	if i := m.Info(); !i.Own || i.AuthorityFile != "" || i.CertFile != cert || len(m.Problems()) > 0 {
		t.Errorf("info %+v, problems %q", i, m.Problems())
	}
	if _, err := os.Stat(filepath.Join(dir, "certs")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("our own authority was made although nobody needs it")
	}
	if err := m.Renew(); err == nil || !strings.Contains(err.Error(), "your own") {
		t.Errorf("Renew of somebody else's certificate: %v", err)
	}
}

// TestOwnMistakes pins what the operator reads.
func TestOwnMistakes(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	cert, key := writePair(t, dir, "mail.example.org", newKey(t), time.Hour)
	_, otherKey := writePair(t, other, "mail.example.org", newKey(t), time.Hour)
	locked := filepath.Join(dir, "locked.pem")
	writeTest(t, locked, encode("ENCRYPTED PRIVATE KEY", []byte("x")))
	tests := []struct {
		cert, key string
		want      []string
	}{
		{cert, otherKey, []string{cert, otherKey, "does not belong"}},
		{key, key, []string{key, "holds no certificate"}},
		{cert, cert, []string{cert, "holds no private key"}},
		{cert, locked, []string{locked, "protected by a password"}},
		{filepath.Join(dir, "none"), key, []string{filepath.Join(dir, "none"), "no such file"}},
		{cert, filepath.Join(dir, "none"), []string{filepath.Join(dir, "none"), "no such file"}},
	}
	for _, tt := range tests {
		_, err := Open(Options{Dir: dir, CertFile: tt.cert, KeyFile: tt.key})
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("cert %s, key %s: %v; want %q in it", tt.cert, tt.key, err, want)
			}
		}
	}
}

func TestProblems(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		why, name string
		key       crypto.Signer
		valid     time.Duration
		mode      fs.FileMode
		want      string
	}{
		{"another name", "www.example.org", newKey(t), 90 * 24 * time.Hour, 0o600, `not valid for the host name "mail.example.org"`},
		{"past its end", "mail.example.org", newKey(t), -time.Minute, 0o600, "expired on"},
		{"near its end", "mail.example.org", newKey(t), 24 * time.Hour, 0o600, "expires on"},
		{"QUIRK: Thunderbird 153 and Ed25519", "mail.example.org", edKey, 90 * 24 * time.Hour, 0o600, "Ed25519"},
		{"a key for everybody", "mail.example.org", newKey(t), 90 * 24 * time.Hour, 0o644, "chmod o="},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			cert, key := writePair(t, t.TempDir(), tt.name, tt.key, tt.valid)
			if err := os.Chmod(key, tt.mode); err != nil {
				t.Fatal(err)
			}
			if got := open(t, t.TempDir(), own(cert, key)).Problems(); len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("problems %q, want one with %q", got, tt.want)
			}
		})
	}
}

// TestReplacedFiles: a program renews the operator's certificate, one file
// after the other; the old pair is served until the new one is whole.
func TestReplacedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, staging := t.TempDir(), t.TempDir()
		cert, key := writePair(t, dir, "mail.example.org", newKey(t), 10*365*24*time.Hour)
		m := open(t, dir, own(cert, key))
		old := m.Info().SHA256
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { m.Run(ctx); close(done) }()

		newCert, newKeyFile := writePair(t, staging, "mail.example.org", newKey(t), 10*365*24*time.Hour)
		if err := os.Rename(newCert, cert); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * watchEvery)
		if got := m.Info().SHA256; got != old {
			t.Error("half of a new pair was taken up")
		}
		if err := os.Rename(newKeyFile, key); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * watchEvery)
		if got := m.Info().SHA256; got == old {
			t.Error("the new pair was not taken up")
		}
		cancel()
		<-done
	})
}

// TestRenewedBesides: "cert renew" in another process reaches a server that
// runs.
func TestRenewedBesides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m := open(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { m.Run(ctx); close(done) }()
		other := open(t, dir)
		if err := other.Renew(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * watchEvery)
		if m.Info().SHA256 != other.Info().SHA256 {
			t.Error("the renewed leaf was not taken up")
		}
		cancel()
		<-done
	})
}

func TestHandshakes(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(m.Info().AuthorityFile)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("the file to import is unusable: %v", err)
	}
	tests := []struct {
		why    string
		client *tls.Config
		ok     bool
	}{
		{"the host name", &tls.Config{RootCAs: roots, ServerName: "mail.example.org"}, true},
		{"no server name: a client that dials an address", &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}, true},
		{"TLS 1.2 is the oldest", &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tls.VersionTLS12}, true},
		{"a name that is not ours: the certificate comes, the client decides", &tls.Config{RootCAs: roots, ServerName: "mail.example.net"}, false},
		{"TLS 1.1", &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
	}
	for _, tt := range tests {
		client, server := net.Pipe()
		go func() { _ = tls.Server(server, m.TLSConfig()).Handshake(); _ = server.Close() }()
		if err := tls.Client(client, tt.client).Handshake(); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want success %v", tt.why, err, tt.ok)
		}
		_ = client.Close()
	}
}

// failing fails its n-th change.
type failing struct {
	fsys.OS
	n int
}

var errFault = errors.New("fault")

func (f *failing) fault() error {
	if f.n--; f.n == 0 {
		return errFault
	}
	return nil
}

func (f *failing) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if flag&os.O_CREATE == 0 {
		return f.OS.OpenFile(name, flag, perm)
	}
	if err := f.fault(); err != nil {
		return nil, err
	}
	file, err := f.OS.OpenFile(name, flag, perm)
	return failingFile{file, f}, err
}

func (f *failing) Rename(oldname, newname string) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.OS.Rename(oldname, newname)
}

func (f *failing) SyncDir(name string) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.OS.SyncDir(name)
}

type failingFile struct {
	fsys.File
	f *failing
}

// Write fails after half of the bytes, as a full disk does.
func (f failingFile) Write(p []byte) (int, error) {
	if err := f.f.fault(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f failingFile) Sync() error {
	if err := f.f.fault(); err != nil {
		return err
	}
	return f.File.Sync()
}

// TestEveryFailure fails each change of a first run and of a renewal in turn:
// the error is reported, no half file is left, and the next start works.
func TestEveryFailure(t *testing.T) {
	for n := 1; ; n++ {
		dir := filepath.Join(t.TempDir(), "certs")
		f := &failing{n: n}
		m, err := Open(Options{Dir: dir, Hostname: "mail.example.org", Names: testNames, FS: f})
		if err == nil {
			err = m.Renew()
		}
		if f.n > 0 {
			if n < 20 {
				t.Errorf("only %d changes were seen", n)
			}
			return
		}
		if !errors.Is(err, errFault) {
			t.Fatalf("change %d: error %v", n, err)
		}
		left, _ := filepath.Glob(filepath.Join(dir, fsys.TempPrefix+"*"))
		if len(left) > 0 {
			t.Errorf("change %d: %v left", n, left)
		}
		if p := open(t, dir).Problems(); len(p) > 0 {
			t.Errorf("change %d: problems after the next start: %q", n, p)
		}
	}
}

// TestLostAuthorityKey: the server goes on with what it has, and says what is
// missing when it needs the key.
func TestLostAuthorityKey(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if err := os.Remove(filepath.Join(dir, authorityKey)); err != nil {
		t.Fatal(err)
	}
	m := open(t, dir)
	if err := m.Renew(); err == nil || !strings.Contains(err.Error(), "remove "+filepath.Join(dir, authorityCert)) {
		t.Errorf("got %v, want what to restore or remove", err)
	}
	writeTest(t, filepath.Join(dir, authorityCert), []byte("garbage"))
	if _, err := Open(Options{Dir: dir, Names: testNames}); err == nil || !strings.Contains(err.Error(), authorityCert) {
		t.Errorf("a destroyed authority: %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	if got, want := Fingerprint(nil)[:23], "E3:B0:C4:42:98:FC:1C:14"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMachineNames(t *testing.T) {
	n := MachineNames()
	if !slices.Contains(n.DNS, "localhost") || !slices.Contains(n.IP, netip.MustParseAddr("127.0.0.1")) || !slices.Contains(n.IP, netip.IPv6Loopback()) {
		t.Errorf("names %v", n.Strings())
	}
	for _, ip := range n.IP {
		if ip.IsLinkLocalUnicast() || ip.Zone() != "" {
			t.Errorf("%v cannot stand in a certificate", ip)
		}
	}
}

func TestNamesWith(t *testing.T) {
	tests := []struct{ why, name, want string }{
		{"a name goes to the front", "b.example", "b.example a.example"},
		{"known names are not doubled", "A.example.", "a.example"},
		{"no certificate can hold it", "bücher.example", "a.example"},
		{"an address", "192.0.2.1", "a.example 192.0.2.1"},
		{"nothing", "", "a.example"},
	}
	for _, tt := range tests {
		if got := strings.Join(Names{DNS: []string{"a.example"}}.with(tt.name).Strings(), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.want)
		}
	}
}

func TestTooLargeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "big")
	writeTest(t, name, bytes.Repeat([]byte("x"), maxPEM+1))
	if _, err := (pair{name, name}).read(fsys.OS{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}
