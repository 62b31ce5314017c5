package imapd

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// cmdList is LIST (RFC 9051 section 6.3.9), with special uses (RFC 6154). What
// goes with a name (STATUS, RFC 5819; MYRIGHTS, RFC 8440; METADATA, RFC 9590) is told
// only of what is selected by itself and not of what RECURSIVEMATCH adds above it.
//
// QUIRK: every client asks LIST "" "" for the delimiter first.
func (s *session) cmdList(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.List)
	sel := args.Select
	if sel.RecursiveMatch && !sel.Subscribed && !sel.SpecialUse {
		return reply{}, bad("RECURSIVEMATCH needs something to match, such as SUBSCRIBED")
	}
	if args.Return.MyRights && s.sharer() == nil {
		return reply{}, bad("There are no rights here")
	}
	if err := listEntries(args.Return.Metadata); err != nil {
		return reply{}, err
	}
	if !args.Extended && args.Patterns[0] == "" {
		s.w.Untagged().Raw(`LIST (\Noselect) `).String(s.delimiter()).Raw(` ""`).CRLF()
		return reply{}, nil
	}
	tree, err := s.tree()
	if err != nil {
		return reply{}, err
	}
	l := lister{args: args, delim: s.delimiter(), explicit: args.Extended || s.rev2}
	l.setPatterns(args.Reference, args.Patterns)
	rows := l.rows(tree)
	for i, row := range rows {
		s.step(i, len(rows))
		s.sendListRow("LIST", row)
		if !row.info.NoSelect && l.selected(&row.info) {
			s.listDetails(&row.info, &args.Return)
		}
	}
	return reply{}, nil
}

// listDetails sends what goes with the name of a mailbox.
func (s *session) listDetails(in *mailstore.Info, want *imap.ListReturn) {
	if len(want.Status) > 0 {
		s.listStatus(in.Name, want.Status)
	}
	if want.MyRights {
		s.listMyRights(in.Name)
	}
	if len(want.Metadata) > 0 {
		s.listMetadata(in, want.Metadata)
	}
}

// tree gives all names of the account.
func (s *session) tree() (tree []mailstore.Info, err error) {
	err = s.long(func(ctx context.Context) (err error) {
		tree, err = s.account.Mailboxes(ctx)
		return err
	})
	return tree, err
}

// listStatus sends the STATUS of a listed mailbox. One that cannot be had is
// left out (RFC 5819 section 2).
func (s *session) listStatus(name string, items []imap.StatusItem) {
	err := s.sendStatus(name, items)
	switch {
	case err == nil, errors.Is(err, mailstore.ErrNoRight), s.foreign(name) && errors.Is(err, mailstore.ErrNotFound):
	default:
		s.log().Warn("no status for a listed mailbox", slog.String("mailbox", name), slog.Any("err", err))
	}
}

// A listRow is one answer of LIST or LSUB.
type listRow struct {
	info  mailstore.Info
	attrs []string
	// childInfo: below the name there is something that the selection asks for.
	childInfo bool
	oldName   string // told with its new one (RFC 9051 section 7.3.1)
}

func (s *session) sendListRow(response string, row listRow) {
	w := s.w.Untagged().Raw(response).SP().Flags(row.attrs).SP().String(s.delimiter()).SP().Mailbox(row.info.Name)
	if row.childInfo {
		w.Raw(` ("CHILDINFO" ("SUBSCRIBED"))`)
	}
	if row.oldName != "" {
		w.Raw(` ("OLDNAME" (`).Mailbox(row.oldName).Raw("))")
	}
	w.CRLF()
}

// A lister picks names from an account's tree.
type lister struct {
	args     *imap.List
	delim    string
	matchers []*matcher
	explicit bool // \NonExistent is known to the client
}

// setPatterns joins reference and patterns.
//
// QUIRK: clients write INBOX in any case, also as the first level of a pattern.
func (l *lister) setPatterns(reference string, patterns []string) {
	for _, p := range patterns {
		p = imap.FoldInbox(reference+p, l.delim[0])
		l.matchers = append(l.matchers, newMatcher(p, l.delim[0]))
	}
}

func (l *lister) matches(name string) bool {
	return slices.ContainsFunc(l.matchers, func(m *matcher) bool { return m.match(name) })
}

// rows gives the answers in the order of the tree.
func (l *lister) rows(tree []mailstore.Info) []listRow {
	below := map[string]bool{}
	if l.args.Select.RecursiveMatch {
		tree, below = withAncestors(tree, l.delim, l.selected)
	}
	var rows []listRow
	for i := range tree {
		in := &tree[i]
		if !(l.selected(in) || below[in.Name]) || !l.matches(in.Name) {
			continue
		}
		rows = append(rows, listRow{info: *in, attrs: l.attrs(in), childInfo: below[in.Name] && l.args.Select.Subscribed})
	}
	return rows
}

// selected applies the selection options. Without one, a name is listed if it
// exists or leads to one that does.
func (l *lister) selected(in *mailstore.Info) bool {
	sel := l.args.Select
	switch {
	case sel.Subscribed && !in.Subscribed, sel.SpecialUse && in.SpecialUse == "":
		return false
	case sel.Subscribed:
		return true
	}
	return !in.NonExistent || in.HasChildren
}

// attrs gives the attributes of a name. Children and special uses are told
// always: clients look for them in the first plain LIST.
func (l *lister) attrs(in *mailstore.Info) []string {
	var attrs []string
	switch {
	case in.NonExistent && l.explicit:
		attrs = append(attrs, `\NonExistent`)
	case in.NoSelect:
		attrs = append(attrs, `\Noselect`)
	}
	switch {
	case in.HasChildren:
		attrs = append(attrs, `\HasChildren`)
	case !in.NonExistent:
		attrs = append(attrs, `\HasNoChildren`)
	}
	if in.Subscribed && (l.args.Return.Subscribed || l.args.Select.Subscribed) {
		attrs = append(attrs, `\Subscribed`)
	}
	if in.SpecialUse != "" {
		attrs = append(attrs, in.SpecialUse)
	}
	return attrs
}

// withAncestors returns the tree with the names above every name that want
// accepts, and which names those are. A name stands before those below it.
func withAncestors(tree []mailstore.Info, delim string, want func(*mailstore.Info) bool) ([]mailstore.Info, map[string]bool) {
	listed := make(map[string]bool, len(tree))
	for i := range tree {
		listed[tree[i].Name] = true
	}
	above := make(map[string]bool)
	full := make([]mailstore.Info, 0, len(tree))
	for i := range tree {
		if want(&tree[i]) {
			for _, name := range ancestors(tree[i].Name, delim) {
				above[name] = true
				if !listed[name] {
					listed[name] = true
					full = append(full, mailstore.Info{Name: name, NonExistent: true, NoSelect: true})
				}
			}
		}
		full = append(full, tree[i])
	}
	return full, above
}

// ancestors gives the names above name, the highest first.
func ancestors(name, delim string) []string {
	var list []string
	for i := 0; ; {
		n := strings.Index(name[i:], delim)
		if n < 0 {
			return list
		}
		i += n
		list = append(list, name[:i])
		i += len(delim)
	}
}
