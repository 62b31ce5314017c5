package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"restante/fulltext"
	"restante/mailstore"
)

// fullText is the verb that makes full-text indexes.
func (v *mailboxVerbs) fullText() *cobra.Command {
	return v.verb("index", "Make the full-text index",
		`Read the messages of a mailbox, or of all of a user's mailboxes, that are not in its
full-text index, so that the first search for text is as quick as later ones. A server
does the same by itself, slowly, for mailboxes that are searched (mail.fulltext in the
configuration). No server may run on the same data directory.`, true,
		func(ctx context.Context, a mailstore.Account, names []string) error {
			for _, name := range names {
				if err := v.indexOne(ctx, a, name); err != nil {
					return err
				}
			}
			return nil
		})
}

func (v *mailboxVerbs) indexOne(ctx context.Context, a mailstore.Account, name string) error {
	box, err := a.Open(ctx, name)
	if err != nil {
		return err
	}
	defer box.Close() // what was done stands
	if box.Blobs() == nil {
		return errors.New("mail.index is empty in the configuration: there is no place for an index")
	}
	if err := box.Refresh(ctx); err != nil {
		return err
	}
	r, err := fulltext.Update(ctx, box, fulltext.UpdateOptions{Whole: true})
	if err != nil {
		return &mailstore.Error{Op: "index", Mailbox: name, Err: err}
	}
	fmt.Fprintf(v.out, "%s: %d messages indexed, %d of them now, %d KB", name, r.Messages, r.Added, (r.Octets+1023)/1024)
	if r.Unreadable > 0 {
		fmt.Fprintf(v.out, "; %d cannot be read", r.Unreadable)
	}
	fmt.Fprintln(v.out)
	return nil
}
