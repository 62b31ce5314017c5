package imapd

import (
	"restante/imap"
	"restante/mailstore"
)

// cmdStore is STORE and UID STORE (RFC 9051 section 6.4.6).
func (s *session) cmdStore(cmd *imap.Command) (reply, error) {
	args, v := cmd.Args.(*imap.Store), s.view
	if len(args.Modifiers) > 0 {
		return reply{}, bad("STORE has no modifier %s here", args.Modifiers[0].Name)
	}
	flags, err := parseFlags(args.Flags)
	if err != nil {
		return reply{}, err
	}
	spans, err := v.pick(args.Set, cmd.UID())
	switch {
	case err != nil:
		return reply{}, err
	case v.readOnly:
		return reply{}, errExamined
	case len(spans) == 0:
		return reply{}, nil
	}
	err = s.store(spans, storeOps[args.Op], flags, args.Silent)
	if err == nil && !cmd.UID() {
		err = v.missing(spans)
	}
	return reply{}, err
}

var storeOps = map[imap.StoreOp]mailstore.FlagOp{
	imap.StoreSet:    mailstore.ReplaceFlags,
	imap.StoreAdd:    mailstore.AddFlags,
	imap.StoreRemove: mailstore.RemoveFlags,
}

// store changes flags and marks what the client is to be told: every message
// that was named, changed or not; with .SILENT none, but what others changed in
// the meantime is still news (RFC 9051 section 6.4.6).
func (s *session) store(spans []span, op mailstore.FlagOp, flags mailstore.Flags, silent bool) error {
	v := s.view
	uids := v.set(spans)
	res, err := v.box.SetFlags(s.ctx, uids, op, flags, mailstore.SetFlagsOptions{})
	if res.ModSeq != 0 && silent {
		v.silent = append(v.silent, res.ModSeq)
	}
	if !silent && err == nil {
		v.mark(uids)
	}
	return err
}

// missing fails when others have expunged some of the messages: a client that
// speaks in message numbers has to learn that they mean nothing any more, and
// can be told only later (RFC 2180 section 4, RFC 5530).
func (v *view) missing(spans []span) error {
	v.poll()
	if v.anyGone(spans) {
		return mailstore.ErrExpunged
	}
	return nil
}
