package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newWhoCommand(s streams, p *place) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "who [USER]",
		Short: "List the IMAP sessions of the running server",
		Long: `List the IMAP sessions of the running server, or those of one user: who is logged
in from where, with which program (as it calls itself), in which mailbox, since
when, and what the session does or since when it is silent. SESSION is its name in
the log.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			state, err := p.askServer()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				state.Sessions = sessionsOf(state.Sessions, args[0])
			}
			if asJSON {
				e := json.NewEncoder(s.out)
				e.SetIndent("", "  ")
				return e.Encode(state)
			}
			return printSessions(s.out, state)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

func sessionsOf(list []liveSession, user string) []liveSession {
	own := []liveSession{}
	for _, l := range list {
		if l.User == user {
			own = append(own, l)
		}
	}
	return own
}

// printSessions prints a table. What clients and users have named is quoted where
// it could play with a terminal.
func printSessions(out io.Writer, state serverState) error {
	if len(state.Sessions) == 0 {
		_, err := fmt.Fprintln(out, "Nobody is connected.")
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "USER\tMAILBOX\tPROGRAM\tFROM\tOVER\tSINCE\tDOES\tSESSION")
	for _, l := range state.Sessions {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shown(l.User), shown(l.Mailbox), shown(l.Client), l.Remote, transport(l),
			age(state.Time.Sub(l.Started)), activity(l, state.Time), l.Session)
	}
	return t.Flush()
}

// shown is a text in a cell, "-" for none.
func shown(text string) string {
	if q := strconv.Quote(text); len(q) != len(text)+2 {
		return q
	}
	return cmp.Or(text, "-")
}

func transport(l liveSession) string {
	over := strings.ToUpper(l.Service)
	if l.TLS {
		over += "+TLS"
	}
	if l.Deflate {
		over += "+DEFLATE"
	}
	return over
}

// activity is what a session does: the command that runs, or how long it has been
// silent.
func activity(l liveSession, now time.Time) string {
	since := age(now.Sub(l.Active))
	if l.Command == "" {
		return "silent " + since
	}
	return l.Command + " " + since
}

// age is a time as people say it: 12s, 5m, 3h, 2d.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
