package imapd

import (
	"context"
	"errors"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// name gives a mailbox name as the account knows it.
//
// QUIRK: iOS Mail, given INBOX as its path prefix, calls the inbox INBOX/INBOX.
func (s *session) name(name string) string {
	delim := s.account.Delimiter()
	name = mailstore.CanonicalName(name, delim)
	if rest, below := strings.CutPrefix(name, mailstore.Inbox+string(delim)); below && strings.EqualFold(rest, mailstore.Inbox) {
		return mailstore.Inbox
	}
	return name
}

// existing runs do with a mailbox's name. If there is no such mailbox and the
// name stands below INBOX, it runs it with the name's rest.
//
// QUIRK: clients with the path prefix INBOX, from a server where everything
// stood below it, say INBOX/Sent for Sent. They are taken at their word only
// where that means nothing else.
func (s *session) existing(name string, do func(name string) error) error {
	name = s.name(name)
	err := do(name)
	rest, below := strings.CutPrefix(name, mailstore.Inbox+s.delimiter())
	if !errors.Is(err, mailstore.ErrNotFound) || !below || rest == "" {
		return err
	}
	if second := do(rest); !errors.Is(second, mailstore.ErrNotFound) {
		return second
	}
	return err
}

// open opens the mailbox that a client means.
func (s *session) open(name string) (mailstore.Mailbox, error) {
	return s.openBy(name, s.account.Open)
}

func (s *session) openBy(name string, open func(context.Context, string) (mailstore.Mailbox, error)) (box mailstore.Mailbox, err error) {
	err = s.existing(name, func(name string) (err error) {
		return s.long(func(ctx context.Context) error {
			box, err = open(ctx, name)
			return err
		})
	})
	return box, err
}

// cmdDelete is DELETE (RFC 9051 section 6.3.5). A mailbox that this session has
// selected is closed first.
func (s *session) cmdDelete(cmd *imap.Command) (reply, error) {
	name := strings.TrimSuffix(s.name(cmd.Args.(*imap.Mailbox).Name), s.delimiter())
	if s.view != nil && s.view.box.Name() == name && name != mailstore.Inbox {
		s.unselect()
		s.w.Status("", imap.OK, "CLOSED", "The selected mailbox is being deleted")
	}
	return reply{}, s.long(func(ctx context.Context) error { return s.account.Delete(ctx, name) })
}

// cmdRename is RENAME (RFC 9051 section 6.3.6). A selected mailbox stays
// selected under its new name.
func (s *session) cmdRename(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Rename)
	delim := s.delimiter()
	from, to := strings.TrimSuffix(s.name(args.From), delim), strings.TrimSuffix(s.name(args.To), delim)
	if err := s.shortName(to); err != nil {
		return reply{}, err
	}
	err := s.long(func(ctx context.Context) error { return s.account.Rename(ctx, from, to) })
	if err == nil && from == mailstore.Inbox {
		s.copyNotes(from, to)
	}
	return reply{}, err
}

// cmdSubscribe is SUBSCRIBE and UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8).
//
// QUIRK: Outlook subscribes to names that do not exist, and may.
func (s *session) cmdSubscribe(cmd *imap.Command) (reply, error) {
	name := strings.TrimSuffix(s.name(cmd.Args.(*imap.Mailbox).Name), s.delimiter())
	return reply{}, s.account.Subscribe(s.ctx, name, cmd.Name == "SUBSCRIBE")
}
