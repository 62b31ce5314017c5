package maildir

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"restante/fsys"
	"restante/mailstore"
)

// Layout is how mailboxes below INBOX stand on disk.
type Layout int

const (
	// MaildirPP is Maildir++: the mailbox a.b is the directory .a.b of the
	// root. The delimiter is a dot, a slash cannot be in a name.
	MaildirPP Layout = iota
	// FS is one directory per level: the mailbox a/b is the directory a/b below
	// the root. The delimiter is a slash. A level that has the name of something
	// else in a Maildir, as new, or begins with a dot, is written with its first
	// character in base64, as &AG4-ew; Dovecot refuses such names.
	FS
)

// tree finds the directories of mailboxes. It keeps nothing in memory.
type tree struct {
	fs     fsys.FS
	layout Layout
	root   string
	inbox  string // the directory of INBOX
	// control is the root of the control files where that is not root, else "".
	control string
	log     *slog.Logger
	warned  sync.Map // paths that were complained of
}

// warn logs once what an operator can repair.
func (t *tree) warn(msg, path string, args ...any) {
	if _, again := t.warned.LoadOrStore(path, true); !again {
		t.log.Warn(msg, append([]any{"path", path}, args...)...)
	}
}

// kind is what stands under a name.
type kind int

const (
	nothing kind = iota
	place        // a directory that is no mailbox
	box          // a mailbox
)

// node is a name with its directory.
type node struct {
	name string
	dir  string
	kind kind
}

func (t *tree) delimiter() string {
	if t.layout == FS {
		return "/"
	}
	return "."
}

// check returns ErrInvalidName for what cannot be the name of a new mailbox.
func (t *tree) check(name string) error {
	if err := t.checkSubscribed(name); err != nil {
		return err
	}
	for level := range strings.SplitSeq(name, t.delimiter()) {
		switch {
		case strings.Contains(level, "/"):
			return mailstore.ErrInvalidName
		case t.layout == FS && len(t.encodings(level)[0]) > 255:
			return mailstore.ErrInvalidName
		}
	}
	if t.layout == MaildirPP && len(encodeUTF7(name)) > 254 {
		return mailstore.ErrInvalidName
	}
	return nil
}

// checkSubscribed returns ErrInvalidName for what cannot be subscribed. A slash can
// be in a name that others give mailboxes, which are no directories here.
func (t *tree) checkSubscribed(name string) error {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return mailstore.ErrInvalidName
	}
	for level := range strings.SplitSeq(name, t.delimiter()) {
		if level == "" {
			return mailstore.ErrInvalidName
		}
	}
	return nil
}

// reserved are the names that a Maildir has for other things than mailboxes.
func reserved(level string) bool {
	switch level {
	case "cur", "new", "tmp", "subscriptions", folderMark, "maildirsize":
		return true
	}
	for _, prefix := range []string{".", "dovecot-", "dovecot.", "restante-", "courierimap"} {
		if strings.HasPrefix(level, prefix) {
			return true
		}
	}
	return false
}

// encodings returns the directory names that may stand for a mailbox name, in
// the FS layout for a level of it; the one for new directories comes first.
func (t *tree) encodings(name string) []string {
	if t.layout == FS && reserved(name) {
		return []string{encodeReserved(name)}
	}
	list := encodings(name)
	if len(list) > 1 {
		if other, ok := t.decode(list[1]); !ok || other != name {
			list = list[:1] // the second is how a reserved name is written
		}
	}
	return list
}

// encodeReserved writes a name in modified UTF-7, but its first character in
// base64, which no other name has there.
func encodeReserved(name string) string {
	_, n := utf8.DecodeRuneInString(name)
	return "&" + encodeUTF16(name[:n]) + "-" + encodeUTF7(name[n:])
}

// decode is the reverse of encodings.
func (t *tree) decode(dir string) (name string, ok bool) {
	if t.layout == FS {
		if name, _ := looseUTF7(dir); reserved(name) && encodeReserved(name) == dir {
			return name, true
		}
	}
	return decodeName(dir)
}

// newDir is the directory that a new mailbox of this name gets.
func (t *tree) newDir(name string) string {
	if name == mailstore.Inbox {
		return t.inbox
	}
	if t.layout == MaildirPP {
		return filepath.Join(t.root, "."+encodeUTF7(name))
	}
	dir := t.root
	for level := range strings.SplitSeq(name, "/") {
		dir = t.existing(dir, level)
	}
	return dir
}

// existing returns the directory of a level: the one that is there, or else the
// one to be made.
func (t *tree) existing(parent, level string) string {
	spellings := t.encodings(level)
	for _, s := range spellings {
		dir := filepath.Join(parent, s)
		if _, err := t.fs.Lstat(dir); err == nil {
			return dir
		}
	}
	return filepath.Join(parent, spellings[0])
}

// find returns what stands under a name. When that is nothing, dir is where a
// mailbox of this name would be made.
func (t *tree) find(ctx context.Context, name string) (node, error) {
	defer fsys.Hold(t.fs).Release()
	n := node{name: name, dir: t.newDir(name)}
	if name == mailstore.Inbox {
		n.kind = box
		return n, nil
	}
	if err := t.check(name); err != nil {
		return n, nil // there cannot be one
	}
	dirs := []string{n.dir}
	if t.layout == MaildirPP {
		dirs = dirs[:0]
		for _, s := range t.encodings(name) {
			dirs = append(dirs, filepath.Join(t.root, "."+s))
		}
	}
	for _, dir := range dirs {
		k, err := t.kindOf(dir)
		if err != nil || k != nothing {
			return node{name, dir, k}, err
		}
	}
	if strings.HasPrefix(name, mailstore.Inbox+t.delimiter()) {
		return t.search(ctx, n)
	}
	return n, nil
}

// search looks for a name below INBOX that is written otherwise on disk, as
// .inbox.lists.
func (t *tree) search(ctx context.Context, n node) (node, error) {
	all, err := t.list(ctx)
	for _, other := range all {
		if other.name == n.name {
			return other, err
		}
	}
	return n, err
}

func (t *tree) kindOf(dir string) (kind, error) {
	for _, try := range []struct {
		path string
		kind kind
	}{{filepath.Join(dir, "cur"), box}, {dir, place}} {
		fi, err := t.fs.Stat(try.path)
		if err == nil && fi.IsDir() {
			return try.kind, nil
		}
		if err != nil && !isAbsent(err) {
			return nothing, err
		}
	}
	return nothing, nil
}

// list returns all mailboxes but INBOX, and in the FS layout all places.
func (t *tree) list(ctx context.Context) ([]node, error) { return t.listBeside(ctx, nil) }

// listBeside is list, and tells which files stand in the root, unless beside is nil.
func (t *tree) listBeside(ctx context.Context, beside *rootFiles) ([]node, error) {
	defer fsys.Hold(t.fs).Release()
	if t.layout == MaildirPP {
		return t.listFlat(ctx, beside)
	}
	top, err := t.fs.Stat(t.root)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var visits fsys.Visits
	return t.listBelow(ctx, t.root, "", way{above: []fs.FileInfo{top}, visits: &visits})
}

// closed reports whether an error says that a directory may not be looked at, as
// when a link leads to what is another user's. Then it is no mailbox, and no
// reason to show none of the others.
func (t *tree) closed(err error, dir string) bool {
	if !errors.Is(err, fs.ErrPermission) {
		return false
	}
	t.warn("directory is not shown as a mailbox, as it may not be looked at: change its permissions or remove it", dir, "err", err)
	return true
}

func (t *tree) listFlat(ctx context.Context, beside *rootFiles) ([]node, error) {
	entries, err := t.fs.ReadDir(t.root)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	beside.note(t, entries)
	f := flatList{tree: t, at: make(map[string]int, len(entries))}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		encoded, isBox := strings.CutPrefix(e.Name, ".")
		if !isBox || !mayBeDir(e) {
			continue
		}
		name, ok := t.decode(encoded)
		if !ok || t.check(name) != nil {
			if !strings.HasPrefix(encoded, ".") && encoded != "" {
				t.warn("directory cannot be shown as a mailbox: rename it", filepath.Join(t.root, e.Name))
			}
			continue
		}
		if err := f.add(name, filepath.Join(t.root, e.Name)); err != nil {
			return nil, err
		}
	}
	return f.nodes, nil
}

// flatList is what listFlat has found, and where in it each name stands.
type flatList struct {
	tree  *tree
	nodes []node
	at    map[string]int
}

// add adds a mailbox unless another directory has the same name.
func (f *flatList) add(name, dir string) error {
	t := f.tree
	n := node{name: mailstore.CanonicalName(name, rune(t.delimiter()[0])), dir: dir}
	if n.name == mailstore.Inbox {
		t.warnInbox(dir)
		return nil
	}
	var err error
	if n.kind, err = t.kindOf(dir); t.closed(err, dir) {
		return nil
	}
	if err != nil || n.kind != box {
		return err
	}
	i, twice := f.at[n.name]
	switch {
	case !twice:
		f.at[n.name] = len(f.nodes)
		f.nodes = append(f.nodes, n)
		return nil
	case f.nodes[i].dir == t.newDir(n.name):
		n.dir = f.nodes[i].dir
	default:
		f.nodes[i] = n
	}
	t.warn("two directories have the same mailbox name: rename one", dir, "mailbox", n.name, "shown", n.dir)
	return nil
}

// warnInbox tells of a directory that has the name of the inbox and is not it.
func (t *tree) warnInbox(dir string) {
	if dir != t.inbox {
		t.warn("directory has the name of the inbox, which is elsewhere: rename it or give it as the place of INBOX", dir, "inbox", t.inbox)
	}
}

// way is how a directory was reached.
type way struct {
	above  []fs.FileInfo // the directories on it, by which a link that leads back is known
	linked bool          // over a symbolic link
	visits *fsys.Visits  // of what stands behind links
}

// listBelow walks the directories of the FS layout.
func (t *tree) listBelow(ctx context.Context, dir, prefix string, to way) ([]node, error) {
	entries, err := t.fs.ReadDir(dir)
	if isAbsent(err) || len(to.above) > 1 && t.closed(err, dir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []node
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if reserved(e.Name) || !mayBeDir(e) {
			continue
		}
		path := filepath.Join(dir, e.Name)
		level, ok := t.decode(e.Name)
		if !ok || t.check(level) != nil {
			t.warn("directory cannot be shown as a mailbox: rename it", path)
			continue
		}
		n, fi, err := t.lookAt(path, prefix+level, to.above)
		if err != nil {
			return nil, err
		}
		if fi == nil {
			continue
		}
		linked := to.linked || !e.Type.IsDir()
		if linked && !to.visits.Enter(fi) {
			t.warn("too many symbolic links lead to one directory: remove some of them", path)
			continue
		}
		if n.kind != nothing {
			list = append(list, n)
		}
		below, err := t.listBelow(ctx, path, prefix+level+"/", way{append(to.above, fi), linked, to.visits})
		if err != nil {
			return nil, err
		}
		list = append(list, below...)
	}
	return list, nil
}

// lookAt finds out what an entry is. fi is nil for what is no directory to walk
// into; a kind of nothing is not shown.
func (t *tree) lookAt(path, name string, above []fs.FileInfo) (n node, fi fs.FileInfo, err error) {
	fi, err = t.fs.Stat(path)
	if isAbsent(err) || t.closed(err, path) || err == nil && (!fi.IsDir() || leadsBack(fi, above)) {
		return n, nil, nil
	}
	if err != nil {
		return n, nil, err
	}
	n = node{name: mailstore.CanonicalName(name, '/'), dir: path}
	if n.kind, err = t.kindOf(path); t.closed(err, path) {
		return n, nil, nil
	}
	if n.name == mailstore.Inbox {
		if n.kind == box {
			t.warnInbox(path)
		}
		n.kind = nothing
	}
	return n, fi, err
}

func leadsBack(fi fs.FileInfo, above []fs.FileInfo) bool {
	return slices.ContainsFunc(above, func(a fs.FileInfo) bool { return fsys.SameFile(a, fi) })
}

// mayBeDir reports whether an entry is a directory, or may lead to one.
func mayBeDir(e fsys.Entry) bool {
	return e.Type.IsDir() || e.Type&(fs.ModeSymlink|fs.ModeIrregular) != 0
}

// isAbsent reports whether an error says that a name is not there.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir)
}
