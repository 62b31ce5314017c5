package faultfs

import (
	"io"
	"io/fs"
	"os"
	"syscall"

	"restante/fsys"
)

// file is an open file. It stays good when its name is taken away.
type file struct {
	fs     *FS
	node   *node
	name   string
	flag   int
	pos    int64
	epoch  int
	closed bool
}

var _ fsys.File = (*file)(nil)

func (f *file) Name() string { return f.name }

// begin takes the lock when the file can still be used.
func (f *file) begin(op Op) (unlock func(), err error) {
	f.fs.mu.Lock()
	switch {
	case f.closed:
		err = fs.ErrClosed
	case f.fs.cut || f.epoch != f.fs.epoch:
		err = ErrPowerCut
	}
	if err != nil {
		f.fs.mu.Unlock()
		return nil, fail(op, f.name, err)
	}
	return f.fs.mu.Unlock, nil
}

func (f *file) Read(b []byte) (int, error) {
	unlock, err := f.begin("read")
	if err != nil {
		return 0, err
	}
	defer unlock()
	n, err := f.read(b, f.pos)
	f.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	unlock, err := f.begin("read")
	if err != nil {
		return 0, err
	}
	defer unlock()
	return f.read(b, off)
}

func (f *file) read(b []byte, off int64) (int, error) {
	switch {
	case f.node.mode.IsDir():
		return 0, fail("read", f.name, syscall.EISDIR)
	case f.flag&os.O_WRONLY != 0:
		return 0, fail("read", f.name, syscall.EBADF)
	case off < 0:
		return 0, fail("read", f.name, syscall.EINVAL)
	case len(b) == 0:
		return 0, nil
	case off >= f.node.data.size:
		return 0, io.EOF
	}
	n := f.node.data.readAt(b, off)
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(b []byte) (int, error) {
	unlock, err := f.begin(Write)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if f.flag&os.O_APPEND != 0 {
		f.pos = f.node.data.size
	}
	n, err := f.write(b, f.pos)
	f.pos += int64(n)
	return n, err
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	unlock, err := f.begin(Write)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if f.flag&os.O_APPEND != 0 || off < 0 {
		return 0, fail(Write, f.name, syscall.EINVAL)
	}
	return f.write(b, off)
}

func (f *file) write(b []byte, off int64) (int, error) {
	if f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return 0, fail(Write, f.name, syscall.EBADF)
	}
	if len(b) == 0 {
		return 0, nil
	}
	err := f.fs.change(Write, f.name)
	if err == nil && off+int64(len(b)) > f.node.data.size {
		err = f.fs.grow(Write, f.name)
	}
	if err != nil {
		b = b[:len(b)/2]
		if f.fs.cut {
			b = nil
		}
	}
	if len(b) > 0 {
		f.node.change(write{off: off, data: append([]byte(nil), b...)}, f.fs.now())
	}
	return len(b), err
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	unlock, err := f.begin("seek")
	if err != nil {
		return 0, err
	}
	defer unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.node.data.size
	}
	if offset < 0 {
		return 0, fail("seek", f.name, syscall.EINVAL)
	}
	f.pos = offset
	return offset, nil
}

func (f *file) Stat() (fs.FileInfo, error) {
	unlock, err := f.begin("stat")
	if err != nil {
		return nil, err
	}
	defer unlock()
	return f.node.info(f.name), nil
}

func (f *file) Truncate(size int64) error {
	unlock, err := f.begin(Truncate)
	if err != nil {
		return err
	}
	defer unlock()
	if size < 0 || f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return fail(Truncate, f.name, syscall.EINVAL)
	}
	if err := f.fs.change(Truncate, f.name); err != nil {
		return err
	}
	if have := f.node.data.size; size > have {
		if err := f.fs.grow(Truncate, f.name); err != nil {
			return err
		}
		f.node.change(write{off: have, data: make([]byte, size-have)}, f.fs.now())
		return nil
	}
	f.node.change(write{off: size, truncate: true}, f.fs.now())
	return nil
}

func (f *file) Sync() error {
	unlock, err := f.begin(Sync)
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.fs.change(Sync, f.name); err != nil {
		return err
	}
	f.node.sync()
	if f.node.mode.IsDir() {
		f.fs.syncDir(f.node)
	}
	return nil
}

// Close always succeeds, but for a second time; also after a loss of power,
// since nothing depends on it.
func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return fail("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	delete(f.node.locks, f)
	return nil
}

// TryLock conflicts with other open files, also of this process.
func (f *file) TryLock(exclusive bool) (bool, error) {
	unlock, err := f.begin("lock")
	if err != nil {
		return false, err
	}
	defer unlock()
	if exclusive && f.flag&(os.O_WRONLY|os.O_RDWR) == 0 || !exclusive && f.flag&os.O_WRONLY != 0 {
		return false, fail("lock", f.name, syscall.EBADF)
	}
	for other, otherExclusive := range f.node.locks {
		if other != f && (exclusive || otherExclusive) {
			return false, nil
		}
	}
	f.node.locks[f] = exclusive
	return true, nil
}

// LockHolder knows no processes.
func (f *file) LockHolder() (int, error) { return 0, nil }

// Unlock gives the lock back.
func (f *file) Unlock() error {
	unlock, err := f.begin("unlock")
	if err != nil {
		return err
	}
	defer unlock()
	delete(f.node.locks, f)
	return nil
}
