package index

import (
	"os"
	"path/filepath"

	"restante/fsys"
)

// Read returns what is saved in an index directory, without using it: nothing is
// changed, and a Store may be at work there. The error is fs.ErrNotExist where
// nothing is saved.
func Read[T any](fs fsys.FS, dir string, codec Codec[T]) (x *Index[T], stamp []byte, err error) {
	f, err := fs.OpenFile(filepath.Join(dir, indexName), os.O_RDONLY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	r, err := newFrameReader(f, fi.Size())
	if err != nil {
		return nil, nil, err
	}
	x = New[T](1, 1)
	d := decoder[T]{x: x, file: &dataFile[T]{codec: codec, seed: r.seed, f: f}}
	if err := d.read(r); err != nil {
		return nil, nil, err
	}
	if err := x.readAll(); err != nil {
		return nil, nil, err
	}
	return x, d.stamp, nil
}
