package imapd

import (
	"errors"
	"log/slog"

	"restante/auth"
	"restante/imap"
	"restante/mailstore"
)

// cmdLogin is LOGIN (RFC 9051 section 6.2.3).
func (s *session) cmdLogin(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Login)
	if !s.mayLogin() {
		return reply{}, errNeedTLS
	}
	user, err := s.authenticate(args.User, args.Password)
	if err != nil {
		return reply{}, err
	}
	return s.enter(user)
}

// errNeedTLS refuses a password before it is looked at.
var errNeedTLS = no("PRIVACYREQUIRED", "Passwords are not accepted without TLS; connect with TLS or use STARTTLS")

// authenticate checks a password. It tells wrong ones from failures of the
// server, and ends connections that only guess.
func (s *session) authenticate(name, password string) (mailstore.User, error) {
	user, err := s.srv.opt.Auth.Authenticate(s.quit, s.conn.RemoteAddr(), name, password)
	switch {
	case err == nil:
		return user, nil
	case s.quit.Err() != nil:
		return user, errStopping
	}
	if errors.Is(err, auth.ErrCredentials) {
		s.log().Info("login failed", slog.String("user", name))
		err = no("AUTHENTICATIONFAILED", "Wrong user name or password")
	} else {
		s.log().Error("authentication is not possible", slog.String("user", name), slog.Any("err", err))
		err = no("UNAVAILABLE", "Nobody can be authenticated at the moment; try again later")
	}
	if s.failedLogins++; s.failedLogins >= s.srv.opt.Limits.LoginFailures {
		err = &closing{"Too many failed logins"}
	}
	return user, err
}

// enter opens the account of a user who has proved to be that.
func (s *session) enter(user mailstore.User) (reply, error) {
	if err := s.admit(user); err != nil {
		return reply{}, err
	}
	account, err := s.srv.opt.Store.OpenAccount(s.ctx, user)
	if err != nil {
		s.srv.sessions.enter(s.info, "", 0)
		s.log().Error("account cannot be opened", slog.String("user", user.Name), slog.Any("err", err))
		return reply{}, no("UNAVAILABLE", "Your mail cannot be opened now; the server's log says why")
	}
	s.user, s.account, s.state = user, account, authenticated
	s.r.SetLimits(s.srv.opt.readLimits(true))
	s.record()
	s.log().Debug("logged in", slog.Bool("tls", s.secure))
	return ok("CAPABILITY "+s.capabilities(), "Logged in"), nil
}
