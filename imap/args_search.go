package imap

import "time"

// Search is the argument of SEARCH and UID SEARCH (RFC 9051 section 6.4.4).
type Search struct {
	// Return is nil when there was no RETURN (...): the answer is an untagged SEARCH under IMAP4rev1.
	Return *SearchReturn
	// Charset is in upper case, "" when none was given. The strings of Key are as they were sent: the
	// engine refuses a charset it does not know with BADCHARSET, and reads "" as UTF-8.
	Charset string
	// Key is what messages have to match.
	Key SearchKey
}

// SearchReturn holds the result options of SEARCH and SORT (RFC 9051 section 6.4.4.1, RFC 5267 section 3).
// RETURN () means ALL, as does one that says nothing of what to return.
type SearchReturn struct {
	Min, Max, All, Count, Save bool
	// Update asks to be told when the results change; Context is the hint that the same search may come
	// again (RFC 5267 section 4). Neither says what to return.
	Update, Context bool
	// Partial asks for a part of the results (RFC 9394). The parser refuses it beside All.
	Partial PartialRange
}

// A SearchKey is a criterion: one of the Search... types below, always as a value, never as a pointer.
type SearchKey interface {
	appendKey(b []byte) []byte
}

// SearchAnd matches what all its keys match, two at least. The keys of a SEARCH are one SearchAnd if there
// are several, and so is a parenthesised list.
type SearchAnd struct{ Keys []SearchKey }

// SearchOr is OR.
type SearchOr struct{ Left, Right SearchKey }

// SearchNot is NOT.
type SearchNot struct{ Key SearchKey }

// SearchFuzzy is FUZZY (RFC 6203): the key that follows may match inexactly.
type SearchFuzzy struct{ Key SearchKey }

// SearchAll is ALL.
type SearchAll struct{}

// SearchSeq is a set of message numbers.
type SearchSeq struct{ Set NumSet }

// SearchUID is UID with a set.
type SearchUID struct{ Set NumSet }

// SearchFlag asks for a flag or keyword: ANSWERED, UNANSWERED, KEYWORD, UNKEYWORD, RECENT, OLD and so
// on. Flag is a system flag in its canonical case, "\Recent", or a keyword as it was written.
type SearchFlag struct {
	Flag string
	// Absent asks for messages without the flag.
	Absent bool
}

// SearchNew is NEW: recent and unseen (RFC 3501 section 6.4.4).
type SearchNew struct{}

// SearchDate compares a date, disregarding time and time zone.
type SearchDate struct {
	Field DateField
	Op    DateOp
	Date  Date
}

// DateField says which date of a message is compared.
type DateField byte

// The dates of SEARCH.
const (
	InternalDate DateField = iota // BEFORE, ON, SINCE
	SentDate                      // SENTBEFORE, SENTON, SENTSINCE
	SaveDate                      // SAVEDBEFORE, SAVEDON, SAVEDSINCE (RFC 8514 section 4.3)
)

// DateOp is the comparison of a SearchDate.
type DateOp byte

// The comparisons: earlier than, on, and on or later than the date.
const (
	DateBefore DateOp = iota
	DateOn
	DateSince
)

// Date is a date of RFC 9051: a day without time zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// SearchSaveDates is SAVEDATESUPPORTED (RFC 8514 section 4.3).
type SearchSaveDates struct{}

// SearchWithin is OLDER and YOUNGER (RFC 5032).
type SearchWithin struct {
	// Older asks for messages that are at least that old; else for younger ones.
	Older   bool
	Seconds uint32
}

// SearchSize is LARGER and SMALLER.
type SearchSize struct {
	Larger bool
	Size   int64
}

// SearchModSeq is MODSEQ (RFC 7162 section 3.1.5): a mod-sequence of at least Min.
type SearchModSeq struct {
	// Entry and Type restrict it to one flag, as in MODSEQ "/flags/\\draft" all 5. Both are empty, or neither is.
	Entry, Type string
	Min         uint64
}

// SearchObjectID is EMAILID and, with Thread, THREADID (RFC 8474 section 5.3).
type SearchObjectID struct {
	Thread bool
	ID     string
}

// SearchField is BCC, CC, FROM, SUBJECT and TO.
type SearchField struct {
	// Field is in upper case.
	Field string
	Value string
}

// SearchHeader is HEADER; an empty Value asks for the presence of the field.
type SearchHeader struct {
	Field string
	Value string
}

// SearchText is TEXT and, with BodyOnly, BODY.
type SearchText struct {
	BodyOnly bool
	Value    string
}
