package imap

import "strings"

// A Command is one command of a client.
type Command struct {
	// Tag is what the tagged answer begins with.
	Tag string
	// Name is the command in upper case; a UID command is one name, such as "UID FETCH".
	Name string
	// Args is the command's typed arguments, nil for a command that has none:
	//
	//	AUTHENTICATE                       *Authenticate
	//	LOGIN                              *Login
	//	ENABLE                             *Enable
	//	ID                                 *ID
	//	COMPRESS                           *Compress
	//	NOTIFY                             *Notify
	//	SELECT EXAMINE                     *Select
	//	CREATE                             *Create
	//	DELETE SUBSCRIBE UNSUBSCRIBE       *Mailbox
	//	GETQUOTAROOT                       *Mailbox
	//	GETMETADATA                        *GetMetadata
	//	SETMETADATA                        *SetMetadata
	//	GETQUOTA                           *GetQuota
	//	SETQUOTA                           *SetQuota
	//	GETACL MYRIGHTS                    *Mailbox
	//	SETACL                             *SetACL
	//	DELETEACL LISTRIGHTS               *MailboxIdentifier
	//	RENAME                             *Rename
	//	LIST                               *List
	//	LSUB                               *Lsub
	//	STATUS                             *Status
	//	APPEND                             *Append
	//	SEARCH, UID SEARCH                 *Search
	//	ESEARCH                            *ESearch
	//	SORT, UID SORT                     *Sort
	//	THREAD, UID THREAD                 *Thread
	//	FETCH, UID FETCH                   *Fetch
	//	STORE, UID STORE                   *Store
	//	COPY, MOVE, UID COPY, UID MOVE     *Copy
	//	UID EXPUNGE                        *Expunge
	//	CANCELUPDATE                       *CancelUpdate
	//	REPLACE, UID REPLACE               *Replace
	//
	// CAPABILITY, NOOP, LOGOUT, STARTTLS, UNAUTHENTICATE, NAMESPACE, IDLE, CHECK, CLOSE, UNSELECT and EXPUNGE have none.
	Args Args
}

// Args is what a command carries behind its name.
type Args interface {
	// appendArgs appends the arguments as a client would send them, beginning with the space.
	appendArgs(b []byte) []byte
}

// UID reports whether the command is a UID command, whose numbers are UIDs.
func (c *Command) UID() bool { return strings.HasPrefix(c.Name, "UID ") }

// AppendTo appends the command as a client would send it, with its line end. Strings that cannot be
// quoted become non-synchronizing literals. The messages of an APPEND or REPLACE are not part of it: see
// [AppendMessage.AppendTo]. Passwords are printed: traces want [Command.String].
func (c *Command) AppendTo(b []byte) []byte {
	b = append(b, c.Tag...)
	b = append(b, ' ')
	b = append(b, c.Name...)
	if c.Args != nil {
		b = c.Args.appendArgs(b)
	}
	return append(b, "\r\n"...)
}

// String gives the command as a trace may show it: without its line end, and without the secrets of
// LOGIN and AUTHENTICATE.
func (c *Command) String() string {
	shown := *c
	switch a := c.Args.(type) {
	case *Login:
		shown.Args = &Login{User: a.User, Password: "***"}
	case *Authenticate:
		shown.Args = &Authenticate{Mechanism: a.Mechanism}
	}
	return strings.TrimSuffix(string(shown.AppendTo(nil)), "\r\n")
}

// A Param is a parameter or modifier in the general form of RFC 4466 (select-param, fetch-modifier,
// store-modifier, create-param): a name and, with some, a value.
type Param struct {
	// Name is in upper case.
	Name string
	// Value is the zero Value when the parameter has none.
	Value Value
}

// A Value is a tagged-ext-val of RFC 4466: a word or a list of values.
type Value struct {
	// Text is a word, number, set of numbers ([ParseNumSet] reads it) or string as it was written.
	Text string
	// List holds the elements of a parenthesised list; it is not nil when there was one, even if empty.
	List []Value
}

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v.Text == "" && v.List == nil }

// Words gives the words of a flat list, or the single word; ok is false when lists are nested in it or
// there is no value.
func (v Value) Words() (words []string, ok bool) {
	if v.List == nil {
		return []string{v.Text}, v.Text != ""
	}
	for _, e := range v.List {
		if e.List != nil {
			return nil, false
		}
		words = append(words, e.Text)
	}
	return words, true
}
