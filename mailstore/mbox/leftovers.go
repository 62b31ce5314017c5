package mbox

import (
	"path/filepath"
	"strings"
	"time"

	"restante/fsys"
)

// tempAge is how old a temporary file must be to be taken for left over by a crash.
const tempAge = 36 * time.Hour

// removeTemps removes what crashes have left in a directory, if there is one.
func (a *account) removeTemps(dir string) {
	entries, err := a.opt.FS.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		a.removeTemp(dir, e)
	}
}

// removeTemp removes an entry that is a temporary file of old.
func (a *account) removeTemp(dir string, e fsys.Entry) {
	if !strings.HasPrefix(e.Name, fsys.TempPrefix) {
		return
	}
	path := filepath.Join(dir, e.Name)
	fi, err := a.opt.FS.Lstat(path)
	if err != nil || !fi.Mode().IsRegular() || time.Since(fi.ModTime()) < tempAge {
		return
	}
	if err := a.opt.FS.Remove(path); err != nil && !isMissing(err) {
		a.opt.Logger.Info("mbox: a left-over file stays", "path", path, "err", err)
	}
}
