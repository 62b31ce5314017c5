package mailstore

import "context"

// A TargetOpener is an Account that opens mailboxes faster for who only adds to them.
type TargetOpener interface {
	// OpenTarget is Account.Open of a mailbox that messages are to be appended, copied
	// or moved to. What others have done to it may not be folded in yet.
	OpenTarget(ctx context.Context, name string) (Mailbox, error)
}

// OpenTarget opens a mailbox to add to it, by OpenTarget where the account has that.
func OpenTarget(ctx context.Context, a Account, name string) (Mailbox, error) {
	if t, ok := a.(TargetOpener); ok {
		return t.OpenTarget(ctx, name)
	}
	return a.Open(ctx, name)
}
