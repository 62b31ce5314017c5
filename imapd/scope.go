package imapd

import (
	"slices"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// A scope tells which mailboxes filters mean (RFC 5465 section 6, RFC 7377 section
// 2.2). Where mail is delivered nobody tells us, so that inboxes stands for
// personal (RFC 5465 section 6.3), which is all that is not somebody else's.
type scope struct {
	filters []imap.MailboxFilter
	delim   string
	others  string // what the names of other users' mailboxes begin with, "" if there are none
}

// newScope makes a scope of filters, with the names that the account knows.
func (s *session) newScope(filters []imap.MailboxFilter) *scope {
	sc := &scope{delim: s.delimiter()}
	if a := s.sharer(); a != nil {
		sc.others = a.OtherUsers()
	}
	for _, f := range filters {
		names := make([]string, len(f.Mailboxes))
		for i, name := range f.Mailboxes {
			names[i] = strings.TrimSuffix(s.name(name), sc.delim)
		}
		sc.filters = append(sc.filters, imap.MailboxFilter{Kind: f.Kind, Mailboxes: names})
	}
	return sc
}

func (sc *scope) has(kind imap.FilterKind) bool {
	return slices.ContainsFunc(sc.filters, func(f imap.MailboxFilter) bool { return f.Kind == kind })
}

// named are the mailboxes that are given by their names.
func (sc *scope) named() (names []string) {
	for _, f := range sc.filters {
		if f.Kind == imap.FilterMailboxes {
			names = append(names, f.Mailboxes...)
		}
	}
	return names
}

// needsTree reports whether others are meant beside those and the selected one.
func (sc *scope) needsTree() bool {
	return slices.ContainsFunc(sc.filters, func(f imap.MailboxFilter) bool {
		return f.Kind != imap.FilterSelected && f.Kind != imap.FilterSelectedDelayed && f.Kind != imap.FilterMailboxes
	})
}

// matches reports whether a filter means a mailbox other than by being selected.
func (sc *scope) matches(in *mailstore.Info) bool {
	return slices.ContainsFunc(sc.filters, func(f imap.MailboxFilter) bool { return sc.meant(&f, in) })
}

// foreign reports whether a mailbox is another user's.
func (sc *scope) foreign(name string) bool {
	return sc.others != "" && strings.HasPrefix(name, sc.others)
}

// meant reports whether one filter means a mailbox other than by being selected.
func (sc *scope) meant(f *imap.MailboxFilter, in *mailstore.Info) bool {
	delim := sc.delim
	switch f.Kind {
	case imap.FilterInboxes, imap.FilterPersonal:
		return !sc.foreign(in.Name)
	case imap.FilterSubscribed:
		return in.Subscribed
	case imap.FilterMailboxes:
		return slices.Contains(f.Mailboxes, in.Name)
	case imap.FilterSubtree:
		return slices.ContainsFunc(f.Mailboxes, func(top string) bool { return in.Name == top || strings.HasPrefix(in.Name, top+delim) })
	case imap.FilterSubtreeOne:
		return slices.ContainsFunc(f.Mailboxes, func(top string) bool {
			below, ok := strings.CutPrefix(in.Name, top+delim)
			return in.Name == top || ok && !strings.Contains(below, delim)
		})
	}
	return false
}
