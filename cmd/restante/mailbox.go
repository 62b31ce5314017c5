package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"restante/mailstore"
	"restante/mailstore/location"
)

func newMailboxCommand(s streams, p *place) *cobra.Command {
	v := &mailboxVerbs{userVerbs{streams: s, place: p}}
	cmd := &cobra.Command{
		Use:   "mailbox",
		Short: "List, check and repair the mailboxes of a user",
		Long:  "List, check and repair the mailboxes of a user.",
		Args:  noWords,
		RunE:  showHelp,
	}
	cmd.AddCommand(v.list(), v.status(), v.verify(), v.rebuild(), v.fullText(), v.shares())
	return cmd
}

// mailboxVerbs are the verbs below "mailbox".
type mailboxVerbs struct{ userVerbs }

// verb makes a command that works on the mailboxes of a user.
func (v *mailboxVerbs) verb(use, short, long string, ours bool, run func(ctx context.Context, a mailstore.Account, names []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " USER [MAILBOX]", Short: short, Long: long, Args: userAndMailbox,
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.withAccount(cmd.Context(), args[0], ours, func(a mailstore.Account) error {
				names, err := selectable(cmd.Context(), a, args[1:])
				if err != nil {
					return err
				}
				return run(cmd.Context(), a, names)
			})
		},
	}
}

func userAndMailbox(_ *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("name a user, and one mailbox or none for all of them")
	}
	return nil
}

// withAccount opens a user's mail. ours says that the index is needed, which
// belongs to the process that serves: nobody may serve meanwhile.
func (v *mailboxVerbs) withAccount(ctx context.Context, name string, ours bool, fn func(mailstore.Account) error) (err error) {
	c, u, err := v.find(name)
	if err != nil {
		return err
	}
	opt := location.Options{Linger: -1}
	if ours {
		lock, err := lockData(v.data)
		if err != nil {
			return err
		}
		defer lock.Close() // the process ends soon anyway
		opt.Index = v.index(c)
	}
	store, err := v.mail(c, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	a, err := store.OpenAccount(ctx, u)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return fn(a)
}

// selectable gives the names that are asked for, or all.
func selectable(ctx context.Context, a mailstore.Account, asked []string) ([]string, error) {
	if len(asked) > 0 {
		return asked, nil
	}
	all, err := a.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, in := range all {
		if !in.NoSelect {
			names = append(names, in.Name)
		}
	}
	return names, nil
}

func (v *mailboxVerbs) list() *cobra.Command {
	return &cobra.Command{
		Use: "list USER", Short: "List a user's mailboxes", Args: oneName,
		Long: "List a user's mailboxes: names, special uses, and whether they are subscribed.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.withAccount(cmd.Context(), args[0], false, func(a mailstore.Account) error {
				all, err := a.Mailboxes(cmd.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
				for _, in := range all {
					subscribed := ""
					if in.Subscribed {
						subscribed = "subscribed"
					}
					kind := in.SpecialUse
					switch {
					case in.NonExistent:
						kind = "(no such mailbox)"
					case in.NoSelect:
						kind = "(only a place for others)"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\n", in.Name, kind, subscribed)
				}
				return w.Flush()
			})
		},
	}
}

func (v *mailboxVerbs) status() *cobra.Command {
	return v.verb("status", "Show numbers of mailboxes",
		`Show how many messages there are, how many are unread, their size with CRLF in
octets, UIDVALIDITY and UIDNEXT. As at every opening, new messages get UIDs.`, false,
		func(ctx context.Context, a mailstore.Account, names []string) error {
			w := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "mailbox\tmessages\tunseen\tsize\tUIDVALIDITY\tUIDNEXT")
			for _, name := range names {
				s, err := a.Status(ctx, name, mailstore.WantSize)
				if err != nil {
					return errors.Join(w.Flush(), err)
				}
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", name, s.Messages, s.Unseen, s.Size, s.UIDValidity, s.UIDNext)
			}
			return w.Flush()
		})
}

// errDiffer is what verify ends with when it has found something.
var errDiffer = errors.New("not everything agrees; \"restante mailbox rebuild\" writes anew what we write")

func (v *mailboxVerbs) verify() *cobra.Command {
	cmd := v.verb("verify", "Compare mail files, UID list and index",
		`Read all messages of a mailbox, or of all of a user's mailboxes, and compare them
with the UID list and the index. Nothing is changed. It may run beside a server;
what that is just changing may then be told. It fails when something differs.`, false, nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return v.beside(cmd.Context(), args, func(a mailstore.Account, names []string) error { return v.verifyAll(cmd.Context(), a, names) })
	}
	return cmd
}

// beside opens a user's mail with its index, which is only read.
func (v *mailboxVerbs) beside(ctx context.Context, args []string, fn func(mailstore.Account, []string) error) (err error) {
	c, u, err := v.find(args[0])
	if err != nil {
		return err
	}
	store, err := v.mail(c, location.Options{Linger: -1, Index: v.index(c)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	a, err := store.OpenAccount(ctx, u)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	names, err := selectable(ctx, a, args[1:])
	if err != nil {
		return err
	}
	return fn(a, names)
}

func (v *mailboxVerbs) verifyAll(ctx context.Context, a mailstore.Account, names []string) error {
	check, ok := a.(mailstore.Verifier)
	if !ok {
		return errors.New("the format of this mail cannot be verified")
	}
	differ := 0
	for _, name := range names {
		list, err := check.Verify(ctx, name)
		if err != nil {
			return err
		}
		for _, d := range list {
			if d.UID != 0 {
				fmt.Fprintf(v.out, "%s: %s: UID %d: %s\n", name, d.Path, d.UID, d.What)
			} else {
				fmt.Fprintf(v.out, "%s: %s %s\n", name, d.Path, d.What)
			}
		}
		differ += len(list)
	}
	if differ > 0 {
		return errDiffer
	}
	fmt.Fprintf(v.out, "all of %d mailboxes agree\n", len(names))
	return nil
}

func (v *mailboxVerbs) rebuild() *cobra.Command {
	return v.verb("rebuild", "Write UID list and index anew",
		`Remove the index of a mailbox, or of all of a user's mailboxes, read all messages and
write anew what is known of them. Every message keeps its UID. The UIDs of an mbox are written
into the file, where other servers find them. No server may run on the same data directory.`, true,
		func(ctx context.Context, a mailstore.Account, names []string) error {
			repair, ok := a.(mailstore.Verifier)
			if !ok {
				return errors.New("the format of this mail cannot be rebuilt")
			}
			for _, name := range names {
				if err := repair.Rebuild(ctx, name); err != nil {
					return err
				}
				fmt.Fprintf(v.out, "%s: rebuilt\n", name)
			}
			return nil
		})
}
