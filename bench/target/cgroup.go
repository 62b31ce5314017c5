package target

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// group is a control group (version 2) for one run of a server. It counts what all
// processes have used that were ever in it, to the microsecond.
type group struct {
	dir string
	fd  *os.File // for clone3(2), which starts a process in it
}

// groups numbers those that this process has made.
type groups struct {
	parent string
	made   atomic.Int64
}

// findGroups finds where control groups can be made: below that of this process,
// in the hierarchy of version 2. The error says why not.
func findGroups() (*groups, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	parent, err := ownGroup(string(mounts), string(own))
	if err != nil {
		return nil, err
	}
	g := &groups{parent: parent}
	probe, err := g.new()
	if err != nil {
		return nil, err
	}
	defer probe.remove()
	if _, err := probe.cpu(); err != nil {
		return nil, err
	}
	// A child that cannot be started in it would be counted nowhere.
	members, err := os.OpenFile(filepath.Join(probe.dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return g, members.Close()
}

// ownGroup is the directory of the group that a process with these mounts and this
// /proc/self/cgroup is in.
func ownGroup(mounts, own string) (string, error) {
	for line := range strings.Lines(mounts) {
		// 31 23 0:26 ROOT MOUNTPOINT OPTIONS … - cgroup2 SOURCE OPTIONS (proc(5))
		before, after, ok := strings.Cut(line, " - ")
		field := strings.Fields(before)
		if !ok || !strings.HasPrefix(after, "cgroup2 ") || len(field) < 5 {
			continue
		}
		for entry := range strings.Lines(own) {
			path, ok := strings.CutPrefix(strings.TrimSpace(entry), "0::")
			if !ok {
				continue
			}
			if root := strings.TrimSuffix(field[3], "/"); root != "" {
				path = strings.TrimPrefix(path, root)
			}
			return filepath.Join(field[4], path), nil
		}
	}
	return "", errors.New("no control groups of version 2 are mounted")
}

func (g *groups) new() (*group, error) {
	dir := filepath.Join(g.parent, fmt.Sprintf("bench-%d-%d", os.Getpid(), g.made.Add(1)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	fd, err := os.Open(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &group{dir, fd}, nil
}

// cpu is what all processes have used, user and system.
func (g *group) cpu() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(g.dir, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	return parseCPUStat(string(text))
}

func parseCPUStat(text string) (time.Duration, error) {
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(line, "usage_usec ")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		return time.Duration(n) * time.Microsecond, err
	}
	return 0, errors.New("cpu.stat has no line usage_usec")
}

// pids are the processes that are in it now.
func (g *group) pids() ([]int, error) {
	text, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var list []int
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("cgroup.procs: %w", err)
		}
		list = append(list, pid)
	}
	return list, nil
}

// remove ends what is left in it and removes it.
func (g *group) remove() error {
	_ = os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0) // Linux 5.14; what is left then keeps the group
	err := g.fd.Close()
	for range 100 {
		rerr := os.Remove(g.dir)
		if rerr == nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(err, fmt.Errorf("%s: processes of the server are still in it", g.dir))
}
