package pop3d

import (
	"errors"
	"log/slog"

	"restante/auth"
	"restante/auth/sasl"
	"restante/mailstore"
	"restante/pop3"
)

// mayLogin reports whether passwords are taken on this connection.
func (s *session) mayLogin() bool { return s.secure || s.opt.AllowPlaintext(s.conn.RemoteAddr()) }

// errNeedTLS has no code: [AUTH] would make clients ask for another password.
var errNeedTLS = refuse("", "Passwords are not accepted without TLS; connect with TLS or use STLS")

// cmdUser is USER (RFC 1939 section 7). Every name is welcome: whether there is such a user is not told.
func (s *session) cmdUser(cmd *pop3.Command) error {
	if !s.mayLogin() {
		return errNeedTLS
	}
	if cmd.Text == "" {
		return refuse("", "The name is missing")
	}
	s.name = cmd.Text
	s.w.OK("Send your password")
	return nil
}

// cmdPass is PASS (RFC 1939 section 7).
func (s *session) cmdPass(cmd *pop3.Command) error {
	if !s.mayLogin() {
		return errNeedTLS
	}
	if s.name == "" {
		return refuse("", "Send USER first")
	}
	name := s.name
	s.name = ""
	user, err := s.authenticate(name, cmd.Text)
	if err != nil {
		return s.loginFailed(name, err)
	}
	return s.login(user)
}

// cmdAuth is AUTH (RFC 5034).
//
// QUIRK: Outlook sends AUTH without an argument to be told the mechanisms, one a line, as in
// draft-myers-sasl-pop3 (Dovecot client-authenticate.c).
func (s *session) cmdAuth(cmd *pop3.Command) error {
	if !s.mayLogin() {
		return errNeedTLS
	}
	if cmd.Text == "" {
		s.w.OK("These mechanisms can be used")
		for _, name := range sasl.Mechanisms() {
			s.w.Raw(name).CRLF()
		}
		s.w.End()
		return nil
	}
	var user mailstore.User
	var tried string
	server, ok := sasl.New(cmd.Text, func(name, password string) (err error) {
		tried = name
		user, err = s.authenticate(name, password)
		return err
	})
	if !ok {
		return refuse("", "There is no such mechanism here; CAPA lists them")
	}
	var first []byte
	if cmd.HasInitial {
		first = cmd.Initial
	}
	if err := s.exchange(server, first); err != nil {
		return s.loginFailed(tried, err)
	}
	return s.login(user)
}

// exchange lets a mechanism and the client talk until one of them is done.
func (s *session) exchange(server sasl.Server, response []byte) error {
	for {
		challenge, done, err := server.Next(response)
		if err != nil || done {
			return err
		}
		s.w.Challenge(challenge)
		if s.r.Buffered() == 0 {
			if err := s.wait(); err != nil {
				return &unread{err}
			}
		}
		if response, err = s.r.ReadResponse(); err != nil {
			return &unread{err}
		}
	}
}

// An unread is an error of reading an answer to a challenge.
type unread struct{ err error }

func (u *unread) Error() string { return u.err.Error() }
func (u *unread) Unwrap() error { return u.err }

func (s *session) authenticate(name, password string) (mailstore.User, error) {
	return s.opt.Auth.Authenticate(s.ctx, s.conn.RemoteAddr(), name, password)
}

// loginFailed tells wrong passwords from failures of the server and from answers that make no sense, and
// ends connections that only guess.
func (s *session) loginFailed(name string, err error) error {
	var read *unread
	switch {
	case errors.Is(err, pop3.ErrCanceled):
		return refuse("", "Authentication cancelled")
	case errors.As(err, &read):
		s.readFailed(read.err)
		return nil
	case errors.Is(err, sasl.ErrMalformed):
		return refuse("", "The response does not fit the mechanism")
	}
	err = s.refuseLogin(name, err)
	if s.failedLogins++; s.failedLogins >= s.opt.LoginFailures {
		s.bye(pop3.Auth, "Too many failed logins", "too many failed logins")
		return nil
	}
	return err
}

// refuseLogin logs why a login failed and gives what the client is told.
func (s *session) refuseLogin(name string, err error) error {
	switch {
	case errors.Is(err, auth.ErrCredentials):
		s.log.Info("login failed", slog.String("user", name))
		return refuse(pop3.Auth, "Wrong user name or password")
	case errors.Is(err, sasl.ErrAuthorization):
		s.log.Info("login failed", slog.String("user", name), slog.Any("err", err))
		return refuse(pop3.Auth, "You cannot log in for somebody else")
	}
	s.log.Warn("authentication is not possible", slog.String("user", name), slog.Any("err", err))
	return refuse(pop3.SysTemp, "You cannot be authenticated at the moment; try again later")
}

// login opens the inbox of a user who has proved who he is.
func (s *session) login(user mailstore.User) error {
	account, err := s.opt.Store.OpenAccount(s.ctx, user)
	if err != nil {
		s.log.Error("account cannot be opened", slog.String("user", user.Name), slog.Any("err", err))
		return refuse(pop3.SysTemp, "Your mail cannot be opened now; the server's log says why")
	}
	drop, err := openMaildrop(s.ctx, account)
	if err != nil {
		s.closeQuietly("account", account.Close)
		return err
	}
	s.user, s.account, s.drop, s.state = user, account, drop, transaction
	s.log = s.log.With(slog.String("user", user.Name))
	s.log.Debug("logged in", slog.Bool("tls", s.secure), slog.Int("messages", len(drop.messages)))
	s.w.Raw("+OK ").Number(int64(len(drop.messages))).Raw(" messages").CRLF()
	return nil
}
