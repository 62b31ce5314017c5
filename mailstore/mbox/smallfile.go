package mbox

import (
	"path/filepath"

	"restante/fsys"
)

// changeFile changes a small file of the account and makes the directory that it
// needs; the caller has the right to change the tree.
func (a *account) changeFile(path string, limit int64, change func(data []byte) ([]byte, bool, error)) error {
	return fsys.ChangeFile(a.opt.FS, path, limit, 0o600, func(data []byte) ([]byte, bool, error) {
		data, changed, err := change(data)
		if err == nil && changed {
			err = fsys.MkdirAll(a.opt.FS, filepath.Dir(path), 0o700)
		}
		return data, changed, err
	})
}
