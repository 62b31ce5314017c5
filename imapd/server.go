package imapd

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"restante/imap"
	"restante/imap/deflate"
)

// A Server serves IMAP to the connections it is given. It may be used by many
// goroutines.
type Server struct {
	opt       Options
	commands  map[string]answered
	buffers   imap.Buffers // shared by all connections, so that idle ones hold none
	deflaters deflate.Pool // likewise
	bodies    sync.Pool    // of *[smallMessage]byte, for messages on their way
	memories  memories
	sessions  sessions
}

// New makes a server. Options.Store and Options.Auth must be set.
func New(opt Options) *Server {
	return &Server{opt: opt.withDefaults(), commands: withTexts(commands)}
}

// ServeConn serves one connection until it ends, and closes it. isTLS tells
// that c is protected already. When ctx is cancelled the session ends with BYE:
// at once if it waits for a command, else after the command that is running.
func (srv *Server) ServeConn(ctx context.Context, c net.Conn, isTLS bool) {
	s := srv.newSession(ctx, c, isTLS)
	defer s.end()
	s.unstop = context.AfterFunc(ctx, s.conn.stop)
	s.serve()
}

func (srv *Server) newSession(ctx context.Context, c net.Conn, isTLS bool) *session {
	id := newID()
	s := &session{
		srv:     srv,
		id:      id,
		ctx:     context.WithoutCancel(ctx),
		quit:    ctx,
		state:   notAuthenticated,
		secure:  isTLS,
		started: time.Now(),
	}
	s.since = s.started
	s.info = srv.sessions.add(SessionInfo{Session: id, Remote: c.RemoteAddr().String(), TLS: isTLS, Started: s.started, Active: s.started})
	s.conn = &conn{Conn: c, transfer: srv.opt.Timeouts.Transfer}
	s.w = imap.NewWriter(s.conn, &srv.buffers)
	s.conn.beforeRead = s.flush
	s.initProgress()
	s.r = imap.NewReader(s.conn, imap.ReaderOptions{
		Limits:   srv.opt.readLimits(false),
		Continue: s.sendContinue,
		Buffers:  &srv.buffers,
	})
	return s
}

// newID tells a session from all others in the log, also from those before the
// last start.
func newID() string { return rand.Text()[:10] }

// log returns the log with what tells this session from others. It is made when
// something is said: an idle session takes half a kilobyte less for it.
func (s *session) log() *slog.Logger {
	l := s.srv.opt.Logger.With(slog.String("session", s.id), slog.String("remote", s.conn.RemoteAddr().String()))
	if s.user.Name != "" {
		l = l.With(slog.String("user", s.user.Name))
	}
	return l
}

// end closes what the session holds and writes its one line in the log.
func (s *session) end() {
	if p := recover(); p != nil {
		s.log().Error("session panicked", slog.Any("err", p), slog.String("stack", string(debug.Stack())))
	}
	s.unstop()
	s.progress.close()
	s.stopIdling()
	s.unselect()
	s.leaveMemories()
	s.endNotify()
	s.closeTranscript()
	s.srv.sessions.remove(s.info)
	if s.account != nil {
		s.closeQuietly("account", s.account.Close)
	}
	if s.zip != nil {
		s.zip.Release()
	}
	s.conn.Close() // nothing is left to be lost by an error here
	s.log().Info("session ended",
		slog.String("reason", s.reason),
		slog.Int("commands", s.commands),
		slog.Int64("in", s.conn.in),
		slog.Int64("out", s.conn.out),
		slog.Duration("time", time.Since(s.started).Round(time.Millisecond)))
}

// closeQuietly closes something at the end of its use, where an error can only
// be logged.
func (s *session) closeQuietly(what string, fn func() error) {
	if err := fn(); err != nil {
		s.log().Error("closing failed", slog.String("what", what), slog.Any("err", err))
	}
}

// startTLS goes on under TLS. What was read ahead in the clear is dropped with
// the reader's buffer (CVE-2011-0411).
func (s *session) startTLS(config *tls.Config) error {
	plain := s.conn.Conn
	if err := plain.SetDeadline(time.Now().Add(s.srv.opt.Timeouts.Transfer)); err != nil {
		return err
	}
	secured := tls.Server(plain, config)
	if err := secured.HandshakeContext(s.ctx); err != nil {
		return err
	}
	if err := plain.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.conn.Conn = secured
	s.r.Reset(s.conn)
	s.secure = true
	return nil
}
