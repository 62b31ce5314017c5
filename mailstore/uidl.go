package mailstore

import "context"

// UIDLer is a Mailbox that knows more of messages than POP3 needs for its unique
// ids where no other server has been before (RFC 1939 section 7).
type UIDLer interface {
	// SavedUIDLs returns the unique ids that another server has given messages
	// for ever and has written down beside the mail. They have octets from ! to
	// ~, up to 250 of them, as others did not keep to the 70 of RFC 1939. It is
	// nil where there are none.
	SavedUIDLs(ctx context.Context) (map[UID]string, error)
	// SavedGUIDs returns the identities, in the same way, that another server has
	// given messages that came with one of their own.
	SavedGUIDs(ctx context.Context) (map[UID]string, error)
	// FileName returns the name of a message's file, which it keeps as long as
	// it exists; "" when it has no file of its own, or has gone.
	FileName(uid UID) string
}
