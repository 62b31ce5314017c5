package imapd

import (
	"context"
	"errors"

	"restante/imap"
	"restante/mailstore"
)

// cmdStore is STORE and UID STORE (RFC 9051 section 6.4.6).
func (s *session) cmdStore(cmd *imap.Command) (reply, error) {
	args, v := cmd.Args.(*imap.Store), s.view
	opt, err := s.storeModifiers(args.Modifiers)
	if err != nil {
		return reply{}, err
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
	failed, err := s.store(spans, storeOps[args.Op], flags, opt, args.Silent)
	if err == nil && !cmd.UID() {
		err = v.missing(spans)
	}
	if failed.Empty() || err != nil && !errors.Is(err, mailstore.ErrExpunged) {
		return reply{}, err
	}
	return v.modified(failed, cmd.UID(), err != nil), nil
}

var storeOps = map[imap.StoreOp]mailstore.FlagOp{
	imap.StoreSet:    mailstore.ReplaceFlags,
	imap.StoreAdd:    mailstore.AddFlags,
	imap.StoreRemove: mailstore.RemoveFlags,
}

// store changes flags and marks what the client is to be told: every message
// that was named, changed or not; with .SILENT none, but what others changed in
// the meantime is still news (RFC 9051 section 6.4.6). To who knows mod-sequences
// the new ones are always told, and the flags of messages that were left alone
// because of theirs (RFC 7162 section 3.1.3).
func (s *session) store(spans []span, op mailstore.FlagOp, flags mailstore.Flags, opt mailstore.SetFlagsOptions, silent bool) (failed mailstore.UIDSet, err error) {
	v := s.view
	uids := v.set(spans)
	var res mailstore.SetFlagsResult
	err = s.long(func(ctx context.Context) (err error) {
		res, err = v.box.SetFlags(ctx, uids, op, flags, opt)
		return err
	})
	if res.ModSeq != 0 && silent {
		v.silent = append(v.silent, res.ModSeq)
	}
	switch {
	case err != nil:
	case !silent:
		v.mark(uids)
	default:
		v.mark(res.Failed)
		if s.condstore {
			v.stored = v.stored.Union(v.without(spans, opt, res))
		}
	}
	return res.Failed, err
}

// without are the messages of a silent STORE whose mod-sequence the client is to
// be told: those that changed, or if there was a condition all that met it.
func (v *view) without(spans []span, opt mailstore.SetFlagsOptions, res mailstore.SetFlagsResult) mailstore.UIDSet {
	if !opt.Conditional {
		return res.Changed
	}
	var met mailstore.UIDSet
	for _, sp := range spans {
		for _, uid := range v.uids[sp.i:sp.j] {
			if !res.Failed.Contains(uid) {
				met.Add(uid)
			}
		}
	}
	return met
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
