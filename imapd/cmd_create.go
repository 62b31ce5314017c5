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

// cmdCreate is CREATE (RFC 9051 section 6.3.4), with the special use that the
// mailbox shall have (RFC 6154 section 3). It is made with its use or not at all.
func (s *session) cmdCreate(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Create)
	use, err := wantedUse(args.Params)
	if err != nil {
		return reply{}, err
	}
	name := s.name(args.Mailbox)
	if use != "" && s.foreign(name) {
		return reply{}, no("USEATTR", "A mailbox of somebody else is not used for %s", use)
	}
	err = s.long(func(ctx context.Context) error {
		if err := errors.Join(s.shortName(name), s.roomForMailbox(ctx)); err != nil {
			return err
		}
		return s.account.Create(ctx, name)
	})
	if err != nil {
		return reply{}, err
	}
	if use != "" {
		err = s.account.SetSpecialUse(s.ctx, name, use)
	}
	if err == nil {
		return s.created(name), nil
	}
	if undo := s.account.Delete(s.ctx, strings.TrimSuffix(name, s.delimiter())); undo != nil {
		s.log().Error("a mailbox that got no special use cannot be removed", slog.String("mailbox", name), slog.Any("err", undo))
	}
	for _, kind := range []error{mailstore.ErrExists, mailstore.ErrInvalidName, mailstore.ErrNoSelect, mailstore.ErrNotFound} {
		if errors.Is(err, kind) {
			return reply{}, no("USEATTR", "This mailbox cannot be used for %s; another one may be already", use)
		}
	}
	return reply{}, err
}

// specialUses are the attributes that a mailbox may be given. Nothing here shows
// the same messages in several mailboxes, as \All and \Flagged would.
var specialUses = []string{`\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}

// wantedUse reads the parameters of CREATE:
//
//	create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"
func wantedUse(params []imap.Param) (use string, err error) {
	for _, p := range params {
		words, ok := p.Value.Words()
		if p.Name != "USE" || !ok && p.Value.List == nil {
			return "", bad("CREATE has no parameter %s here", p.Name)
		}
		for _, word := range words {
			i := slices.IndexFunc(specialUses, func(known string) bool { return strings.EqualFold(known, word) })
			if i < 0 || use != "" && use != specialUses[i] {
				return "", no("USEATTR", "A mailbox can be used for one of %s", strings.Join(specialUses, " "))
			}
			use = specialUses[i]
		}
	}
	return use, nil
}
