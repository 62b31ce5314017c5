package pop3d

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"restante/mailstore"
	"restante/pop3"
)

// An Authenticator decides who may log in; *auth.Authenticator is one.
type Authenticator interface {
	// Authenticate returns the user of that name and password. An error that is auth.ErrCredentials tells
	// the client that name or password are wrong; any other error tells it to try later, and goes to the log.
	Authenticate(ctx context.Context, remote net.Addr, name, password string) (mailstore.User, error)
}

// Options is what a [Server] works with. Store and Auth are needed; what is left zero of the rest gets its
// default.
type Options struct {
	Store  mailstore.Store
	Auth   Authenticator
	Logger *slog.Logger // default: nothing is logged
	// Hostname appears in the greeting.
	Hostname string
	// TLS is what STLS uses; nil means that STLS is not offered.
	TLS *tls.Config
	// AllowPlaintext says whether passwords may come from there without TLS; nil means never.
	AllowPlaintext func(remote net.Addr) bool
	// UIDL is how unique ids are made. Messages whose ids another server has written down keep those.
	UIDL UIDLFormat
	// ReuseXUIDL takes the id of a message from its field X-UIDL, where another server has written it, unless it is
	// saved otherwise.
	ReuseXUIDL bool
	// KeepUnseen leaves the flags of messages alone. Else those that were retrieved are \Seen after QUIT.
	KeepUnseen bool

	Limits pop3.Limits
	// LoginTimeout is how long a client that has not logged in may be silent; default 1 minute. After five
	// times that it must be logged in.
	LoginTimeout time.Duration
	// IdleTimeout is how long a client that is logged in may be silent; default and least 10 minutes
	// (RFC 1939 section 3).
	IdleTimeout time.Duration
	// TransferTimeout is how long one piece of 64 KB may take to be sent before a client counts as dead;
	// default 3 minutes. A TLS handshake, too, must end within it.
	TransferTimeout time.Duration
	// BadCommands is how many commands in a row may be wrong; default 20.
	BadCommands int
	// LoginFailures is how many logins of one connection may fail; default 5.
	LoginFailures int
}

const minIdle = 10 * time.Minute

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AllowPlaintext == nil {
		o.AllowPlaintext = func(net.Addr) bool { return false }
	}
	o.Hostname = cmp.Or(o.Hostname, "localhost")
	o.LoginTimeout = cmp.Or(o.LoginTimeout, time.Minute)
	o.IdleTimeout = max(o.IdleTimeout, minIdle)
	o.TransferTimeout = cmp.Or(o.TransferTimeout, 3*time.Minute)
	o.BadCommands = cmp.Or(o.BadCommands, 20)
	o.LoginFailures = cmp.Or(o.LoginFailures, 5)
	return o
}
