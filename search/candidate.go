package search

import (
	"restante/mailstore"
	"restante/message"
)

// saveDates is Mailbox.SaveDates.
type saveDates func(mailstore.UID) (unix int64, known bool)

// A candidate is a message while it is judged.
type candidate struct {
	q       *Query
	rec     *mailstore.Record
	at      level
	summary []byte // the header in it, for atSummary
	err     error  // the message could not be read

	id    message.ID // if known: from the summary, or once read
	known bool
	knows message.Knowledge // of the summary

	searched bool // the query's texts were looked for
	listed   bool // the query's fields were looked for in the header
}

func (c *candidate) size(test func(int64) bool) answer {
	if c.rec.Size == mailstore.Unknown {
		return c.unknown()
	}
	return is(test(c.rec.Size))
}

func (c *candidate) internalDay(test func(Day) bool) answer {
	if c.rec.Date == mailstore.Unknown {
		return c.unknown()
	}
	return is(test(dayOf(c.rec.InternalDate())))
}

// unknown is the answer about what Fill could not find out.
func (c *candidate) unknown() answer {
	if c.at < atAttrs {
		return maybe
	}
	return no
}

func (c *candidate) sentDay(test func(Day) bool) answer {
	if c.at < atSummary {
		return maybe
	}
	for _, f := range c.fields() {
		if f.name != c.q.date {
			continue
		}
		c.q.line = message.AppendValue(c.q.line[:0], f.value)
		year, month, day, ok := message.ParseDay(c.q.line)
		return is(ok && test(NewDay(year, month, day)))
	}
	return no
}

// fields are those of the header that the query asks for by name.
func (c *candidate) fields() []fieldValue {
	if !c.listed {
		c.listed = true
		c.q.fields.read(c.header())
	}
	return c.q.fields.found
}

// header is the message's header, or what its summary has of it.
func (c *candidate) header() []byte {
	if c.at == atSummary {
		return c.summary
	}
	h, err := c.q.src.header()
	if err != nil {
		c.err = err
	}
	return h
}

// hasID compares the message's identity, for which all of it may have to be read.
func (c *candidate) hasID(id message.ID) answer {
	if !c.known {
		if c.at < atBody {
			return maybe
		}
		if c.id, c.err = c.q.src.id(); c.err != nil {
			return no
		}
		c.known = true
	}
	return is(c.id == id)
}

// fieldMatch is Header, compiled.
type fieldMatch struct {
	field int // its name, of Query.fields
	text  *needle
	from  level // on which it can be decided
}

func (x fieldMatch) cost() level { return x.from }

func (x fieldMatch) eval(c *candidate) answer {
	if a := x.text.recall(c.rec.UID); a != maybe {
		return a
	}
	if x.text.rulesOut(c.rec.UID) {
		return no
	}
	if c.at < x.from {
		return maybe
	}
	found := x.in(c.fields())
	if c.err == nil {
		x.text.judge(c.rec.UID, found)
	}
	return is(found)
}

// in reports whether such a field is among those of a header.
func (x fieldMatch) in(fields []fieldValue) bool {
	for _, f := range fields {
		if f.name == x.field && x.text.inField(f.value) {
			return true
		}
	}
	return false
}

// textMatch is Text or Body, compiled.
type textMatch struct{ *needle }

func (textMatch) cost() level { return atBody }

func (x textMatch) eval(c *candidate) answer {
	if len(x.folded) == 0 {
		return yes
	}
	if a := x.recall(c.rec.UID); a != maybe {
		return a
	}
	if x.rulesOut(c.rec.UID) {
		return no
	}
	switch found := &c.q.found[x.index]; c.at {
	case atSummary: // part of the header
		if x.inHeaders && x.inHeader(c.header()) {
			return yes
		}
	case atHeader:
		if x.inHeaders {
			x.looked = true
			if *found = x.inHeader(c.header()); *found {
				return yes
			}
		}
	case atBody:
		if !c.searched {
			c.searched = true
			if err := c.q.src.search(); err != nil {
				c.err = err
			}
		}
		if a := x.recall(c.rec.UID); a != maybe {
			return a // another query has found it out meanwhile, so this one did not look
		}
		return is(*found)
	}
	return maybe
}
