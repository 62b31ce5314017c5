package fsys

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"
)

// writtenBack is how long after its last change a file is on the disk without a sync. Linux begins
// to write after half a minute (vm.dirty_expire_centisecs).
const writtenBack = time.Hour

// Inherit makes durable what somebody else may have written to a file before anything rests on it,
// and the name of the file: whoever wrote it may have been killed before he could do so himself, and
// then a loss of power would take back what was read. A file that nobody has changed for an hour
// costs nothing. The file may be open for reading only; fi describes it.
func Inherit(fsx FS, path string, f File, fi fs.FileInfo) error {
	if time.Since(fi.ModTime()) > writtenBack {
		return nil
	}
	return errors.Join(f.Sync(), fsx.SyncDir(filepath.Dir(path)))
}
