package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "subscriptions")
	for _, content := range []string{"first\n", "", "V\t2\n\nINBOX\n"} {
		if err := WriteFile(OS{}, path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(OS{}, path, 100)
		if err != nil || string(got) != content {
			t.Errorf("read %q, %v; want %q", got, err, content)
		}
	}
	if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := WriteFile(OS{}, filepath.Join(dir, "no", "x"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a missing directory: %v", err)
	}
	// The target is a directory: rename fails after the temporary file was made.
	if err := os.MkdirAll(filepath.Join(dir, "d", "e"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(OS{}, filepath.Join(dir, "d"), nil, 0o600); err == nil {
		t.Error("wrote over a directory")
	}
	if entries, err := os.ReadDir(dir); len(entries) != 2 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(OS{}, path, 5); string(data) != "12345" || err != nil {
		t.Errorf("at the limit: %q, %v", data, err)
	}
	if data, err := ReadFile(OS{}, path, 4); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("above the limit: %q, %v", data, err)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := MkdirAll(OS{}, filepath.Join(dir, "a/b/c"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"f", "f/x"} {
		if err := MkdirAll(OS{}, filepath.Join(dir, path), 0o700); err == nil {
			t.Errorf("%s: made where a file is", path)
		}
	}
}

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	a, b, link := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "link")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(a, link); err != nil {
		t.Fatal(err)
	}
	stat := func(path string) fs.FileInfo {
		fi, err := OS{}.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi
	}
	if !SameFile(stat(a), stat(link)) || SameFile(stat(a), stat(b)) {
		t.Error("SameFile does not tell files by their inode")
	}
}
