package fsys_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"restante/fsys"
)

// placeSys are the ways in which a Place does its work: with the directory open, and by
// paths.
var placeSys = map[string]fsys.FS{"system": fsys.OS{}, "debts": fsys.NewDebts(fsys.OS{}), "other": otherFS{fsys.OS{}}}

// TestPlace: with the directory open everything is as it is by paths.
func TestPlace(t *testing.T) {
	for kind, sys := range placeSys {
		t.Run(kind, func(t *testing.T) {
			top := t.TempDir()
			at := func(name string) string { return filepath.Join(top, name) }
			must(t, errors.Join(
				os.Mkdir(at("a"), 0o700), os.Mkdir(at("b"), 0o700), os.Mkdir(at("a/dir"), 0o700), os.Mkdir(at("a/empty"), 0o700), os.WriteFile(at("a/dir/in"), nil, 0o600),
				os.WriteFile(at("a/file"), []byte("text"), 0o600), os.WriteFile(at("a/other"), nil, 0o600), os.WriteFile(at("outside"), nil, 0o600),
			))
			a, b := fsys.OpenPlace(sys, at("a")), fsys.OpenPlace(sys, at("b"))
			defer b.Close()
			defer a.Close()
			for _, c := range []struct {
				do   string
				err  error
				want error
				path string // that the error must name
				why  string
			}{
				{"rename", a.Rename("file", a, "renamed"), nil, "", "another name"},
				{"rename", a.Rename("file", a, "x"), fs.ErrNotExist, "a/file", "it has gone"},
				{"rename", a.Rename("renamed", a, "other"), nil, "", "what has the name is replaced"},
				{"rename", a.Rename("other", a, "dir"), fs.ErrExist, "a/dir", "a directory is not"},
				{"rename", a.Rename("other", b, "moved"), nil, "", "to the other directory"},
				{"link", b.Link("moved", a, "link"), nil, "", "and a link back"},
				{"link", b.Link("moved", a, "link"), fs.ErrExist, "a/link", "a name that is there"},
				{"link", b.Link("none", a, "y"), fs.ErrNotExist, "b/none", "nothing to link to"},
				{"remove", a.Remove("link"), nil, "", "a file"},
				{"remove", a.Remove("link"), fs.ErrNotExist, "a/link", "it has gone"},
				{"remove", a.Remove("empty"), nil, "", "an empty directory"},
				{"remove", a.Remove("dir"), unix.ENOTEMPTY, "a/dir", "one that is not"},
				{"rename", a.Rename("../outside", b, "inside"), nil, "", "a path is one"},
			} {
				if !errors.Is(c.err, c.want) || c.err != nil && (!strings.Contains(c.err.Error(), at(c.path)) || !strings.HasPrefix(c.err.Error(), c.do)) {
					t.Errorf("%s: %v, want %v: %s", c.do, c.err, c.want, c.why)
				}
			}
			if text, err := os.ReadFile(at("b/moved")); err != nil || string(text) != "text" {
				t.Errorf("what was renamed has %q, %v", text, err)
			}
			if _, err := os.Stat(at("b/inside")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPlaceMoves: it is the directory that was opened.
func TestPlaceMoves(t *testing.T) {
	top := t.TempDir()
	must(t, errors.Join(os.Mkdir(top+"/a", 0o700), os.WriteFile(top+"/a/file", nil, 0o600)))
	p := fsys.OpenPlace(fsys.OS{}, top+"/a")
	defer p.Close()
	must(t, errors.Join(os.Rename(top+"/a", top+"/moved"), p.Rename("file", p, "renamed")))
	if _, err := os.Stat(top + "/moved/renamed"); err != nil {
		t.Error(err)
	}
}

// TestPlaceMissing: a directory that is not there gives what the paths give.
func TestPlaceMissing(t *testing.T) {
	p := fsys.OpenPlace(fsys.OS{}, t.TempDir()+"/none")
	defer p.Close()
	if err := p.Remove("file"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestPlaceOfOwner: only what the owner may do is done, within Hold and without.
func TestPlaceOfOwner(t *testing.T) {
	top := openDir(t)
	for _, held := range []bool{true, false} {
		dir := home(t, filepath.Join(top, map[bool]string{true: "held", false: "free"}[held]), ana)
		other := home(t, dir+"/other", bob)
		put := func(name string, o fsys.Owner) {
			t.Helper()
			must(t, errors.Join(os.WriteFile(name, nil, 0o600), os.Lchown(name, o.UID, o.GID)))
		}
		put(dir+"/file", ana)
		put(dir+"/bobs", bob)
		put(other+"/file", bob)
		must(t, os.Chmod(other, 0o755))
		sys := as(t, ana)
		var h fsys.Held
		if held {
			h = fsys.Hold(sys)
		}
		mine, his := fsys.OpenPlace(sys, dir), fsys.OpenPlace(sys, other)
		for _, c := range []struct {
			err, want error
			why       string
		}{
			{mine.Rename("file", mine, "renamed"), nil, "his file in his directory"},
			{mine.Rename("renamed", his, "renamed"), fs.ErrPermission, "into the directory of another"},
			{his.Rename("file", mine, "stolen"), fs.ErrPermission, "out of it"},
			{his.Remove("file"), fs.ErrPermission, "in it"},
			{mine.Link("bobs", mine, "linked"), fs.ErrPermission, "a link to what he may not write (fs.protected_hardlinks)"},
			{mine.Remove("renamed"), nil, "his own"},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("held %v: %v, want %v: %s", held, c.err, c.want, c.why)
			}
		}
		his.Close()
		mine.Close()
		h.Release()
	}
}

// TestPlaceAllocs: with the directory open a rename allocates the two names for the
// kernel and nothing else.
func TestPlaceAllocs(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/a", nil, 0o600))
	p := fsys.OpenPlace(fsys.OS{}, dir)
	defer p.Close()
	if n := testing.AllocsPerRun(100, func() {
		must(t, p.Rename("a", p, "b"))
		must(t, p.Rename("b", p, "a"))
	}); n > 4 {
		t.Errorf("%v allocations for two renames", n)
	}
}
