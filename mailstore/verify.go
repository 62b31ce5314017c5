package mailstore

import "context"

// Verifier is an Account that can look whether all that is written down of a
// mailbox agrees.
type Verifier interface {
	// Verify compares a mailbox's mail files with what is written down of them,
	// here and by other servers, and tells what differs. It changes nothing, and
	// may be used while a server works on the same files: what that is just
	// changing may then be told.
	Verify(ctx context.Context, name string) ([]Difference, error)
	// Rebuild removes our index of a mailbox, reads all of its files anew and
	// writes down anew what has to be, in the mail files too where the format has
	// a place for it. Every message keeps its UID. No server may use the index
	// meanwhile.
	Rebuild(ctx context.Context, name string) error
}

// Difference is one thing on which two files do not agree.
type Difference struct {
	// Path is the file in which it stands, UID the message if it is one's.
	Path string
	UID  UID
	// What says what is there and what should be.
	What string
}
