package imapd

import (
	"errors"
	"log/slog"
	"slices"

	"restante/imap"
	"restante/mailstore"
)

// cmdESearch is ESEARCH (RFC 7377): SEARCH in several mailboxes, each of which
// answers for itself if something was found in it. The selected mailbox is
// searched as the client knows it; "$" stands for nothing in others.
func (s *session) cmdESearch(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.ESearch)
	if err := s.mayESearch(args); err != nil {
		return reply{}, err
	}
	m := multiSearch{s: s, tag: cmd.Tag, args: args, done: make(map[string]bool)}
	if len(args.In) == 0 {
		return reply{}, m.selected()
	}
	sc := s.newScope(args.In)
	if sc.has(imap.FilterSelected) {
		if err := m.selected(); err != nil {
			return reply{}, err
		}
	}
	for _, name := range sc.named() {
		if err := m.mailbox(name); err != nil {
			return reply{}, err
		}
	}
	if !sc.needsTree() {
		return reply{}, m.failed
	}
	tree, err := s.tree()
	if err != nil {
		return reply{}, err
	}
	for i := range tree {
		if in := &tree[i]; !in.NoSelect && sc.matches(in) {
			if err := m.mailbox(in.Name); err != nil {
				return reply{}, err
			}
		}
	}
	return reply{}, m.failed
}

// mayESearch checks what depends on where messages are searched (RFC 7377 sections
// 2.1 and 2.2).
func (s *session) mayESearch(args *imap.ESearch) error {
	elsewhere := slices.ContainsFunc(args.In, func(f imap.MailboxFilter) bool { return f.Kind != imap.FilterSelected })
	selected := args.In == nil || slices.ContainsFunc(args.In, func(f imap.MailboxFilter) bool { return f.Kind == imap.FilterSelected })
	switch {
	case selected && s.view == nil:
		return bad("No mailbox is selected")
	case elsewhere && args.Return != nil && (args.Return.Save || args.Return.Update):
		return bad("SAVE and UPDATE are for the selected mailbox alone")
	}
	return nil
}

// A multiSearch searches one mailbox after the other.
type multiSearch struct {
	s    *session
	tag  string
	args *imap.ESearch
	done map[string]bool // by name
	seen int             // messages of the mailboxes that are done
	// failed is the first reason why a mailbox was left out. The others are
	// searched all the same.
	failed error
}

func (m *multiSearch) selected() error {
	m.done[m.s.view.box.Name()] = true
	return m.search(m.s.view)
}

// mailbox searches a mailbox unless that has been done. One that is not there any
// more is passed over.
func (m *multiSearch) mailbox(name string) error {
	s := m.s
	if m.done[name] {
		return nil
	}
	box, err := s.open(name)
	if err != nil {
		return m.leaveOut(name, err)
	}
	if m.done[box.Name()] {
		s.closeQuietly("mailbox", box.Close)
		return nil
	}
	m.done[box.Name()] = true
	if s.view != nil && s.view.box.Name() == box.Name() {
		s.closeQuietly("mailbox", box.Close)
		return m.search(s.view)
	}
	if err := s.long(box.Refresh); err != nil && !errors.Is(err, mailstore.ErrInUse) {
		s.closeQuietly("mailbox", box.Close)
		return m.leaveOut(name, err)
	}
	v := newView(box, true)
	defer s.closeQuietly("mailbox", v.close)
	v.told = len(v.uids)
	return m.search(v)
}

// leaveOut passes over a mailbox that cannot be searched.
func (m *multiSearch) leaveOut(name string, err error) error {
	if isAbsent(err) {
		return nil
	}
	m.s.log().Warn("mailbox cannot be searched", slog.String("mailbox", name), slog.Any("err", err))
	if m.failed == nil {
		m.failed = err
	}
	return nil
}

// search answers for one mailbox.
func (m *multiSearch) search(v *view) error {
	a := answer{view: v, tag: m.tag, byUID: true, ret: returns(m.args.Return), extended: true, named: true, before: m.seen}
	err := m.s.answerSearch(&a, m.args.Charset, m.args.Key, nil)
	m.seen += v.told
	if v != m.s.view && isAbsent(err) {
		return nil // deleted at this moment
	}
	return err
}

// isAbsent reports whether an error says that there is no mailbox, as far as the
// user may know (RFC 7377 section 2.1).
func isAbsent(err error) bool {
	for _, absent := range []error{mailstore.ErrNotFound, mailstore.ErrNoSelect, mailstore.ErrGone, mailstore.ErrInvalidName, mailstore.ErrNoRight} {
		if errors.Is(err, absent) {
			return true
		}
	}
	return false
}
