package mailstore

import "context"

// A Sharer is an Account whose mailboxes can be shared, and that has those of
// others in it below OtherUsers. Whoever has no right to look a mailbox up gets
// ErrNotFound from every method; who has that right and not the one that is needed
// gets ErrNoRight.
//
// Identifiers are the name of a user, "anyone", or "authenticated"; those of groups
// begin with "$" and have no effect. With "-" in front they take rights away.
type Sharer interface {
	Account
	// OtherUsers is what the names of other users' mailboxes begin with; it ends with
	// the delimiter.
	OtherUsers() string
	// MyRights returns what the user may do. It needs a right that lets him know that
	// there is such a mailbox: one of l, r, i, k, x, a.
	MyRights(ctx context.Context, name string) (Rights, error)
	// Grants lists who may do what, the owner first. It needs RightAdmin.
	Grants(ctx context.Context, name string) ([]Grant, error)
	// Grant changes the rights of an identifier by change, which gets what it has. It
	// needs RightAdmin. ErrNotPermitted for the owner and for who cannot have rights,
	// ErrInvalidName for what cannot be a user's name, ErrLimit.
	Grant(ctx context.Context, name, who string, change func(Rights) Rights) error
	// Revoke removes an identifier, if it is there. It needs RightAdmin.
	Revoke(ctx context.Context, name, who string) error
	// Grantable returns what an identifier can always do with the mailbox, and what it
	// can be allowed to do, each by itself. It needs RightAdmin.
	Grantable(ctx context.Context, name, who string) (always, optional Rights, err error)
}

// A Grant says what an identifier may do, or with "-" in front may not do.
type Grant struct {
	Who    string
	Rights Rights
}

// Limited is a Mailbox of somebody else.
type Limited interface {
	// Rights are what the user may do with it now.
	Rights() Rights
}
