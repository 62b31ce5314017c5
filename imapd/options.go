package imapd

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"

	"restante/auth"
	"restante/fulltext"
	"restante/imap"
	"restante/mailstore"
)

// An Authenticator decides who may log in; *auth.Authenticator is one.
type Authenticator interface {
	// Authenticate returns the user of that name and password. An error that
	// is auth.ErrCredentials tells the client that name or password are wrong;
	// any other error tells it to try later, and goes to the log. It returns
	// soon when ctx ends.
	Authenticate(ctx context.Context, remote net.Addr, name, password string) (auth.User, error)
}

// Options is what a [Server] works with. Store and Auth are needed; what is
// left zero of the rest gets its default.
type Options struct {
	Store  mailstore.Store
	Auth   Authenticator
	Logger *slog.Logger // default: nothing is logged
	// FullText has the indexes that searches use; nil means that there are none.
	FullText *fulltext.Keeper
	// Hostname and Version appear in the greeting and in the answer to ID.
	Hostname, Version string
	// Admin is a URI by which users reach the administrator (RFC 5464 section
	// 6.2.1.1); "" says nothing.
	Admin string
	// TLS is what STARTTLS uses; nil means that STARTTLS is not offered.
	TLS *tls.Config
	// AllowPlaintext says whether passwords may come from there without TLS;
	// nil means never.
	AllowPlaintext func(remote net.Addr) bool
	// Transcript opens the record of a session that begins for a user; a nil
	// writer means that it is not recorded. Nil means that none is. Nothing secret
	// is written to it, and of messages no more than some octets.
	Transcript func(user, session string) (io.WriteCloser, error)
	Limits     Limits
	Timeouts   Timeouts
}

// Limits bounds what a client may do. A zero field means the default.
type Limits struct {
	// Append is the size of the largest message that APPEND takes; default 64 MB.
	Append int64
	// Line is how many octets a command may have outside its literals after
	// login; default 256 KB, for the UID sets that clients write.
	Line int
	// Literal is how many octets the literals of one command may have together
	// after login, messages of APPEND aside; default 128 KB.
	Literal int
	// Nesting is how deep parentheses, NOT and OR may nest; default 50.
	Nesting int
	// Mailboxes is how many a user may have before CREATE is refused; default 20,000.
	// Sessions that create at the same time may together go some way above it.
	Mailboxes int
	// MailboxName is how many octets the name of a new mailbox may have; default 1000.
	MailboxName int
	// BadCommands is how many commands in a row may be wrong; default 20.
	BadCommands int
	// PerUser is how many sessions a user may have at once; default 500.
	//
	// QUIRK: Thunderbird holds five per account, K-9 and iOS Mail one for each
	// folder that is watched, which may be 50, and a family has several of each.
	PerUser int
	// Watched is how many mailboxes NOTIFY watches for one session; default 1000.
	Watched int
	// LoginFailures is how many logins of one connection may fail; default 5.
	LoginFailures int
}

// Timeouts bounds how long a connection may take. A zero field means the
// default.
type Timeouts struct {
	// Login is how long a client that has not logged in may take for its next
	// command; default 1 minute. After five times that it must be logged in.
	Login time.Duration
	// Idle is how long a client that is logged in may be silent, IDLE included;
	// default 35 minutes, at least 30 (RFC 9051 section 5.4).
	Idle time.Duration
	// KeepAlive is how often a client in IDLE gets a sign of life, which keeps
	// the memory of routers on the way fresh; default 2 minutes.
	KeepAlive time.Duration
	// Transfer is how long one piece of 128 KB may take, in either direction,
	// before a client counts as dead; default 3 minutes. TLS handshakes, too,
	// must end within it.
	Transfer time.Duration
}

// The limits before login are fixed: nothing that logs in needs more. A
// literal of more than that is drained only within reason (RFC 7888 section 5).
const (
	loginLine    = 16 << 10
	loginLiteral = 8 << 10
	loginDrain   = 64 << 10
	minIdle      = 30 * time.Minute
)

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AllowPlaintext == nil {
		o.AllowPlaintext = func(net.Addr) bool { return false }
	}
	o.Hostname = cmp.Or(o.Hostname, "localhost")
	l, t := &o.Limits, &o.Timeouts
	l.Append = cmp.Or(l.Append, 64<<20)
	l.Line = cmp.Or(l.Line, 256<<10)
	l.Literal = cmp.Or(l.Literal, 128<<10)
	l.Nesting = cmp.Or(l.Nesting, 50)
	l.Mailboxes = cmp.Or(l.Mailboxes, 20_000)
	l.MailboxName = cmp.Or(l.MailboxName, 1000)
	l.PerUser = cmp.Or(l.PerUser, 500)
	l.Watched = cmp.Or(l.Watched, 1000)
	l.BadCommands = cmp.Or(l.BadCommands, 20)
	l.LoginFailures = cmp.Or(l.LoginFailures, 5)
	t.Login = cmp.Or(t.Login, time.Minute)
	t.Idle = max(cmp.Or(t.Idle, 35*time.Minute), minIdle)
	t.KeepAlive = cmp.Or(t.KeepAlive, 2*time.Minute)
	t.Transfer = cmp.Or(t.Transfer, 3*time.Minute)
	return o
}

// readLimits are the limits of the command reader before or after login.
func (o *Options) readLimits(loggedIn bool) imap.Limits {
	if !loggedIn {
		return imap.Limits{Line: loginLine, Literal: loginLiteral, Append: 1, Drain: loginDrain}
	}
	return imap.Limits{Line: o.Limits.Line, Literal: o.Limits.Literal, Append: o.Limits.Append, Nesting: o.Limits.Nesting}
}
