package imap

// Compress is the argument of COMPRESS (RFC 4978 section 3).
type Compress struct {
	// Algorithm is in upper case.
	Algorithm string
}

// Authenticate is the argument of AUTHENTICATE (RFC 9051 section 6.2.2).
type Authenticate struct {
	// Mechanism is in upper case.
	Mechanism string
	// HasInitial tells that an initial response was sent with the command.
	HasInitial bool
	// Initial is the initial response, decoded; "=" on the wire is an empty one.
	Initial []byte
}

// Login is the argument of LOGIN (RFC 9051 section 6.2.3).
type Login struct {
	User     string
	Password string
}

// Enable is the argument of ENABLE (RFC 9051 section 6.3.1).
type Enable struct {
	// Capabilities are in upper case.
	Capabilities []string
}

// ID is the argument of ID (RFC 2971 section 3.1).
type ID struct {
	// Fields is empty for NIL and for ().
	Fields []IDField
}

// An IDField is one pair of ID.
type IDField struct {
	Name string
	// Value is "" for NIL.
	Value string
	// Nil tells NIL from an empty string.
	Nil bool
}
