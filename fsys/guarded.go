package fsys

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links the kernel follows in one path.
const maxLinks = 40

// Guarded reports whether nobody but the superuser can change which directory a
// path leads to: each directory on the way, through links as well, is his, and
// nobody else may write there. The directory itself may be anybody's.
func Guarded(sys FS, dir string) bool {
	if !filepath.IsAbs(dir) {
		return false
	}
	at, rest := "/", words(dir)
	for links := 0; len(rest) > 0; {
		fi, err := sys.Lstat(at)
		if err != nil || !onlyRoots(fi) {
			return false
		}
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		if fi, err = sys.Lstat(next); err != nil {
			return false
		}
		if fi.Mode().Type() != fs.ModeSymlink {
			at = next
			continue
		}
		target, err := sys.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return false
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(words(target), rest...)
	}
	return true
}

// words are the names in a path; ".." stays, for what it means depends on links.
func words(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// onlyRoots reports whether only the superuser can change what is in a directory.
func onlyRoots(fi fs.FileInfo) bool {
	o, known := OwnerOf(fi)
	return known && o.UID == 0 && fi.IsDir() && fi.Mode().Perm()&0o022 == 0
}
