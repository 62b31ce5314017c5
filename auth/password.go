package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm/argon2"
)

// maxPassword bounds what a client may send as a password.
const maxPassword = 1024

// HashPassword returns the field of a user table for a new password:
// {ARGON2ID} with the second of the parameter sets that OWASP and RFC 9106
// readers call enough for a login (19 MiB, two passes, one lane).
func HashPassword(password string) (string, error) {
	if err := CheckPassword(password); err != nil {
		return "", err
	}
	h, err := argon2.New(argon2.WithVariantID(), argon2.WithMemoryInKiB(19*1024), argon2.WithIterations(2),
		argon2.WithParallelism(1), argon2.WithSaltLength(16), argon2.WithKeyLength(32))
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	d, err := h.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return "{ARGON2ID}" + d.Encode(), nil
}

// CheckPassword says why a new password cannot be used, or nil.
func CheckPassword(password string) error {
	switch {
	case password == "":
		return errors.New("the password is empty; choose one")
	case len(password) > maxPassword:
		return fmt.Errorf("the password is longer than %d bytes; choose a shorter one", maxPassword)
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the password holds a control character, which clients cannot send; choose another one")
	}
	return nil
}

// GeneratePassword returns a random password that can be read aloud and typed
// on a phone: five groups of two syllables, 65 bits.
func GeneratePassword() string {
	const consonants, vowels = "bdfghjklmnprstvwz", "aeiou" // 17 and 5
	var b strings.Builder
	for i := range 10 {
		if i > 0 && i%2 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(pick(consonants))
		b.WriteByte(pick(vowels))
	}
	return b.String()
}

// pick returns one of the characters, each as likely as the other.
func pick(from string) byte {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails (crypto/rand)
		if limit := 256 - 256%len(from); int(b[0]) < limit {
			return from[int(b[0])%len(from)]
		}
	}
}
