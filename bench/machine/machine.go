// Package machine describes the machine on which something was measured.
package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Processor is the model of the first one.
func Processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	return processor(string(text))
}

func processor(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor" // some architectures have no such line
}

// Kernel is the release of the running one.
func Kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "Linux"
	}
	return "Linux " + strings.TrimSpace(string(text))
}

// Memory is how much the machine has.
func Memory() string {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%d GB", (uint64(info.Totalram)*uint64(info.Unit)+1<<29)>>30)
}

// FileSystem names the file system of a directory.
func FileSystem(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "an unknown file system"
	}
	names := map[int64]string{0xEF53: "ext4", 0x01021994: "tmpfs", 0x9123683E: "btrfs", 0x58465342: "xfs", 0x794C7630: "overlayfs", 0x2FC12FC1: "zfs"}
	if name, ok := names[int64(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", st.Type)
}

// Available is how many octets of memory programs could have now, or 0 if that is
// not known.
func Available() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return available(string(text))
}

func available(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if value, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			var kB int64
			if _, err := fmt.Sscan(value, &kB); err == nil {
				return kB << 10
			}
		}
	}
	return 0
}

// Times are what the processors have spent since the machine was started, together, in
// ticks of its clock.
type Times struct {
	All    uint64
	Stolen uint64 // by the host of a virtual machine, for others
}

// ProcessorTimes are those of now; zero if that is not known.
func ProcessorTimes() Times {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Times{}
	}
	return processorTimes(string(text))
}

func processorTimes(stat string) (t Times) {
	const steal = 7 // after user, nice, system, idle, iowait, irq and softirq (proc_stat(5))
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) <= 1+steal || fields[0] != "cpu" {
		return Times{}
	}
	for i, f := range fields[1 : 2+steal] { // what comes behind is in user and nice too
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return Times{}
		}
		t.All += n
		if i == steal {
			t.Stolen = n
		}
	}
	return t
}

// StolenSince is the part of the time since before that was stolen, from 0 to 1.
func (t Times) StolenSince(before Times) float64 {
	if t.All <= before.All || t.Stolen <= before.Stolen {
		return 0
	}
	return float64(t.Stolen-before.Stolen) / float64(t.All-before.All)
}
