// Package sasl has the server side of the SASL mechanisms that services offer:
// PLAIN (RFC 4616) and, for old clients, LOGIN. It knows no protocol: the
// services frame challenges and responses, and say what a name and password
// are worth.
package sasl

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	gosasl "github.com/emersion/go-sasl"
)

// Server is one exchange. Next takes the client's response, nil when it sent no
// initial one, and returns the challenge to send, or done, or the error that
// ends the exchange: ErrMalformed, ErrAuthorization, or that of Check.
type Server = gosasl.Server

// Check says whether a name and password fit. Its error is returned by Next as
// it is.
type Check func(name, password string) error

// Errors of Next that come from the exchange itself.
var (
	// ErrMalformed: the response is none of the mechanism. RFC 9051 section
	// 6.2.2 answers BAD to it, RFC 5034 -ERR.
	ErrMalformed = errors.New("malformed response of the SASL mechanism")
	// ErrAuthorization: the client asked to act as somebody else than the
	// name that it authenticates as, which nobody may.
	ErrAuthorization = errors.New("not allowed to act as another user")
)

// Mechanisms lists the names for New, the best first.
func Mechanisms() []string { return []string{"PLAIN", "LOGIN"} }

// New begins an exchange. It is false when there is no such mechanism; names
// are case-insensitive.
func New(mechanism string, check Check) (Server, bool) {
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		return plain{gosasl.NewPlainServer(authorized(check))}, true
	case "LOGIN":
		return &login{check: check}, true
	}
	return nil, false
}

// authorized makes Check of what PLAIN carries. The authorization identity is
// empty or the authentication identity once more.
func authorized(check Check) gosasl.PlainAuthenticator {
	return func(identity, name, password string) error {
		if !wellFormed(name) || !wellFormed(password) || !utf8.ValidString(identity) {
			return ErrMalformed
		}
		if identity != "" && !strings.EqualFold(identity, name) {
			return ErrAuthorization
		}
		return check(name, password)
	}
}

// wellFormed holds a name or password to the grammar of RFC 4616: UTF-8, not
// empty, no NUL.
func wellFormed(s string) bool {
	return s != "" && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// plain gives go-sasl's errors of form a name of ours.
type plain struct{ Server }

func (p plain) Next(response []byte) (challenge []byte, done bool, err error) {
	if response != nil && bytes.Count(response, []byte{0}) != 2 {
		return nil, true, ErrMalformed
	}
	return p.Server.Next(response)
}

// login is the LOGIN mechanism (draft-murchison-sasl-login): the server asks
// for the name, then for the password.
type login struct {
	check Check
	step  int
	name  string
}

// Next asks with the very words that clients look for.
//
// QUIRK: Outlook compares the prompts byte for byte and sends no initial
// response, while others send the name as one.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && l.step == 0 {
		l.step = 1
		return []byte("Username:"), false, nil
	}
	if !wellFormed(string(response)) {
		return nil, true, ErrMalformed
	}
	switch l.step {
	case 0, 1:
		l.name, l.step = string(response), 2
		return []byte("Password:"), false, nil
	case 2:
		l.step = 3
		return nil, true, l.check(l.name, string(response))
	}
	return nil, true, ErrMalformed
}
