package imapd

import (
	"strings"
	"time"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
	"restante/search"
)

// criteria turns search keys into expressions: message numbers and "$" become
// UIDs, \Recent becomes the messages that this session claimed.
type criteria struct {
	v      *view
	rev2   bool
	byUID  bool                // message numbers are refused (RFC 9586)
	decode func(string) string // from the command's charset
	now    time.Time           // for OLDER and YOUNGER
	modSeq bool                // there is a MODSEQ among the keys
}

func (c *criteria) expr(key imap.SearchKey) (search.Expr, error) {
	switch k := key.(type) {
	case imap.SearchAnd:
		list, err := c.exprs(k.Keys...)
		return search.And(list), err
	case imap.SearchOr:
		list, err := c.exprs(k.Left, k.Right)
		return search.Or(list), err
	case imap.SearchNot:
		x, err := c.expr(k.Key)
		return search.Not{X: x}, err
	case imap.SearchFuzzy:
		// QUIRK: iOS Mail asks for FUZZY without having seen it offered. A
		// substring is what it finds elsewhere.
		return c.expr(k.Key)
	case imap.SearchSeq:
		if c.byUID && !k.Set.IsSaved() {
			return nil, errUIDRequired
		}
	}
	return c.leaf(key), nil
}

func (c *criteria) exprs(keys ...imap.SearchKey) ([]search.Expr, error) {
	list := make([]search.Expr, len(keys))
	for i, k := range keys {
		var err error
		if list[i], err = c.expr(k); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// leaf translates a key that holds no others.
func (c *criteria) leaf(key imap.SearchKey) search.Expr {
	switch k := key.(type) {
	case imap.SearchSeq:
		return search.UIDs{Set: c.numbers(k.Set)}
	case imap.SearchUID:
		spans, _ := c.v.pick(k.Set, true) // UIDs are never an error
		return search.UIDs{Set: c.v.set(spans)}
	case imap.SearchFlag:
		x := c.flag(k.Flag)
		if k.Absent {
			x = search.Not{X: x}
		}
		return x
	case imap.SearchNew:
		return search.And{c.recent(), search.Not{X: search.Flags{System: mailstore.Seen}}}
	case imap.SearchDate:
		day := search.NewDay(k.Date.Year, k.Date.Month, k.Date.Day)
		if k.Field == imap.SaveDate {
			return search.Saved{Op: dateOps[k.Op], Day: day}
		}
		return search.Date{Sent: k.Field == imap.SentDate, Op: dateOps[k.Op], Day: day}
	case imap.SearchSaveDates:
		return search.KeepsSaveDates{}
	case imap.SearchModSeq:
		c.modSeq = true // for one flag, too: there is one mod-sequence for a message
		return search.ModSeq{Min: k.Min}
	case imap.SearchWithin:
		return search.Arrived{Until: k.Older, Unix: c.now.Unix() - int64(k.Seconds)}
	case imap.SearchObjectID:
		return objectIDExpr(k)
	case imap.SearchSize:
		if k.Larger {
			return search.Larger{Size: k.Size}
		}
		return search.Smaller{Size: k.Size}
	case imap.SearchField:
		return search.Header{Field: k.Field, Text: c.decode(k.Value)}
	case imap.SearchHeader:
		return search.Header{Field: k.Field, Text: c.decode(k.Value)}
	case imap.SearchText:
		if k.BodyOnly {
			return search.Body{Text: c.decode(k.Value)}
		}
		return search.Text{Text: c.decode(k.Value)}
	default:
		return search.All{}
	}
}

var dateOps = map[imap.DateOp]search.DateOp{
	imap.DateBefore: search.Before,
	imap.DateOn:     search.On,
	imap.DateSince:  search.Since,
}

// numbers gives the UIDs of message numbers. Unlike elsewhere, numbers that do
// not exist are no error.
//
// QUIRK: K-9 searches *:* in empty mailboxes too.
func (c *criteria) numbers(set imap.NumSet) mailstore.UIDSet {
	if set.IsSaved() {
		return c.v.saved
	}
	var spans []span
	for _, sp := range spansOf(set.Resolve(uint32(c.v.told))) {
		if sp.i < c.v.told {
			spans = append(spans, span{sp.i, min(sp.j, c.v.told)})
		}
	}
	return c.v.set(spans)
}

func (c *criteria) flag(name string) search.Expr {
	switch f := systemFlag(name); {
	case f == mailstore.Recent:
		return c.recent()
	case f != 0:
		return search.Flags{System: f}
	}
	return search.Keyword{Word: name}
}

// recent is RECENT of IMAP4rev1; IMAP4rev2 has none.
func (c *criteria) recent() search.Expr {
	switch {
	case c.rev2:
		return search.UIDs{}
	case c.v.readOnly:
		return search.Flags{System: mailstore.Recent}
	}
	return search.UIDs{Set: c.v.recent}
}

// charsetDecoder gives what turns text of a SEARCH charset into UTF-8.
func charsetDecoder(charset string) (func(string) string, error) {
	same := func(s string) string { return s }
	switch charset {
	case "", "UTF-8", "US-ASCII":
		return same, nil
	}
	if _, known := message.DecodeCharset("", charset); !known {
		return nil, no("BADCHARSET (US-ASCII UTF-8)", "Charset %s is not known here", strings.ToValidUTF8(charset, "?"))
	}
	return func(s string) string {
		text, _ := message.DecodeCharset(s, charset)
		return text
	}, nil
}
