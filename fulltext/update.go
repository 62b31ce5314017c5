package fulltext

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"restante/mailstore"
	"restante/search"
)

// UpdateOptions say how Update works.
type UpdateOptions struct {
	// Rest, if set, is told now and then how long has been worked since the last call, and
	// may sleep.
	Rest func(worked time.Duration)
	// Whole makes as few segments as can be.
	Whole bool

	pairs int // for tests: instead of maxPairs
}

// Report is what Update did and what there is now.
type Report struct {
	Added      int   // messages that came into the index
	Unreadable int   // that could not be read and are not in it
	Messages   int   // that are in it, some of which may have been expunged since
	Octets     int64 // that it has on disk
	Segments   int
}

// Update brings the index of an open mailbox up to date: messages that it does not know
// are read, those that have gone are forgotten in time. What it has done stands when it
// returns an error, which is one of the mailbox or of ctx, or says that nothing can be
// kept.
func Update(ctx context.Context, box mailstore.Mailbox, opt UpdateOptions) (Report, error) {
	blobs := box.Blobs()
	if blobs == nil {
		return Report{}, errors.New("this mailbox keeps no index")
	}
	u := &updater{box: box, opt: opt, ix: Open(box), began: time.Now()}
	defer u.ix.Close()
	err := u.run(ctx)
	return u.report(), err
}

// An updater is one run of Update.
type updater struct {
	box   mailstore.Mailbox
	opt   UpdateOptions
	ix    *Index
	b     *builder
	texts search.Texts
	live  mailstore.UIDSet // the messages of the mailbox
	began time.Time        // to work, after the last rest
	did   Report
}

// recordPage is how many records are looked at at a time.
const recordPage = 512

func (u *updater) run(ctx context.Context) error {
	missing := u.missing()
	for _, r := range missing {
		for uid := r.First; ; uid++ {
			if err := u.read(ctx, uid); err != nil {
				return err
			}
			if uid == r.Last {
				break
			}
		}
	}
	if err := u.flush(); err != nil {
		return err
	}
	return u.tidy(ctx, u.opt.Whole)
}

// missing finds out which messages there are, and returns those that the index does not
// know.
func (u *updater) missing() (missing mailstore.UIDSet) {
	known := u.ix.Known()
	recs := make([]mailstore.Record, 0, recordPage)
	for first := mailstore.UID(1); ; {
		recs = u.box.Records(recs[:0], first)
		for i := range recs {
			uid := recs[i].UID
			u.live.Add(uid)
			if !known.Contains(uid) {
				missing.Add(uid)
			}
		}
		if len(recs) < recordPage || recs[len(recs)-1].UID == mailstore.MaxUID {
			return missing
		}
		first = recs[len(recs)-1].UID + 1
	}
}

// read takes a message into the segment that is being made.
func (u *updater) read(ctx context.Context, uid mailstore.UID) error {
	if u.b == nil {
		u.b = newBuilder()
		u.b.max = cmp.Or(u.opt.pairs, maxPairs)
	}
	err := u.texts.Read(ctx, u.box, uid, u.b.text)
	u.b.end(uid, err == nil)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
	case errors.Is(err, mailstore.ErrGone):
		return err
	case !errors.Is(err, mailstore.ErrExpunged):
		u.did.Unreadable++
	}
	u.rest()
	if !u.b.full() {
		return nil
	}
	if err := u.flush(); err != nil {
		return err
	}
	return u.tidy(ctx, false)
}

// flush writes the segment that is being made.
func (u *updater) flush() error {
	if u.b == nil || u.b.n == 0 {
		return nil
	}
	d := newDocs(u.b.uids)
	err := u.put(func(w io.Writer) error { return u.b.write(u.writer(w, d)) }, d)
	if err == nil {
		u.did.Added += d.n
	}
	u.b.reset()
	return err
}

func (u *updater) writer(w io.Writer, d docs) *writer {
	return newWriter(w, u.box.UIDValidity(), search.TextVersion(), d)
}

// put keeps a segment and opens it.
func (u *updater) put(write func(io.Writer) error, d docs) error {
	if d.n == 0 {
		return nil
	}
	name := fmt.Sprintf("%s%016x", blobPrefix, rand.Uint64())
	if err := u.ix.blobs.Put(name, write); err != nil {
		return fmt.Errorf("write the full-text index: %w", err)
	}
	blob, err := u.ix.blobs.Open(name)
	if err != nil {
		return fmt.Errorf("read the full-text index: %w", err)
	}
	s, err := openSegment(blob, u.box.UIDValidity(), search.TextVersion())
	if err != nil {
		_ = blob.Close() // it was only read
		u.ix.discard(name, err)
		return fmt.Errorf("read the full-text index: %w", err)
	}
	s.name = name
	u.ix.segs = append(u.ix.segs, s)
	return nil
}

// minWork is how long is worked before a rest.
const minWork = 5 * time.Millisecond

// rest lets others work if enough has been done.
func (u *updater) rest() {
	if u.opt.Rest == nil {
		return
	}
	if worked := time.Since(u.began); worked >= minWork {
		u.opt.Rest(worked)
		u.began = time.Now()
	}
}

func (u *updater) report() Report {
	r := u.did
	r.Messages, r.Segments = count(u.ix.Known()), len(u.ix.segs)
	for _, s := range u.ix.segs {
		r.Octets += s.Len()
	}
	return r
}
