package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"restante/auth"
	"restante/mailstore"
	"restante/mailstore/location"
	"restante/mailstore/shared"
)

// sharing says how users of a table share their mailboxes.
func (p *place) sharing(store mailstore.Store, users lookuper) shared.Options {
	return shared.Options{Store: store, Users: directory{users}, File: filepath.Join(p.data, "shares")}
}

// lookuper is a user table, or who reads it again when it changes.
type lookuper interface {
	Lookup(name string) (auth.User, bool)
}

// directory is a user table as shared.Users.
type directory struct{ lookuper }

// Canonical is the name as the table has it.
func (directory) Canonical(name string) (string, error) {
	name = auth.Normalize(name)
	return name, auth.CheckName(name)
}

func (v *mailboxVerbs) shares() *cobra.Command {
	rebuild := false
	cmd := &cobra.Command{
		Use: "shares", Short: "Show who shares mailboxes with whom", Args: noWords,
		Long: `Show who shares mailboxes with whom: each owner, and those to whom he gives
rights in some of his mailboxes. --rebuild finds it out anew, from all users'
lists of rights. That is needed when another program has written these, as before
a takeover; rights that are given by IMAP are noted at once. A server that is
running notices.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := v.load()
			if err != nil {
				return err
			}
			t, err := v.table(c)
			if err != nil {
				return err
			}
			store, err := v.mail(c, location.Options{Linger: -1})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, store.Close()) }()
			sharing := shared.New(v.sharing(store, t))
			if rebuild {
				err = v.rebuildShares(cmd.Context(), store, sharing, t.Users())
			}
			return errors.Join(err, v.printShares(sharing))
		},
	}
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "find it out anew, from the lists of rights of all mailboxes")
	return cmd
}

// rebuildShares looks into the mail of everybody who has some. Where that is not
// possible, what is noted stays.
func (v *mailboxVerbs) rebuildShares(ctx context.Context, store *location.Store, sharing *shared.Store, users []auth.User) error {
	var errs []error
	for _, u := range users {
		r, err := store.Resolve(u)
		if err == nil && !r.New {
			_, err = sharing.Rebuild(ctx, u)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (v *mailboxVerbs) printShares(sharing *shared.Store) error {
	list, err := sharing.Shares()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\n", s.Owner, strings.Join(s.With, " "))
	}
	return w.Flush()
}
