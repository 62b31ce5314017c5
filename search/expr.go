package search

import (
	"time"

	"restante/mailstore"
	"restante/message"
)

// An Expr is what a message has to match: one of the types of this file, as a
// value.
type Expr interface {
	// eval says what can be said with what the candidate has at hand. It gives
	// maybe, never an error, when more would have to be read.
	eval(c *candidate) answer
	// cost is when it can be decided at the latest.
	cost() level
}

// All matches every message.
type All struct{}

// And matches what all of them match, and so everything if there is none.
type And []Expr

// Or matches what one of them matches.
type Or []Expr

// Not matches what X does not.
type Not struct{ X Expr }

// Flags matches messages that have all these system flags.
type Flags struct{ System mailstore.System }

// Keyword matches messages that have the keyword, in any case.
type Keyword struct{ Word string }

// UIDs matches the messages of the set.
type UIDs struct{ Set mailstore.UIDSet }

// ModSeq matches messages with a mod-sequence of at least Min.
type ModSeq struct{ Min uint64 }

// Larger matches messages of more than Size octets in CRLF form.
type Larger struct{ Size int64 }

// Smaller matches messages of fewer than Size octets in CRLF form.
type Smaller struct{ Size int64 }

// Date matches by the day on which a message came in or, with Sent, on which it
// says it was written. A message without a readable Date field was never sent.
type Date struct {
	Sent bool
	Op   DateOp
	Day  Day
}

// Saved matches by the day on which a message came into this mailbox. Where that is
// not known, it is the day on which it came in (RFC 8514 section 4.3).
type Saved struct {
	Op  DateOp
	Day Day
}

// KeepsSaveDates matches every message of a mailbox whose format knows when messages
// came into it, and none of others.
type KeepsSaveDates struct{}

// Arrived matches messages that came in at a moment, in seconds since 1970, or
// later; with Until, at it or earlier.
type Arrived struct {
	Until bool
	Unix  int64
}

// DateOp says how a Date compares.
type DateOp uint8

// On a day, before it, or on it and later.
const (
	On DateOp = iota
	Before
	Since
)

// A Day is a day in no time zone.
type Day int32

// NewDay makes a Day of its parts; days that do not exist stand where they would.
func NewDay(year int, month time.Month, day int) Day {
	return Day(year*10000 + int(month)*100 + day)
}

func dayOf(t time.Time) Day { return NewDay(t.Date()) }

// Header matches messages that have a field of that name whose decoded value
// contains Text. An empty Text asks only for the field.
type Header struct{ Field, Text string }

// Body matches messages with Text in one of their text parts.
type Body struct{ Text string }

// Text matches messages with Text in a header, those of MIME parts and embedded
// messages among them, or where Body would find it.
type Text struct{ Text string }

// EmailID matches messages with this content.
type EmailID struct{ ID message.ID }

func (x EmailID) eval(c *candidate) answer { return c.hasID(x.ID) }
func (EmailID) cost() level                { return atBody }

// A level is a stage of the evaluation: what has been read of a message.
type level uint8

const (
	atRecord  level = iota // what the mailbox knows by itself
	atAttrs                // size and internal date
	atSummary              // the fields of the header that are in its summary
	atHeader               // the message's header
	atBody                 // all of the message
)

// An answer is what can be said so far.
type answer uint8

const (
	maybe answer = iota
	yes
	no
)

func is(b bool) answer {
	if b {
		return yes
	}
	return no
}

func (All) eval(*candidate) answer       { return yes }
func (x Flags) eval(c *candidate) answer { return is(c.rec.Flags.Has(x.System)) }
func (x Keyword) eval(c *candidate) answer {
	return is(c.rec.Flags.Keywords.Has(x.Word))
}
func (x UIDs) eval(c *candidate) answer { return is(x.Set.Contains(c.rec.UID)) }

func (x ModSeq) eval(c *candidate) answer { return is(c.rec.ModSeq >= x.Min) }

func (ModSeq) cost() level  { return atRecord }
func (All) cost() level     { return atRecord }
func (Flags) cost() level   { return atRecord }
func (Keyword) cost() level { return atRecord }
func (UIDs) cost() level    { return atRecord }

func (x Larger) eval(c *candidate) answer  { return c.size(func(n int64) bool { return n > x.Size }) }
func (x Smaller) eval(c *candidate) answer { return c.size(func(n int64) bool { return n < x.Size }) }

func (Larger) cost() level  { return atAttrs }
func (Smaller) cost() level { return atAttrs }

func (x Arrived) eval(c *candidate) answer {
	switch {
	case c.rec.Date == mailstore.Unknown:
		return c.unknown()
	case x.Until:
		return is(c.rec.Date <= x.Unix)
	}
	return is(c.rec.Date >= x.Unix)
}

func (Arrived) cost() level { return atAttrs }

func (x Date) eval(c *candidate) answer {
	if x.Sent {
		return c.sentDay(x.compare)
	}
	return c.internalDay(x.compare)
}

func (x Saved) eval(c *candidate) answer {
	compare := Date{Op: x.Op, Day: x.Day}.compare
	if c.q.saved != nil {
		if unix, known := c.q.saved(c.rec.UID); known {
			return is(compare(dayOf(time.Unix(unix, 0))))
		}
	}
	return c.internalDay(compare)
}

func (Saved) cost() level { return atAttrs }

func (KeepsSaveDates) eval(c *candidate) answer { return is(c.q.saved != nil) }
func (KeepsSaveDates) cost() level              { return atRecord }

func (x Date) compare(d Day) bool {
	switch x.Op {
	case Before:
		return d < x.Day
	case Since:
		return d >= x.Day
	default:
		return d == x.Day
	}
}

func (x Date) cost() level {
	if x.Sent {
		return atSummary
	}
	return atAttrs
}

func (x And) eval(c *candidate) answer {
	all := yes
	for _, e := range x {
		switch e.eval(c) {
		case no:
			return no
		case maybe:
			all = maybe
		}
	}
	return all
}

func (x Or) eval(c *candidate) answer {
	any := no
	for _, e := range x {
		switch e.eval(c) {
		case yes:
			return yes
		case maybe:
			any = maybe
		}
	}
	return any
}

func (x Not) eval(c *candidate) answer {
	switch x.X.eval(c) {
	case yes:
		return no
	case no:
		return yes
	default:
		return maybe
	}
}

func (x And) cost() level { return dearest(x) }
func (x Or) cost() level  { return dearest(x) }
func (x Not) cost() level { return x.X.cost() }

func dearest(list []Expr) (l level) {
	for _, e := range list {
		l = max(l, e.cost())
	}
	return l
}

// The texts are compiled by New; as such they only say what they cost.

func (Header) eval(*candidate) answer { return maybe }
func (Body) eval(*candidate) answer   { return maybe }
func (Text) eval(*candidate) answer   { return maybe }

func (Header) cost() level { return atHeader }
func (Body) cost() level   { return atBody }
func (Text) cost() level   { return atBody }
