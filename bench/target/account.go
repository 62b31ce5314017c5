package target

import (
	"os/exec"
	"syscall"
	"time"

	"restante/bench/workload"
)

// Accounting says how what servers use is counted.
type Accounting struct {
	groups *groups
	// Why says why there are no control groups, nil if there are.
	Why error
}

// NewAccounting finds out what the machine allows.
func NewAccounting() *Accounting {
	g, err := findGroups()
	return &Accounting{groups: g, Why: err}
}

// Method names the way, for people.
func (a *Accounting) Method() string {
	if a.groups != nil {
		return "control group (cpu.stat)"
	}
	return "/proc (ticks of 10 ms)"
}

// An account is what one run of a server has used.
type account struct {
	group *group // nil: by /proc
	root  int    // the process that we have started
}

// start starts a server's first process so that it is counted from its first
// instruction on.
func (a *Accounting) start(cmd *exec.Cmd) (*account, error) {
	acct := &account{}
	if a.groups != nil {
		g, err := a.groups.new()
		if err != nil {
			return nil, err
		}
		acct.group = g
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(g.fd.Fd())
	}
	if err := cmd.Start(); err != nil {
		acct.end()
		return nil, err
	}
	acct.root = cmd.Process.Pid
	return acct, nil
}

// cpu is the time of all processes since the start. By /proc it is that of those
// that live and of those that were waited for.
func (a *account) cpu() (time.Duration, error) {
	if a.group != nil {
		return a.group.cpu()
	}
	all, err := processes("/proc")
	if err != nil {
		return 0, err
	}
	sum := time.Duration(0)
	for _, pid := range family(all, a.root) {
		sum += all[pid].own + all[pid].waited
	}
	return sum, nil
}

func (a *account) pids() ([]int, error) {
	if a.group != nil {
		return a.group.pids()
	}
	all, err := processes("/proc")
	return family(all, a.root), err
}

func (a *account) memory() (m workload.Memory, err error) {
	pids, err := a.pids()
	if err != nil {
		return m, err
	}
	return memoryOf("/proc", pids)
}

// end gives the group back, when the processes have ended.
func (a *account) end() error {
	if a.group == nil {
		return nil
	}
	return a.group.remove()
}
