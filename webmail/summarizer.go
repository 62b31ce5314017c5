package webmail

import (
	"context"
	"errors"
	"io"

	"restante/mailstore"
	"restante/message"
	"restante/search"
)

// A summarizer finds for one request what a list shows of the messages of a mailbox: in the summaries that the mailbox keeps, so
// that no message is opened, and else in the message. What it reads there it gives to the mailbox to be kept.
type summarizer struct {
	ctx  context.Context
	box  mailstore.Mailbox
	kept mailstore.SummaryReader // nil where the mailbox keeps none
	left int64                   // how much may still be read of large messages
	made []byte
}

const (
	// smallMessage is up to which size a message is always read whole.
	smallMessage = 128 << 10
	// largeBytes is how much of large messages is read for one page, so that no mailbox keeps its reader waiting. Those
	// that would be more are shown as their headers have them, and wait for the next page.
	largeBytes = 16 << 20
)

func newSummarizer(ctx context.Context, box mailstore.Mailbox) *summarizer {
	return &summarizer{ctx: ctx, box: box, kept: box.Summaries(), left: largeBytes}
}

// of gives the summary of a message, or nil when the message has gone.
func (z *summarizer) of(rec mailstore.Record) (*summary, error) {
	var had message.Knowledge
	if z.kept != nil {
		b, _ := z.kept.Get(rec.UID)
		sum, ok := message.ParseSummary(b)
		if ok && (sum.Knows.Has(listed) || rec.Size != mailstore.Unknown && !z.affords(rec.Size)) {
			return newSummary(&sum, rec.InternalDate()), nil
		}
		had = sum.Knows
	}
	msg, err := z.box.OpenMessage(z.ctx, rec.UID)
	if errors.Is(err, mailstore.ErrExpunged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer msg.Close()
	keep, err := z.read(msg, had)
	if err != nil {
		return nil, err
	}
	if keep && z.kept != nil {
		z.box.PutSummary(rec.UID, z.made)
	}
	sum, _ := message.ParseSummary(z.made)
	return newSummary(&sum, rec.InternalDate()), nil
}

// affords reports whether a message of that size is read whole.
func (z *summarizer) affords(size int64) bool { return size <= smallMessage || size <= z.left }

// listed is what a list shows of a message beside its header.
const listed = message.KnowsStructure | message.KnowsPreview

// read makes the summary of a message, and reports whether it is one to keep: one that knows the whole header, and no less than
// the one that it replaces.
func (z *summarizer) read(msg mailstore.Message, had message.Knowledge) (keep bool, err error) {
	if !z.affords(msg.Len()) {
		header, whole, err := search.ReadHeader(msg, msg.Len(), nil)
		z.made = message.AppendHeaderSummary(z.made[:0], header, false)
		return whole && had == 0, err
	}
	if msg.Len() > smallMessage {
		z.left -= msg.Len()
	}
	root, id, err := scan(io.NewSectionReader(msg, 0, msg.Len()), had)
	if err != nil {
		return false, err
	}
	if z.made, keep = message.AppendSummary(z.made[:0], listed|had, root, id, msg); !keep {
		z.made = message.AppendHeaderSummary(z.made[:0], root.RawHeader, false)
	}
	return keep, nil
}

// scan reads a message, and for its identity only where that is known already: it costs as much as all else.
func scan(r io.Reader, had message.Knowledge) (root *message.Part, id message.ID, err error) {
	if had.Has(message.KnowsID) {
		return message.ScanID(r)
	}
	root, err = message.Scan(r)
	return root, id, err
}
