// Peers measures this tree's server and Debian's Dovecot on the same mail, in turns,
// and prints where the goals of docs/performance-peers.md stand:
//
//	go run ./bench/peers -quick
//	go run ./bench/peers -work /srv/bench -json peers.json
//
// bench/README.md says how to read what it prints, and what is noise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"restante/bench/workload"
)

func main() {
	var opt options
	var only, servers string
	flag.StringVar(&opt.work, "work", "", "directory for mail and servers, on the disk that matters and with a short path; made mail stays there for the next time (default: a new one in the system's place for temporary files, removed at the end)")
	flag.BoolVar(&opt.quick, "quick", false, "little mail: shows that all runs, and roughly where ratios are")
	flag.IntVar(&opt.size, "size", 0, "messages in a big mailbox; others keep their proportion to it (default 100000, with -quick 5000)")
	flag.IntVar(&opt.idle, "idle", 0, "the most connections that wait in clear text, where fewer files may be open than the largest number needs")
	flag.StringVar(&only, "rows", "", "measure only rows whose name this regular expression matches")
	flag.StringVar(&servers, "servers", "", "measure only these, separated by commas: "+strings.Join(serverNames(), ", "))
	flag.StringVar(&opt.dovecot, "dovecot", "", "the tree of another release of Debian with its Dovecot, as debootstrap makes one; of both Dovecots the later is what goals compare with")
	flag.IntVar(&opt.repeat, "repeat", 5, "how often each row is run on each server")
	flag.DurationVar(&opt.timeout, "timeout", 15*time.Minute, "how long one run of a row may take")
	flag.StringVar(&opt.json, "json", "", "write everything that was found to this file, for make bench-report")
	flag.StringVar(&opt.profile, "profile", "", "store a CPU profile of restante for each row in this directory; from runs that are not counted")
	flag.StringVar(&opt.show, "show", "", "measure nothing, and print the table of files that -json has written (several, separated by commas, are put together)")
	flag.BoolVar(&opt.list, "list", false, "print the names of the rows")
	flag.Parse()
	var err error
	if opt.only, err = regexp.Compile(only); err == nil {
		err = opt.choose(servers)
	}
	if err == nil {
		err = run(opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	work          string
	quick, list   bool
	size, idle    int
	only          *regexp.Regexp
	servers       map[string]bool // empty: all
	repeat        int
	timeout       time.Duration
	json, profile string
	show          string
	dovecot       string
}

func (opt *options) choose(servers string) error {
	opt.servers = map[string]bool{}
	for _, name := range strings.FieldsFunc(servers, func(r rune) bool { return r == ',' || r == ' ' }) {
		known := false
		for _, n := range serverNames() {
			known = known || n == name
		}
		if !known {
			return fmt.Errorf("-servers: %q is unknown; write some of %s", name, strings.Join(serverNames(), ", "))
		}
		opt.servers[name] = true
	}
	if opt.repeat < 1 {
		return errors.New("-repeat: write a number of 1 or more")
	}
	return nil
}

// wants is whether a server is to be measured.
func (opt *options) wants(name string) bool { return len(opt.servers) == 0 || opt.servers[name] }

func run(opt options) (err error) {
	sizes, _ := opt.sizes()
	rows := opt.rows(workload.Rows(sizes))
	if opt.show != "" {
		return show(os.Stdout, strings.Split(opt.show, ","))
	}
	if opt.list {
		for _, r := range rows {
			fmt.Println(r.Name)
		}
		return nil
	}
	if len(rows) == 0 {
		return fmt.Errorf("-rows %q: no row has a name like this; -list tells the names", opt.only)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if opt.work == "" {
		if opt.work, err = os.MkdirTemp("", "peers-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(opt.work)) }()
	}
	r, err := newRunner(ctx, opt, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	return errors.Join(r.all(ctx, rows), r.finish())
}
