package imapd

import (
	"context"
	"fmt"

	"restante/imap"
	"restante/mailstore"
)

// cmdCopy is COPY and UID COPY (RFC 9051 section 6.4.7).
func (s *session) cmdCopy(cmd *imap.Command) (reply, error) {
	res, err := s.transfer(cmd, mailstore.Mailbox.Copy)
	if err != nil {
		return reply{}, err
	}
	return ok(copyUID(res), "Copy completed"), nil
}

// cmdMove is MOVE and UID MOVE (RFC 6851). COPYUID comes before the EXPUNGE
// responses, in an untagged OK of its own (section 4.3).
func (s *session) cmdMove(cmd *imap.Command) (reply, error) {
	if s.view.readOnly {
		return reply{}, errExamined
	}
	res, err := s.transfer(cmd, mailstore.Mailbox.Move)
	if err != nil {
		return reply{}, err
	}
	code := copyUID(res)
	if code != "" {
		s.w.Status("", imap.OK, code, "Moved")
	}
	return reply{modSeq: s.condstore && code != ""}, nil
}

// A transferFunc is Mailbox.Copy or Mailbox.Move.
type transferFunc func(from mailstore.Mailbox, ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error)

// transfer copies or moves. Message numbers of messages that others expunged
// refuse all of it.
//
// QUIRK: iOS Mail moves UIDs that are not there and wants OK.
func (s *session) transfer(cmd *imap.Command, do transferFunc) (mailstore.CopyResult, error) {
	args, v := cmd.Args.(*imap.Copy), s.view
	var none mailstore.CopyResult
	spans, err := v.pick(args.Set, cmd.UID())
	if err != nil {
		return none, err
	}
	dest, err := s.openTarget(args.Mailbox)
	if err != nil {
		return none, err
	}
	defer s.closeQuietly("mailbox", dest.Close)
	if !cmd.UID() {
		if err := v.missing(spans); err != nil {
			return none, err
		}
	}
	if len(spans) == 0 {
		return none, nil
	}
	res := none
	err = s.long(func(ctx context.Context) (err error) {
		res, err = do(v.box, ctx, v.set(spans), dest)
		return err
	})
	return res, err
}

// copyUID is the response code of RFC 4315 section 3, "" when nothing was
// copied.
func copyUID(res mailstore.CopyResult) string {
	if len(res.Source) == 0 {
		return ""
	}
	return fmt.Sprintf("COPYUID %d %s %s", res.UIDValidity, numSet(res.Source), numSet(res.Dest))
}
