package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// noWords is the Args of verbs that take none, and of those that only lead to
// others: a word there is a verb that does not exist.
func noWords(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	path := cmd.CommandPath()
	if !cmd.HasAvailableSubCommands() {
		return fmt.Errorf("%q takes no %q; \"%s --help\" tells what it takes", path, args[0], path)
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown verb %q; did you mean \"%s %s\"?", args[0], path, strings.Join(near, "\" or \""+path+" "))
	}
	return fmt.Errorf("unknown verb %q; \"%s --help\" lists what there is", args[0], path)
}

// showHelp is the RunE of verbs that only lead to others.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// oneName is the Args of verbs for one user.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fmt.Errorf("write one user name: %s NAME", cmd.CommandPath())
}
