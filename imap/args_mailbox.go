package imap

import "time"

// Mailbox is the argument of DELETE, SUBSCRIBE and UNSUBSCRIBE.
type Mailbox struct {
	// Name is in UTF-8, as all mailbox names here; INBOX is in upper case.
	Name string
}

// Select is the argument of SELECT and EXAMINE (RFC 9051 section 6.3.2).
type Select struct {
	Mailbox string
	// Params are the parameters of RFC 4466, such as CONDSTORE and QRESYNC.
	Params []Param
}

// Create is the argument of CREATE (RFC 9051 section 6.3.4).
type Create struct {
	Mailbox string
	// Params are the parameters of RFC 4466; USE (RFC 6154 section 3) has the attributes as its value.
	Params []Param
}

// Rename is the argument of RENAME (RFC 9051 section 6.3.6).
type Rename struct {
	From, To string
}

// List is the argument of LIST (RFC 9051 section 6.3.9).
type List struct {
	// Extended tells that the command used anything beyond a reference and one pattern. A basic LIST "" ""
	// asks for the hierarchy delimiter.
	Extended  bool
	Select    ListSelect
	Reference string
	// Patterns has at least one element; the wildcards are "*" and "%".
	Patterns []string
	Return   ListReturn
}

// ListSelect holds the selection options of LIST (RFC 9051 section 6.3.9.1, RFC 6154 section 4).
type ListSelect struct {
	Subscribed     bool
	Remote         bool
	RecursiveMatch bool
	SpecialUse     bool
}

// ListReturn holds the return options of LIST (RFC 9051 section 6.3.9.2, RFC 6154 section 4,
// RFC 5819).
type ListReturn struct {
	Subscribed bool
	Children   bool
	SpecialUse bool
	// Status is not empty when STATUS was asked.
	Status []StatusItem
}

// Lsub is the argument of LSUB (RFC 3501 section 6.3.9).
type Lsub struct {
	Reference string
	Pattern   string
}

// Status is the argument of STATUS (RFC 9051 section 6.3.11).
type Status struct {
	Mailbox string
	// Items are in the order asked, each once.
	Items []StatusItem
}

// A StatusItem is a status-att.
type StatusItem string

// The items of RFC 3501 and RFC 9051.
const (
	StatusMessages    StatusItem = "MESSAGES"
	StatusRecent      StatusItem = "RECENT"
	StatusUIDNext     StatusItem = "UIDNEXT"
	StatusUIDValidity StatusItem = "UIDVALIDITY"
	StatusUnseen      StatusItem = "UNSEEN"
	StatusDeleted     StatusItem = "DELETED"
	StatusSize        StatusItem = "SIZE"
	// StatusHighestModSeq is of RFC 7162 section 3.1.7.
	StatusHighestModSeq StatusItem = "HIGHESTMODSEQ"
)

// Append is the argument of APPEND (RFC 9051 section 6.3.12). It is read while it arrives: Next gives
// the messages one after the other (more than one with RFC 3502 MULTIAPPEND), each before its octets
// are there.
type Append struct {
	Mailbox string

	r    *Reader
	last *AppendMessage
	done bool
}

// An AppendMessage is one message of an APPEND, as announced.
type AppendMessage struct {
	Flags []string
	// InternalDate is zero when none was given.
	InternalDate time.Time
	// Size is the number of octets of the literal.
	Size int64
	// Binary tells a literal8, which may hold NUL (RFC 3516 section 4.4, RFC 9051 section 4.3).
	Binary bool
	// UTF8 tells the form UTF8 (~{n}...) of RFC 6855 section 4.
	UTF8 bool

	r        *Reader
	left     int64 // octets not yet read
	sync     bool
	accepted bool
}
