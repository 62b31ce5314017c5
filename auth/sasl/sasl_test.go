package sasl

import (
	"errors"
	"slices"
	"strings"
	"testing"

	gosasl "github.com/emersion/go-sasl"
)

var errWrong = errors.New("wrong")

// check knows one user.
func check(name, password string) error {
	if name == "amelie" && password == "crème" {
		return nil
	}
	return errWrong
}

// TestExchanges plays whole exchanges: C: the client's response, S: the
// server's challenge. A response "-" is none at all.
func TestExchanges(t *testing.T) {
	tests := []struct {
		why, mechanism string
		client, server []string
		err            error
	}{
		{"with an initial response", "PLAIN", []string{"\x00amelie\x00crème"}, nil, nil},
		{"without: an empty challenge asks for it", "plain", []string{"-", "\x00amelie\x00crème"}, []string{""}, nil},
		{"the same name twice", "PLAIN", []string{"amelie\x00amelie\x00crème"}, nil, nil},
		{"the same name in capitals", "PLAIN", []string{"AMELIE\x00amelie\x00crème"}, nil, nil},
		{"somebody else", "PLAIN", []string{"root\x00amelie\x00crème"}, nil, ErrAuthorization},
		{"a wrong password", "PLAIN", []string{"\x00amelie\x00x"}, nil, errWrong},
		{"one NUL is missing", "PLAIN", []string{"amelie\x00crème"}, nil, ErrMalformed},
		{"a NUL too many", "PLAIN", []string{"\x00amelie\x00crème\x00"}, nil, ErrMalformed},
		{"an empty response", "PLAIN", []string{""}, nil, ErrMalformed},
		{"an empty password", "PLAIN", []string{"\x00amelie\x00"}, nil, ErrMalformed},
		{"an empty name", "PLAIN", []string{"\x00\x00crème"}, nil, ErrMalformed},
		{"not UTF-8", "PLAIN", []string{"\x00amelie\x00cr\xe8me"}, nil, ErrMalformed},

		{"QUIRK: Outlook", "LOGIN", []string{"-", "amelie", "crème"}, []string{"Username:", "Password:"}, nil},
		{"the name as initial response", "LOGIN", []string{"amelie", "crème"}, []string{"Password:"}, nil},
		{"a wrong password", "LOGIN", []string{"amelie", "x"}, []string{"Password:"}, errWrong},
		{"an empty name", "LOGIN", []string{"-", ""}, []string{"Username:"}, ErrMalformed},
		{"an empty password", "LOGIN", []string{"amelie", ""}, []string{"Password:"}, ErrMalformed},
		{"a NUL", "LOGIN", []string{"amelie", "a\x00b"}, []string{"Password:"}, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.mechanism+" "+tt.why, func(t *testing.T) {
			s, ok := New(tt.mechanism, check)
			if !ok {
				t.Fatal("no such mechanism")
			}
			var said []string
			var err error
			for i, response := range tt.client {
				var challenge []byte
				var done bool
				challenge, done, err = s.Next(given(response))
				if last := i == len(tt.client)-1; done != (last && err == nil) && err == nil {
					t.Fatalf("step %d: done %v", i, done)
				}
				if !done && err == nil {
					said = append(said, string(challenge))
				}
			}
			if !errors.Is(err, tt.err) || !slices.Equal(said, tt.server) {
				t.Errorf("server says %q, %v; want %q, %v", said, err, tt.server, tt.err)
			}
		})
	}
}

func given(response string) []byte {
	if response == "-" {
		return nil
	}
	return []byte(response)
}

func TestMechanisms(t *testing.T) {
	for _, m := range Mechanisms() {
		if _, ok := New(m, check); !ok {
			t.Errorf("%s is offered and not there", m)
		}
	}
	if _, ok := New("CRAM-MD5", check); ok {
		t.Error("a mechanism that is not offered is there")
	}
}

// TestForeignClients runs the exchanges of another implementation.
func TestForeignClients(t *testing.T) {
	for _, c := range []gosasl.Client{gosasl.NewPlainClient("", "amelie", "crème"), gosasl.NewLoginClient("amelie", "crème")} {
		mechanism, response, err := c.Start()
		if err != nil {
			t.Fatal(err)
		}
		s, _ := New(mechanism, check)
		challenge, done, err := s.Next(response)
		for !done && err == nil {
			if response, err = c.Next(challenge); err == nil {
				challenge, done, err = s.Next(response)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
}

// TestExchangeEnds holds that nothing can be learnt after the end.
func TestExchangeEnds(t *testing.T) {
	for _, m := range []string{"PLAIN", "LOGIN"} {
		s, _ := New(m, check)
		for _, r := range []string{"\x00amelie\x00crème", "amelie", "crème"} {
			_, _, _ = s.Next([]byte(r))
		}
		if _, done, err := s.Next([]byte("\x00amelie\x00crème")); err == nil {
			t.Errorf("%s: one more response gives done %v without an error", m, done)
		}
	}
}

// FuzzNext holds that an exchange ends after few responses, whatever they are,
// and that check sees only what RFC 4616 allows.
func FuzzNext(f *testing.F) {
	f.Add("PLAIN", "\x00a\x00b", "x", "y")
	f.Add("LOGIN", "", "x", "y")
	f.Fuzz(func(t *testing.T, mechanism, a, b, c string) {
		s, ok := New(mechanism, func(name, password string) error {
			if name == "" || password == "" || strings.ContainsRune(name+password, 0) || strings.ToValidUTF8(name+password, "") != name+password {
				t.Errorf("check sees %q, %q", name, password)
			}
			return nil
		})
		if !ok {
			return
		}
		for _, r := range []string{a, b, c} {
			if _, done, err := s.Next([]byte(r)); done || err != nil {
				return
			}
		}
		t.Error("the exchange does not end")
	})
}
