package target

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 7 1 1 0 -1 4194560 1 2 3 4 15 27 100 2 20 0 1 0 12345 1 2 3\n"
	for _, c := range []struct {
		text, why string
		want      procStat
		bad       bool
	}{
		{"12 (imap)" + rest, "as it is", procStat{7, 420 * time.Millisecond, 1020 * time.Millisecond}, false},
		{"12 (a b) S 9 (x)" + rest, "a name may have spaces and parentheses in it", procStat{7, 420 * time.Millisecond, 1020 * time.Millisecond}, false},
		{"12 ()" + rest, "a name may be empty", procStat{7, 420 * time.Millisecond, 1020 * time.Millisecond}, false},
		{"", "nothing", procStat{}, true},
		{"12 imap S 7", "no name", procStat{}, true},
		{"12 (imap) S 7 1 1", "cut", procStat{}, true},
		{"12 (imap) S x 1 1 0 -1 4194560 1 2 3 4 15 27 100 2 20", "no number", procStat{}, true},
	} {
		got, err := parseStat([]byte(c.text))
		if got != c.want && !c.bad || (err != nil) != c.bad {
			t.Errorf("%s: %+v, %v", c.why, got, err)
		}
	}
}

func TestParseCPUStat(t *testing.T) {
	for _, c := range []struct {
		text, why string
		want      time.Duration
		bad       bool
	}{
		{"usage_usec 2500000\nuser_usec 1000000\nsystem_usec 1500000\n", "the sum of both", 2500 * time.Millisecond, false},
		{"nr_periods 0\nusage_usec 7\n", "wherever the line stands", 7 * time.Microsecond, false},
		{"user_usec 1\n", "no line", 0, true},
		{"usage_usec x\n", "no number", 0, true},
	} {
		if got, err := parseCPUStat(c.text); got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %v, %v", c.why, got, err)
		}
	}
}

func TestKilobytes(t *testing.T) {
	const rollup = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:     1948 kB\nPss:     1101 kB\nPss_Anon: 300 kB\n"
	for _, c := range []struct {
		text, key, why string
		want           int64
		missing, bad   bool
	}{
		{rollup, "Pss", "and not Pss_Anon", 1101, false, false},
		{"VmPTE:\t      88 kB\n", "VmPTE", "tabs and spaces", 88, false, false},
		{"Name:\tzombie\nState:\tZ (zombie)\n", "VmPTE", "a process that has ended has none", 0, true, true},
		{"", "Pss", "nor has it a rollup", 0, true, true},
		{"Pss: 1101\n", "Pss", "another unit", 0, false, true},
		{"Pss: many kB\n", "Pss", "no number", 0, false, true},
	} {
		got, err := kilobytes([]byte(c.text), c.key)
		if got != c.want || (err != nil) != c.bad || errors.Is(err, fs.ErrNotExist) != c.missing {
			t.Errorf("%s: %d, %v", c.why, got, err)
		}
	}
}

func TestOwnGroup(t *testing.T) {
	const v1 = "24 23 0:22 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n25 24 0:23 / /sys/fs/cgroup/cpu rw shared:10 - cgroup cgroup rw,cpu\n"
	for _, c := range []struct{ mounts, own, want, why string }{
		{v1 + "26 24 0:24 / /sys/fs/cgroup/unified rw shared:11 - cgroup2 cgroup2 rw\n", "1:cpu:/\n0::/\n", "/sys/fs/cgroup/unified", "both versions"},
		{"31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n", "0::/user.slice/session-1.scope\n", "/sys/fs/cgroup/user.slice/session-1.scope", "version 2 alone"},
		{"31 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/docker/abc/x\n", "/sys/fs/cgroup/x", "a part of the tree is mounted"},
		{v1, "1:cpu:/\n", "", "version 1 alone"},
		{"26 24 0:24 / /c rw shared:11 - cgroup2 cgroup2 rw\n", "1:cpu:/\n", "", "mounted, but we are in none"},
	} {
		got, err := ownGroup(c.mounts, c.own)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v", c.why, got, err)
		}
	}
}

// TestFamily: a server is the process that was started and all below it, whoever
// else runs.
func TestFamily(t *testing.T) {
	all := map[int]procStat{1: {parent: 0}, 10: {parent: 1}, 11: {parent: 10}, 12: {parent: 10}, 13: {parent: 12}, 20: {parent: 1}}
	got := family(all, 10)
	slices.Sort(got)
	if !slices.Equal(got, []int{10, 11, 12, 13}) {
		t.Error(got)
	}
	if got := family(all, 99); got != nil {
		t.Error("a process that is not there has a family:", got)
	}
}

// TestProcesses reads the machine's own /proc.
func TestProcesses(t *testing.T) {
	all, err := processes("/proc")
	if err != nil {
		t.Skip(err)
	}
	if s, ok := all[os.Getpid()]; !ok || s.parent != os.Getppid() {
		t.Errorf("this process is %+v, %t", s, ok)
	}
	m, err := memoryOf("/proc", []int{os.Getpid(), 1 << 30}) // the second one is nobody
	if err != nil || m.Processes != 1 || m.PSS < 1<<20 || m.PSS > 1<<34 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := memoryOf("/proc", []int{1 << 30}); err == nil {
		t.Errorf("nobody has %+v", m)
	}
}

func TestIsNote(t *testing.T) {
	for _, c := range []struct {
		name string
		dir  bool
		want bool
	}{
		{"dovecot-uidlist", false, true}, {"dovecot.index.cache", false, true}, {"dovecot-uidlist.lock", false, true},
		{"restante.uids", false, true}, {".imap", true, true}, {"maildirsize", false, true},
		{"dovecot-keywords", false, false}, // what the letters in file names mean
		{"subscriptions", false, false}, {"inbox", false, false}, {".Archive", true, false}, {"maildirfolder", false, false},
	} {
		if got := isNote(c.name, c.dir); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestIndexSize(t *testing.T) {
	for _, c := range []struct {
		out  string
		want int64
		err  bool
		why  string
	}{
		{"INBOX: 300 messages indexed, 300 of them now, 12 KB\n", 12 << 10, false, "what the command prints"},
		{"Sent: 3 messages indexed, 3 of them now, 1 KB\nINBOX: 3 messages indexed, 0 of them now, 7 KB\n", 7 << 10, false, "another mailbox before"},
		{"INBOX: 3 messages indexed, 0 of them now, 7 KB; 1 cannot be read\n", 0, true, "mail that could not be read makes the figure wrong"},
		{"", 0, true, "nothing"},
	} {
		if got, err := indexSize(c.out); got != c.want || err != nil != c.err {
			t.Errorf("%s: %d, %v", c.why, got, err)
		}
	}
}
