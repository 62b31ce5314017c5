package imapd

import (
	"context"
	"errors"
	"log/slog"

	"restante/mailstore"
	"restante/message"
)

// An orderer is told of messages one by one, to put them in order: a Sorter or a
// Threader of package order.
type orderer interface {
	Attrs() mailstore.Attrs
	NeedsHeader() bool
	// Recall is Add for a message whose header need not be looked at; it does nothing
	// and is false for others.
	Recall(rec *mailstore.Record) bool
	Add(rec *mailstore.Record, header []byte)
}

// order tells an orderer of messages that were found. Those that went away
// meanwhile are passed over.
func (s *session) order(found []mailstore.UID, o orderer) error {
	f := fetcher{s: s, plan: &fetchPlan{attrs: o.Attrs(), summary: true}}
	if o.NeedsHeader() {
		f.plan.need = needHeader
	}
	done := 0
	_, err := s.view.pages(s.view.pickUIDs(mailstore.NewUIDSet(found...)), func(items []item) error {
		s.step(done, len(found))
		done += len(items)
		if err := f.fill(items); err != nil {
			return err
		}
		return s.long(func(context.Context) error { return f.tell(o, items) })
	})
	return err
}

// tell tells an orderer of messages.
func (f *fetcher) tell(o orderer, items []item) error {
	for i := range items {
		if o.Recall(&items[i].Record) {
			continue
		}
		if err := f.withHeader(&items[i], func(h []byte) { o.Add(&items[i].Record, h) }); err != nil {
			return err
		}
	}
	return f.s.ctx.Err()
}

// withHeader calls use with a message's header, or as much of it as its summary
// has. A message that cannot be read has none.
func (f *fetcher) withHeader(it *item, use func(header []byte)) error {
	if b, ok := f.kept(it.UID); ok {
		if sum, ok := message.ParseSummary(b); ok {
			use(sum.Header)
			return nil
		}
	}
	m, err := f.s.load(it.UID, f.toRead())
	switch {
	case err == nil:
		defer f.s.unload(m)
		f.keep(m)
		if err := f.opened(it); err != nil {
			return err
		}
		use(m.head)
	case errors.Is(err, mailstore.ErrExpunged):
	case errors.Is(err, mailstore.ErrGone), f.s.ctx.Err() != nil:
		return err
	default:
		f.s.log().Error("message cannot be put in order", slog.String("mailbox", f.s.view.box.Name()), slog.Any("uid", it.UID), slog.Any("err", err))
		use(nil)
	}
	return nil
}
