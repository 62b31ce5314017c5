package webmail

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"restante/auth"
)

// loginPage asks for name and password.
type loginPage struct {
	Page
	Host    string
	Name    string // as it was typed
	Next    string // where to go then
	Problem string
	Bye     bool // the user has just signed out
}

const maxName = 200 // characters of a name that somebody typed

func (s *Server) showLogin(c *call) error {
	next := localPath(c.r.URL.Query().Get("next"))
	if sess := s.sessions.find(c.r, time.Now()); sess != nil {
		sess.release()
		return seeOther(c, next)
	}
	data := loginPage{Page: s.newPage(c, "Sign in"), Host: s.opt.Hostname, Next: next, Bye: c.r.URL.Query().Has("bye")}
	return s.render(c, http.StatusOK, "login", data)
}

// login checks a password and begins a session.
func (s *Server) login(c *call) error {
	form, err := c.form()
	if err != nil {
		return err
	}
	name, next := form.Get("name"), localPath(form.Get("next"))
	mark, _ := s.opt.Auth.Mark(name) // of before: a change of the password meanwhile ends the session
	user, err := s.opt.Auth.Authenticate(c.ctx(), remoteAddr(c.r), name, form.Get("password"))
	if err != nil {
		return s.loginFailed(c, name, next, err)
	}
	account, err := s.opt.Store.OpenAccount(c.ctx(), user)
	if err != nil {
		s.log.Error("account cannot be opened", slog.String("user", user.Name), slog.Any("err", err))
		return s.loginAgain(c, http.StatusServiceUnavailable, name, next, "Your mail cannot be opened now. The server's log tells the administrator why.")
	}
	now := time.Now()
	if old := s.sessions.find(c.r, now); old != nil {
		s.sessions.end(old)
		old.release()
	}
	http.SetCookie(c.w, s.sessions.start(user, account, mark, now))
	s.log.Info("signed in", slog.String("user", user.Name), slog.String("remote", c.r.RemoteAddr))
	return seeOther(c, next)
}

func (s *Server) loginFailed(c *call, name, next string, err error) error {
	who := slog.Group("", slog.String("user", truncate(name, maxName)), slog.String("remote", c.r.RemoteAddr))
	switch {
	case errors.Is(err, auth.ErrCredentials):
		s.log.Info("login failed", who)
		return s.loginAgain(c, http.StatusForbidden, name, next, "Name or password is wrong. Check both; capitals count in the password.")
	case errors.Is(err, auth.ErrUnavailable):
		s.log.Info("login put off", who, slog.Any("err", err)) // no error of ours: strangers can bring it about
		return s.loginAgain(c, http.StatusTooManyRequests, name, next, "There were too many wrong passwords. Wait a minute, then try again.")
	case c.ctx().Err() != nil:
		return err // the browser went away
	}
	s.log.Error("authentication is not possible", who, slog.Any("err", err))
	return s.loginAgain(c, http.StatusServiceUnavailable, name, next, "Nobody can sign in at the moment. Try again in a few minutes.")
}

func (s *Server) loginAgain(c *call, status int, name, next, problem string) error {
	data := loginPage{Page: s.newPage(c, "Sign in"), Host: s.opt.Hostname, Name: truncate(shown(name), maxName), Next: next, Problem: problem}
	return s.render(c, status, "login", data)
}

// logout ends the session. Nothing of it is left in the browser, as no page may be kept (pageHeaders).
func (s *Server) logout(c *call) error {
	s.sessions.end(c.session)
	http.SetCookie(c.w, sessionCookie(""))
	return seeOther(c, "/login?bye")
}

// localPath lets only addresses of this site through as the place to go after signing in.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/m/") || strings.ContainsAny(next, "\\\r\n\t") || len(next) > 2000 {
		return "/"
	}
	return next
}

// remoteAddr is the client's address as the listener saw it.
func remoteAddr(r *http.Request) net.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	return &net.TCPAddr{}
}
