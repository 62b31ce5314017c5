package faultfs

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// node is an inode: what is there now and, beside it, what is durable.
type node struct {
	ino          uint64
	mode         fs.FileMode
	uid, gid     uint32
	links        int
	atime, ctime time.Time
	mtime        time.Time
	stableMtime  time.Time
	stableCtime  time.Time

	// A file.
	data, stable content
	writes       []write // since the last Sync
	locks        map[*file]bool

	// A directory.
	entries, stableEntries map[string]*node

	// A symbolic link.
	target string
}

// write is a change of content: data at off, or with truncate a new size off.
type write struct {
	off      int64
	data     []byte
	truncate bool
}

func (w write) applyTo(c *content) {
	if w.truncate {
		c.resize(w.off)
		return
	}
	c.writeAt(w.data, w.off)
}

func (f *FS) newNode(mode fs.FileMode) *node {
	f.inos++
	t := f.now()
	n := &node{ino: f.inos, mode: mode, uid: uint32(os.Getuid()), gid: uint32(os.Getgid()), atime: t, ctime: t, mtime: t, stableMtime: t, stableCtime: t}
	if mode.IsDir() {
		n.entries, n.stableEntries = make(map[string]*node), make(map[string]*node)
	} else {
		n.locks = make(map[*file]bool)
	}
	return n
}

// change changes the content.
func (n *node) change(w write, now time.Time) {
	n.writes = append(n.writes, w)
	w.applyTo(&n.data)
	n.mtime, n.ctime = now, now
}

func (n *node) sync() {
	for _, w := range n.writes {
		w.applyTo(&n.stable)
	}
	n.writes = nil
	n.stableMtime, n.stableCtime = n.mtime, n.ctime
}

// settle makes the node and all below it durable; its edits already are.
func (n *node) settle(done map[*node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	n.sync()
	n.stableEntries = maps.Clone(n.entries)
	for _, child := range n.entries {
		child.settle(done)
	}
}

// revert gives the node, and all that durably is below it, the state after a
// loss of power.
func (n *node) revert(rnd *rand.Rand, done map[*node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	if n.mode.IsDir() {
		n.entries = maps.Clone(n.stableEntries)
		for _, child := range n.entries {
			if !done[child] {
				child.links = 0
			}
			child.revert(rnd, done)
			child.links++
		}
		n.revertTimes(rnd)
		return
	}
	n.locks = make(map[*file]bool)
	for _, w := range n.writes {
		if rnd == nil || rnd.IntN(2) == 0 {
			continue
		}
		if rnd.IntN(4) == 0 {
			w.data = w.data[:rnd.IntN(len(w.data)+1)]
		}
		w.applyTo(&n.stable)
	}
	n.writes = nil
	n.data = n.stable.clone()
	n.revertTimes(rnd)
}

// revertTimes gives it the times that are durable, or those it had, whatever it has of
// content or entries.
func (n *node) revertTimes(rnd *rand.Rand) {
	if rnd != nil && rnd.IntN(2) == 0 {
		n.stableMtime, n.stableCtime = n.mtime, n.ctime
	}
	n.mtime, n.ctime = n.stableMtime, n.stableCtime
}

func (n *node) clone(made map[*node]*node) *node {
	if c := made[n]; c != nil {
		return c
	}
	c := &node{ino: n.ino, mode: n.mode, links: n.links, atime: n.atime, ctime: n.ctime, mtime: n.mtime, stableMtime: n.mtime, stableCtime: n.ctime, target: n.target}
	made[n] = c
	if n.mode.IsDir() {
		c.entries = make(map[string]*node, len(n.entries))
		for name, child := range n.entries {
			c.entries[name] = child.clone(made)
		}
		return c
	}
	c.data, c.stable = n.data.clone(), n.data.clone()
	c.locks = make(map[*file]bool)
	return c
}

// edit is a change of a directory that is not durable yet: one name, or both
// names of a rename within the directory.
type edit struct {
	dir   *node
	names []naming
	// after is the other half of a rename between directories, which must be
	// durable before; with is the one that becomes durable at the same time.
	after, with *edit
	done        bool
}

// naming gives a name to a node, or takes it away when node is nil.
type naming struct {
	name string
	node *node
}

func (n naming) applyTo(entries map[string]*node) {
	if n.node == nil {
		delete(entries, n.name)
		return
	}
	entries[n.name] = n.node
}

func (e *edit) apply() {
	if e.done {
		return
	}
	e.done = true
	for _, n := range e.names {
		n.applyTo(e.dir.stableEntries)
	}
}

// edit changes a directory and notes that this is not durable.
func (f *FS) edit(dir *node, after *edit, names ...naming) *edit {
	for _, n := range names {
		n.applyTo(dir.entries)
	}
	dir.mtime = f.now()
	dir.ctime = dir.mtime
	e := &edit{dir: dir, names: names, after: after}
	f.edits = append(f.edits, e)
	return e
}

// persist makes the changes of a directory durable, in order, up to last; nil
// is all of them.
func (f *FS) persist(dir *node, last *edit) {
	for _, e := range f.edits {
		if e.dir == dir && !e.done {
			if e.after != nil && !e.after.done {
				f.persist(e.after.dir, e.after)
			}
			e.apply()
			if e.with != nil && !e.with.done {
				f.persist(e.with.dir, e.with)
			}
		}
		if e == last {
			return
		}
	}
}

func (f *FS) syncDir(dir *node) {
	f.persist(dir, nil)
	dir.stableMtime, dir.stableCtime = dir.mtime, dir.ctime
	left := f.edits[:0]
	for _, e := range f.edits {
		if !e.done {
			left = append(left, e)
		}
	}
	f.edits = left
}

// crashDirs lets a random number of the first changes of each directory become
// durable, and forgets the others.
func (f *FS) crashDirs(rnd *rand.Rand) {
	if rnd != nil {
		stopped := make(map[*node]bool)
		for _, e := range f.edits {
			if stopped[e.dir] = stopped[e.dir] || rnd.IntN(3) == 0; !stopped[e.dir] {
				f.persist(e.dir, e)
			}
		}
	}
	f.edits = nil
}

// maxLinks is how many symbolic links may stand in a path, as in Linux.
const maxLinks = 40

// lookup walks to a path. dir and base name its place even when nothing is
// there; follow says what to do with a symbolic link at the end.
func (f *FS) lookup(name string, follow bool) (dir *node, base string, n *node, err error) {
	return f.walk(f.root, nil, name, follow, maxLinks)
}

// walk goes from dir, whose parents stand in above.
func (f *FS) walk(dir *node, above []*node, name string, follow bool, links int) (*node, string, *node, error) {
	if strings.HasPrefix(name, "/") {
		dir, above = f.root, nil
	}
	if name == "" {
		return nil, "", nil, syscall.ENOENT
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	if len(parts) == 0 || path.Clean(name) == "." {
		return dir, ".", dir, nil
	}
	for i, part := range parts {
		if !dir.mode.IsDir() {
			return nil, "", nil, syscall.ENOTDIR
		}
		if len(part) > 255 {
			return nil, "", nil, syscall.ENAMETOOLONG
		}
		last := i == len(parts)-1
		next := dir.entries[part]
		switch {
		case part == ".":
			next = dir
		case part == "..":
			next, above = f.parent(above)
			dir = next
			if last {
				return dir, ".", dir, nil
			}
			continue
		case next == nil && last:
			return dir, part, nil, nil
		case next == nil:
			return nil, "", nil, syscall.ENOENT
		case next.mode&fs.ModeSymlink != 0 && (!last || follow):
			if links == 0 {
				return nil, "", nil, syscall.ELOOP
			}
			rest := strings.Join(append([]string{next.target}, parts[i+1:]...), "/")
			return f.walk(dir, above, rest, follow, links-1)
		}
		if last {
			return dir, part, next, nil
		}
		above = append(above[:len(above):len(above)], dir)
		dir = next
	}
	return nil, "", nil, syscall.ENOENT
}

func (f *FS) parent(above []*node) (*node, []*node) {
	if len(above) == 0 {
		return f.root, nil
	}
	return above[len(above)-1], above[:len(above)-1]
}

// info implements fs.FileInfo; Sys gives a *syscall.Stat_t as package os does.
type info struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
	stat  syscall.Stat_t
}

func (n *node) info(name string) fs.FileInfo {
	i := &info{name: path.Base(name), size: n.data.size, mode: n.mode, mtime: n.mtime}
	if n.mode&fs.ModeSymlink != 0 {
		i.size = int64(len(n.target))
	}
	kind := map[fs.FileMode]uint32{0: syscall.S_IFREG, fs.ModeDir: syscall.S_IFDIR, fs.ModeSymlink: syscall.S_IFLNK}[n.mode.Type()]
	i.stat.Dev, i.stat.Ino = 1, n.ino
	i.stat.Mode = kind | uint32(n.mode.Perm())
	for range max(n.links, 0) {
		i.stat.Nlink++ // its type depends on the machine
	}
	i.stat.Uid, i.stat.Gid = n.uid, n.gid
	i.stat.Size = i.size
	i.stat.Blksize, i.stat.Blocks = 4096, (i.size+511)/512
	i.stat.Atim = syscall.NsecToTimespec(n.atime.UnixNano())
	i.stat.Mtim = syscall.NsecToTimespec(n.mtime.UnixNano())
	i.stat.Ctim = syscall.NsecToTimespec(n.ctime.UnixNano())
	return i
}

func (i *info) Name() string       { return i.name }
func (i *info) Size() int64        { return i.size }
func (i *info) Mode() fs.FileMode  { return i.mode }
func (i *info) ModTime() time.Time { return i.mtime }
func (i *info) IsDir() bool        { return i.mode.IsDir() }
func (i *info) Sys() any           { return &i.stat }
