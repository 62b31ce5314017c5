package imapd

import (
	"encoding/base64"
	"errors"

	"restante/auth/sasl"
	"restante/imap"
	"restante/mailstore"
)

// cmdAuthenticate is AUTHENTICATE (RFC 9051 section 6.2.2).
func (s *session) cmdAuthenticate(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Authenticate)
	if !s.mayLogin() {
		return reply{}, errNeedTLS
	}
	var user mailstore.User
	exchange, known := sasl.New(args.Mechanism, func(name, password string) (err error) {
		user, err = s.authenticate(name, password)
		return err
	})
	if !known {
		return reply{}, no("CANNOT", "There is no mechanism %s here", args.Mechanism)
	}
	if err := s.exchange(exchange, args); err != nil {
		return reply{}, saslError(err)
	}
	return s.enter(user)
}

// exchange runs the mechanism to its end.
func (s *session) exchange(x sasl.Server, args *imap.Authenticate) error {
	var response []byte
	if args.HasInitial {
		response = append([]byte{}, args.Initial...) // never nil, which means none
	}
	for {
		challenge, done, err := x.Next(response)
		if done || err != nil {
			return err
		}
		s.w.Continue(base64.StdEncoding.EncodeToString(challenge))
		if err := s.w.Flush(); err != nil {
			return err
		}
		if response, err = s.saslResponse(); err != nil {
			return err
		}
	}
}

// saslResponse reads the client's next response, never nil.
func (s *session) saslResponse() ([]byte, error) {
	response, err := s.r.ReadSASL()
	var syntax *imap.Error
	switch {
	case err == nil:
		return append([]byte{}, response...), nil
	case errors.Is(err, imap.ErrCanceled), errors.As(err, &syntax):
		return nil, err
	}
	return nil, &lost{err}
}

// saslError tells what the client did wrong from what is wrong with us.
func saslError(err error) error {
	var syntax *imap.Error
	switch {
	case errors.Is(err, imap.ErrCanceled):
		return bad("Authentication cancelled")
	case errors.Is(err, sasl.ErrMalformed):
		return bad("This is no response of the mechanism")
	case errors.Is(err, sasl.ErrAuthorization):
		return no("AUTHORIZATIONFAILED", "You cannot log in for somebody else")
	case errors.As(err, &syntax):
		return &refusal{syntaxReply(syntax)}
	}
	return err
}
