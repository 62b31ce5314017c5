package imapd

import (
	"restante/imap"
	"restante/mailstore"
)

// cmdLsub is LSUB (RFC 3501 section 6.3.9): the subscribed names, whether or not
// they exist. When a pattern with "%" fits a name that is not subscribed and
// leads to one that is, that name is given with \Noselect.
//
// QUIRK: Outlook 2013 finds special mailboxes by LSUB only.
func (s *session) cmdLsub(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Lsub)
	tree, err := s.tree()
	if err != nil {
		return reply{}, err
	}
	l := lister{args: &imap.List{}, delim: s.delimiter()}
	l.setPatterns(args.Reference, []string{args.Pattern})
	// Only names whose subscribed descendants do not fit by themselves need
	// somebody to stand in for them.
	hidden := func(in *mailstore.Info) bool { return in.Subscribed && !l.matches(in.Name) }
	tree, above := withAncestors(tree, l.delim, hidden)
	for i := range tree {
		in := &tree[i]
		if !l.matches(in.Name) {
			continue
		}
		switch {
		case in.Subscribed && in.SpecialUse != "":
			s.sendListRow("LSUB", listRow{info: *in, attrs: []string{in.SpecialUse}})
		case in.Subscribed:
			s.sendListRow("LSUB", listRow{info: *in})
		case above[in.Name]:
			s.sendListRow("LSUB", listRow{info: *in, attrs: []string{`\Noselect`}})
		}
	}
	return reply{}, nil
}
