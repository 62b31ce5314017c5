package imapd

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
	"restante/search"
)

// OBJECTID (RFC 8474): names that mailboxes and messages keep for ever.
// docs/design/objectid.md says where they come from and why they are true.
//
//	objectid = 1*255(ALPHA / DIGIT / "_" / "-")
//
// THREADID is NIL, as section 5.2 allows: threads are made when they are asked for.

// mailboxID is a mailbox's objectid in parentheses. The letter in front keeps it from
// being all digits (section 7).
func mailboxID(id string) string { return "(F" + id + ")" }

// sendMailboxID is what SELECT and EXAMINE tell (section 4.2). A mailbox whose name
// cannot be made to last, as its files cannot be written, has none.
func (s *session) sendMailboxID() {
	var id string
	err := s.long(func(ctx context.Context) (err error) {
		id, err = s.view.box.ObjectID(ctx)
		return err
	})
	if err != nil {
		s.logNoID(s.view.box.Name(), err)
		return
	}
	s.w.Untagged().Raw("OK [MAILBOXID ").Raw(mailboxID(id)).Raw("] Its name for ever\r\n")
}

// created is the answer to a CREATE that was done (section 4.1). A name that only
// leads to others has no objectid.
func (s *session) created(name string) reply {
	name = strings.TrimSuffix(name, s.delimiter())
	st, err := s.account.Status(s.ctx, name, mailstore.WantObjectID)
	switch {
	case err == nil:
		return ok("MAILBOXID "+mailboxID(st.ObjectID), "Mailbox created")
	case !errors.Is(err, mailstore.ErrNoSelect) && !errors.Is(err, mailstore.ErrNotFound):
		s.logNoID(name, err)
	}
	return reply{}
}

func (s *session) logNoID(mailbox string, err error) {
	s.log().Warn("mailbox has no objectid, as it cannot be written down", slog.String("mailbox", mailbox), slog.Any("err", err))
}

// appendObjectID appends the value of EMAILID (section 5.1).
func appendObjectID(b []byte, id message.ID) []byte {
	b, _ = id.AppendText(append(b, '(')) // never fails
	return append(b, ')')
}

// objectIDExpr is SEARCH EMAILID and THREADID (section 5.3). What is no name of ours
// names nothing.
func objectIDExpr(k imap.SearchObjectID) search.Expr {
	id, ok := message.ParseID(k.ID)
	if k.Thread || !ok {
		return search.UIDs{}
	}
	return search.EmailID{ID: id}
}
