package main

import (
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"restante/fsys"
)

// transcripts records the sessions of some users, each in a file of its own below
// the data directory.
type transcripts struct {
	dir   string
	users atomic.Pointer[[]string]
}

const transcriptsDir = "transcripts"

func newTranscripts(data, users string) *transcripts {
	t := &transcripts{dir: filepath.Join(data, transcriptsDir)}
	t.set(users)
	return t
}

// set says whose sessions are recorded from now on.
func (t *transcripts) set(users string) {
	list := strings.Fields(users)
	t.users.Store(&list)
}

// open makes the file of a session, nil if it is not recorded.
func (t *transcripts) open(user, session string) (io.WriteCloser, error) {
	if !slices.Contains(*t.users.Load(), user) {
		return nil, nil
	}
	if err := fsys.MkdirAll(fsys.OS{}, t.dir, 0o700); err != nil {
		return nil, err
	}
	name := url.PathEscape(user) + "-" + time.Now().UTC().Format("20060102T150405Z") + "-" + session + ".txt"
	f, err := os.OpenFile(filepath.Join(t.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}
