package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// A verifier knows whether a password is the one that was stored. It may be
// used by many goroutines.
type verifier interface {
	verify(password string) bool
}

// errUnsupported marks a stored password that is well formed and of a kind that
// cannot be verified here; everything else that fails is a mistake in the table.
var errUnsupported = errors.New("cannot be verified")

// verifierFor reads the password field of a passwd-file: {SCHEME}data,
// {SCHEME.ENCODING}data, or bare crypt(3), as
// https://doc.dovecot.org/main/core/config/auth/schemes.html defines them. No
// error of it holds any of the data.
//
// A nil verifier without an error is an account that nobody can log in to: no
// password, or the marks of shadow(5) for a locked one.
func verifierFor(field string) (verifier, error) {
	if field == "" || strings.Trim(field, "*!x") == "" && len(field) <= 2 {
		return nil, nil
	}
	if field[0] != '{' {
		return bareCrypt(field)
	}
	name, data, ok := strings.Cut(field[1:], "}")
	if !ok {
		return nil, errors.New("the password field begins with { and has no }; write {SCHEME}data, such as {ARGON2ID}$argon2id$…")
	}
	name, encoding, _ := strings.Cut(strings.ToUpper(name), ".")
	s, ok := schemes()[name]
	if !ok {
		return nil, fmt.Errorf("password scheme {%s} %w; set a new password with \"restante user passwd\"", name, errUnsupported)
	}
	raw, err := decode(data, encoding, s.binary)
	if err != nil {
		return nil, fmt.Errorf("password of scheme {%s}: %w", name, err)
	}
	v, err := s.parse(raw)
	if err != nil {
		return nil, fmt.Errorf("password of scheme {%s}: %w", name, err)
	}
	return v, nil
}

// bareCrypt reads a password without a scheme, which is crypt(3).
func bareCrypt(field string) (verifier, error) {
	if field[0] == '$' {
		return parseCrypt([]byte(field))
	}
	if field[0] == '!' || field[0] == '*' { // locked by usermod -L and kin
		return nil, nil
	}
	if len(field) == 13 && strings.Trim(field, "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == "" {
		return nil, errDES
	}
	return nil, errors.New(`the password has no scheme and is no crypt(3) hash; write {PLAIN} before a password in clear text, or set one with "restante user passwd"`)
}

var errDES = fmt.Errorf(`a DES hash of crypt(3) %w; set a new password with "restante user passwd"`, errUnsupported)

// A scheme reads the data of one {SCHEME}.
type scheme struct {
	binary bool // the data is base64 or hex of bytes, and not text
	parse  func(data []byte) (verifier, error)
}

// schemes are those that can be verified.
func schemes() map[string]scheme {
	text := func(parse func([]byte) (verifier, error)) scheme { return scheme{parse: parse} }
	digest := func(h func() hash.Hash, salted bool) scheme {
		return scheme{binary: true, parse: func(data []byte) (verifier, error) { return parseDigest(h, salted, data) }}
	}
	scram := func(h func() hash.Hash) scheme {
		return text(func(data []byte) (verifier, error) { return parseSCRAM(h, data) })
	}
	return map[string]scheme{
		"PLAIN": text(parsePlain), "CLEAR": text(parsePlain), "CLEARTEXT": text(parsePlain),
		"CRYPT": text(parseCrypt), "MD5": text(parseCrypt), "MD5-CRYPT": text(parseCrypt),
		"SHA256-CRYPT": text(parseCrypt), "SHA512-CRYPT": text(parseCrypt), "BLF-CRYPT": text(parseCrypt),
		"ARGON2I": text(parseCrypt), "ARGON2ID": text(parseCrypt),
		"SHA": digest(sha1.New, false), "SHA1": digest(sha1.New, false),
		"SHA256": digest(sha256.New, false), "SHA512": digest(sha512.New, false),
		"PLAIN-MD5": digest(md5.New, false), "LDAP-MD5": digest(md5.New, false),
		"SSHA": digest(sha1.New, true), "SSHA256": digest(sha256.New, true), "SSHA512": digest(sha512.New, true),
		"SMD5":   digest(md5.New, true),
		"PBKDF2": text(parsePBKDF2), "SCRAM-SHA-1": scram(sha1.New), "SCRAM-SHA-256": scram(sha256.New),
	}
}

var errEncoding = errors.New(`the data is cut or not what the scheme asks for; set a new password with "restante user passwd"`)

// decode undoes the encoding of a password. Without a suffix, text stands as it
// is, and bytes are hex or base64, told apart by their alphabet as Dovecot does.
func decode(data, encoding string, binary bool) ([]byte, error) {
	switch {
	case encoding == "HEX":
		return decodeWith(hex.DecodeString, data)
	case encoding == "B64" || encoding == "BASE64":
		return decodeWith(base64.StdEncoding.DecodeString, data)
	case encoding != "":
		return nil, fmt.Errorf("encoding .%s is unknown; write .b64 or .hex", encoding)
	case !binary:
		return []byte(data), nil
	}
	if raw, err := hex.DecodeString(data); err == nil && len(raw) >= md5.Size {
		return raw, nil
	}
	if raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(data, "=")); err == nil {
		return raw, nil
	}
	return nil, errEncoding
}

func decodeWith(f func(string) ([]byte, error), data string) ([]byte, error) {
	raw, err := f(data)
	if err != nil {
		return nil, errEncoding
	}
	return raw, nil
}

// plain is a password kept in clear text.
type plain []byte

func parsePlain(data []byte) (verifier, error) { return plain(data), nil }

// verify compares hashes, which takes the same time whatever the lengths.
func (p plain) verify(password string) bool {
	a, b := sha256.Sum256(p), sha256.Sum256([]byte(password))
	return len(p) > 0 && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// digest is a plain hash of the password, with a salt behind it or none.
type digest struct {
	hash      func() hash.Hash
	sum, salt []byte
}

func parseDigest(h func() hash.Hash, salted bool, data []byte) (verifier, error) {
	size := h().Size()
	if len(data) < size || !salted && len(data) > size {
		return nil, errEncoding
	}
	return digest{hash: h, sum: data[:size], salt: data[size:]}, nil
}

func (d digest) verify(password string) bool {
	h := d.hash()
	h.Write([]byte(password))
	h.Write(d.salt)
	return subtle.ConstantTimeCompare(h.Sum(nil), d.sum) == 1
}

// derived is a key that PBKDF2 (RFC 8018) derives from the password, or what
// SCRAM (RFC 5802 section 3) stores of that key.
type derived struct {
	hash   func() hash.Hash
	salt   []byte
	rounds int
	sum    []byte
	scram  bool
}

// maxRounds keeps a mistyped table from blocking a processor for minutes.
const maxRounds = 10_000_000

// parsePBKDF2 reads $1$salt$rounds$hex.
func parsePBKDF2(data []byte) (verifier, error) {
	part := strings.Split(string(data), "$")
	if len(part) != 5 || part[0] != "" || part[1] != "1" {
		return nil, errEncoding
	}
	rounds, err := strconv.Atoi(part[3])
	sum, herr := hex.DecodeString(part[4])
	if err != nil || herr != nil || rounds < 1 || rounds > maxRounds || len(sum) != sha1.Size {
		return nil, errEncoding
	}
	return derived{hash: sha1.New, salt: []byte(part[2]), rounds: rounds, sum: sum}, nil
}

// parseSCRAM reads rounds,salt,StoredKey,ServerKey.
func parseSCRAM(h func() hash.Hash, data []byte) (verifier, error) {
	part := strings.Split(string(data), ",")
	if len(part) != 4 {
		return nil, errEncoding
	}
	rounds, err := strconv.Atoi(part[0])
	salt, serr := base64.StdEncoding.DecodeString(part[1])
	stored, kerr := base64.StdEncoding.DecodeString(part[2])
	if err != nil || serr != nil || kerr != nil || rounds < 1 || rounds > maxRounds || len(stored) != h().Size() {
		return nil, errEncoding
	}
	return derived{hash: h, salt: salt, rounds: rounds, sum: stored, scram: true}, nil
}

func (d derived) verify(password string) bool {
	key, err := pbkdf2.Key(d.hash, password, d.salt, d.rounds, d.hash().Size())
	if err != nil {
		return false
	}
	if d.scram {
		mac := hmac.New(d.hash, key)
		mac.Write([]byte("Client Key"))
		h := d.hash()
		h.Write(mac.Sum(nil))
		key = h.Sum(nil)
	}
	return subtle.ConstantTimeCompare(key, d.sum) == 1
}

// crypted is a hash of crypt(3) or a PHC string.
type crypted struct{ algorithm.Digest }

func (c crypted) verify(password string) bool {
	ok, err := c.MatchAdvanced(password)
	return ok && err == nil
}

// parseCrypt reads a hash of crypt(3), told by what stands between the first
// two dollar signs. The name of the {SCHEME} says no more than that.
func parseCrypt(data []byte) (verifier, error) {
	if len(data) == 13 && data[0] != '$' {
		return nil, errDES
	}
	part := bytes.SplitN(data, []byte("$"), 4)
	if len(part) < 4 || len(part[0]) > 0 {
		return nil, errEncoding
	}
	var d algorithm.Digest
	var err error
	text := string(data)
	switch string(part[1]) {
	case "1":
		d, err = md5crypt.Decode(text)
	case "5", "6":
		d, err = shacrypt.Decode(text)
	case "2a", "2b", "2x", "2y":
		d, err = bcrypt.Decode(text)
	case "argon2i", "argon2id":
		d, err = argon2.Decode(text)
	case "y":
		d, err = scrypt.Decode(text)
	default:
		return nil, fmt.Errorf(`a hash of kind $%s$ %w; set a new password with "restante user passwd"`, part[1], errUnsupported)
	}
	if err != nil || !affordable(string(part[1]), text) {
		return nil, errEncoding
	}
	return crypted{d}, nil
}

// affordable is whether the cost that a hash asks for can be paid: a table with
// a mistyped number must not take the memory or the minutes of the server.
func affordable(kind, text string) bool {
	switch kind {
	case "5", "6":
		return option(text, "rounds=") <= maxRounds
	case "argon2i", "argon2id":
		return option(text, "m=") <= 1<<20 && option(text, "t=") <= 1000 && option(text, "p=") <= 64
	case "2a", "2b", "2x", "2y":
		return option(text, "$"+kind+"$") <= 20
	}
	return true
}

// option returns the number behind the first name in text, or 0.
func option(text, name string) int {
	_, rest, _ := strings.Cut(text, name)
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	n, err := strconv.Atoi(rest)
	if errors.Is(err, strconv.ErrRange) {
		return maxRounds + 1
	}
	return n
}
