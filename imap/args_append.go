package imap

import "time"

// Append is the argument of APPEND (RFC 9051 section 6.3.12). It is read while it arrives: Next gives
// the messages one after the other (more than one with RFC 3502 MULTIAPPEND), each before its octets
// are there.
type Append struct {
	Mailbox string

	r     *Reader
	begun bool           // a message was announced
	cat   *AppendMessage // whose parts are not all read
	parts bool           // a part of it was announced
	last  *Literal       // not known to be read to its end
	done  bool
}

// Replace is the argument of REPLACE and UID REPLACE (RFC 8508 section 3.2): the message that is to be
// replaced, and an APPEND that has one message.
type Replace struct {
	// Message is one number, or "*".
	Message NumSet
	*Append
}

// appendOf gives the part of a command's arguments that is read while it arrives, nil when there is none.
func appendOf(args Args) *Append {
	switch a := args.(type) {
	case *Append:
		return a
	case *Replace:
		return a.Append
	}
	return nil
}

// An AppendMessage is one message of an APPEND, as announced: octets, or with Catenate a list of parts.
type AppendMessage struct {
	Flags []string
	// InternalDate is zero when none was given.
	InternalDate time.Time
	// Catenate tells that the message is put together from parts (RFC 4469), which NextPart gives. The
	// Literal means nothing then.
	Catenate bool
	Literal

	of *Append
}

// A CatPart is one part of a message that is put together (RFC 4469 section 4): octets, or a URL that
// names some.
type CatPart struct {
	// Text tells octets from a URL.
	Text bool
	// URL is as the client wrote it; [ParseURL] reads it.
	URL string
	Literal
}

// A Literal is octets of an APPEND that have been announced and are read as they arrive.
type Literal struct {
	// Size is how many octets there are.
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
