package imapd

import (
	"context"
	"log/slog"

	"restante/imap"
	"restante/mailstore"
)

// cmdReplace is REPLACE and UID REPLACE (RFC 8508). Clients save a draft with it
// every few seconds, so it must never leave none: the new message is durable
// before the old one goes, and goes again if the old one cannot. What is left
// when the machine stops in between is both of them.
func (s *session) cmdReplace(cmd *imap.Command) (reply, error) {
	args, v := cmd.Args.(*imap.Replace), s.view
	if v.readOnly {
		return reply{}, errExamined
	}
	if !v.may(mailstore.RightDelete | mailstore.RightExpunge) {
		return reply{}, errNoRight
	}
	spans, err := v.pick(args.Message, cmd.UID())
	if err != nil {
		return reply{}, err
	}
	if len(spans) == 0 {
		return reply{}, no("NONEXISTENT", "There is no such message to be replaced")
	}
	box, err := s.openTarget(args.Mailbox)
	if err != nil {
		return reply{}, err
	}
	defer s.closeQuietly("mailbox", box.Close)
	old := v.set(spans)
	app, err := s.newAppend(box, s.roomOf(old))
	if err != nil {
		return reply{}, err
	}
	defer app.Abort()
	if err := s.receive(args.Append, app, 1); err != nil {
		return reply{}, err
	}
	if err := v.missing(spans); err != nil { // nothing is done yet; whoever replaced it may have a newer one
		return reply{}, err
	}
	return s.replace(old, box, app)
}

// roomOf is what a message takes, which its replacement may have; nothing where that
// cannot be told.
func (s *session) roomOf(old mailstore.UIDSet) mailstore.Amount {
	box := s.view.box
	if err := s.long(func(ctx context.Context) error { return box.Fill(ctx, old, mailstore.AttrSize) }); err != nil {
		return mailstore.Amount{}
	}
	r, found := box.Record(old[0].First)
	if !found {
		return mailstore.Amount{}
	}
	return mailstore.Amount{Octets: max(r.Size, 0), Messages: 1}
}

// replace adds the new message and removes the old one. APPENDUID comes before
// the EXPUNGE response, in an untagged OK of its own (RFC 8508 section 3.2).
func (s *session) replace(old mailstore.UIDSet, box mailstore.Mailbox, app mailstore.Append) (reply, error) {
	validity, uids, err := s.commit(app)
	if err != nil {
		return reply{}, err
	}
	err = s.long(func(ctx context.Context) error {
		_, err := s.view.box.Expunge(ctx, old, false)
		return err
	})
	if err != nil {
		if _, undo := box.Expunge(s.ctx, mailstore.NewUIDSet(uids...), false); undo != nil {
			s.log().Error("a replacement cannot be taken back", slog.String("mailbox", box.Name()), slog.Any("err", undo))
		}
		return reply{}, err
	}
	s.w.Status("", imap.OK, appendUID(validity, uids), "Replacement stored")
	return reply{}, nil
}
