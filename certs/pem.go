package certs

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// Fingerprint returns the SHA-256 of a certificate's DER form in the way that
// browsers and openssl show it: AB:CD:….
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// parseCertificate returns the first certificate of a PEM file.
func parseCertificate(data []byte) (*x509.Certificate, error) {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errors.New(`holds no certificate; it must be PEM, with a line "-----BEGIN CERTIFICATE-----"`)
		}
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
		data = rest
	}
}

// parseKey returns the first private key of a PEM file: PKCS #8, PKCS #1 or
// SEC 1.
func parseKey(data []byte) (crypto.Signer, error) {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errors.New(`holds no private key; it must be PEM, with a line "-----BEGIN PRIVATE KEY-----"`)
		}
		data = rest
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, errors.New(`is protected by a password; remove it with "openssl pkey -in OLD -out NEW" and protect the file by its mode`)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parsePrivate(block.Bytes)
		}
	}
}

func parsePrivate(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("holds a private key of a kind that cannot be used; use ECDSA P-256 or RSA")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("holds a private key that cannot sign (%T); use ECDSA P-256 or RSA", key)
	}
	return signer, nil
}

// maxPEM bounds what is read of a file that should be a certificate or key.
const maxPEM = 1 << 20

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
