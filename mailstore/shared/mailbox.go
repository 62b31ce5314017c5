package shared

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"restante/mailstore"
)

// foreignBox is a mailbox of somebody else, for one session. It embeds nothing: a
// method that asks for no right would have to be written.
type foreignBox struct {
	a  *account
	p  *place
	in mailstore.Mailbox

	mu      sync.Mutex
	rights  mailstore.Rights
	checked time.Time
	change  uint64 // of the store, when rights was looked at
}

var (
	_ mailstore.Mailbox = (*foreignBox)(nil)
	_ mailstore.Limited = (*foreignBox)(nil)
)

func newForeignBox(a *account, p *place, in mailstore.Mailbox) *foreignBox {
	return &foreignBox{a: a, p: p, in: in}
}

// Rights are what the user may do now. The list is read again if it has been changed
// through this store, or a second has passed. Who cannot be found in it, because it
// cannot be read, may do nothing.
func (b *foreignBox) Rights() mailstore.Rights {
	b.mu.Lock()
	defer b.mu.Unlock()
	change, now := b.a.store.changes.count.Load(), time.Now()
	if !b.checked.IsZero() && change == b.change && now.Sub(b.checked) < recheck {
		return b.rights
	}
	list, err := b.p.ACL(context.Background(), b.in.Name())
	if err != nil && !absent(err) {
		b.a.store.opt.Logger.Error("who may do what cannot be read, so nobody may do anything", slog.String("owner", b.p.owner), slog.String("mailbox", b.in.Name()), slog.Any("err", err))
	}
	b.rights, b.checked, b.change = list.RightsOf(b.a.user), now, change
	return b.rights
}

// need refuses who does not have all of the rights now.
func (b *foreignBox) need(op string, all mailstore.Rights) error {
	return b.a.fail(op, b.Name(), need(b.Rights(), all))
}

func (b *foreignBox) mayRead() bool { return b.Rights().Has(mailstore.RightRead) }

// Name is the name by which the user knows the mailbox.
func (b *foreignBox) Name() string {
	return b.a.foreignName(b.p.owner, b.in.Name(), string(b.p.Delimiter()))
}

func (b *foreignBox) UIDValidity() uint32 { return b.in.UIDValidity() }

func (b *foreignBox) ObjectID(ctx context.Context) (string, error) {
	if err := b.need("identify", mailstore.RightRead); err != nil {
		return "", err
	}
	id, err := b.in.ObjectID(ctx)
	if err != nil {
		return "", err
	}
	return foreignID(b.p.owner, id), nil
}

// ReadOnly is also true for a user with none of the rights of RFC 4314 section 5.2.
func (b *foreignBox) ReadOnly() bool {
	const writing = mailstore.FlagRights | mailstore.RightInsert | mailstore.RightExpunge
	return b.in.ReadOnly() || b.Rights()&writing == 0
}

func (b *foreignBox) Status() mailstore.Status {
	if !b.mayRead() {
		return mailstore.Status{UIDValidity: b.in.UIDValidity()}
	}
	return b.in.Status()
}

func (b *foreignBox) Refresh(ctx context.Context) error {
	if err := b.need("refresh", mailstore.RightRead); err != nil {
		return err
	}
	return b.in.Refresh(ctx)
}

func (b *foreignBox) Watch() (stop func()) { return b.in.Watch() }

func (b *foreignBox) Record(uid mailstore.UID) (mailstore.Record, bool) {
	if !b.mayRead() {
		return mailstore.Record{}, false
	}
	return b.in.Record(uid)
}

func (b *foreignBox) Outline() mailstore.Outline {
	if !b.mayRead() {
		return mailstore.Outline{}
	}
	return b.in.Outline()
}

func (b *foreignBox) Having(all, none mailstore.System) []mailstore.UID {
	if !b.mayRead() {
		return nil
	}
	return b.in.Having(all, none)
}

func (b *foreignBox) Records(dst []mailstore.Record, first mailstore.UID) []mailstore.Record {
	if !b.mayRead() {
		return dst
	}
	return b.in.Records(dst, first)
}

func (b *foreignBox) ChangedSince(dst []mailstore.Record, since uint64, first mailstore.UID) []mailstore.Record {
	if !b.mayRead() {
		return dst
	}
	return b.in.ChangedSince(dst, since, first)
}

func (b *foreignBox) Vanished(since uint64) (uids mailstore.UIDSet, complete bool) {
	if !b.mayRead() {
		return nil, false
	}
	return b.in.Vanished(since)
}

func (b *foreignBox) PutSummary(uid mailstore.UID, summary []byte) {
	if b.mayRead() {
		b.in.PutSummary(uid, summary)
	}
}

func (b *foreignBox) Summaries() mailstore.SummaryReader {
	if !b.mayRead() {
		return nil
	}
	return b.in.Summaries()
}

func (b *foreignBox) Blobs() mailstore.Blobs {
	if !b.mayRead() {
		return nil
	}
	return b.in.Blobs()
}

func (b *foreignBox) SaveDates() func(mailstore.UID) (int64, bool) {
	if !b.mayRead() {
		return nil
	}
	return b.in.SaveDates()
}

func (b *foreignBox) Fill(ctx context.Context, uids mailstore.UIDSet, attrs mailstore.Attrs) error {
	if err := b.need("fill", mailstore.RightRead); err != nil {
		return err
	}
	return b.in.Fill(ctx, uids, attrs)
}

func (b *foreignBox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	if err := b.need("open message in", mailstore.RightRead); err != nil {
		return nil, err
	}
	return b.in.OpenMessage(ctx, uid)
}

// SetFlags changes those of the flags that the user may change. It refuses only if
// he may change none of those that are named (RFC 4314 section 4).
func (b *foreignBox) SetFlags(ctx context.Context, uids mailstore.UIDSet, op mailstore.FlagOp, flags mailstore.Flags, opt mailstore.SetFlagsOptions) (mailstore.SetFlagsResult, error) {
	if err := b.need("set flags in", mailstore.RightRead); err != nil {
		return mailstore.SetFlagsResult{}, err
	}
	r := b.Rights()
	fixed := r.Fixed()
	none := flags != mailstore.Flags{} && fixed.Without(flags) == mailstore.Flags{}
	if r&mailstore.FlagRights == 0 || none && op != mailstore.ReplaceFlags {
		return mailstore.SetFlagsResult{}, b.need("set flags in", mailstore.FlagRights)
	}
	opt.Fixed.System |= fixed.System
	opt.Fixed.Keywords = opt.Fixed.Keywords || fixed.Keywords
	return b.in.SetFlags(ctx, uids, op, flags, opt)
}

// Expunge asks for the right to mark messages as deleted too, where they need not be
// marked.
func (b *foreignBox) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	all := mailstore.RightRead | mailstore.RightExpunge
	if !onlyDeleted {
		all |= mailstore.RightDelete
	}
	if err := b.need("expunge", all); err != nil {
		return nil, err
	}
	return b.in.Expunge(ctx, uids, onlyDeleted)
}

// ClaimRecent leaves \Recent to the owner.
func (b *foreignBox) ClaimRecent(context.Context) (mailstore.UIDSet, error) { return nil, nil }

func (b *foreignBox) NewAppend(ctx context.Context) (mailstore.Append, error) {
	if err := b.need("append to", mailstore.RightInsert); err != nil {
		return nil, err
	}
	// What is removed elsewhere makes no room here.
	app, err := b.in.NewAppend(mailstore.WithCredit(ctx, mailstore.Amount{}))
	if err != nil {
		return nil, err
	}
	return &foreignAppend{Append: app, box: b}, nil
}

// foreignAppend is one whose messages have the flags that the user may give them.
type foreignAppend struct {
	mailstore.Append
	box *foreignBox
}

// Add leaves out the flags that the user may not give a message.
func (f *foreignAppend) Add(opt mailstore.AppendOptions, r io.Reader) error {
	opt.Flags = f.box.Rights().Fixed().Without(opt.Flags)
	return f.Append.Add(opt, r)
}

// Commit asks for the right once more: the message may have been long on its way.
func (f *foreignAppend) Commit(ctx context.Context) (uidValidity uint32, uids []mailstore.UID, err error) {
	if err := f.box.need("append to", mailstore.RightInsert); err != nil {
		return 0, nil, err
	}
	return f.Append.Commit(ctx)
}

// Close gives the mailbox and its owner's account back.
func (b *foreignBox) Close() error { return errors.Join(b.in.Close(), b.p.Close()) }
