package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/storetest"
)

func openAccount(t testing.TB, opt Options) mailstore.Account {
	t.Helper()
	if opt.FS == nil {
		opt.FS = fsys.OS{}
	}
	if opt.LockTimeout == 0 {
		opt.LockTimeout = 5 * time.Second
	}
	a, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var cannot = map[storetest.Ability]string{
	storetest.SaveDates: "a From line tells when a message was delivered first",
	storetest.DualUse:   "a mailbox is a file, and a place for others is a directory",
}

// TestStore runs the suite of all formats: over real files, and in memory with
// the inbox where a delivery agent would have it.
func TestStore(t *testing.T) {
	t.Run("files", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Harness {
			return harness(t, Options{FS: fsys.OS{}, Root: filepath.Join(t.TempDir(), "mail")})
		})
	})
	t.Run("with an index", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Harness {
			root := filepath.Join(t.TempDir(), "mail")
			return harness(t, Options{FS: fsys.OS{}, Root: root, IndexDir: root + ".index"})
		})
	})
	t.Run("inbox elsewhere", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Harness {
			fsx := faultfs.New()
			if err := fsys.MkdirAll(fsx, "/var/mail", 0o755); err != nil {
				t.Fatal(err)
			}
			h := harness(t, Options{FS: fsx, Root: "/home/joe/mail", Inbox: "/var/mail/joe"})
			h.Cannot = maps.Clone(h.Cannot)
			h.Cannot[storetest.Watch] = "the kernel does not tell of files in memory"
			return h
		})
	})
}

func harness(t *testing.T, opt Options) storetest.Harness {
	return storetest.Harness{
		Account: openAccount(t, opt),
		Reopen:  func(t *testing.T) mailstore.Account { return openAccount(t, opt) },
		Cannot:  cannot,
		Check:   func(t *testing.T) { checkFiles(t, opt.FS, opt.Root) },
	}
}

// checkFiles looks at what is left when everything is closed: no lock or
// temporary files, clean journals, and mbox files that read as such.
func checkFiles(t *testing.T, fsx fsys.FS, dir string) {
	t.Helper()
	entries, err := fsx.ReadDir(dir)
	if err != nil {
		t.Error(err)
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		switch {
		case e.Type.IsDir():
			checkFiles(t, fsx, path)
		case strings.HasSuffix(e.Name, ".lock") || strings.HasPrefix(e.Name, fsys.TempPrefix):
			t.Errorf("%s was left behind", path)
		case e.Name == "restante.journal":
			j, err := openJournal(fsx, path, false)
			if err != nil || j.dirty() {
				t.Errorf("%s is not clean: %v", path, err)
			}
			if j != nil {
				j.close()
			}
		case !strings.HasPrefix(e.Name, ".") && !strings.HasPrefix(e.Name, "restante.") && e.Name != aclName:
			f, err := fsx.OpenFile(path, os.O_RDONLY, 0)
			if err != nil {
				t.Error(err)
				continue
			}
			fi, err := f.Stat()
			if err == nil {
				_, _, err = parseAll(f, fi.Size(), time.UTC, nil)
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			f.Close()
		}
	}
}

// fullDisk is a file system on which nothing can be made and no file can become
// longer, at once or from an operation on.
type fullDisk struct {
	*faultfs.FS
	full bool
	from int
}

func (d *fullDisk) isFull() bool { return d.full || d.from > 0 && d.Ops() >= d.from }

func (d *fullDisk) Mkdir(name string, perm fs.FileMode) error {
	if d.isFull() {
		return errFull
	}
	return d.FS.Mkdir(name, perm)
}

type fullFile struct {
	fsys.File
	disk *fullDisk
}

var errFull = &fs.PathError{Op: "write", Path: "/", Err: syscall.ENOSPC}

func (d *fullDisk) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if _, err := d.FS.Lstat(name); d.isFull() && errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0 {
		return nil, errFull
	}
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return fullFile{f, d}, nil
}

func (f fullFile) Write(b []byte) (int, error) {
	if f.disk.isFull() {
		return 0, errFull
	}
	return f.File.Write(b)
}

func (f fullFile) WriteAt(b []byte, off int64) (int, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if f.disk.isFull() && off+int64(len(b)) > fi.Size() {
		return 0, errFull
	}
	return f.File.WriteAt(b, off)
}

// TestFullDisk: a full disk keeps nobody from opening a mailbox, from reading
// and from expunging; what needs room says so and changes nothing.
func TestFullDisk(t *testing.T) {
	disk := &fullDisk{FS: faultfs.New()}
	ctx := t.Context()
	var text strings.Builder
	for i := range 300 {
		text.WriteString(mailOf(fmt.Sprint("m", i), "X: "+strings.Repeat("y", 5000)+"\n"))
	}
	if err := fsys.MkdirAll(disk, "/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsys.WriteFile(disk.FS, "/mail/inbox", []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	acct := openAccount(t, Options{FS: disk, Root: "/mail", Zone: time.UTC})
	m, err := acct.Open(ctx, mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ClaimRecent(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(1, 200), mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), mailstore.SetFlagsOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}

	disk.full = true
	if m, err = acct.Open(ctx, mailstore.Inbox); err != nil {
		t.Fatal(err)
	}
	if n := len(readWire(t, m, 7)); n < 5000 {
		t.Errorf("read %d octets", n)
	}
	if err := appendText(t, m, text.String()); !errors.Is(err, mailstore.ErrOverQuota) {
		t.Errorf("append: %v", err)
	}
	if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(3), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
		t.Errorf("a flag that has its place: %v", err)
	}
	_, err = m.SetFlags(ctx, mailstore.NewUIDSet(3), mailstore.AddFlags, mailstore.NewFlags(0, strings.Repeat("long", 100)), mailstore.SetFlagsOptions{})
	if !errors.Is(err, mailstore.ErrOverQuota) {
		t.Errorf("a keyword that has no place: %v", err)
	}
	removed, err := m.Expunge(ctx, mailstore.AllUIDs(), true)
	if err != nil || removed.Len() != 2 {
		t.Errorf("expunge: %v, %v", removed, err)
	}
	if s := m.Status(); s.Messages != 298 || s.Unseen != 297 {
		t.Errorf("status %+v", s)
	}
	disk.full = false
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	checkFiles(t, disk, "/mail")
}
