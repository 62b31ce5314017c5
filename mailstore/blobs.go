package mailstore

import "io"

// Blobs keeps what services have worked out of a mailbox as a whole, under names, so that it
// need not be done again. The store does not look into it, and it is a cache: all of it may
// be lost at any moment, and is when the mailbox is deleted or gets another UIDVALIDITY. It
// follows the mailbox when that is renamed. It is safe for concurrent use.
//
// Names are of lower-case letters, digits and dots, begin with a letter, and have 60 octets at
// most.
type Blobs interface {
	// List returns the names in no order.
	List() ([]string, error)
	// Open gives access to a blob. ErrNotFound when there is none of that name.
	Open(name string) (Blob, error)
	// Put keeps what write writes, in place of what had the name. If write or anything
	// else fails there is an error and nothing has changed. Nothing is made durable: after a
	// loss of power octets may be missing or be others.
	Put(name string, write func(w io.Writer) error) error
	// Remove removes a blob. Who has it open can go on reading it. A name that is not
	// there is no error.
	Remove(name string) error
}

// Blob is an open blob.
type Blob interface {
	io.ReaderAt
	// Len is the number of octets.
	Len() int64
	Close() error
}

// ValidBlobName reports whether a name is one for Blobs.
func ValidBlobName(name string) bool {
	if name == "" || len(name) > 60 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.') {
			return false
		}
	}
	return true
}
