package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"path/filepath"
	"time"

	"restante/fsys"
)

// authority is the local one: a root that signs leaves for this machine alone.
//
// A client meets it in one of two ways. Somebody imports ca.pem, and from then
// on every leaf is trusted; or somebody accepts one leaf, by its fingerprint,
// and is asked again when the leaf changes. So leaves change as rarely as the
// rules of clients allow, and keep their key.
type authority struct {
	fs    fsys.FS
	dir   string
	log   *slog.Logger
	names func() Names
}

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// leafLife is below the 398 days that clients allow.
	leafLife = 397 * 24 * time.Hour
	// skew lets clients with a slow clock connect at once.
	skew = time.Hour
)

// ensure makes what is missing or due: the authority, the leaf's key, the leaf.
// With force it makes a new leaf in any case.
func (a *authority) ensure(force bool) error {
	if err := fsys.MkdirAll(a.fs, a.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of certificates: %w", err)
	}
	now := time.Now()
	if err := a.ensureAuthority(now); err != nil {
		return err
	}
	ca, err := a.readCertificate(authorityCert)
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	names := a.names()
	reason := "asked for"
	if !force {
		if reason = a.leafDue(ca, names, now); reason == "" {
			return nil
		}
	}
	return a.issue(ca, names, now, reason)
}

// ensureAuthority makes the authority when there is none. One whose end would
// cut leaves short, or whose begin is still to come because the clock was wrong
// when it was made, gets a new certificate with the same key and name, so that
// clients which trust the old one trust the new leaves for as long as it lasts.
func (a *authority) ensureAuthority(now time.Time) error {
	if exists(a.fs, a.path(authorityCert)) {
		old, err := a.readCertificate(authorityCert)
		if err != nil {
			return fmt.Errorf("authority: %w; remove it to have a new one made, which clients then have to trust again", err)
		}
		valid := !now.Before(old.NotBefore) && old.NotAfter.Sub(now) > leafLife
		if valid || !exists(a.fs, a.path(authorityKey)) {
			return nil
		}
		return a.signAuthority(old.Subject, now)
	}
	host := a.names().first()
	return a.signAuthority(pkix.Name{Organization: []string{"restante"}, CommonName: clip("restante local authority of " + host)}, now)
}

func (a *authority) signAuthority(name pkix.Name, now time.Time) error {
	key, err := a.ensureKey(authorityKey)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:               name,
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(-skew).Add(authorityLife),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if err := a.sign(authorityCert, template, template, key, key); err != nil {
		return err
	}
	a.log.Info("local authority made", "file", a.path(authorityCert), "until", template.NotAfter)
	return nil
}

// leafDue says why a new leaf is needed, or "".
//
// An IPv6 address that is missing is no reason: hosts change theirs every day
// for privacy, and each new leaf asks those clients again that trust it by its
// fingerprint.
func (a *authority) leafDue(ca *x509.Certificate, names Names, now time.Time) string {
	if !exists(a.fs, a.path(leafCert)) || !exists(a.fs, a.path(leafKey)) {
		return "there was none"
	}
	leaf, err := a.readCertificate(leafCert)
	if err != nil {
		return "the old one could not be read"
	}
	key, err := a.readKey(leafKey)
	switch {
	case err != nil:
		return "its key could not be read"
	case !sameKey(leaf, key):
		return "its key has changed"
	case leaf.CheckSignatureFrom(ca) != nil:
		return "the authority has changed"
	case leaf.NotAfter.Sub(now) < leaf.NotAfter.Sub(leaf.NotBefore)/3:
		return "the old one expires on " + leaf.NotAfter.Format(time.DateOnly)
	case now.Before(leaf.NotBefore):
		return "the old one is from the future"
	}
	if missing := namesOf(leaf).missing(names); missing != "" {
		return "the old one lacks the name " + missing
	}
	return ""
}

// issue makes a leaf and writes it.
func (a *authority) issue(ca *x509.Certificate, names Names, now time.Time, reason string) error {
	caKey, err := a.readKey(authorityKey)
	if err != nil {
		return fmt.Errorf("a new certificate is needed (%s), but the key of the authority cannot be used: %w; restore it, or remove %s as well to have a new authority made, which clients then have to trust again", reason, err, a.path(authorityCert))
	}
	if !sameKey(ca, caKey) {
		return fmt.Errorf("the key in %s does not belong to the authority in %s; restore the right one, or remove both to have a new authority made", a.path(authorityKey), a.path(authorityCert))
	}
	key, err := a.ensureKey(leafKey)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"restante"}, CommonName: clip(names.first())},
		NotBefore:             now.Add(-skew),
		NotAfter:              earlier(now.Add(-skew).Add(leafLife), ca.NotAfter),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              names.DNS,
		IPAddresses:           names.ips(),
	}
	if err := a.sign(leafCert, template, ca, key, caKey); err != nil {
		return err
	}
	a.log.Info("certificate made", "file", a.path(leafCert), "reason", reason, "until", template.NotAfter)
	return nil
}

// sign fills in what all our certificates share, and writes the file.
func (a *authority) sign(file string, template, parent *x509.Certificate, key, signer crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	template.SignatureAlgorithm = x509.ECDSAWithSHA256
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("make the certificate %s: %w", a.path(file), err)
	}
	return fsys.WriteFile(a.fs, a.path(file), encode("CERTIFICATE", der), 0o644)
}

// ensureKey returns the key in file, after making it when there is none.
func (a *authority) ensureKey(file string) (crypto.Signer, error) {
	if exists(a.fs, a.path(file)) {
		return a.readKey(file)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, fsys.WriteFile(a.fs, a.path(file), encode("PRIVATE KEY", der), 0o600)
}

func (a *authority) path(file string) string { return filepath.Join(a.dir, file) }

func (a *authority) readCertificate(file string) (*x509.Certificate, error) {
	data, err := fsys.ReadFile(a.fs, a.path(file), maxPEM)
	if err != nil {
		return nil, err
	}
	c, err := parseCertificate(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path(file), err)
	}
	return c, nil
}

func (a *authority) readKey(file string) (crypto.Signer, error) {
	data, err := fsys.ReadFile(a.fs, a.path(file), maxPEM)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path(file), err)
	}
	return key, nil
}

func sameKey(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// clip keeps a common name within the 64 characters of RFC 5280, appendix A.
func clip(name string) string {
	if len(name) > 64 {
		return name[:64]
	}
	return name
}
