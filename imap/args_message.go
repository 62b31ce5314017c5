package imap

// Copy is the argument of COPY and MOVE and their UID forms (RFC 9051 sections 6.4.7 and 6.4.8).
type Copy struct {
	Set     NumSet
	Mailbox string
}

// Expunge is the argument of UID EXPUNGE (RFC 9051 section 6.4.9).
type Expunge struct {
	Set NumSet
}

// Store is the argument of STORE and UID STORE (RFC 9051 section 6.4.6).
type Store struct {
	Set NumSet
	// Modifiers are the store-modifiers of RFC 4466, such as UNCHANGEDSINCE.
	Modifiers []Param
	Op        StoreOp
	// Silent tells .SILENT: the new flags are not to be reported.
	Silent bool
	Flags  []string
}

// StoreOp says what STORE does with its flags.
type StoreOp byte

// The three forms of store-att-flags.
const (
	StoreSet    StoreOp = '=' // FLAGS
	StoreAdd    StoreOp = '+' // +FLAGS
	StoreRemove StoreOp = '-' // -FLAGS
)

// Fetch is the argument of FETCH and UID FETCH (RFC 9051 section 6.4.5).
type Fetch struct {
	Set NumSet
	// Items are in the order asked, macros resolved.
	Items []FetchItem
	// Modifiers are the fetch-modifiers of RFC 4466, such as CHANGEDSINCE.
	Modifiers []Param
}

// A FetchItem is a fetch-att.
type FetchItem struct {
	Att FetchAtt
	// Peek tells that \Seen stays as it is: BODY.PEEK, BINARY.PEEK, RFC822.PEEK and RFC822.TEXT.PEEK.
	Peek bool
	// Lazy tells that FetchPreview is to give what is there without work (RFC 8970 section 3.1).
	Lazy bool
	// Section is set for FetchBodySection, FetchBinary and FetchBinarySize, else nil.
	Section *Section
}

// FetchAtt names a data item of FETCH.
type FetchAtt string

// The data items of RFC 3501, RFC 9051, RFC 7162, RFC 8474, RFC 8514 and RFC 8970. The value is the name of the item in the answer, as far as
// it goes: what has a section is printed by [FetchItem.AppendName].
const (
	FetchFlags         FetchAtt = "FLAGS"
	FetchUID           FetchAtt = "UID"
	FetchInternalDate  FetchAtt = "INTERNALDATE"
	FetchRFC822        FetchAtt = "RFC822"
	FetchRFC822Header  FetchAtt = "RFC822.HEADER"
	FetchRFC822Text    FetchAtt = "RFC822.TEXT"
	FetchRFC822Size    FetchAtt = "RFC822.SIZE"
	FetchEnvelope      FetchAtt = "ENVELOPE"
	FetchBody          FetchAtt = "BODY" // without a section: BODYSTRUCTURE without extension data
	FetchBodyStructure FetchAtt = "BODYSTRUCTURE"
	FetchBodySection   FetchAtt = "BODY["
	FetchBinary        FetchAtt = "BINARY["
	FetchBinarySize    FetchAtt = "BINARY.SIZE["
	FetchPreview       FetchAtt = "PREVIEW"
	FetchModSeq        FetchAtt = "MODSEQ"
	FetchEmailID       FetchAtt = "EMAILID"
	FetchThreadID      FetchAtt = "THREADID"
	FetchSaveDate      FetchAtt = "SAVEDATE"
)

// A Section says which octets of a message are meant (RFC 9051 section 6.4.5.1).
type Section struct {
	// Path is the part, such as 1.2; empty for the message itself.
	Path []int
	// Specifier is one of the constants below.
	Specifier SectionSpecifier
	// Fields are the header fields of HEADER.FIELDS and HEADER.FIELDS.NOT, spelled as asked.
	Fields []string
	// Partial is set when only some octets were asked.
	Partial *Partial
}

// SectionSpecifier is the part specifier of a section.
type SectionSpecifier string

// The part specifiers; SectionAll is the whole message or part.
const (
	SectionAll             SectionSpecifier = ""
	SectionHeader          SectionSpecifier = "HEADER"
	SectionHeaderFields    SectionSpecifier = "HEADER.FIELDS"
	SectionHeaderFieldsNot SectionSpecifier = "HEADER.FIELDS.NOT"
	SectionText            SectionSpecifier = "TEXT"
	SectionMIME            SectionSpecifier = "MIME"
)

// Partial is <offset.length> of a section.
type Partial struct {
	Offset int64
	// Length is at least 1.
	Length int64
}
