package pop3d

import (
	"context"
	"errors"
	"log/slog"

	"restante/mailstore"
	"restante/pop3"
)

// A refusal is an error that already says what the client is told.
type refusal struct {
	code pop3.Code
	text string
}

func (r *refusal) Error() string { return r.text }

// refuse refuses a command that is well written but cannot be done.
func refuse(code pop3.Code, text string) error { return &refusal{code, text} }

// A broken is an error in the middle of an answer. Nothing sensible can be said any more: the client would
// take it for a part of the message.
type broken struct{ err error }

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// kinds are the errors of the storage contract in the words of RFC 3206 and RFC 2449.
var kinds = []struct {
	is   error
	code pop3.Code
	text string
}{
	{mailstore.ErrInUse, pop3.InUse, "The mailbox is locked by another program; try again later"},
	{mailstore.ErrExpunged, "", "The message has been deleted by somebody else"},
	{mailstore.ErrGone, pop3.SysTemp, "The mailbox has been replaced; connect again"},
	{mailstore.ErrReadOnly, pop3.SysPerm, "The mailbox is read-only; nothing was deleted"},
	{mailstore.ErrOverQuota, pop3.SysTemp, "There is no space left to do this"},
	{mailstore.ErrDamaged, pop3.SysPerm, "The mailbox is damaged; tell the administrator"},
	{context.Canceled, pop3.SysTemp, "The server is stopping; try again later"},
	{context.DeadlineExceeded, pop3.SysTemp, "This took too long; try again later"},
}

// failed is the one place that turns errors into what the client is told. An unexpected one it learns
// nothing of; the log has the chain.
func (s *session) failed(cmd string, err error) {
	var r *refusal
	if errors.As(err, &r) {
		s.w.Fail(r.code, r.text)
		return
	}
	var b *broken
	if errors.As(err, &b) {
		if s.w.Err() == nil {
			s.log.Error("answer cut off", slog.String("cmd", cmd), slog.Any("err", err))
		}
		s.leave("answer cut off")
		return
	}
	for _, k := range kinds {
		if errors.Is(err, k.is) {
			s.logKnown(cmd, err)
			s.w.Fail(k.code, k.text)
			return
		}
	}
	s.log.Error("command failed", slog.String("cmd", cmd), slog.Any("err", err))
	s.w.Fail(pop3.SysTemp, "Internal error; the server's log has the details")
}

// logKnown records what an operator can act on; the rest is the doing of clients.
func (s *session) logKnown(cmd string, err error) {
	level := slog.LevelDebug
	for _, actionable := range []error{mailstore.ErrOverQuota, mailstore.ErrDamaged, mailstore.ErrInUse, mailstore.ErrReadOnly} {
		if errors.Is(err, actionable) {
			level = slog.LevelWarn
		}
	}
	s.log.Log(s.ctx, level, "command refused", slog.String("cmd", cmd), slog.Any("err", err))
}
