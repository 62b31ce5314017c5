package faulttest

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
)

// files lists all files and directories.
func files(fs *faultfs.FS) []string {
	var list []string
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fs.ReadDir(dir)
		if err != nil {
			return
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name)
			if e.Type.IsDir() {
				walk(name)
				name += "/"
			}
			list = append(list, name)
		}
	}
	walk("/")
	slices.Sort(list)
	return list
}

// checkLocks reports lock files that are left when nobody works any more: the
// process that made them still runs, so everybody would wait for them.
func (r *round) checkLocks(but ...string) {
	for _, name := range r.locks() {
		if !slices.Contains(but, name) {
			r.fail("%s was left behind", name)
		}
	}
}

// locks lists all lock files.
func (r *round) locks() []string {
	return slices.DeleteFunc(files(r.fs), func(name string) bool { return !isLock(name) })
}

func isLock(name string) bool { return strings.HasSuffix(name, ".lock") }

// aDay is after how long what is temporary may go.
const aDay = 48 * time.Hour

// checkResidue reports temporary files that are still there when the mail has
// been opened after a long time.
func (r *round) checkResidue() {
	if !slices.ContainsFunc(files(r.fs), isTemporary) {
		return
	}
	time.Sleep(aDay)
	if _, err := r.lookAnew(r.fs, r.told, false); err != nil {
		r.fail("opening it after a long time: %v", err)
	}
	for _, name := range files(r.fs) {
		if isTemporary(name) {
			r.fail("%s is never removed", name)
		}
	}
}

func isTemporary(name string) bool {
	dir, base := path.Dir(name), path.Base(name)
	return strings.HasPrefix(base, fsys.TempPrefix) || strings.Contains(base, "trash") ||
		strings.HasSuffix(base, ".tmp") || path.Base(dir) == "tmp" && !strings.HasSuffix(name, "/")
}

// nobody is a number that no process of Linux has.
const nobody = 4194304

// bury lets the process end that left lock files: this one goes on running, and
// a process that runs keeps its locks.
func bury(fs *faultfs.FS) {
	own, dead := fmt.Sprintf("%d:", os.Getpid()), fmt.Sprintf("%d:", nobody)
	for _, name := range files(fs) {
		if !isLock(name) {
			continue
		}
		fi, err := fs.Stat(name)
		if err != nil {
			continue
		}
		data, err := fsys.ReadFile(fs, name, 1<<10)
		rest, ours := strings.CutPrefix(string(data), own)
		if err != nil || !ours {
			continue
		}
		f, err := fs.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			continue
		}
		_, _ = f.Write([]byte(dead + rest)) // in memory, with no fault set
		_ = f.Close()
		_ = fs.Chtimes(name, fi.ModTime(), fi.ModTime())
	}
	fs.Settle()
}
