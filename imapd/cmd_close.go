package imapd

import (
	"context"
	"errors"

	"restante/imap"
	"restante/mailstore"
)

// cmdClose is CLOSE (RFC 9051 section 6.4.1): EXPUNGE without its answers, unless
// the mailbox is read-only or the user may not, and UNSELECT. It leaves the mailbox whatever happens;
// the client is told if messages could not be removed.
func (s *session) cmdClose(cmd *imap.Command) (reply, error) {
	if v := s.view; !v.readOnly && v.told > 0 && v.may(mailstore.RightExpunge) {
		_, err := s.expunge([]span{{0, v.told}})
		if err != nil && !errors.Is(err, mailstore.ErrGone) {
			r := s.replyTo(cmd.Name, err)
			s.w.Status("", r.cond, r.code, r.text)
		}
	}
	s.unselect()
	return reply{}, nil
}

// cmdUnselect is UNSELECT (RFC 9051 section 6.4.2).
func (s *session) cmdUnselect(*imap.Command) (reply, error) {
	s.unselect()
	return reply{}, nil
}

// cmdExpunge is EXPUNGE and UID EXPUNGE (RFC 9051 sections 6.4.3 and 6.4.9).
// Only messages that the client knows of are removed. The EXPUNGE responses are
// news as if somebody else had done it.
func (s *session) cmdExpunge(cmd *imap.Command) (reply, error) {
	v := s.view
	if v.readOnly {
		return reply{}, errExamined
	}
	spans := []span{{0, v.told}}
	if args, withSet := cmd.Args.(*imap.Expunge); withSet {
		var err error
		if spans, err = v.pick(args.Set, true); err != nil {
			return reply{}, err
		}
	}
	if v.told == 0 || len(spans) == 0 {
		return reply{}, nil
	}
	removed, err := s.expunge(spans)
	return reply{modSeq: err == nil && s.condstore && !removed.Empty()}, err
}

// expunge removes those of the messages that are to be deleted.
func (s *session) expunge(spans []span) (removed mailstore.UIDSet, err error) {
	err = s.long(func(ctx context.Context) (err error) {
		removed, err = s.view.box.Expunge(ctx, s.view.set(spans), true)
		return err
	})
	return removed, err
}
