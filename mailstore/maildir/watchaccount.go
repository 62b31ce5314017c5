package maildir

import (
	"context"
	"path/filepath"

	"restante/fsys/watch"
)

// Watch watches the directories with the messages of each mailbox and, for the
// tree, those in which mailboxes are made: the root, and in the FS layout every
// mailbox. Whatever is done to messages adds, removes or renames files there.
func (a *account) Watch(mailboxes []string, tree bool, changed func(mailbox string)) (stop func()) {
	w, end := a.watcher, func() {}
	if w == nil {
		w = watch.New(watch.Options{Logger: a.log})
		end = func() { _ = w.Close() } // it only gives back what it has of the kernel
	}
	var stops []func()
	for _, name := range mailboxes {
		dir := a.dirOf(name)
		stops = append(stops, w.Watch([]string{filepath.Join(dir, "new"), filepath.Join(dir, "cur")}, func() { changed(name) }))
	}
	if tree {
		stops = append(stops, w.Watch(a.treePaths(), func() { changed("") }))
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

// treePaths are where names and subscriptions change.
func (a *account) treePaths() []string {
	control := a.tree.controlRoot()
	paths := []string{a.tree.root, filepath.Join(control, subscriptionsName), filepath.Join(a.tree.root, courierSubsName)}
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
