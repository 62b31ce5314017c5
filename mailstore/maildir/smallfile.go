package maildir

import "restante/fsys"

// changeFile changes a small file of the account; the caller keeps others of this
// process from it.
func (a *account) changeFile(path string, limit int64, change func(data []byte) ([]byte, bool, error)) error {
	if err := a.fs.Settle(); err != nil {
		return err // what is there already may not be durable
	}
	return fsys.ChangeFile(a.fs, path, limit, a.filePerm, change)
}
