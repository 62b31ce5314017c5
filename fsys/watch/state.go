package watch

import (
	"errors"

	"golang.org/x/sys/unix"
)

// state is what a look at a path shows. Two looks with different states have a
// change between them; with equal states they may have one still, made within
// one tick of the file system's clock (see target.echo).
type state struct {
	dev, ino     uint64
	mtime, ctime int64 // ns; ctime, since programs put mtime back
	size         int64
	there        bool
	blind        bool // it cannot be told what is there: permission, I/O error
	dir          bool
	link         bool // the path itself is a symbolic link, whatever it leads to
}

// sameFile: the path stands for the same inode.
func (s state) sameFile(o state) bool {
	return s.there == o.there && s.link == o.link && s.dir == o.dir && s.dev == o.dev && s.ino == o.ino
}

// look is lstat and, through a symbolic link, stat.
func look(path string) state {
	var st unix.Stat_t
	if err := noEINTR(func() error { return unix.Lstat(path, &st) }); err != nil {
		return state{blind: !isNothing(err)}
	}
	link := uint32(st.Mode)&unix.S_IFMT == unix.S_IFLNK
	if link {
		if err := noEINTR(func() error { return unix.Stat(path, &st) }); err != nil {
			return state{link: true, blind: !isNothing(err)}
		}
	}
	return state{
		dev: uint64(st.Dev), ino: uint64(st.Ino), size: st.Size,
		mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
		there: true, dir: uint32(st.Mode)&unix.S_IFMT == unix.S_IFDIR, link: link,
	}
}

// isNothing reports whether the error of a look says that nothing is there.
func isNothing(err error) bool {
	switch err {
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENAMETOOLONG:
		return true
	}
	return false
}

// noEINTR repeats a system call that a signal has cut short, as happens on
// network mounts.
func noEINTR(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
