// Package fsys is the few file operations that mail storage needs, as an
// interface, so that tests can count them, fail each in turn and cut the power
// between any two. OS is the real one.
//
// Every change to a mail file goes through an FS. Names are plain paths.
// Errors are those of package os (fs.PathError and kin), so errors.Is with
// fs.ErrNotExist, syscall.ENOSPC and the like works.
package fsys

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// ErrNotFile: the name is that of a pipe, a device or the like.
var ErrNotFile = errors.New("is no regular file")

// FS is a file system. It is safe for concurrent use.
type FS interface {
	// OpenFile opens a file or a directory with the flags of package os. What is
	// neither gives ErrNotFile, at once: opening a pipe would wait for whoever
	// writes into it.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// CreateWith makes a file, open for reading and writing, that has its content
	// from the moment it has its name; an existing name gives fs.ErrExist.
	CreateWith(name string, content []byte, perm fs.FileMode) (File, error)
	// Rename replaces newname atomically. Durable after SyncDir of both parents.
	Rename(oldname, newname string) error
	// Link makes a hard link; an existing newname gives fs.ErrExist.
	Link(oldname, newname string) error
	// Symlink makes a symbolic link holding target; an existing name gives fs.ErrExist.
	Symlink(target, name string) error
	Readlink(name string) (string, error)
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	Mkdir(name string, perm fs.FileMode) error
	// ReadDir returns the entries in no order. A directory that changes
	// meanwhile may hide or repeat entries that were renamed. The names may share
	// memory.
	ReadDir(name string) ([]Entry, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	Chtimes(name string, atime, mtime time.Time) error
	// Chmod sets the permissions of a file or directory, and its sticky bit.
	Chmod(name string, perm fs.FileMode) error
	// Lchown gives a file, or a symbolic link itself, to a user and a group.
	Lchown(name string, uid, gid int) error
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
}

// Entry is a name in a directory. Type holds only the type bits and may be
// fs.ModeIrregular when the file system did not tell; then Lstat.
type Entry struct {
	Name string
	Type fs.FileMode
}

// File is an open file.
type File interface {
	io.Reader
	io.Writer
	io.Seeker
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	// Sync makes content and size durable.
	Sync() error
	// TryLock takes an open-file-description lock on the whole file (fcntl
	// F_OFD_SETLK), which conflicts with POSIX locks of other programs and
	// with other opens in this process. It never waits: false means that
	// somebody else holds it.
	TryLock(exclusive bool) (bool, error)
	// LockHolder returns the process whose lock keeps this file from being
	// locked exclusively. It is 0 when nobody's does, or when the holder cannot
	// be told: an open-file-description lock belongs to no process.
	LockHolder() (pid int, err error)
	// Unlock gives it back; Close does so too.
	Unlock() error
}
