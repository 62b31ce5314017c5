package imapd

import (
	"context"
	"errors"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// sharer is the account as one with rights in it, nil if the store has none.
func (s *session) sharer() mailstore.Sharer {
	a, _ := s.account.(mailstore.Sharer)
	return a
}

// foreign reports whether a name is that of somebody else's mailbox.
func (s *session) foreign(name string) bool {
	a := s.sharer()
	return a != nil && strings.HasPrefix(name, a.OtherUsers())
}

// withRights runs do with the mailbox that a client means.
func (s *session) withRights(mailbox string, do func(ctx context.Context, a mailstore.Sharer, name string) error) error {
	a := s.sharer()
	if a == nil {
		return bad("There are no rights here")
	}
	err := s.existing(mailbox, func(name string) error {
		return s.long(func(ctx context.Context) error { return do(ctx, a, strings.TrimSuffix(name, s.delimiter())) })
	})
	switch {
	case errors.Is(err, mailstore.ErrInvalidName):
		return bad("This cannot be the name of a user")
	case errors.Is(err, mailstore.ErrNotPermitted):
		return no("CANNOT", "The rights of the owner are always all, and others than the users of one domain have none")
	}
	return err
}

// cmdSetACL is SETACL (RFC 4314 section 3.1).
func (s *session) cmdSetACL(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.SetACL)
	change, err := rightsChange(args.Rights)
	if err != nil {
		return reply{}, err
	}
	return reply{}, s.withRights(args.Mailbox, func(ctx context.Context, a mailstore.Sharer, name string) error {
		return a.Grant(ctx, name, args.Identifier, change)
	})
}

// rightsChange reads mod-rights.
func rightsChange(text string) (func(mailstore.Rights) mailstore.Rights, error) {
	letters := strings.TrimLeft(text, "+-")
	if len(text)-len(letters) > 1 {
		return nil, bad("Rights begin with one + or - at most")
	}
	r, err := readRights(letters)
	if err != nil {
		return nil, err
	}
	switch text[:len(text)-len(letters)] {
	case "+":
		return func(old mailstore.Rights) mailstore.Rights { return old | r }, nil
	case "-":
		return func(old mailstore.Rights) mailstore.Rights { return old &^ r }, nil
	}
	return func(mailstore.Rights) mailstore.Rights { return r }, nil
}

// The rights of the former standard stand for several (RFC 4314 section 2.1.1).
const (
	oldCreate = mailstore.RightCreate | mailstore.RightRemove
	oldDelete = mailstore.RightDelete | mailstore.RightExpunge
)

// readRights reads the letters of rights.
func readRights(letters string) (r mailstore.Rights, err error) {
	for _, letter := range letters {
		switch letter {
		case 'c':
			r |= oldCreate
		case 'd':
			r |= oldDelete
		default:
			one, known := mailstore.ParseRights(string(letter))
			if !known {
				return 0, bad("There is no right %q", letter)
			}
			r |= one
		}
	}
	return r, nil
}

// rightsText writes rights, with those of the former standard that have a part in
// them.
func rightsText(r mailstore.Rights) string { return r.String() + strings.Join(oldRights(r), "") }

func oldRights(r mailstore.Rights) (letters []string) {
	if r&oldCreate != 0 {
		letters = append(letters, "c")
	}
	if r&oldDelete != 0 {
		letters = append(letters, "d")
	}
	return letters
}

// cmdDeleteACL is DELETEACL (RFC 4314 section 3.2).
func (s *session) cmdDeleteACL(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.MailboxIdentifier)
	return reply{}, s.withRights(args.Mailbox, func(ctx context.Context, a mailstore.Sharer, name string) error {
		return a.Revoke(ctx, name, args.Identifier)
	})
}

// cmdGetACL is GETACL (RFC 4314 section 3.3).
func (s *session) cmdGetACL(cmd *imap.Command) (reply, error) {
	return reply{}, s.withRights(cmd.Args.(*imap.Mailbox).Name, func(ctx context.Context, a mailstore.Sharer, name string) error {
		grants, err := a.Grants(ctx, name)
		if err != nil {
			return err
		}
		s.w.Untagged().Raw("ACL ").Mailbox(name)
		for _, g := range grants {
			s.w.SP().AString(g.Who).SP().AString(rightsText(g.Rights))
		}
		s.w.CRLF()
		return nil
	})
}

// cmdListRights is LISTRIGHTS (RFC 4314 section 3.4). The identifier comes back as it
// was written.
func (s *session) cmdListRights(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.MailboxIdentifier)
	return reply{}, s.withRights(args.Mailbox, func(ctx context.Context, a mailstore.Sharer, name string) error {
		always, optional, err := a.Grantable(ctx, name, args.Identifier)
		if err != nil {
			return err
		}
		s.w.Untagged().Raw("LISTRIGHTS ").Mailbox(name).SP().AString(args.Identifier).SP().AString(rightsText(always))
		for _, letter := range optional.String() {
			s.w.SP().Raw(string(letter))
		}
		for _, letter := range oldRights(optional) {
			s.w.SP().Raw(letter)
		}
		s.w.CRLF()
		return nil
	})
}

// cmdMyRights is MYRIGHTS (RFC 4314 section 3.5).
func (s *session) cmdMyRights(cmd *imap.Command) (reply, error) {
	return reply{}, s.withRights(cmd.Args.(*imap.Mailbox).Name, s.sendMyRights)
}

func (s *session) sendMyRights(ctx context.Context, a mailstore.Sharer, name string) error {
	r, err := a.MyRights(ctx, name)
	if err == nil {
		s.w.Untagged().Raw("MYRIGHTS ").Mailbox(name).SP().AString(rightsText(r)).CRLF()
	}
	return err
}

// listMyRights sends the rights in a listed mailbox (RFC 8440). If they cannot be
// had, as it has just gone, they are left out.
func (s *session) listMyRights(name string) {
	if err := s.long(func(ctx context.Context) error { return s.sendMyRights(ctx, s.sharer(), name) }); err != nil {
		s.logKnown("LIST", err)
	}
}

// errNoRight refuses what is refused by the mailbox too, before anything is done.
var errNoRight = no("NOPERM", noRightText)

const noRightText = "You do not have the right to do this with this mailbox"

// may reports whether the user has all of these rights in the selected mailbox.
func (v *view) may(r mailstore.Rights) bool { return v.limited == nil || v.limited.Rights().Has(r) }

// permanentFlags are those that the user can change (RFC 4314 section 5.1.1), as
// PERMANENTFLAGS has them.
func (v *view) permanentFlags() string {
	if v.readOnly {
		return ""
	}
	r := mailstore.AllRights
	if v.limited != nil {
		r = v.limited.Rights()
		v.toldRights = r
	}
	var names []string
	if r.Has(mailstore.RightWrite) {
		names = append(names, `\Answered`, `\Flagged`)
	}
	if r.Has(mailstore.RightDelete) {
		names = append(names, `\Deleted`)
	}
	if r.Has(mailstore.RightSeen) {
		names = append(names, `\Seen`)
	}
	if r.Has(mailstore.RightWrite) {
		names = append(append(append(names, `\Draft`), v.keywords...), `\*`)
	}
	return strings.Join(names, " ")
}

// sendRights tells that the user can change other flags than before.
func (s *session) sendRights() {
	v := s.view
	if v.limited == nil || v.readOnly {
		return
	}
	if (v.limited.Rights()^v.toldRights)&mailstore.FlagRights != 0 {
		s.sendFlagNames()
	}
}
