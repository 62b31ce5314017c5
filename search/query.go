package search

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"restante/mailstore"
	"restante/message"
)

// A Query is an Expr made ready to be evaluated. It belongs to one goroutine.
type Query struct {
	// Unreadable, if set, is told of messages that could not be read and so did
	// not match.
	Unreadable func(uid mailstore.UID, err error)

	// Unindexed is what was opened for want of an index, or of its knowing of it.
	Unindexed struct {
		Messages int
		Octets   int64
	}

	root      Expr
	attrs     mailstore.Attrs  // what it may want to have filled
	saved     saveDates        // of the mailbox, where they are asked for
	saves     bool             // they are
	texts     []*needle        // what is looked for in bodies, all in one pass
	heads     []*needle        // what is looked for in single header fields
	fields    wantedFields     // which those are
	date      int              // that of the sent date among them
	known     mailstore.UIDSet // of the index
	indexable bool             // an index would be of use
	one       candidate        // the message that is judged
	src       source           // and it, once it is open
	found     []bool           // which texts were found in it
	open      []*needle        // which were not
	hunt      hunt             // for those
	joins     *joiners         // of texts, once they are wanted

	sums   mailstore.SummaryReader // of sumsOf, from the first page to Rest
	sumsOf mailstore.Mailbox

	// What is held of a message, kept for the next.
	all  []byte // all of it, if it is small enough, else a part of it
	head []byte // else its header
	line []byte // the value of a field
	body []byte // a part without its transfer encoding
	utf8 []byte // and as UTF-8
	raw  []byte // a window on text as it is read
	view []byte // and as it is searched
}

// New prepares a query: texts are folded, and of several criteria the cheap ones
// come first.
func New(x Expr) *Query {
	q := new(Query)
	q.root = q.compile(x)
	q.found = make([]bool, len(q.texts))
	q.indexable = slices.ContainsFunc(q.texts, (*needle).indexable) || slices.ContainsFunc(q.heads, (*needle).indexable)
	return q
}

// compile returns x with its texts folded and its parts in the order of cost.
func (q *Query) compile(x Expr) Expr {
	switch x := x.(type) {
	case And:
		return And(q.compileAll(x))
	case Or:
		return Or(q.compileAll(x))
	case Not:
		return Not{q.compile(x.X)}
	case Larger, Smaller:
		q.attrs |= mailstore.AttrSize
	case Arrived:
		q.attrs |= mailstore.AttrDate
	case Date:
		if x.Sent {
			q.date = q.fields.want("date")
		} else {
			q.attrs |= mailstore.AttrDate
		}
	case Saved:
		q.attrs |= mailstore.AttrDate
		q.saves = true
	case KeepsSaveDates:
		q.saves = true
	case Header:
		at := atHeader
		if message.InSummary(x.Field) {
			at = atSummary
		}
		n := newNeedle(x.Text)
		q.heads = append(q.heads, n)
		n.field = strings.ToLower(x.Field)
		return fieldMatch{q.fields.want(x.Field), n, at}
	case Body:
		return q.text(x.Text, false)
	case Text:
		return q.text(x.Text, true)
	}
	return x
}

func (q *Query) compileAll(list []Expr) []Expr {
	compiled := make([]Expr, len(list))
	for i, x := range list {
		compiled[i] = q.compile(x)
	}
	slices.SortStableFunc(compiled, func(a, b Expr) int { return cmp.Compare(a.cost(), b.cost()) })
	return compiled
}

func (q *Query) text(text string, inHeaders bool) Expr {
	n := newNeedle(text)
	n.inHeaders = inHeaders
	n.index = len(q.texts)
	q.texts = append(q.texts, n)
	return textMatch{n}
}

// Filter appends to dst the UIDs of the records that match, in their order. An
// error ends it only if the mailbox or ctx has ended.
func (q *Query) Filter(ctx context.Context, box mailstore.Mailbox, recs []mailstore.Record, dst []mailstore.UID) ([]mailstore.UID, error) {
	if q.saves {
		q.saved = box.SaveDates()
	}
	answers := make([]answer, len(recs))
	open := q.decide(recs, answers, atRecord)
	if open && q.attrs != 0 {
		if err := q.fill(ctx, box, recs, answers); err != nil {
			return dst, err
		}
		open = q.decide(recs, answers, atAttrs)
	}
	var sums mailstore.SummaryReader
	if open {
		sums = q.summaries(box)
	}
	for i := range recs {
		if sums != nil && answers[i] == maybe {
			answers[i] = q.fromSummary(sums, &recs[i])
		}
		if open && answers[i] == maybe {
			a, err := q.read(ctx, box, &recs[i])
			if err != nil {
				return dst, err
			}
			answers[i] = a
		}
		if answers[i] == yes {
			dst = append(dst, recs[i].UID)
		}
	}
	return dst, nil
}

// summaries gives the reader of a mailbox's summaries, the same for page after
// page: it reads ahead.
func (q *Query) summaries(box mailstore.Mailbox) mailstore.SummaryReader {
	if q.sumsOf != box {
		q.sums, q.sumsOf = box.Summaries(), box
	}
	return q.sums
}

// Rest ends a walk over a mailbox with Filter, so that a query that waits for the
// next holds no buffers for it.
func (q *Query) Rest() { q.sums, q.sumsOf = nil, nil }

// decide answers what it can at a level and reports whether something is open.
func (q *Query) decide(recs []mailstore.Record, answers []answer, at level) (open bool) {
	q.one = candidate{q: q, at: at} // nothing else is noted of a message at these levels
	for i := range recs {
		if answers[i] == maybe {
			q.one.rec = &recs[i]
			answers[i] = q.root.eval(&q.one)
			open = open || answers[i] == maybe
		}
	}
	return open
}

// fill finds out the sizes and dates that are still wanted and not known.
func (q *Query) fill(ctx context.Context, box mailstore.Mailbox, recs []mailstore.Record, answers []answer) error {
	var want mailstore.UIDSet
	for i := range recs {
		if answers[i] == maybe && q.lacks(&recs[i]) {
			want.Add(recs[i].UID)
		}
	}
	if want.Empty() {
		return nil
	}
	if err := box.Fill(ctx, want, q.attrs); err != nil {
		return err
	}
	for i := range recs {
		if answers[i] == maybe && q.lacks(&recs[i]) {
			if rec, found := box.Record(recs[i].UID); found {
				recs[i] = rec
			}
		}
	}
	return nil
}

func (q *Query) lacks(r *mailstore.Record) bool {
	return q.attrs&mailstore.AttrSize != 0 && r.Size == mailstore.Unknown ||
		q.attrs&mailstore.AttrDate != 0 && r.Date == mailstore.Unknown
}

// fromSummary decides by what is kept of a message, as far as that goes.
func (q *Query) fromSummary(sums mailstore.SummaryReader, rec *mailstore.Record) answer {
	b, ok := sums.Get(rec.UID)
	if !ok {
		return maybe
	}
	sum, ok := message.ParseSummary(b)
	if !ok {
		return maybe
	}
	q.one = candidate{q: q, rec: rec, at: atSummary, summary: sum.Header, id: sum.ID, known: sum.Knows.Has(message.KnowsID), knows: sum.Knows}
	return q.root.eval(&q.one)
}

// forget makes ready for another message.
func (q *Query) forget() {
	clear(q.found)
	for _, n := range q.texts {
		n.looked = false
	}
}

// read opens a message and decides for good.
func (q *Query) read(ctx context.Context, box mailstore.Mailbox, rec *mailstore.Record) (answer, error) {
	msg, err := box.OpenMessage(ctx, rec.UID)
	if err == nil {
		defer msg.Close()
		q.count(rec.UID, msg.Len())
		var known candidate
		if q.one.rec == rec && q.one.at == atSummary {
			known = q.one
		}
		q.forget()
		q.src = source{Message: msg, q: q, box: box, uid: rec.UID, knows: known.knows}
		q.one = candidate{q: q, rec: rec, id: known.id, known: known.known, at: atHeader}
		a := q.root.eval(&q.one)
		if a == maybe {
			q.one.at = atBody
			a = q.root.eval(&q.one)
		}
		if err = q.one.err; err == nil {
			q.judgeTexts(&q.one)
			return is(a == yes), ctx.Err()
		}
	}
	switch {
	case ctx.Err() != nil, errors.Is(err, mailstore.ErrGone):
		return no, err
	case q.Unreadable != nil && !errors.Is(err, mailstore.ErrExpunged):
		q.Unreadable(rec.UID, err)
	}
	return no, nil
}
