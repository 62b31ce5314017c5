package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"restante/auth"
	"restante/config"
	"restante/fsys"
	"restante/mailstore/location"
)

func newUserCommand(s streams, p *place) *cobra.Command {
	v := &userVerbs{streams: s, place: p}
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Add, change, remove and show users",
		Long:  "Add, change, remove and show users. A running server takes up every change by itself.",
		Args:  noWords,
		RunE:  showHelp,
	}
	cmd.AddCommand(v.add(), v.passwd(), v.del(), v.list(), v.show(), v.test())
	return cmd
}

// userVerbs are the verbs below "user".
type userVerbs struct {
	streams
	*place
	fromStdin bool
}

func (v *userVerbs) stdinFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&v.fromStdin, "password-stdin", false, "read the password from the first line of standard input")
}

func (v *userVerbs) add() *cobra.Command {
	var location, home string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user",
		Long: `Add a user. The password is asked for on a terminal, read from standard input
with --password-stdin, and otherwise made up and printed.`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runAdd(cmd.Context(), auth.User{Name: args[0], UID: -1, GID: -1, Home: home, Location: location})
		},
	}
	cmd.Flags().StringVar(&location, "location", "", "where the mail stands: maildir:PATH or mbox:PATH (default mail.location of the configuration)")
	cmd.Flags().StringVar(&home, "home", "", "the home directory (default mail.home of the configuration)")
	v.stdinFlag(cmd)
	return cmd
}

func (v *userVerbs) runAdd(ctx context.Context, u auth.User) error {
	c, err := v.load()
	if err != nil {
		return err
	}
	u.Name = auth.Normalize(u.Name)
	if err := v.checkNew(c, u); err != nil {
		return err
	}
	password, made, err := v.newPassword(u.Name)
	if err != nil {
		return err
	}
	fresh := !fileExists(v.data)
	if err := v.makeData(); err != nil {
		return err
	}
	if fresh {
		fmt.Fprintf(v.err, "note: the data directory %s was not there and has been made; --data names that of a server\n", v.data)
	}
	if err := addUser(ctx, v.users(c), u, password); err != nil {
		return err
	}
	fmt.Fprintf(v.out, "user %s added\n", u.Name)
	v.printMade(password, made)
	if _, err := v.resolve(c, u); err != nil {
		fmt.Fprintf(v.err, "warning: %v\n", err)
	}
	return nil
}

// resolve finds out where a user's mail stands, and changes nothing.
func (v *userVerbs) resolve(c config.Config, u auth.User) (location.Resolved, error) {
	store, err := v.mail(c, location.Options{})
	if err != nil {
		return location.Resolved{}, err
	}
	return store.Resolve(u)
}

// checkNew finds out before anybody is asked for a password what would be
// refused afterwards.
func (v *userVerbs) checkNew(c config.Config, u auth.User) error {
	if err := auth.CheckName(u.Name); err != nil {
		return err
	}
	if _, err := location.Parse(u.Location); err != nil {
		return err
	}
	t, err := auth.ReadTable(fsys.OS{}, v.users(c))
	if err != nil {
		if auth.IsMissing(err) {
			return nil
		}
		return err
	}
	if _, taken := t.Lookup(u.Name); taken {
		return fmt.Errorf("%w: %q; change the password with \"restante user passwd %s\"", auth.ErrUserExists, u.Name, u.Name)
	}
	return nil
}

// newPassword gets a password in the way that fits: made says that nobody knows
// it yet.
func (v *userVerbs) newPassword(name string) (password string, made bool, err error) {
	switch {
	case v.fromStdin:
		password, err = readPassword(v.in)
	case isTerminal(v.in):
		password, err = v.askTwice(name)
	default:
		return auth.GeneratePassword(), true, nil
	}
	if err == nil && password == "" && !v.fromStdin {
		return auth.GeneratePassword(), true, nil
	}
	if err == nil {
		err = auth.CheckPassword(password)
	}
	return password, false, err
}

func (v *userVerbs) askTwice(name string) (string, error) {
	first, err := askPassword(v.streams, "Password for "+name+" (empty: make one up): ")
	if err != nil || first == "" {
		return "", err
	}
	second, err := askPassword(v.streams, "Once more: ")
	if err == nil && first != second {
		err = errors.New("the two passwords differ; nothing was changed")
	}
	return first, err
}

func (v *userVerbs) printMade(password string, made bool) {
	if made {
		fmt.Fprintf(v.out, "password %s (shown only now)\n", password)
	}
}

func (v *userVerbs) passwd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Set a user's password",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runPasswd(cmd.Context(), args[0])
		},
	}
	v.stdinFlag(cmd)
	return cmd
}

func (v *userVerbs) runPasswd(ctx context.Context, name string) error {
	c, u, err := v.find(name)
	if err != nil {
		return err
	}
	password, made, err := v.newPassword(u.Name)
	if err != nil {
		return err
	}
	hash, err := auth.HashPassword(password)
	if err != nil {
		return err
	}
	err = auth.Edit(ctx, fsys.OS{}, v.users(c), func(e *auth.Editor) error { return e.SetPassword(u.Name, hash) })
	if err != nil {
		return err
	}
	fmt.Fprintf(v.out, "password of %s changed\n", u.Name)
	v.printMade(password, made)
	return nil
}

func (v *userVerbs) del() *cobra.Command {
	return &cobra.Command{
		Use:   "del NAME",
		Short: "Remove a user; the mail stays where it is",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, u, err := v.find(args[0])
			if err != nil {
				return err
			}
			err = auth.Edit(cmd.Context(), fsys.OS{}, v.users(c), func(e *auth.Editor) error { return e.Delete(u.Name) })
			if err != nil {
				return err
			}
			fmt.Fprintf(v.out, "user %s removed; the mail stays where it is\n", u.Name)
			store, err := v.mail(c, location.Options{})
			if err != nil {
				return err
			}
			return store.Forget(u.Name)
		},
	}
}

// find reads settings and table, and the user of that name.
func (v *userVerbs) find(name string) (config.Config, auth.User, error) {
	c, err := v.load()
	if err != nil {
		return c, auth.User{}, err
	}
	t, err := v.table(c)
	if err != nil {
		return c, auth.User{}, err
	}
	u, ok := t.Lookup(name)
	if !ok {
		return c, u, fmt.Errorf("%w: %q is not in %s; \"restante user list\" shows who is", auth.ErrNoUser, name, t.File)
	}
	return c, u, nil
}

func (v *userVerbs) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "List all users, or one: name, location and home as the table has them",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if _, _, err := v.find(args[0]); err != nil {
					return err
				}
			}
			c, err := v.load()
			if err != nil {
				return err
			}
			t, err := v.table(c)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
			for _, u := range t.Users() {
				if len(args) == 1 && u.Name != auth.Normalize(args[0]) {
					continue
				}
				fmt.Fprintln(w, u.Name+"\t"+cmp.Or(u.Location, "-")+"\t"+cmp.Or(u.Home, "-"))
			}
			for _, p := range t.Problems {
				fmt.Fprintf(v.err, "warning: %v\n", p)
			}
			return w.Flush()
		},
	}
}

func (v *userVerbs) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show a user, where the mail stands, and why there",
		Args:  oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			c, u, err := v.find(args[0])
			if err != nil {
				return err
			}
			return v.runShow(c, u)
		},
	}
}

func (v *userVerbs) runShow(c config.Config, u auth.User) error {
	row := func(name, value string) { fmt.Fprintf(v.out, "%-9s %s\n", name, value) }
	row("user", u.Name)
	r, err := v.resolve(c, u)
	if err != nil {
		return err
	}
	if !r.Owner.Self() {
		row("owner", r.Owner.String())
	}
	row("home", r.Home)
	row("location", r.Location.String())
	row("because", r.Why)
	if r.New {
		row("state", "new: the mailboxes are made at the first login")
	}
	return nil
}

func (v *userVerbs) test() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Find out whether a password is right and where the mail stands",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runTest(cmd.Context(), args[0])
		},
	}
	v.stdinFlag(cmd)
	return cmd
}

// runTest logs in as a client of this machine would.
func (v *userVerbs) runTest(ctx context.Context, name string) error {
	c, u, err := v.find(name)
	if err != nil {
		return err
	}
	var password string
	if !v.fromStdin && isTerminal(v.in) {
		password, err = askPassword(v.streams, "Password for "+u.Name+": ")
	} else {
		password, err = readPassword(v.in)
	}
	if err != nil {
		return err
	}
	a, err := auth.New(auth.Options{File: v.users(c)})
	if err != nil {
		return err
	}
	if _, err := a.Authenticate(ctx, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, u.Name, password); err != nil {
		return fmt.Errorf("user %s: %w", u.Name, err)
	}
	fmt.Fprintf(v.out, "user %s: the password is right\n", u.Name)
	r, err := v.resolve(c, u)
	if err != nil {
		return err
	}
	fmt.Fprintf(v.out, "user %s: mail at %s\n", u.Name, r.Location)
	return nil
}
