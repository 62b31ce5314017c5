package imapd

import (
	"errors"
	"log/slog"

	"restante/imap"
	"restante/mailstore"
)

// cmdSelect is SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3). A mailbox
// that was selected is closed, whether or not the new one can be opened.
func (s *session) cmdSelect(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Select)
	known, err := s.selectParams(cmd.Name, args.Params)
	if err != nil {
		return reply{}, err
	}
	if s.view != nil {
		s.unselect()
		s.w.Status("", imap.OK, "CLOSED", "Previous mailbox closed")
	}
	if len(args.Params) > 0 {
		s.enableCondStore()
	}
	if err := s.selectBox(args.Mailbox, cmd.Name == "EXAMINE"); err != nil {
		return reply{}, err
	}
	s.describe()
	if known != nil {
		if err := s.bringUpToDate(known); err != nil {
			return reply{}, err
		}
	}
	if s.view.readOnly {
		return ok("READ-ONLY", "Mailbox opened for reading"), nil
	}
	return ok("READ-WRITE", "Mailbox opened"), nil
}

// selectBox opens the mailbox and begins the session's view of it.
func (s *session) selectBox(name string, examine bool) error {
	box, err := s.open(name)
	if err != nil {
		return err
	}
	err = s.long(box.Refresh)
	switch {
	case errors.Is(err, mailstore.ErrInUse): // it is open, so what it holds is known, as of before
		s.log().Warn("mailbox cannot be refreshed", slog.String("mailbox", name), slog.Any("err", err))
	case err != nil:
		s.closeQuietly("mailbox", box.Close)
		return err
	}
	v := newView(box, examine)
	if s.claimsRecent(v) {
		s.claimRecent(v)
	}
	s.view, s.state = v, selected
	s.srv.opt.FullText.HasOpened(s.user, box)
	s.heed()
	return nil
}

// describe sends what SELECT has to send. IMAP4rev2 knows neither RECENT nor
// UNSEEN and wants LIST (RFC 9051 section 6.3.2).
func (s *session) describe() {
	v := s.view
	outline := v.box.Outline()
	v.keywords = nil
	for _, k := range outline.Keywords {
		v.keywords = addKeywords(v.keywords, k)
	}
	v.told = len(v.uids)
	s.sendFlagNames()
	s.w.Untagged().Number(uint64(v.told)).Raw(" EXISTS").CRLF()
	if s.rev2 {
		s.w.Untagged().Raw("LIST () ").String(s.delimiter()).SP().Mailbox(v.box.Name()).CRLF()
	} else {
		v.toldRecent = -1 // it is always told here
		s.sendRecent()
		if n := v.number(outline.FirstUnseen); n > 0 && !s.uidOnly {
			s.w.Untagged().Raw("OK [UNSEEN ").Number(uint64(n)).Raw("] First unseen\r\n")
		}
	}
	s.w.Untagged().Raw("OK [UIDVALIDITY ").Number(uint64(v.box.UIDValidity())).Raw("] UIDs valid\r\n")
	s.w.Untagged().Raw("OK [UIDNEXT ").Number(uint64(v.uidNext())).Raw("] Next UID\r\n")
	s.sendMailboxID()
	s.w.Status("", imap.OK, highestModSeq(v.modSeq), "Highest mod-sequence")
}

// number gives the number of a message, 0 if it has none.
func (v *view) number(uid mailstore.UID) int {
	if i, found := v.index(uid); found {
		return i + 1
	}
	return 0
}

// uidNext gives the mailbox's next UID, which is above all that were announced
// whatever came in since.
func (v *view) uidNext() mailstore.UID {
	next := v.box.Status().UIDNext
	if v.told > 0 {
		next = max(next, v.uids[v.told-1]+1)
	}
	return next
}
