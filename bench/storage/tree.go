package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/mbox"
)

// A layout is a way in which mailboxes stand on disk, for an account of many.
type layout struct {
	title string
	delim string
	open  func(b *bench) (mailstore.Account, error)
	// path is where mailbox i stands.
	path func(root string, i int) string
	make func(path string, i int) error
	// touched are the files of a mailbox that tell whether it has changed, and
	// kept those that must be there before anybody hears of its UIDs.
	touched []string
	kept    func(path string) string
}

const treeBranch = 100 // mailboxes below one name

// level is mailbox i with the delimiter of the layout.
func level(i int, delim string) string {
	return fmt.Sprintf("Project %03d%sYear %03d", i/treeBranch, delim, i%treeBranch)
}

func layouts() []layout {
	plusplus := layout{title: "Maildir++", delim: ".", make: makeSmallMaildir, touched: []string{"/new", "/cur", "/dovecot-uidlist"},
		kept: func(path string) string { return filepath.Join(path, "dovecot-uidlist") }}
	plusplus.open = func(b *bench) (mailstore.Account, error) {
		return maildir.Open(b.ctx, maildir.Options{Root: mailDir(b.dir), IndexDir: indexDir(b.dir)})
	}
	plusplus.path = func(root string, i int) string { return filepath.Join(root, "."+level(i, ".")) }
	nested := plusplus
	nested.title, nested.delim = "Maildir fs", "/"
	nested.open = func(b *bench) (mailstore.Account, error) {
		return maildir.Open(b.ctx, maildir.Options{Root: mailDir(b.dir), Layout: maildir.FS, IndexDir: indexDir(b.dir)})
	}
	nested.path = func(root string, i int) string { return filepath.Join(root, level(i, "/")) }
	files := layout{title: "mbox", delim: "/", path: nested.path, make: makeSmallMbox, touched: []string{""}}
	files.open = func(b *bench) (mailstore.Account, error) {
		return mbox.Open(b.ctx, mbox.Options{FS: fsys.OS{}, Root: mailDir(b.dir), Zone: time.UTC, IndexDir: indexDir(b.dir)})
	}
	files.kept = func(path string) string {
		return filepath.Join(filepath.Dir(path), ".imap", filepath.Base(path), "restante.uids")
	}
	return []layout{plusplus, nested, files}
}

const perMailbox = 3 // messages

func makeSmallMaildir(path string, i int) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			return err
		}
	}
	for j := range perMailbox {
		n := i*perMailbox + j
		message := maker().Append(nil, n, true)
		if err := os.WriteFile(filepath.Join(path, "cur", maker().FileName(n, message)), message, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func makeSmallMbox(path string, i int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var b []byte
	for j := range perMailbox {
		n := i*perMailbox + j
		b = maker().AppendEntry(b, n, maker().Append(nil, n, true))
	}
	return os.WriteFile(path, b, 0o600)
}

// makeTree makes an account of n mailboxes, of which half are subscribed.
func makeTree(l layout, dir string, n int) error {
	root := mailDir(dir)
	var subs strings.Builder
	for i := range n {
		if err := l.make(l.path(root, i), i); err != nil {
			return err
		}
		if i%2 == 0 {
			fmt.Fprintln(&subs, level(i, l.delim))
		}
	}
	name := "subscriptions"
	if l.title == "mbox" {
		name = ".subscriptions"
	}
	return os.WriteFile(filepath.Join(root, name), []byte(subs.String()), 0o600)
}

// treeNames are the names of all mailboxes but INBOX.
func treeNames(l layout, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = level(i, l.delim)
	}
	return names
}

// withAccount opens the account, lets fn work, and closes it.
func (b *bench) withAccount(l layout, fn func(a mailstore.Account) error) (err error) {
	a, err := l.open(b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return fn(a)
}

func (l layout) list(b *bench) error {
	b.has = b.n
	return b.withAccount(l, func(a mailstore.Account) error {
		return b.time(b.n, func() error {
			list, err := a.Mailboxes(b.ctx)
			if err == nil && len(list) < b.n {
				err = fmt.Errorf("%d names, want %d", len(list), b.n)
			}
			return err
		})
	})
}

// status is measured on all mailboxes.
func (l layout) status(b *bench) error {
	b.has = b.n
	return b.withAccount(l, func(a mailstore.Account) error {
		return b.time(b.n, func() error { return statusOfAll(b.ctx, a, treeNames(l, b.n)) })
	})
}

func (l layout) statusAgain(b *bench) error {
	b.has = b.n
	return b.withAccount(l, func(a mailstore.Account) error {
		names := treeNames(l, b.n)
		if err := statusOfAll(b.ctx, a, names); err != nil {
			return err
		}
		return b.time(b.n, func() error { return statusOfAll(b.ctx, a, names) })
	})
}

func statusOfAll(ctx context.Context, a mailstore.Account, names []string) error {
	for _, name := range names {
		st, err := a.Status(ctx, name, 0)
		if err != nil {
			return err
		}
		if st.Messages != perMailbox {
			return fmt.Errorf("%s has %d messages, want %d", name, st.Messages, perMailbox)
		}
	}
	return nil
}

// statusBefore lets the server make all indexes.
func (l layout) statusBefore(dir string, n int) error {
	b := &bench{ctx: context.Background(), dir: dir}
	return b.withAccount(l, func(a mailstore.Account) error { return statusOfAll(b.ctx, a, treeNames(l, n)) })
}

// forget removes what a server has written down of any mailbox.
func (l layout) forget(dir string, n int) error {
	for i := range n {
		if err := os.RemoveAll(l.kept(l.path(mailDir(dir), i))); err != nil {
			return err
		}
	}
	return os.RemoveAll(indexDir(dir))
}

// bareList reads the directories and asks of each mailbox whether it is one.
func (l layout) bareList(b *bench) error {
	return b.time(b.n, func() error {
		root := mailDir(b.dir)
		if l.title != "Maildir++" {
			return l.bareWalk(root, 0)
		}
		names, err := readNames(root)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !strings.HasPrefix(name, ".") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, name, "cur")); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l layout) bareWalk(dir string, depth int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || strings.HasPrefix(name, ".") || name == "cur" || name == "new" || name == "tmp" {
			continue
		}
		if depth == 2 {
			continue
		}
		if err := l.bareWalk(filepath.Join(dir, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// bareStatusFirst reads what is in each mailbox and writes durably what must be
// remembered of it.
func (l layout) bareStatusFirst(b *bench) error {
	return b.time(b.n, func() error {
		for i := range b.n {
			path := l.path(mailDir(b.dir), i)
			if err := l.bareRead(path); err != nil {
				return err
			}
			kept := l.kept(path)
			if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
				return err
			}
			if err := writeSynced(kept+".bare", strings.NewReader("1 2 3\n")); err != nil {
				return err
			}
			if err := errors.Join(os.Rename(kept+".bare", kept), syncDir(filepath.Dir(kept))); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l layout) bareRead(path string) error {
	if l.title == "mbox" {
		_, err := os.ReadFile(path)
		return err
	}
	_, err := readNames(filepath.Join(path, "cur"))
	if err == nil {
		_, err = readNames(filepath.Join(path, "new"))
	}
	return err
}

// bareStatus asks of each mailbox whether it has changed and reads its index.
func (l layout) bareStatus(b *bench) error {
	dirs, err := os.ReadDir(indexDir(b.dir))
	if err != nil {
		return err
	}
	return b.time(b.n, func() error {
		if err := l.bareLook(b); err != nil {
			return err
		}
		for _, d := range dirs {
			if _, err := os.ReadFile(filepath.Join(indexDir(b.dir), d.Name(), "index")); err != nil {
				return err
			}
		}
		return nil
	})
}

// bareStatusAgain asks of each mailbox whether it has changed.
func (l layout) bareStatusAgain(b *bench) error {
	return b.time(b.n, func() error { return l.bareLook(b) })
}

func (l layout) bareLook(b *bench) error {
	for i := range b.n {
		path := l.path(mailDir(b.dir), i)
		for _, name := range l.touched {
			if _, err := os.Stat(path + name); err != nil {
				return err
			}
		}
	}
	return nil
}

// treeRows are about accounts of many mailboxes.
func treeRows(n int) []row {
	var list []row
	for _, l := range layouts() {
		m := mail{fmt.Sprintf("tree-%s-%d", strings.ReplaceAll(l.title, " ", "-"), n), func(dir string) error { return makeTree(l, dir, n) }}
		before := func(fn func(string, int) error) func(string) error {
			return func(dir string) error { return fn(dir, n) }
		}
		rows := []row{
			{title: "list", unit: "name", ours: l.list, bare: l.bareList},
			{title: "status of all, first", unit: "mailbox", atMost: 1, before: before(l.forget), ours: l.status, bare: l.bareStatusFirst},
			{title: "status of all, after a restart", unit: "mailbox", before: before(l.statusBefore), ours: l.status, bare: l.bareStatus},
			{title: "status of all, again", unit: "mailbox", before: before(l.statusBefore), ours: l.statusAgain, bare: l.bareStatusAgain},
		}
		for i := range rows {
			rows[i].messages, rows[i].mail, rows[i].scale = n, m, fmt.Sprintf("%s of %s mailboxes", l.title, count(n))
			rows[i].heapOf = "mailbox"
		}
		list = append(list, rows...)
	}
	return list
}
