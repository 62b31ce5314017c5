package target

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"restante/bench/workload"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on every
// architecture that Linux has today (proc(5), sysconf(3)).
const tick = 10 * time.Millisecond

// procStat is what a line of /proc/PID/stat tells about a process.
type procStat struct {
	parent int
	// own is its time, user and system; waited that of its children that have
	// ended, and of theirs.
	own, waited time.Duration
}

// parseStat reads /proc/PID/stat. The second field is the program's name, which
// may hold anything, spaces and parentheses too (proc(5)).
func parseStat(text []byte) (s procStat, err error) {
	_, rest, ok := strings.Cut(string(text[:bytes.LastIndexByte(text, ')')+1]), "(")
	if !ok || rest == "" {
		return s, fmt.Errorf("%.40q is no line of /proc/PID/stat", text)
	}
	field := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(field) < 15 { // from the third on: state, ppid, … utime is the 14th
		return s, fmt.Errorf("%.40q has %d fields too few", text, 15-len(field))
	}
	numbers := make([]int64, 5)
	for i, at := range []int{1, 11, 12, 13, 14} {
		if numbers[i], err = strconv.ParseInt(field[at], 10, 64); err != nil {
			return s, fmt.Errorf("/proc/PID/stat: %w", err)
		}
	}
	s.parent = int(numbers[0])
	s.own = time.Duration(numbers[1]+numbers[2]) * tick
	s.waited = time.Duration(numbers[3]+numbers[4]) * tick
	return s, nil
}

// processes are the statistics of all processes of the machine.
func processes(proc string) (map[int]procStat, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	all := map[int]procStat{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		if gone(err) {
			continue
		}
		if err == nil {
			all[pid], err = parseStat(text)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// gone is whether a process ended while we looked at it.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// family is root with all that descend from it.
func family(all map[int]procStat, root int) []int {
	children := map[int][]int{}
	for pid, s := range all {
		children[s.parent] = append(children[s.parent], pid)
	}
	if _, ok := all[root]; !ok {
		return nil
	}
	list := []int{root}
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}

// kilobytes is the value of a line such as "Pss:  12 kB" in a file of /proc. A
// process that has ended and waits for its parent has none (fs.ErrNotExist).
func kilobytes(text []byte, key string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, key+":")
		if !ok {
			continue
		}
		value, ok = strings.CutSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil || !ok {
			return 0, fmt.Errorf("%q is no line of kilobytes", line)
		}
		return n, nil
	}
	return 0, fmt.Errorf("no line %s: %w", key, fs.ErrNotExist)
}

// memoryOf adds what the processes hold: their proportional share of the pages,
// and the page tables that the kernel keeps for each.
func memoryOf(proc string, pids []int) (m workload.Memory, err error) {
	for _, pid := range pids {
		pss, err := kilobytesOf(proc, pid, "smaps_rollup", "Pss")
		if err == nil {
			var tables int64
			tables, err = kilobytesOf(proc, pid, "status", "VmPTE")
			pss += tables
		}
		if gone(err) {
			continue
		}
		if err != nil {
			return m, err
		}
		m.PSS += pss << 10
		m.Processes++
	}
	if m.Processes == 0 {
		return m, errors.New("no process of the server is left, or none may be looked at")
	}
	return m, nil
}

func kilobytesOf(proc string, pid int, file, key string) (int64, error) {
	name := filepath.Join(proc, strconv.Itoa(pid), file)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	n, err := kilobytes(text, key)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return n, err
}
