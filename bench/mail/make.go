// Package mail makes mail to measure with: the same octets each time, and much
// like what people have in kind and size.
package mail

import (
	"context"
	"errors"
)

// Make writes the mail of a specification below dir, which it creates: a
// directory for each user, as Format says. Users share message files by hard
// links, as Make's callers may do with copies of the whole: no server changes a
// file of a Maildir. An mbox has to be copied.
func Make(ctx context.Context, dir string, s Spec) error {
	return errors.ErrUnsupported
}
