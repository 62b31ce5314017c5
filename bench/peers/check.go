package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"restante/bench/machine"
	"restante/bench/target"
	"restante/bench/workload"
)

// peers are the servers that goals compare with.
func peers() []workload.Peer {
	return []workload.Peer{workload.Packaged, workload.Older, workload.Reused, workload.Hibernate}
}

// findDovecot finds the Dovecot of the machine and the one that -dovecot names. Of two
// releases the later is what goals compare with, unless they name a configuration.
func (r *runner) findDovecot(ctx context.Context) error {
	later, err := target.FindDovecot(ctx, "")
	found := err == nil
	if !found {
		r.peerless = err
		r.say("No Dovecot: %v.", err)
	}
	earlier := later
	if r.opt.dovecot != "" {
		other, err := target.FindDovecot(ctx, r.opt.dovecot)
		switch {
		case err != nil:
			return fmt.Errorf("-dovecot: %w", err)
		case !found:
			later, earlier, found = other, other, true
		case other.Newer(later):
			later = other
		case later.Newer(other):
			earlier = other
		default:
			r.say("-dovecot: %s has Dovecot %s, and the machine has %s, which is the same release: only the machine's is measured.", r.opt.dovecot, other.Version, later.Version)
		}
	}
	if !found {
		r.say("Only restante is measured, and nothing can be said about goals that compare.")
		return nil
	}
	r.installed = map[workload.Peer]target.Installation{workload.Packaged: later, workload.Reused: earlier, workload.Hibernate: earlier}
	if later.Newer(earlier) {
		r.installed[workload.Older] = earlier
	}
	return nil
}

func serverNames() []string {
	names := []string{target.RestanteName}
	for _, p := range peers() {
		names = append(names, string(p))
	}
	return names
}

// openFiles is what the most of the rows need; those that need more say so.
const openFiles = 4096

// check says what the machine lacks, and what that means for what is measured.
// Nothing is installed or set but this process' own limit.
func (r *runner) check(ctx context.Context) error {
	r.files = raiseOpenFiles()
	if r.files < openFiles {
		r.say("Open files are limited to %d: rows that need more are left out. Raise the limit: ulimit -n 50000", r.files)
	}
	if err := r.findDovecot(ctx); err != nil {
		return err
	}
	if n := inotifyInstances(); len(r.installed) > 0 && n < openFiles {
		r.say("A user may have %d inotify instances, and each session of Dovecot that idles takes one; those beyond look for mail twice a minute.\n"+
			"That costs less than what it stands for: sysctl fs.inotify.max_user_instances=32768", n)
	}
	if r.accounting.Why != nil {
		r.say("No control groups of version 2 (%v): processor time comes from /proc in ticks of 10 ms, so short rows are coarse. Run as root, or with\n"+
			"systemd-run --user --scope make bench-peers", r.accounting.Why)
	}
	if os.Getuid() != 0 {
		r.say("Not root: all servers run as the same user, and Dovecot's processes never change theirs, which makes its logins a little cheaper.")
	}
	if fs := machine.FileSystem(r.opt.work); fs == "tmpfs" {
		r.say("%s is in memory, where syncs cost nothing; name a directory on a disk with -work.", r.opt.work)
	}
	return nil
}

// inotifyInstances is how many a user may have.
func inotifyInstances() int {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return n
}

// raiseOpenFiles takes what this process may have. Servers inherit it.
func raiseOpenFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	const most = 200_000
	more := syscall.Rlimit{Cur: most, Max: max(l.Max, most)}
	if l.Cur >= most || syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) == nil { // root may
		return int(max(l.Cur, most))
	}
	l.Cur = l.Max
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int(l.Cur)
}

// unfit says why a row cannot run on a server here, or "".
func (r *runner) unfit(row *workload.Row, server string) string {
	if row.Files > r.files-200 {
		return fmt.Sprintf("needs %d open files, and the limit is %d (ulimit -n)", row.Files, r.files)
	}
	if server == target.RestanteName {
		return ""
	}
	if _, ok := r.installed[workload.Peer(server)]; !ok {
		return r.peerless.Error()
	}
	// Dovecot has a process for each session, and those that are parked had one.
	const each = 1 << 20
	if free := machine.Available(); row.Files > 2000 && server != string(workload.Hibernate) && int64(row.Files)*each > free/2 {
		return fmt.Sprintf("%d processes would take more than half of the %d MB of memory that are free", row.Files, free>>20)
	}
	return ""
}

// describe tells what is measured, and where.
func (r *runner) describe(ctx context.Context) error {
	version, err := r.ours.Version(ctx)
	if err != nil {
		return err
	}
	// Which sources they were, where git knows it; elsewhere the version has to do.
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		version += ", commit " + strings.TrimSpace(string(out))
	}
	r.report.Servers = map[string]string{target.RestanteName: version}
	for p, i := range r.installed {
		r.report.Servers[string(p)] = "Dovecot " + i.Version
	}
	r.report.Machine = fmt.Sprintf("%s, %d processors, %s of memory, %s, %s on %s", machine.Processor(), runtime.NumCPU(), machine.Memory(),
		runtime.Version(), machine.Kernel(), machine.FileSystem(r.opt.work))
	r.report.Counted = r.accounting.Method()
	r.report.Load = load()
	return nil
}

// load is what else the machine does.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	field := strings.Fields(string(text))
	return strings.Join(field[:min(3, len(field))], " ")
}

// maxWork keeps the paths of sockets below the 108 octets that the kernel takes.
const maxWork = 60

// prepare makes the work directory one through which all servers can pass.
func (r *runner) prepare() (err error) {
	if r.opt.work, err = filepath.Abs(r.opt.work); err != nil {
		return err
	}
	if len(r.opt.work) > maxWork {
		return fmt.Errorf("-work %s: sockets stand below it, whose paths may not be long; name one of %d characters at most", r.opt.work, maxWork)
	}
	for _, dir := range []string{r.opt.work, r.path("mail"), r.path("run"), r.path("copy")} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return r.lock()
}

// lock makes this the only run in the work directory, as long as it lives.
func (r *runner) lock() (err error) {
	if r.held, err = os.Open(r.opt.work); err != nil {
		return err
	}
	if err := syscall.Flock(int(r.held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("-work %s: another run has it (%w); wait for its end, or name another directory", r.opt.work, err)
	}
	return nil
}
