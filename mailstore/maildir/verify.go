package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"restante/mailstore"
	"restante/mailstore/index"
)

// Verify compares the files of a mailbox with the UID list and with our index.
func (a *account) Verify(ctx context.Context, name string) ([]mailstore.Difference, error) {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	n, err := a.tree.find(ctx, a.canonical(name))
	if err == nil && n.kind != box {
		err = a.noBox(ctx, n)
	}
	if err != nil {
		return nil, fail("verify", name, err)
	}
	v := verifier{a: a, node: n, files: make(map[string]file), uids: make(map[string]mailstore.UID), sizes: make(map[string]int64)}
	for _, step := range []func(context.Context) error{v.readFiles, v.readList, v.compareSizes, v.compareIndex} {
		if err := step(ctx); err != nil {
			return v.found, fail("verify", name, err)
		}
	}
	return v.found, nil
}

// verifier holds what is known of one mailbox, by base name.
type verifier struct {
	a     *account
	node  node
	files map[string]file
	uids  map[string]mailstore.UID
	sizes map[string]int64 // in CRLF form
	head  uidHeader
	found []mailstore.Difference
}

func (v *verifier) tell(path string, uid mailstore.UID, format string, args ...any) {
	v.found = append(v.found, mailstore.Difference{Path: filepath.Join(v.node.dir, path), UID: uid, What: fmt.Sprintf(format, args...)})
}

// tellList tells of the UID list.
func (v *verifier) tellList(uid mailstore.UID, format string, args ...any) {
	path := filepath.Join(v.a.tree.controlOf(v.node.dir), uidListName)
	v.found = append(v.found, mailstore.Difference{Path: path, UID: uid, What: fmt.Sprintf(format, args...)})
}

// bases yields the base names of all files in order.
func (v *verifier) bases() iter.Seq[string] {
	list := make([]string, 0, len(v.files))
	for base := range v.files {
		list = append(list, base)
	}
	slices.Sort(list)
	return slices.Values(list)
}

func (v *verifier) readFiles(context.Context) error {
	for _, sub := range []string{"new", "cur"} {
		entries, err := v.a.fs.ReadDir(filepath.Join(v.node.dir, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			f := file{e.Name, sub == "new"}
			switch other, twice := v.files[f.base()]; {
			case !usable(e.Name):
			case twice:
				v.tell(f.path(), 0, "has the same name as %s; one of them gets another name when the mailbox is opened", other.path())
			default:
				v.files[f.base()] = f
			}
		}
	}
	return nil
}

func (v *verifier) readList(context.Context) error {
	l := uidList{fs: v.a.fs}
	r, err := l.update(v.a.tree.controlOf(v.node.dir), false, func(rec uidRecord) {
		base := string(rec.base)
		if f, there := v.files[base]; there {
			v.uids[base] = rec.uid
			if size := rec.size(); size != mailstore.Unknown {
				v.listSize(f, rec.uid, size)
			}
		}
	})
	if err != nil {
		return err
	}
	v.head = l.uidHeader
	switch {
	case r.missing && len(v.files) > 0:
		v.tellList(0, "is missing: the messages get UIDs when the mailbox is opened")
		return nil
	case r.header != nil:
		v.tellList(0, "has no header that can be read: %v", r.header)
	}
	for _, line := range r.damage {
		v.tellList(0, "has a line that is no record: %s", line)
	}
	for base := range v.bases() {
		if f := v.files[base]; v.uids[base] == 0 && !f.inNew && !r.missing {
			v.tell(f.path(), 0, "has no UID in %s; it gets one when the mailbox is opened", uidListName)
		}
	}
	return nil
}

// listSize notes the size that the UID list gives a message.
func (v *verifier) listSize(f file, uid mailstore.UID, size int64) {
	if actual, _, err := v.measure(f); err == nil && actual != size {
		v.tellList(uid, "says that %s has %d octets with CRLF, and it has %d; rebuild corrects it", f.path(), size, actual)
	}
}

// measure reads a message for its size in CRLF form, once, and as it stands.
func (v *verifier) measure(f file) (size, stored int64, err error) {
	in, err := v.a.fs.OpenFile(filepath.Join(v.node.dir, f.path()), os.O_RDONLY, 0)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return 0, 0, err
	}
	if size, known := v.sizes[f.base()]; known {
		return size, fi.Size(), nil
	}
	buf := v.a.buffer()
	defer v.a.buffers.Put(buf)
	size, err = crlfSize(in, *buf)
	v.sizes[f.base()] = size
	return size, fi.Size(), err
}

// compareSizes reads every message.
func (v *verifier) compareSizes(ctx context.Context) error {
	for base := range v.bases() {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := v.files[base]
		size, stored, err := v.measure(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed or removed meanwhile
		}
		if err != nil {
			v.tell(f.path(), v.uids[base], "cannot be read: %v", err)
			continue
		}
		if says := sizeField(base, 'S'); says != mailstore.Unknown && says != stored {
			v.tell(f.path(), v.uids[base], "has %d octets, and its name says %d", stored, says)
		}
		if says := sizeField(base, 'W'); says != mailstore.Unknown && says != size {
			v.tell(f.path(), v.uids[base], "has %d octets with CRLF, and its name says %d", size, says)
		}
	}
	return nil
}

// compareIndex tells what cannot be right in our index whatever has happened
// since it was saved.
func (v *verifier) compareIndex(context.Context) error {
	if v.a.indexRoot == "" {
		return nil
	}
	dir := v.a.indexDir(v.node.name)
	x, b, err := index.Read(v.a.indexFS, dir, fileCodec{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	tell := func(uid mailstore.UID, format string, args ...any) {
		v.found = append(v.found, mailstore.Difference{Path: dir, UID: uid, What: fmt.Sprintf(format, args...)})
	}
	if err != nil {
		tell(0, "the index cannot be used and will be built anew: %v", err)
		return nil
	}
	k, ok := parseStamp(b)
	if !ok || k.header.validity != v.head.validity {
		tell(0, "the index is of another UIDVALIDITY or version and will be built anew")
		return nil
	}
	x.View(func(records iter.Seq2[mailstore.Record, file]) {
		for r, f := range records {
			base := f.base()
			uid, size := v.uids[base], v.sizes[base]
			if _, there := v.files[base]; !there || uid == 0 {
				continue // gone since, or the list has lost it
			}
			if uid != r.UID {
				tell(r.UID, "the index gives this UID to %s, which has %d", f.path(), uid)
			}
			if r.Size != mailstore.Unknown && r.Size != size {
				tell(r.UID, "the index says that %s has %d octets with CRLF, and it has %d; rebuild corrects it", f.path(), r.Size, size)
			}
		}
	})
	return nil
}

// Rebuild removes the index and writes the UID list anew, with sizes found out
// anew, and each message under the UID that it has.
func (a *account) Rebuild(ctx context.Context, name string) error {
	a.removeIndex(a.canonical(name))
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	m, err := a.open(ctx, a.canonical(name))
	if err != nil {
		return fail("rebuild", name, err)
	}
	defer a.release(m)
	return m.writing(ctx, "rebuild", func() error {
		if err := m.measureAll(ctx); err != nil {
			return err
		}
		m.list.rewrite = true
		return m.withList(ctx, m.a.lockWait, nil, nil)
	})
}

// measureAll finds out the sizes of all messages from their files.
func (m *mailbox) measureAll(ctx context.Context) error {
	for _, e := range m.Collect(mailstore.AllUIDs()) {
		r := e.Record
		r.Size = mailstore.Unknown
		err := m.examine(ctx, &r, mailstore.AttrSize|lacking(e.Record, mailstore.AttrDate))
		if errors.Is(err, mailstore.ErrExpunged) {
			continue
		}
		if err != nil {
			return err
		}
		m.Learn(func(tx *index.Tx[file]) { tx.SetAttrs(r.UID, r.Size, r.Date) })
	}
	return nil
}
