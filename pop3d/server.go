package pop3d

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"restante/pop3"
)

// A Server serves POP3 to the connections it is given. It may be used by many goroutines.
type Server struct {
	opt     Options
	buffers pop3.Buffers // shared by all connections, so that idle ones hold none
	pieces  sync.Pool    // of *[pieceSize]byte, for messages on their way
}

// borrow takes a buffer for a message from the pool.
func (srv *Server) borrow() *[pieceSize]byte {
	if b, ok := srv.pieces.Get().(*[pieceSize]byte); ok {
		return b
	}
	return new([pieceSize]byte)
}

// New makes a server. Options.Store and Options.Auth must be set.
func New(opt Options) *Server { return &Server{opt: opt.withDefaults()} }

// ServeConn serves one connection until it ends, and closes it. isTLS tells that c is protected already.
// When ctx is cancelled the session ends with an error line: at once if it waits for a command, else after
// the command that is running. What DELE named is not deleted then.
func (srv *Server) ServeConn(ctx context.Context, c net.Conn, isTLS bool) {
	s := srv.newSession(ctx, c, isTLS)
	defer s.end()
	stop := context.AfterFunc(ctx, s.conn.stop)
	defer stop()
	s.serve()
}

func (srv *Server) newSession(ctx context.Context, c net.Conn, isTLS bool) *session {
	s := &session{
		srv:     srv,
		opt:     &srv.opt,
		log:     srv.opt.Logger.With(slog.String("session", newID()), slog.String("remote", c.RemoteAddr().String())),
		ctx:     context.WithoutCancel(ctx), // what has begun is finished
		state:   authorization,
		secure:  isTLS,
		started: time.Now(),
	}
	s.conn = &conn{Conn: c, transfer: srv.opt.TransferTimeout}
	s.w = pop3.NewWriter(s.conn, &srv.buffers)
	s.r = pop3.NewReader(s.conn, srv.opt.Limits)
	s.conn.flush = s.flush
	return s
}

// newID tells a session from all others in the log, also from those before the
// last start.
func newID() string { return rand.Text()[:10] }

// end closes what the session holds and writes its one line in the log.
func (s *session) end() {
	if p := recover(); p != nil {
		s.log.Error("session panicked", slog.Any("err", p), slog.String("stack", string(debug.Stack())))
	}
	if s.drop != nil {
		s.closeQuietly("mailbox", s.drop.close)
	}
	if s.account != nil {
		s.closeQuietly("account", s.account.Close)
	}
	s.conn.Close() // nothing is left to be lost by an error here
	s.log.Info("session ended",
		slog.String("reason", s.reason),
		slog.Int("retrieved", s.retrieved),
		slog.Int("deleted", s.deleted),
		slog.Int64("in", s.conn.in),
		slog.Int64("out", s.conn.out),
		slog.Duration("time", time.Since(s.started).Round(time.Millisecond)))
}

// closeQuietly closes something at the end of its use, where an error can only be logged.
func (s *session) closeQuietly(what string, fn func() error) {
	if err := fn(); err != nil {
		s.log.Error("closing failed", slog.String("what", what), slog.Any("err", err))
	}
}

// startTLS goes on under TLS. What was read ahead in the clear is dropped with the reader's buffer
// (CVE-2011-0411).
func (s *session) startTLS(config *tls.Config) error {
	plain := s.conn.Conn
	if err := plain.SetDeadline(time.Now().Add(s.opt.TransferTimeout)); err != nil {
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
