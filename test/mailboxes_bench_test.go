package test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var manyMailboxes = flag.Int("mailboxes", 10_000, "how many mailboxes the account of BenchmarkManyMailboxes has")

// listings are what clients ask of all mailboxes.
var listings = []struct{ title, command string }{
	{"LIST", `LIST "" "*"`},
	{"LIST top", `LIST "" "%"`},
	{"LSUB", `LSUB "" "*"`},
	{"LIST subscribed", `LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN)`},
	{"LIST status", `LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY))`},
}

// BenchmarkManyMailboxes measures lists of an account of many mailboxes, through
// restante and through Dovecot, on the same tree: wall time, and processor time of
// all of a server's processes that is used meanwhile. CGO_ENABLED=0 makes it the
// server that people run, without the race detector.
func BenchmarkManyMailboxes(b *testing.B) {
	if cgo, err := exec.Command("go", "env", "CGO_ENABLED").Output(); err != nil || strings.TrimSpace(string(cgo)) != "0" {
		b.Skip("run it with CGO_ENABLED=0")
	}
	for _, l := range layouts {
		b.Run(l.name, func(b *testing.B) {
			place := newPlace(b)
			makeManyMailboxes(b, l, place)
			b.Run("restante", func(b *testing.B) {
				s := startAsOwner(b, newSharedData(b, place, l.at(place)))
				measureListings(b, s.account(), s.cmd.Process.Pid)
				s.stop()
			})
			b.Run("Dovecot", func(b *testing.B) {
				d := startDovecot(b, place, l.at(place))
				measureListings(b, d.account, d.cmd.Process.Pid)
				d.stop()
			})
		})
	}
}

func measureListings(b *testing.B, a account, pid int) {
	for _, q := range listings {
		b.Run(q.title, func(b *testing.B) {
			c := a.enter(b)
			defer c.c.Close()
			c.ok(q.command) // each server may write down what it finds
			if strings.Contains(q.command, "STATUS") {
				time.Sleep(2 * time.Second) // and believe it, when the files have lain for a while
				c.ok(q.command)
			}
			lines, used := 0, processorTime(b, pid)
			for b.Loop() {
				lines = len(c.ok(q.command))
			}
			per := float64(b.N) * float64(lines) * 1e3
			b.ReportMetric(float64(processorTime(b, pid)-used)/per, "cpu-µs/line")
			b.ReportMetric(float64(b.Elapsed())/per, "µs/line")
			b.ReportMetric(float64(lines), "lines")
		})
	}
}

// processorTime is what a process and those that it has started have used: the
// first field of schedstat, in nanoseconds, of each of their threads.
func processorTime(b *testing.B, pid int) (used time.Duration) {
	b.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(filepath.Join(task, "schedstat"))
		if err != nil {
			continue // it has ended
		}
		ns, _, _ := strings.Cut(string(stat), " ")
		n, err := strconv.ParseInt(ns, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		used += time.Duration(n)
		children, err := os.ReadFile(filepath.Join(task, "children"))
		if err != nil {
			continue
		}
		for child := range strings.FieldsSeq(string(children)) {
			if id, err := strconv.Atoi(child); err == nil {
				used += processorTime(b, id)
			}
		}
	}
	return used
}

// makeManyMailboxes makes them with three messages in each; half of them are
// subscribed.
func makeManyMailboxes(b *testing.B, l layout, place string) {
	b.Helper()
	root := filepath.Join(place, "home", "Maildir")
	if l.name == "mbox" {
		root = filepath.Join(place, "home", "mail")
	}
	var subscribed strings.Builder
	for i := range *manyMailboxes {
		name := fmt.Sprintf("Project %03d%sYear %02d", i/100, l.delim, i%100)
		if i%2 == 0 {
			fmt.Fprintln(&subscribed, name)
		}
		path := filepath.Join(root, name)
		if l.name == "maildir" {
			path = filepath.Join(root, "."+name)
		}
		if err := makeSmallMailbox(l, path, i); err != nil {
			b.Fatal(err)
		}
	}
	file := "subscriptions"
	if l.name == "mbox" {
		file = ".subscriptions"
	}
	if err := os.WriteFile(filepath.Join(root, file), []byte(subscribed.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	giveAway(b, filepath.Join(place, "home"))
}

func makeSmallMailbox(l layout, path string, i int) error {
	const message = "From: Ana <ana@example.org>\nSubject: message %d\nMessage-ID: <%[1]d@example.org>\n\nHello\n"
	if l.name == "mbox" {
		var all strings.Builder
		for j := range 3 {
			fmt.Fprintf(&all, "From ana@example.org  Thu Nov 29 22:33:52 2001\n"+message+"\n", 3*i+j)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(all.String()), 0o600)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			return err
		}
	}
	for j := range 3 {
		text := fmt.Sprintf(message, 3*i+j)
		name := fmt.Sprintf("%d.M1P1Q%d.mx,S=%d,W=%d:2,S", 1_700_000_000+i, j, len(text), len(text)+strings.Count(text, "\n"))
		if err := os.WriteFile(filepath.Join(path, "cur", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
