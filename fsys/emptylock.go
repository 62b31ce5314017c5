package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// createEmpty makes a lock file that cannot name its process. Where it can be
// marked it is, from the first moment, so that others see when the process has
// ended; elsewhere they wait as for any lock of an unknown process.
func createEmpty(fsys FS, path string, perm fs.FileMode) (File, error) {
	if isLocal(fsys, filepath.Dir(path)) {
		f, err := createMarked(fsys, path, perm)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
}

// createMarked makes an empty file that has an open-file-description lock on it,
// which ends with this process, and the sticky bit to say so, which means nothing
// else on a file. Both are there before it has its name.
func createMarked(fsys FS, path string, perm fs.FileMode) (f File, err error) {
	temp := TempName(path)
	if f, err = fsys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm); err != nil {
		return nil, err
	}
	if err = mark(fsys, f, temp); err == nil {
		err = fsys.Link(temp, path)
	}
	_ = fsys.Remove(temp) // what stays is cleaned up as what a crash leaves
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func mark(fsys FS, f File, name string) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if ok, err := f.TryLock(true); !ok || err != nil {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return fsys.Chmod(name, fi.Mode().Perm()|fs.ModeSticky)
}

// isMarked reports whether whoever made the lock file has a lock on it as long as
// he has this one.
func isMarked(fsys FS, path string, fi fs.FileInfo) bool {
	return fi.Size() == 0 && fi.Mode()&fs.ModeSticky != 0 && isLocal(fsys, path)
}
