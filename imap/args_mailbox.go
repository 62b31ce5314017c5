package imap

// Mailbox is the argument of DELETE, SUBSCRIBE, UNSUBSCRIBE, GETQUOTAROOT, GETACL and MYRIGHTS.
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
// RFC 5819, RFC 8440).
type ListReturn struct {
	Subscribed bool
	Children   bool
	SpecialUse bool
	// MyRights is of RFC 8440.
	MyRights bool
	// Status is not empty when STATUS was asked.
	Status []StatusItem
	// Metadata are entries that are asked for (RFC 9590), as they were written.
	Metadata []string
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
	// StatusDeletedStorage is of RFC 9208 section 4.1.4, as StatusDeleted was before RFC 9051.
	StatusDeletedStorage StatusItem = "DELETED-STORAGE"
	// StatusAppendLimit is of RFC 7889.
	StatusAppendLimit StatusItem = "APPENDLIMIT"
	// StatusMailboxID is of RFC 8474 section 4.3.
	StatusMailboxID StatusItem = "MAILBOXID"
)
