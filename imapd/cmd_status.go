package imapd

import (
	"context"
	"slices"

	"restante/imap"
	"restante/mailstore"
)

// cmdStatus is STATUS (RFC 9051 section 6.3.11), with APPENDLIMIT (RFC 7889),
// DELETED-STORAGE (RFC 9208 section 4.1.4) and MAILBOXID (RFC 8474 section 4.3).
func (s *session) cmdStatus(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Status)
	return reply{}, s.existing(args.Mailbox, func(name string) error { return s.sendStatus(name, args.Items) })
}

// sendStatus sends one untagged STATUS with the items in the order asked.
func (s *session) sendStatus(name string, items []imap.StatusItem) error {
	var want mailstore.StatusItems
	if slices.Contains(items, imap.StatusSize) || slices.Contains(items, imap.StatusDeletedStorage) {
		want |= mailstore.WantSize
	}
	if slices.Contains(items, imap.StatusMailboxID) {
		want |= mailstore.WantObjectID
	}
	if slices.Contains(items, imap.StatusHighestModSeq) {
		s.enableCondStore()
	}
	var st mailstore.Status
	err := s.long(func(ctx context.Context) (err error) {
		st, err = s.account.Status(ctx, name, want)
		return err
	})
	if err != nil {
		return err
	}
	s.writeStatus(name, &st, items)
	return nil
}

// writeStatus sends an untagged STATUS.
func (s *session) writeStatus(name string, st *mailstore.Status, items []imap.StatusItem) {
	s.w.Untagged().Raw("STATUS ").Mailbox(name).Raw(" (")
	for i, it := range items {
		if i > 0 {
			s.w.SP()
		}
		s.w.Raw(string(it)).SP()
		switch it {
		case imap.StatusAppendLimit:
			s.w.Number(uint64(s.srv.opt.Limits.Append))
		case imap.StatusMailboxID:
			s.w.Raw(mailboxID(st.ObjectID))
		default:
			s.w.Number(statusNumber(st, it))
		}
	}
	s.w.Raw(")\r\n")
}

func statusNumber(st *mailstore.Status, it imap.StatusItem) uint64 {
	switch it {
	case imap.StatusMessages:
		return uint64(st.Messages)
	case imap.StatusRecent:
		return uint64(st.Recent)
	case imap.StatusUIDNext:
		return uint64(st.UIDNext)
	case imap.StatusUIDValidity:
		return uint64(st.UIDValidity)
	case imap.StatusUnseen:
		return uint64(st.Unseen)
	case imap.StatusHighestModSeq:
		return st.HighestModSeq
	case imap.StatusDeleted:
		return uint64(st.Deleted)
	case imap.StatusDeletedStorage:
		return uint64(max(st.DeletedSize, 0)) // it was asked for, so it is known
	default:
		return uint64(max(st.Size, 0)) // SIZE, likewise
	}
}
