package mbox

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"restante/fsys"
	"restante/fsys/watch"
	"restante/mailstore"
)

// Watch watches the file of each mailbox, that with its annotations and, for the
// tree, the directories.
func (a *account) Watch(what mailstore.Watched, changed func(mailbox string)) (stop func()) {
	w, end := a.opt.Watcher, func() {}
	if w == nil {
		w = watch.New(watch.Options{Logger: a.opt.Logger})
		end = func() { _ = w.Close() } // it only gives back what it has of the kernel
	}
	var stops []func()
	if len(what.Messages) > 0 {
		stops = append(stops, a.watchMessages(w, what.Messages, changed))
	}
	for _, name := range what.Annotations {
		p, err := a.locate(mailstore.CanonicalName(name, delimiter))
		if err != nil {
			continue // there cannot be such a mailbox
		}
		stops = append(stops, w.Watch([]string{filepath.Join(p.notes, annotationsName)}, func() { changed(name) }))
	}
	if what.Tree {
		stops = append(stops, w.Watch(a.treePaths(), func() { changed("") }))
	}
	if what.Notes {
		stops = append(stops, w.Watch([]string{filepath.Join(a.opt.Root, accountNotesName)}, func() { changed("") }))
	}
	return sync.OnceFunc(func() {
		for _, stop := range stops {
			stop()
		}
		end()
	})
}

// watchMessages watches the files of mailboxes. That a file was closed by somebody
// who could have written is told too, and whoever looks at a mailbox may be such a
// one; so a goroutine asks the file first whether it is another one than before.
func (a *account) watchMessages(w *watch.Watcher, mailboxes []string, changed func(mailbox string)) (stop func()) {
	s := &sieve{fs: a.opt.FS, changed: changed, files: make(map[string]*watchedFile), wake: make(chan struct{}, 1), quit: make(chan struct{})}
	for _, name := range mailboxes {
		p, err := a.locate(mailstore.CanonicalName(name, delimiter))
		if err != nil {
			continue // there cannot be such a mailbox
		}
		f := &watchedFile{path: p.mbox}
		f.seen, _ = a.opt.FS.Stat(p.mbox)
		s.files[name] = f
	}
	stops := []func(){func() { close(s.quit) }}
	for name, f := range s.files {
		stops = append(stops, w.Watch([]string{f.path}, func() { s.note(name) }))
	}
	go s.run()
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// treePaths are where names, subscriptions and special uses change.
func (a *account) treePaths() []string {
	paths := []string{a.opt.Root, a.subscriptionsPath(), a.specialUsesPath()}
	w := walker{a: a}
	if err := w.walk(context.Background(), a.opt.Root, "", 0, false); err != nil {
		a.opt.Logger.Warn("mbox: not all mailboxes can be watched", "err", err)
	}
	for _, in := range w.have {
		if !in.NoSelect {
			continue
		}
		if p, err := a.locate(in.Name); err == nil {
			paths = append(paths, p.mbox)
		}
	}
	return paths
}

// A sieve lets pass what is told of files that have changed indeed.
type sieve struct {
	fs      fsys.FS
	changed func(mailbox string)
	files   map[string]*watchedFile // by mailbox
	wake    chan struct{}
	quit    chan struct{}

	mu    sync.Mutex
	noted []string
}

type watchedFile struct {
	path string
	seen fs.FileInfo // nil: it was not there
}

// note is called by the watcher.
func (s *sieve) note(name string) {
	s.mu.Lock()
	s.noted = append(s.noted, name)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run looks at the files that were noted until quit is closed.
func (s *sieve) run() {
	for {
		select {
		case <-s.quit:
			return
		case <-s.wake:
		}
		s.mu.Lock()
		noted := s.noted
		s.noted = nil
		s.mu.Unlock()
		for _, name := range noted {
			if s.files[name].moved(s.fs) {
				s.changed(name)
			}
		}
	}
}

// tick is how coarse the clocks of file systems are: two states of a file within
// it may look the same.
const tick = 2 * time.Second

// moved reports whether the file may be another one than when it was last asked.
func (f *watchedFile) moved(fsx fsys.FS) bool {
	before := f.seen
	now, err := fsx.Stat(f.path)
	if err != nil {
		f.seen = nil
		return before != nil
	}
	f.seen = now
	changed := changeTime(now)
	return before == nil || !fsys.SameFile(before, now) || before.Size() != now.Size() ||
		!changeTime(before).Equal(changed) || time.Since(changed) < tick
}

// changeTime is when the file was changed, whatever programs have set its mtime to.
func changeTime(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return fi.ModTime()
}
