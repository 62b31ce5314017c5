package shared

import (
	"context"
	"errors"
	"io"

	"restante/mailstore"
)

// ownBox is a mailbox of the user's own. It is what it is in the store below, but
// that messages can go from it to somebody else's. Two of them are equal if what is
// below is.
type ownBox struct {
	mailstore.Mailbox
	owner string
}

func (b ownBox) Copy(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	if to, own := dest.(ownBox); own && to.owner == b.owner {
		return b.Mailbox.Copy(ctx, uids, to.Mailbox)
	}
	return carry(ctx, b, uids, dest)
}

func (b ownBox) Move(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	if to, own := dest.(ownBox); own && to.owner == b.owner {
		return b.Mailbox.Move(ctx, uids, to.Mailbox)
	}
	return carryOver(ctx, b, uids, dest)
}

func (b *foreignBox) Copy(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	if err := b.mayTransfer("copy from", mailstore.RightRead, dest); err != nil {
		return mailstore.CopyResult{}, err
	}
	if to, ok := b.beside(dest); ok {
		return b.in.Copy(ctx, uids, to)
	}
	return carry(ctx, b, uids, dest)
}

func (b *foreignBox) Move(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	const removing = mailstore.RightRead | mailstore.RightDelete | mailstore.RightExpunge
	if err := b.mayTransfer("move from", removing, dest); err != nil {
		return mailstore.CopyResult{}, err
	}
	if to, ok := b.beside(dest); ok {
		return b.in.Move(ctx, uids, to)
	}
	return carryOver(ctx, b, uids, dest)
}

// mayTransfer asks for rights here and for the one to add messages there.
func (b *foreignBox) mayTransfer(op string, all mailstore.Rights, dest mailstore.Mailbox) error {
	if err := b.need(op, all); err != nil {
		return err
	}
	if to, foreign := dest.(*foreignBox); foreign {
		return to.need("append to", mailstore.RightInsert)
	}
	return nil
}

// beside returns the destination below if it is in the same account and may get all
// flags: then the format can do it.
func (b *foreignBox) beside(dest mailstore.Mailbox) (mailstore.Mailbox, bool) {
	to, foreign := dest.(*foreignBox)
	if !foreign || to.p.owner != b.p.owner || !to.Rights().Has(mailstore.FlagRights) {
		return nil, false
	}
	return to.in, true
}

// carry copies messages from one account to another. All or none are copied.
func carry(ctx context.Context, from mailstore.Mailbox, uids mailstore.UIDSet, to mailstore.Mailbox) (mailstore.CopyResult, error) {
	var res mailstore.CopyResult
	app, err := to.NewAppend(ctx)
	if err != nil {
		return res, err
	}
	defer app.Abort()
	if err := from.Fill(ctx, uids, mailstore.AttrDate); err != nil {
		return res, err
	}
	list := records(from, uids)
	progress := mailstore.ProgressOf(ctx).Track(int64(len(list)))
	var source []mailstore.UID
	for _, r := range list {
		progress.Add(1)
		switch err := carryOne(ctx, from, r, app); {
		case errors.Is(err, mailstore.ErrExpunged):
		case err != nil:
			return res, err
		default:
			source = append(source, r.UID)
		}
	}
	if len(source) == 0 {
		return res, ctx.Err()
	}
	validity, dest, err := app.Commit(ctx)
	if err != nil {
		return res, err
	}
	return mailstore.CopyResult{UIDValidity: validity, Source: source, Dest: dest}, nil
}

// records returns the records of a set.
func records(box mailstore.Mailbox, uids mailstore.UIDSet) []mailstore.Record {
	var list []mailstore.Record
	page := make([]mailstore.Record, 0, 256)
	for _, span := range uids {
		for next := span.First; ; {
			page = box.Records(page[:0], next)
			for _, r := range page {
				if r.UID <= span.Last {
					list = append(list, r)
				}
			}
			if len(page) < cap(page) || page[len(page)-1].UID >= span.Last {
				break
			}
			next = page[len(page)-1].UID + 1
		}
	}
	return list
}

func carryOne(ctx context.Context, from mailstore.Mailbox, r mailstore.Record, app mailstore.Append) error {
	msg, err := from.OpenMessage(ctx, r.UID)
	if err != nil {
		return err
	}
	opt := mailstore.AppendOptions{Flags: r.Flags}
	if r.Date != mailstore.Unknown {
		opt.Date = r.InternalDate()
	}
	return errors.Join(app.Add(opt, io.NewSectionReader(msg, 0, msg.Len())), msg.Close())
}

// carryOver moves messages from one account to another: they are there before they
// go here, and go there again if they cannot go here.
func carryOver(ctx context.Context, from mailstore.Mailbox, uids mailstore.UIDSet, to mailstore.Mailbox) (mailstore.CopyResult, error) {
	res, err := carry(ctx, from, uids, to)
	if err != nil || len(res.Source) == 0 {
		return res, err
	}
	removed, err := from.Expunge(ctx, mailstore.NewUIDSet(res.Source...), false)
	if err == nil {
		return res, nil
	}
	moved := mailstore.CopyResult{UIDValidity: res.UIDValidity}
	var both mailstore.UIDSet
	for i, uid := range res.Source {
		if _, there := below(from).Record(uid); removed.Contains(uid) || !there {
			moved.Source, moved.Dest = append(moved.Source, uid), append(moved.Dest, res.Dest[i])
		} else {
			both.Add(res.Dest[i])
		}
	}
	if _, undo := below(to).Expunge(context.WithoutCancel(ctx), both, false); undo != nil {
		err = errors.Join(err, undo)
	}
	return moved, err
}

// below is the mailbox in the store below. What the user has just put there can be
// taken back, whether or not he may remove anything.
func below(box mailstore.Mailbox) mailstore.Mailbox {
	switch b := box.(type) {
	case *foreignBox:
		return b.in
	case ownBox:
		return b.Mailbox
	}
	return box
}
