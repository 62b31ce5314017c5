package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
)

func newServeCommand(s streams, p *place) *cobra.Command {
	var readyFile string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server (the default verb)",
		Long: `Run the server until SIGTERM or SIGINT. SIGHUP reads the user table and the
certificate again and reports whether the configuration is still valid.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), daemonOptions{place: *p, readyFile: readyFile, out: s.out, log: s.err})
		},
	}
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "write the bound addresses to this file, as JSON, once all listeners are open")
	cmd.Flags().BoolVar(&p.standardPorts, "standard-ports", false, "listen on 143, 993, 110, 995 and 443 unless the configuration says otherwise")
	return cmd
}

// serve runs a daemon until a signal ends it.
func serve(ctx context.Context, o daemonOptions) error {
	// A second SIGTERM, after stop, ends the process at once.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)

	// From the first moment on SIGHUP is no reason to die.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	// Who has said how many processors to use means it.
	_, said := os.LookupEnv("GOMAXPROCS")
	o.vigil = !said
	d, err := newDaemon(ctx, o)
	if err != nil {
		return err
	}
	if o.vigil { // now: what is sized by the number of processors is there
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
	go func() {
		for {
			select {
			case <-hangup:
				d.Reload()
			case <-ctx.Done():
				return
			}
		}
	}()
	err = d.Run(ctx)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
