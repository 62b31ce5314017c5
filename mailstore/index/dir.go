package index

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strings"
)

// maxDirName is how long a mailbox's name may stand in a file name.
const maxDirName = 200

// Dir is the directory below root for the index of the mailbox of that name: who
// reads it sees which, and no two names share one.
func Dir(root, name string) string {
	dir := url.PathEscape(name)
	if strings.HasPrefix(dir, ".") {
		dir = "%2E" + dir[1:]
	}
	if len(dir) > maxDirName {
		sum := sha256.Sum256([]byte(name))
		dir = dir[:maxDirName] + "%" + hex.EncodeToString(sum[:8])
	}
	return filepath.Join(root, dir)
}
