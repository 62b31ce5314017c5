// Storage measures what the storage formats cost, each beside a bare loop that
// makes the system calls without which the work cannot be done, and prints the
// ratios as a table:
//
//	go run ./bench/storage -sizes 100000,1000000 -out docs/storage-figures.md
//
// Each measurement is a process of its own that starts with mail made for it,
// so that "after a restart" means what it says and memory is that of the work
// alone. Times are medians of the rounds; ours and the bare loop take turns.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	var opt options
	sizes := flag.String("sizes", "100000", "numbers of messages in the big Maildir, separated by commas")
	flag.StringVar(&opt.dir, "dir", "", "where the mail is made; a directory on the disk that matters (default: a new one in the system's place for temporary files)")
	flag.IntVar(&opt.mbox, "mbox", 500, "size of the mbox in MB")
	flag.IntVar(&opt.mailboxes, "mailboxes", 10_000, "number of mailboxes of an account that has many")
	flag.IntVar(&opt.rounds, "rounds", 5, "how often each is measured")
	flag.StringVar(&opt.only, "only", "", "measure only what has this in its name")
	flag.StringVar(&opt.out, "out", "", "write the table to this file too")
	one := flag.String("one", "", "measure one thing and print it as JSON (used by this program itself)")
	bare := flag.Bool("bare", false, "with -one: the bare loop")
	flag.Parse()
	if err := run(opt, *sizes, *one, *bare); err != nil {
		fmt.Fprintln(os.Stderr, "storage:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	dir       string
	sizes     []int
	mbox      int
	mailboxes int
	rounds    int
	only, out string
}

func run(opt options, sizes, one string, bare bool) (err error) {
	for s := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1000 {
			return fmt.Errorf("-sizes %q: write numbers of 1000 or more, as 100000,1000000", sizes)
		}
		opt.sizes = append(opt.sizes, n)
	}
	if one != "" {
		return measureOne(opt, one, bare)
	}
	if opt.dir == "" {
		if opt.dir, err = os.MkdirTemp("", "storage-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(opt.dir)) }()
	}
	return measureAll(opt)
}

// measureOne is the child's part: it measures one row once.
func measureOne(opt options, name string, bare bool) error {
	for _, r := range rows(opt) {
		if r.name() != name {
			continue
		}
		b := &bench{ctx: context.Background(), dir: opt.dir, n: r.messages}
		work := r.ours
		if bare {
			work = r.bare
		}
		if err := work(b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return json.NewEncoder(os.Stdout).Encode(b.figures())
	}
	return fmt.Errorf("-one %q: there is no such row", name)
}

// measureAll is the parent's part.
func measureAll(opt options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var results []result
	for _, r := range rows(opt) {
		if !strings.Contains(r.name(), opt.only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s\n", r.name())
		res, err := measureRow(self, opt, r)
		if err != nil {
			return errors.Join(err, write(opt, results)) // what was measured took long enough
		}
		results = append(results, res)
	}
	return write(opt, results)
}

// measureRow lets ours and the bare loop take turns.
func measureRow(self string, opt options, r row) (result, error) {
	res := result{row: r}
	rounds := opt.rounds
	if r.atMost > 0 {
		rounds = min(rounds, r.atMost)
	}
	for range rounds {
		f, err := child(self, opt, r, false)
		if err != nil {
			return res, err
		}
		res.ours = append(res.ours, f)
		if r.bare == nil {
			continue
		}
		if f, err = child(self, opt, r, true); err != nil {
			return res, err
		}
		res.bare = append(res.bare, f)
	}
	return res, nil
}

// child makes the mail of a row anew, where a measurement uses it up, and
// measures in a process of its own.
func child(self string, opt options, r row, bare bool) (f figures, err error) {
	dir := filepath.Join(opt.dir, r.mail.name)
	if r.uses {
		if err := os.RemoveAll(dir); err != nil {
			return f, err
		}
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := r.mail.make(dir); err != nil {
			return f, err
		}
	}
	if r.before != nil && !bare {
		if err := r.before(dir); err != nil {
			return f, err
		}
	}
	sizes := make([]string, len(opt.sizes))
	for i, n := range opt.sizes {
		sizes[i] = strconv.Itoa(n)
	}
	cmd := exec.Command(self, "-one", r.name(), "-dir", dir, "-sizes", strings.Join(sizes, ","), "-mbox", strconv.Itoa(opt.mbox), "-mailboxes", strconv.Itoa(opt.mailboxes), fmt.Sprintf("-bare=%t", bare))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%s: %w", r.name(), err)
	}
	return f, json.Unmarshal(out, &f)
}
