package order

import (
	"bytes"
	"cmp"
	"slices"

	"restante/mailstore"
)

// A Key is what messages are sorted by.
type Key uint8

// The keys of RFC 5256 section 3, and the last two of RFC 5957.
const (
	Arrival     Key = iota // internal date and time
	Cc                     // local part of the first address
	Date                   // sent date, or else Arrival
	From                   // local part of the first address
	Size                   // octets in CRLF form
	Subject                // base subject
	To                     // local part of the first address
	DisplayFrom            // name, or else address, of the first address
	DisplayTo
)

// A Criterion is a key, and in which direction it counts.
type Criterion struct {
	Key     Key
	Reverse bool
}

// maxText is how many octets of a text are compared. A header line should be no
// longer than 998 (RFC 5322 section 2.1.1), and a mailbox of nothing but longest
// headers must not fill the memory.
const maxText = 1024

// A Sorter sorts messages.
type Sorter struct {
	uids    []mailstore.UID
	columns []column
	header  headerReader
}

// A column holds one key of all messages: numbers, or texts in their collation
// form, one behind the other.
type column struct {
	Criterion
	numbers []int64
	text    []byte
	ends    []int
}

// NewSorter prepares to sort by the first criterion, among what is equal by the
// second, and so on.
func NewSorter(criteria []Criterion) *Sorter {
	s := new(Sorter)
	for _, c := range criteria {
		// What is equal under a key does not differ under the same key again.
		if !slices.ContainsFunc(s.columns, func(before column) bool { return before.Key == c.Key }) {
			s.columns = append(s.columns, column{Criterion: c})
		}
	}
	return s
}

// Attrs are those that the records have to have filled.
func (s *Sorter) Attrs() (attrs mailstore.Attrs) {
	for i := range s.columns {
		switch s.columns[i].Key {
		case Arrival, Date:
			attrs |= mailstore.AttrDate
		case Size:
			attrs |= mailstore.AttrSize
		}
	}
	return attrs
}

// Recall takes the next message if its header need not be looked at; else it is false,
// and Add has to follow.
func (s *Sorter) Recall(rec *mailstore.Record) bool {
	if s.NeedsHeader() {
		return false
	}
	s.Add(rec, nil)
	return true
}

// NeedsHeader reports whether Add looks at headers.
func (s *Sorter) NeedsHeader() bool {
	return slices.ContainsFunc(s.columns, func(c column) bool { return c.Key != Arrival && c.Key != Size })
}

// Add takes the next message. Nothing of header is kept; it is nil if the message
// could not be read, which then sorts as if it had no fields.
func (s *Sorter) Add(rec *mailstore.Record, header []byte) {
	s.header.read(header)
	s.uids = append(s.uids, rec.UID)
	for i := range s.columns {
		s.columns[i].add(rec, &s.header)
	}
}

func (c *column) add(rec *mailstore.Record, h *headerReader) {
	switch c.Key {
	case Arrival:
		c.numbers = append(c.numbers, arrived(rec))
	case Date:
		sent := h.sent()
		if sent == noDate {
			sent = arrived(rec)
		}
		c.numbers = append(c.numbers, sent)
	case Size:
		c.numbers = append(c.numbers, rec.Size)
	default:
		key := c.key(h)
		c.text = append(c.text, key[:min(len(key), maxText)]...)
		c.ends = append(c.ends, len(c.text))
	}
}

// key gives the text of one message.
func (c *column) key(h *headerReader) []byte {
	switch c.Key {
	case Cc:
		return h.mailbox(fieldCc)
	case From:
		return h.mailbox(fieldFrom)
	case To:
		return h.mailbox(fieldTo)
	case DisplayFrom:
		return h.display(fieldFrom)
	case DisplayTo:
		return h.display(fieldTo)
	default:
		key, _ := h.subject()
		return key
	}
}

// compare compares two messages by their places.
func (c *column) compare(a, b int32) int {
	if c.Reverse {
		a, b = b, a
	}
	if c.ends == nil {
		return cmp.Compare(c.numbers[a], c.numbers[b])
	}
	return bytes.Compare(c.cut(a), c.cut(b))
}

func (c *column) cut(i int32) []byte {
	start := 0
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.text[start:c.ends[i]]
}

// Sorted gives the messages in order. It ends the Sorter.
func (s *Sorter) Sorted() []mailstore.UID {
	places := make([]int32, len(s.uids))
	for i := range places {
		places[i] = int32(i)
	}
	slices.SortFunc(places, func(a, b int32) int {
		for i := range s.columns {
			if d := s.columns[i].compare(a, b); d != 0 {
				return d
			}
		}
		return cmp.Compare(a, b)
	})
	sorted := make([]mailstore.UID, len(places))
	for i, place := range places {
		sorted[i] = s.uids[place]
	}
	return sorted
}
