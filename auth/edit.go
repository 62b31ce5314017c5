package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"restante/fsys"
)

// Errors of editing, for errors.Is.
var (
	ErrUserExists = errors.New("user exists already")
	ErrNoUser     = errors.New("no such user")
)

// An Editor is a user table that is being changed. What it does not change it
// keeps byte for byte: comments, lines that it does not understand, the order,
// the line ends.
type Editor struct {
	table *Table
	lines [][]byte // with their line ends
}

// Edit changes the user table in file, which it creates with mode 0600 when
// there is none. While change runs, other editors wait; when change returns
// nil, the new table replaces the old one in one step, with the same owner and
// mode, and is on disk when Edit returns. When change or anything else fails,
// the old table stands.
//
// A file that somebody edits by other means at the same moment is noticed and
// left alone with an error.
func Edit(ctx context.Context, f fsys.FS, file string, change func(*Editor) error) error {
	file, err := resolve(file)
	if err != nil {
		return err
	}
	locked, err := lock(ctx, f, file)
	if err != nil {
		return fmt.Errorf("user table: %w", err)
	}
	defer locked.Close()
	before, err := locked.Stat()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(locked, maxTable))
	if err != nil {
		return fmt.Errorf("user table: %w", err)
	}
	e := &Editor{table: ParseTable(file, data), lines: bytes.SplitAfter(data, []byte("\n"))}
	if err := change(e); err != nil {
		return err
	}
	return replace(f, file, before, bytes.Join(e.lines, nil))
}

// resolve follows symbolic links, so that the table itself is replaced and not
// the link to it.
func resolve(file string) (string, error) {
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	return real, err
}

// lockTimeout is how long another editor may take.
const lockTimeout = 10 * time.Second

// lock opens the table and takes the lock on it. A lock belongs to a file and
// not to its name: when the name stands for another file by the time the lock
// is ours, somebody has replaced the table, and we begin again.
func lock(ctx context.Context, f fsys.FS, file string) (fsys.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	for {
		opened, err := f.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		ok, err := opened.TryLock(true)
		if err == nil && ok && sameFile(f, file, opened) {
			return opened, nil
		}
		_ = opened.Close()
		if err != nil {
			return nil, err
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return nil, fmt.Errorf("%s: another program has held the lock for %v; try again when it is done", file, lockTimeout)
		}
	}
}

func sameFile(f fsys.FS, name string, opened fsys.File) bool {
	a, aerr := f.Stat(name)
	b, berr := opened.Stat()
	return aerr == nil && berr == nil && os.SameFile(a, b)
}

// replace writes data beside the table and puts it in its place, unless the
// table has changed since before.
func replace(f fsys.FS, file string, before fs.FileInfo, data []byte) (err error) {
	tmp := fsys.TempName(file)
	w, err := f.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("user table: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Remove(tmp)
		}
	}()
	_, err = w.Write(data)
	if err == nil {
		err = w.Sync()
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = inherit(tmp, before)
	}
	if err != nil {
		return fmt.Errorf("user table: write %s: %w", file, err)
	}
	now, err := f.Stat(file)
	if err != nil || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) || !os.SameFile(now, before) {
		return fmt.Errorf("user table: %s was changed by another program at the same time; nothing was changed here, try again", file)
	}
	if err := f.Rename(tmp, file); err != nil {
		return fmt.Errorf("user table: %w", err)
	}
	return f.SyncDir(filepath.Dir(file))
}

// inherit gives the new file the mode and the owner of the old one: a table may
// be shared with another server that runs as somebody else.
func inherit(tmp string, old fs.FileInfo) error {
	if mode := old.Mode().Perm(); mode != 0o600 {
		if err := os.Chmod(tmp, mode); err != nil {
			return err
		}
	}
	st, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid() {
		return nil
	}
	return os.Lchown(tmp, int(st.Uid), int(st.Gid))
}

// Table returns the table as it was before the changes.
func (e *Editor) Table() *Table { return e.table }

// Add appends a user whose password field is as HashPassword returns it. The
// table cannot hold every value; the error says which it cannot and why.
func (e *Editor) Add(u User, password string) error {
	u.Name = Normalize(u.Name)
	if err := CheckName(u.Name); err != nil {
		return err
	}
	if a, ok := e.table.accounts[u.Name]; ok {
		return fmt.Errorf("%w: %q stands in %s:%d; change its password with \"restante user passwd %s\"", ErrUserExists, u.Name, e.table.File, a.line, u.Name)
	}
	if strings.ContainsAny(u.Home, ":\r\n") {
		return fmt.Errorf("home %q holds a colon, which the user table uses to separate fields; choose another directory", u.Home)
	}
	if strings.ContainsFunc(u.Location, func(r rune) bool { return r <= ' ' }) {
		return fmt.Errorf("location %q holds a space, which the user table uses to separate fields; choose another path or use a symbolic link", u.Location)
	}
	field := []string{u.Name, password, number(u.UID), number(u.GID), "", u.Home, "", ""}
	if u.Location != "" {
		field[7] = "userdb_mail=" + u.Location
	}
	line := strings.TrimRight(strings.Join(field, ":"), ":")
	if i := len(e.lines) - 1; i >= 0 && len(e.lines[i]) > 0 {
		e.lines[i] = append(bytes.Clone(e.lines[i]), '\n') // the last line had no end
	}
	e.lines = append(e.lines, []byte(line+"\n"))
	return nil
}

func number(id int) string {
	if id < 0 {
		return ""
	}
	return strconv.Itoa(id)
}

// SetPassword replaces the password field of a user and nothing else.
func (e *Editor) SetPassword(name, password string) error {
	i, err := e.find(name)
	if err != nil {
		return err
	}
	text := bytes.TrimRight(e.lines[i], "\r\n")
	end := e.lines[i][len(text):]
	user, rest, _ := bytes.Cut(text, []byte(":"))
	_, rest, more := bytes.Cut(rest, []byte(":"))
	line := append(bytes.Clone(user), ":"+password...)
	if more {
		line = append(append(line, ':'), rest...)
	}
	e.lines[i] = append(line, end...)
	return nil
}

// Delete removes the line of a user. His mail stays.
func (e *Editor) Delete(name string) error {
	i, err := e.find(name)
	if err != nil {
		return err
	}
	e.lines[i] = nil
	return nil
}

// find returns the index of a user's line.
func (e *Editor) find(name string) (int, error) {
	a, ok := e.table.accounts[Normalize(name)]
	if !ok {
		return 0, fmt.Errorf("%w: %q is not in %s; \"restante user list\" shows who is", ErrNoUser, name, e.table.File)
	}
	return a.line - 1, nil
}
