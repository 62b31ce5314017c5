package search

import (
	"restante/mailstore"
	"restante/message"
)

// A candidate is a message while it is judged.
type candidate struct {
	rec     *mailstore.Record
	at      level
	summary []byte  // the header in it, for atSummary
	msg     *source // nil below atHeader
	err     error   // the message could not be read

	id    message.ID // if known: from the summary, or once read
	known bool

	found []bool // which texts of the query were found, once searched
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
	value, _ := message.HeaderField(c.header(), "Date")
	t, err := message.ParseDate(value)
	return is(err == nil && test(dayOf(t)))
}

// header is the message's header, or what its summary has of it.
func (c *candidate) header() []byte {
	if c.at == atSummary {
		return c.summary
	}
	h, err := c.msg.header()
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
		if c.id, c.err = c.msg.id(); c.err != nil {
			return no
		}
		c.known = true
	}
	return is(c.id == id)
}

// fieldMatch is Header, compiled.
type fieldMatch struct {
	field string
	text  *needle
	from  level // on which it can be decided
}

func (x fieldMatch) cost() level { return x.from }

func (x fieldMatch) eval(c *candidate) answer {
	if c.at < x.from {
		return maybe
	}
	for _, value := range message.HeaderFields(c.header(), x.field) {
		if x.text.in(message.DecodeHeader(value)) {
			return yes
		}
	}
	return no
}

// textMatch is Text or Body, compiled.
type textMatch struct{ *needle }

func (textMatch) cost() level { return atBody }

func (x textMatch) eval(c *candidate) answer {
	switch {
	case len(x.folded) == 0:
		return yes
	case (c.at == atSummary || c.at == atHeader) && x.inHeaders && x.inHeader(c.header()):
		return yes
	case c.at < atBody:
		return maybe
	}
	if c.found == nil {
		c.found = make([]bool, len(c.msg.q.texts))
		if err := c.msg.search(c.found); err != nil {
			c.err = err
		}
	}
	return is(c.found[x.index])
}
