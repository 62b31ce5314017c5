package auth

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"restante/fsys"
)

func splitLines(text string) [][]byte    { return bytes.SplitAfter([]byte(text), []byte("\n")) }
func joinLines(lines [][]byte) []byte    { return bytes.Join(lines, nil) }
func write(t *testing.T, name, s string) { t.Helper(); must(t, os.WriteFile(name, []byte(s), 0o600)) }
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEdit holds that what is not edited stays byte for byte.
func TestEdit(t *testing.T) {
	const old = "# the family\n\nAmelie:{PLAIN}x:1:1:Amélie:/home/a::userdb_mail=mbox:~/mail\r\nwhat is this\nbob\ncarl:{PLAIN}y"
	tests := []struct {
		why  string
		edit func(*Editor) error
		want string
		err  error
	}{
		{"a new user goes to the end", func(e *Editor) error {
			return e.Add(User{Name: "Dora@Example.org", UID: -1, GID: -1, Home: "/srv/d", Location: "maildir:~/Maildir"}, "{PLAIN}z")
		}, old + "\ndora@example.org:{PLAIN}z::::/srv/d::userdb_mail=maildir:~/Maildir\n", nil},
		{"a new user without anything", func(e *Editor) error { return e.Add(User{Name: "dora", UID: -1, GID: 5}, "{PLAIN}z") },
			old + "\ndora:{PLAIN}z::5\n", nil},
		{"a password, all other fields stay", func(e *Editor) error { return e.SetPassword("AMELIE", "{PLAIN}new") },
			strings.Replace(old, "{PLAIN}x", "{PLAIN}new", 1), nil},
		{"a password where there was none", func(e *Editor) error { return e.SetPassword("bob", "{PLAIN}new") },
			strings.Replace(old, "bob\n", "bob:{PLAIN}new\n", 1), nil},
		{"a password in the last line, which has no end", func(e *Editor) error { return e.SetPassword("carl", "{PLAIN}new") },
			strings.Replace(old, "{PLAIN}y", "{PLAIN}new", 1), nil},
		{"a user goes", func(e *Editor) error { return e.Delete("bob") }, strings.Replace(old, "bob\n", "", 1), nil},
		{"two changes", func(e *Editor) error { return errors.Join(e.Delete("amelie"), e.SetPassword("carl", "{PLAIN}new")) },
			"# the family\n\nwhat is this\nbob\ncarl:{PLAIN}new", nil},
		{"the name is taken", func(e *Editor) error { return e.Add(User{Name: "AMELIE"}, "x") }, old, ErrUserExists},
		{"nobody of that name", func(e *Editor) error { return e.SetPassword("eve", "x") }, old, ErrNoUser},
		{"nobody of that name", func(e *Editor) error { return e.Delete("what is this") }, old, ErrNoUser},
		{"the table cannot hold it", func(e *Editor) error { return e.Add(User{Name: "eve", Location: "mbox:/a b"}, "x") }, old, nil},
		{"the table cannot hold it", func(e *Editor) error { return e.Add(User{Name: "eve", Home: "/a:b"}, "x") }, old, nil},
		{"a name that is none", func(e *Editor) error { return e.Add(User{Name: "../eve"}, "x") }, old, nil},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "users")
			write(t, file, old)
			err := Edit(t.Context(), fsys.OS{}, file, tt.edit)
			if failed := tt.want == old; (err != nil) != failed || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if got := read(t, file); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			onlyFile(t, file)
		})
	}
}

func onlyFile(t *testing.T, file string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(file))
	must(t, err)
	if len(list) != 1 {
		t.Errorf("the directory holds %v, want the table alone", list)
	}
}

func TestEditNewFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	must(t, Edit(t.Context(), fsys.OS{}, file, func(e *Editor) error { return e.Add(User{Name: "a", UID: -1, GID: -1}, "{PLAIN}x") }))
	if got := read(t, file); got != "a:{PLAIN}x\n" {
		t.Errorf("got %q", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600: it holds passwords", info.Mode())
	}
}

// TestEditKeepsModeAndLink: the table may belong to another server.
func TestEditKeepsModeAndLink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	file, link := filepath.Join(other, "passwd"), filepath.Join(dir, "users")
	write(t, file, "a:{PLAIN}x\n")
	must(t, os.Chmod(file, 0o640))
	must(t, os.Symlink(file, link))
	must(t, Edit(t.Context(), fsys.OS{}, link, func(e *Editor) error { return e.SetPassword("a", "{PLAIN}y") }))
	if got := read(t, file); got != "a:{PLAIN}y\n" {
		t.Errorf("got %q", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the symbolic link has become a file")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want 0640 as before", info.Mode())
	}
}

// TestEditTogether: many editors at once lose no change.
func TestEditTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			err := Edit(t.Context(), fsys.OS{}, file, func(e *Editor) error {
				return e.Add(User{Name: string(rune('a' + i)), UID: -1, GID: -1}, "{PLAIN}x")
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if table, err := ReadTable(fsys.OS{}, file); err != nil || len(table.Users()) != 16 {
		t.Errorf("%d users of 16, %v", len(table.Users()), err)
	}
	onlyFile(t, file)
}

// TestEditNoticesOthers: somebody saves the file in an editor meanwhile.
func TestEditNoticesOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	write(t, file, "a:{PLAIN}x\n")
	err := Edit(t.Context(), fsys.OS{}, file, func(e *Editor) error {
		write(t, file, "a:{PLAIN}x\nb:{PLAIN}saved by vi\n")
		return e.SetPassword("a", "{PLAIN}y")
	})
	if err == nil || !strings.Contains(err.Error(), "try again") {
		t.Errorf("got %v", err)
	}
	if got := read(t, file); !strings.Contains(got, "saved by vi") {
		t.Errorf("the other's change is lost: %q", got)
	}
	onlyFile(t, file)
}

func TestEditWaitsForLock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	write(t, file, "a:{PLAIN}x\n")
	held, err := fsys.OS{}.OpenFile(file, os.O_RDWR, 0)
	must(t, err)
	if ok, err := held.TryLock(true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Edit(ctx, fsys.OS{}, file, func(*Editor) error { return nil }); err == nil || !strings.Contains(err.Error(), "lock") {
		t.Errorf("got %v, want who is in the way", err)
	}
	must(t, held.Close())
	must(t, Edit(t.Context(), fsys.OS{}, file, func(e *Editor) error { return e.Delete("a") }))
}

// failing fails its n-th change of the file system.
type failing struct {
	fsys.OS
	n int
}

var errFault = errors.New("fault")

func (f *failing) fault() error {
	if f.n--; f.n == 0 {
		return errFault
	}
	return nil
}

func (f *failing) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if err := f.fault(); err != nil {
		return nil, err
	}
	file, err := f.OS.OpenFile(name, flag, perm)
	return failingFile{file, f}, err
}

func (f *failing) Rename(oldname, newname string) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.OS.Rename(oldname, newname)
}

type failingFile struct {
	fsys.File
	f *failing
}

// Write fails after half of the bytes, as a full disk does.
func (f failingFile) Write(p []byte) (int, error) {
	if err := f.f.fault(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f failingFile) Sync() error {
	if err := f.f.fault(); err != nil {
		return err
	}
	return f.File.Sync()
}

// TestEditEveryFailure: whatever fails, the table is the old one or the new.
func TestEditEveryFailure(t *testing.T) {
	for n := 1; ; n++ {
		file := filepath.Join(t.TempDir(), "users")
		write(t, file, "a:{PLAIN}x\n")
		f := &failing{n: n}
		err := Edit(t.Context(), f, file, func(e *Editor) error { return e.SetPassword("a", "{PLAIN}y") })
		if f.n > 0 {
			must(t, err)
			if n < 5 {
				t.Errorf("only %d operations were seen", n)
			}
			return
		}
		if !errors.Is(err, errFault) {
			t.Errorf("operation %d: %v", n, err)
		}
		if got := read(t, file); got != "a:{PLAIN}x\n" {
			t.Errorf("operation %d: the table holds %q", n, got)
		}
		onlyFile(t, file)
	}
}
