package mailstore

import (
	"errors"
	"fmt"
)

// The kinds of failure that callers tell apart with errors.Is. Everything else
// is an unexpected failure of the machine: report it, do not interpret it.
var (
	// ErrNotFound: no mailbox, or no message, of that name or UID.
	ErrNotFound = errors.New("does not exist")
	// ErrExists: the name that should be created is taken.
	ErrExists = errors.New("already exists")
	// ErrInvalidName: the format cannot hold a mailbox of this name.
	ErrInvalidName = errors.New("not a possible mailbox name")
	// ErrNoSelect: the name only leads to other mailboxes and holds no messages.
	ErrNoSelect = errors.New("is not a mailbox, it only holds others")
	// ErrHasChildren: the operation needs a mailbox without inferior names.
	ErrHasChildren = errors.New("has mailboxes below it")
	// ErrNotPermitted: never allowed, as deleting INBOX.
	ErrNotPermitted = errors.New("not permitted")
	// ErrNoRight: the mailbox is somebody else's, who does not let the user do this.
	ErrNoRight = errors.New("no right to do this")
	// ErrLimit: there is a bound on what can be held, and it is reached.
	ErrLimit = errors.New("there are too many of them")
	// ErrReadOnly: the files may be read but not changed by this process.
	ErrReadOnly = errors.New("is read-only")
	// ErrExpunged: the message was there and has gone.
	ErrExpunged = errors.New("message has been expunged")
	// ErrGone: the open mailbox has been deleted; close it.
	ErrGone = errors.New("mailbox has been deleted")
	// ErrOverQuota: the user's quota or the disk is full; nothing was stored.
	ErrOverQuota = errors.New("quota exceeded or no space left")
	// ErrInUse: somebody else holds the lock; trying again later may help.
	ErrInUse = errors.New("is locked by another program")
	// ErrDamaged: the bytes on disk contradict themselves in a way that could
	// not be repaired without losing some of them.
	ErrDamaged = errors.New("is damaged")
	// ErrTooBig: a message exceeds what the format can hold.
	ErrTooBig = errors.New("message too big")
)

// An Error says which operation failed on what. Its text reads
// `append "INBOX": no space left on device`.
type Error struct {
	Op      string // as "append", "open", "rename"
	Mailbox string // the mailbox's name, or "" when none is concerned
	Err     error
}

// Error returns op, mailbox and cause in one line.
func (e *Error) Error() string {
	if e.Mailbox == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s %q: %v", e.Op, e.Mailbox, e.Err)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }
