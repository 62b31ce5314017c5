package maildir

import (
	"context"
	"path/filepath"

	"restante/fsys/watch"
	"restante/mailstore"
)

// Watch watches the directories with the messages of each mailbox and, for the
// tree, those in which mailboxes are made: the root, and in the FS layout every
// mailbox. Whatever is done to messages adds, removes or renames files there.
// Annotations stand in a file of their own.
func (a *account) Watch(what mailstore.Watched, changed func(mailbox string)) (stop func()) {
	w, end := a.watcher, func() {}
	if w == nil {
		w = watch.New(watch.Options{Logger: a.log})
		end = func() { _ = w.Close() } // it only gives back what it has of the kernel
	}
	var stops []func()
	watch := func(name string, paths ...string) { stops = append(stops, w.Watch(paths, func() { changed(name) })) }
	for _, name := range what.Messages {
		dir := a.dirOf(name)
		watch(name, filepath.Join(dir, "new"), filepath.Join(dir, "cur"))
	}
	for _, name := range what.Annotations {
		watch(name, filepath.Join(a.dirOf(name), annotationsName))
	}
	if what.Tree {
		watch("", a.treePaths()...)
	}
	if what.Notes {
		watch("", filepath.Join(a.tree.controlRoot(), accountNotesName))
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
		end()
	}
}

// dirOf is the directory of a mailbox, or the one that it would be made in.
func (a *account) dirOf(name string) string {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	n, err := a.tree.find(context.Background(), a.canonical(name))
	if err != nil {
		a.log.Warn("mailbox cannot be watched where it stands", "mailbox", name, "err", err)
	}
	return n.dir
}

// treePaths are where names, subscriptions and special uses change.
func (a *account) treePaths() []string {
	control := a.tree.controlRoot()
	paths := []string{a.tree.root, filepath.Join(control, subscriptionsName), filepath.Join(a.tree.root, courierSubsName), a.specialUsesPath()}
	if a.tree.layout == MaildirPP {
		return paths
	}
	nodes, err := a.tree.list(context.Background())
	if err != nil {
		a.log.Warn("not all mailboxes can be watched", "err", err)
	}
	for _, n := range nodes {
		paths = append(paths, n.dir)
	}
	return paths
}
