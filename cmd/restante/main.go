// Command restante serves the mail that stands on disk, in Maildir and mbox,
// over IMAP, POP3 and a webmail. "restante help" lists what else it does.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], systemStreams())) }

// run is the program. It returns the exit status: 0, or 1 after an error, which
// it has printed.
func run(ctx context.Context, args []string, io streams) int {
	cmd := newRootCommand(io)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(io.err, "restante: %v\n", err)
		return 1
	}
	return 0
}
