package fsys

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// TempPrefix begins the names that TempName makes. Dovecot uses the same for
// its temporary files and passes over names that begin so; whatever is found
// under such a name after a crash may be removed.
const TempPrefix = ".temp."

// TempName returns a new name for a temporary file in the directory of path.
func TempName(path string) string {
	var b [8]byte
	rand.Read(b[:]) // never fails (package crypto/rand)
	name := TempPrefix + strconv.Itoa(os.Getpid()) + "." + hex.EncodeToString(b[:])
	return filepath.Join(filepath.Dir(path), name)
}

// WriteFile replaces the content of path as a whole: after an error or a loss
// of power path has its old content (or still does not exist) or the new one,
// never a part. When it returns nil, the new content is durable.
func WriteFile(fsys FS, path string, data []byte, perm fs.FileMode) error {
	temp := TempName(path)
	err := writeTemp(fsys, temp, data, perm)
	if err == nil {
		err = fsys.Rename(temp, path)
	}
	if err != nil {
		_ = fsys.Remove(temp) // it may not exist; a rest of it does no harm
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

func writeTemp(fsys FS, temp string, data []byte, perm fs.FileMode) error {
	f, err := fsys.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncData makes content and size of a file durable, and where there is a call for it
// no more than that: not its times, for which a journal has to be written as well.
func SyncData(f File) error {
	if d, ok := f.(interface{ syncData() error }); ok {
		return d.syncData()
	}
	return f.Sync()
}

// StartSync lets the content of a file go to the disk, where there is a call for it, and does not
// wait: a sync that comes soon has less to do. It makes nothing durable. An error may be of
// what the sync would not tell any more.
func StartSync(f File) error {
	if d, ok := f.(interface{ startSync() error }); ok {
		return d.startSync()
	}
	return nil
}

// ReadFile returns the content of path, or an error when there are more than
// limit bytes.
func ReadFile(fsys FS, path string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes, which is not what belongs there", path, limit)
	}
	return data, nil
}

// ReadAny is ReadFile for a file that need not be there: then it has no content.
func ReadAny(fsys FS, path string, limit int64) ([]byte, error) {
	data, err := ReadFile(fsys, path, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// ChangeFile replaces the content of a file as WriteFile does by what change makes
// of it, if that says so. A file that is not there has no content; one with more than
// limit bytes is left alone with an error. The caller keeps others from changing it
// meanwhile.
func ChangeFile(fsys FS, path string, limit int64, perm fs.FileMode, change func(data []byte) (after []byte, changed bool, err error)) error {
	data, err := ReadAny(fsys, path, limit)
	if err != nil {
		return err
	}
	data, changed, err := change(data)
	if err != nil || !changed {
		return err
	}
	return WriteFile(fsys, path, data, perm)
}

// MkdirAll makes a directory and what is missing above it, durably. It is no
// error when the directory exists. After an error those above may be there.
func MkdirAll(fsys FS, path string, perm fs.FileMode) error {
	if fi, err := fsys.Stat(path); err == nil {
		if fi.IsDir() {
			return nil
		}
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(fsys, parent, perm); err != nil {
			return err
		}
	}
	made := fsys.Mkdir(path, perm)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return made
	}
	err := fsys.SyncDir(parent)
	if err != nil && made == nil {
		_ = fsys.Remove(path) // it could go at any time
	}
	return err
}

// SameFile reports whether both descriptions are of the same file: the same
// device and inode. It works for every FS whose FileInfo holds a
// *syscall.Stat_t, as those of this package do.
func SameFile(a, b fs.FileInfo) bool {
	x, okX := a.Sys().(*syscall.Stat_t)
	y, okY := b.Sys().(*syscall.Stat_t)
	return okX && okY && x.Dev == y.Dev && x.Ino == y.Ino
}
