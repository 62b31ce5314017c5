package webmail

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"restante/auth"
	"restante/mailstore"
)

// An Authenticator decides who may sign in.
type Authenticator interface {
	// Authenticate returns the user of that name and password. An error that is auth.ErrCredentials tells the user that
	// name or password are wrong; any other asks them to try later, and goes to the log.
	Authenticate(ctx context.Context, remote net.Addr, name, password string) (auth.User, error)
	// Mark changes when a sign-in of before should hold no longer, as after a change of the password, and is false for who
	// may not sign in any more. It is asked for with every request.
	Mark(name string) (mark string, ok bool)
}

// Options is what a [Server] works with. Store and Auth are needed; what is left zero of the rest gets its default.
type Options struct {
	Store  mailstore.Store
	Auth   Authenticator
	Logger *slog.Logger // default: nothing is logged
	// Hostname stands in the sign-in page; it names the server to people who have several.
	Hostname string
	// IdleTimeout ends a session that long after its last use; default 30 minutes.
	IdleTimeout time.Duration
	// MaxSession ends a session that long after the sign-in, used or not; default 12 hours.
	MaxSession time.Duration
	// SessionsPerUser is how many sessions a user can have; one more ends the one that was longest out of use. Default 10.
	SessionsPerUser int
	// Sessions bounds all sessions in the same way; default 2000.
	Sessions int
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Hostname = cmp.Or(o.Hostname, "localhost")
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 30*time.Minute)
	o.MaxSession = cmp.Or(o.MaxSession, 12*time.Hour)
	o.SessionsPerUser = cmp.Or(o.SessionsPerUser, 10)
	o.Sessions = cmp.Or(o.Sessions, 2000)
	return o
}

// A Server is the webmail as an [http.Handler]. It must be reached over HTTPS: its cookie is sent over nothing else.
// It is safe for concurrent use.
type Server struct {
	opt      Options
	log      *slog.Logger
	sessions *sessions
	cleaning chan struct{} // a slot for each HTML part that is being cleaned
	assets   *assets
	views    *views
	handler  http.Handler
}

// New makes a server. It panics when its own embedded templates do not parse, which a test excludes.
func New(opt Options) *Server {
	opt = opt.withDefaults()
	s := &Server{opt: opt, log: opt.Logger, sessions: newSessions(opt), assets: newAssets(),
		cleaning: make(chan struct{}, runtime.GOMAXPROCS(0))}
	s.views = newViews(s.assets)
	s.handler = s.guard(s.routes())
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close ends all sessions and gives their accounts back. Requests under way finish.
func (s *Server) Close() error {
	s.sessions.closeAll()
	return nil
}
