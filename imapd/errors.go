package imapd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"restante/imap"
	"restante/mailstore"
)

// A reply is a tagged status response without its tag. The zero reply stands
// for OK and the command's name.
type reply struct {
	cond imap.Condition
	code string // without brackets
	text string
	// modSeq: the code is HIGHESTMODSEQ, with what it is when all is told.
	modSeq bool
}

// ok is a success that has a response code or words of its own.
func ok(code, text string) reply { return reply{cond: imap.OK, code: code, text: text} }

// A refusal is an error that already says what the client is told.
type refusal struct{ reply }

func (r *refusal) Error() string {
	if r.code == "" {
		return r.text
	}
	return "[" + r.code + "] " + r.text
}

// no refuses a command that is well written but cannot be done.
func no(code, format string, args ...any) error {
	return &refusal{reply{cond: imap.NO, code: code, text: fmt.Sprintf(format, args...)}}
}

// bad refuses a command that no client should have sent.
func bad(format string, args ...any) error {
	return &refusal{reply{cond: imap.BAD, text: fmt.Sprintf(format, args...)}}
}

// errExamined refuses to change a mailbox that was opened for reading.
var errExamined = no("READ-ONLY", "Mailbox is opened for reading only")

// kinds are the errors of the storage contract in IMAP's words. Response codes
// are those of RFC 9051 section 7.1; READ-ONLY and TRYCREATE among them.
var kinds = []struct {
	is   error
	code string
	text string
}{
	{mailstore.ErrNotFound, "NONEXISTENT", "Mailbox does not exist"},
	{mailstore.ErrExists, "ALREADYEXISTS", "Mailbox already exists"},
	{mailstore.ErrInvalidName, "CANNOT", "This name cannot be given to a mailbox here"},
	{mailstore.ErrNoSelect, "CANNOT", "This is not a mailbox, it only leads to others"},
	{mailstore.ErrHasChildren, "HASCHILDREN", "There are mailboxes below this name; delete them first"},
	{mailstore.ErrNotPermitted, "CANNOT", "This is never possible with this mailbox"},
	{mailstore.ErrNoRight, "NOPERM", noRightText},
	{mailstore.ErrLimit, "LIMIT", "There are too many of them"},
	{mailstore.ErrReadOnly, "READ-ONLY", "Mailbox is read-only"},
	{mailstore.ErrExpunged, "EXPUNGEISSUED", "Some of the messages have been expunged"},
	{mailstore.ErrGone, "NONEXISTENT", "Mailbox has been deleted"},
	{mailstore.ErrOverQuota, "OVERQUOTA", "There is no space left for this"},
	{mailstore.ErrInUse, "INUSE", "Mailbox is locked by another program; try again later"},
	{mailstore.ErrDamaged, "CORRUPTION", "Mailbox is damaged; tell the administrator"},
	{mailstore.ErrTooBig, "TOOBIG", "Message is too big for this mailbox"},
	{context.DeadlineExceeded, "UNAVAILABLE", "This took too long; try again later"},
	{context.Canceled, "UNAVAILABLE", "The server is stopping; try again later"},
}

// internalError is all that a client learns about an unexpected failure; the
// log has the chain.
var internalError = reply{cond: imap.NO, code: "SERVERBUG", text: "Internal error, nothing was done; the server's log has the details"}

// replyTo is the one place that turns errors into what the client is told.
// Errors of the connection are not for it.
func (s *session) replyTo(cmd string, err error) reply {
	var r *refusal
	if errors.As(err, &r) {
		return r.reply
	}
	for _, k := range kinds {
		if errors.Is(err, k.is) {
			s.logKnown(cmd, err)
			return reply{cond: imap.NO, code: k.code, text: k.text}
		}
	}
	s.log().Error("command failed", slog.String("cmd", cmd), slog.Any("err", err))
	return internalError
}

// logKnown records what an operator can act on; the rest is the client's own
// doing.
func (s *session) logKnown(cmd string, err error) {
	for _, actionable := range []error{mailstore.ErrOverQuota, mailstore.ErrDamaged, mailstore.ErrInUse, mailstore.ErrReadOnly} {
		if errors.Is(err, actionable) {
			s.log().Warn("command refused", slog.String("cmd", cmd), slog.Any("err", err))
			return
		}
	}
	s.log().Debug("command refused", slog.String("cmd", cmd), slog.Any("err", err))
}

// syntaxReply answers what the reader could not make a command of.
func syntaxReply(e *imap.Error) reply {
	switch e.Kind {
	case imap.ErrTooBig:
		return reply{cond: imap.NO, code: "TOOBIG", text: e.Text}
	case imap.ErrTooDeep:
		return reply{cond: imap.NO, code: "LIMIT", text: e.Text}
	case imap.ErrLineTooLong:
		return reply{cond: imap.BAD, code: "TOOBIG", text: e.Text}
	case imap.ErrLost:
		return reply{cond: imap.BYE, text: e.Text}
	default:
		return reply{cond: imap.BAD, text: e.Text}
	}
}

// closing is an error after which the connection has no use.
type closing struct{ text string }

func (c *closing) Error() string { return c.text }

// lost is an error of the connection in the middle of a command.
type lost struct{ err error }

func (l *lost) Error() string { return "read: " + l.err.Error() }
func (l *lost) Unwrap() error { return l.err }

// errGone ends a session whose mailbox was deleted or got another UIDVALIDITY.
// There is no way to tell a client that its mailbox is another one now but to
// let it come again (RFC 2180 section 3.3).
var errGone = &closing{"The selected mailbox has been deleted or replaced; connect again"}

const goneReason = "mailbox gone"
