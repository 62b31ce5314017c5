package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// readNames reads a directory and sorts what is in front of the flags.
func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// bareOpenCold reads both directories, sorts the names, gives them numbers and
// writes those down durably.
func bareOpenCold(b *bench) error {
	return b.time(1, func() error {
		root := mailDir(b.dir)
		names, err := readNames(filepath.Join(root, "cur"))
		if err != nil {
			return err
		}
		if _, err := readNames(filepath.Join(root, "new")); err != nil {
			return err
		}
		var list bytes.Buffer
		for i, name := range names {
			base, _, _ := strings.Cut(name, ":")
			fmt.Fprintf(&list, "%d :%s\n", i+1, base)
		}
		tmp := filepath.Join(root, "uids.tmp")
		if err := writeSynced(tmp, &list); err != nil {
			return err
		}
		if err := os.Rename(tmp, filepath.Join(root, "uids")); err != nil {
			return err
		}
		return syncDir(root)
	})
}

// bareOpenWarm looks whether anything has changed and reads the index.
func bareOpenWarm(b *bench) error {
	return b.time(1, func() error {
		if err := statAll(mailDir(b.dir)); err != nil {
			return err
		}
		return readAll(indexDir(b.dir))
	})
}

func statAll(root string) error {
	for _, name := range []string{"cur", "new", "dovecot-uidlist"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads all index files, which stand one or two levels below dir.
func readAll(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*", "index"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := os.ReadFile(file); err != nil {
			return err
		}
	}
	return nil
}

// bareOpenDelivered sees that new has changed, and reads that.
func bareOpenDelivered(b *bench) error {
	if err := deliverBefore(b.dir); err != nil {
		return err
	}
	return b.time(1, func() error {
		if err := statAll(mailDir(b.dir)); err != nil {
			return err
		}
		if err := readAll(indexDir(b.dir)); err != nil {
			return err
		}
		return bareTake(b)
	})
}

// bareTake takes what is in new to cur and adds it to the list of numbers.
func bareTake(b *bench) error {
	root := mailDir(b.dir)
	names, err := readNames(filepath.Join(root, "new"))
	if err != nil {
		return err
	}
	list, err := os.OpenFile(filepath.Join(root, "uids"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer list.Close()
	for _, name := range names {
		if _, err := fmt.Fprintf(list, "1 :%s\n", name); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(root, "new", name), filepath.Join(root, "cur", name+":2,")); err != nil {
			return err
		}
	}
	return list.Sync()
}

func bareRefresh(b *bench) error {
	delivered()
	return b.time(deliveries, func() error {
		for i := range deliveries {
			if err := deliver(b.dir, i); err != nil {
				return err
			}
			if err := bareTake(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// flagOne gives a message one more flag.
func flagOne(root, name string) error {
	return os.Rename(filepath.Join(root, "cur", name), filepath.Join(root, "cur", strings.TrimSuffix(name, "S")+"FS"))
}

func bareStoreOne(b *bench) error {
	root := mailDir(b.dir)
	names, err := readNames(filepath.Join(root, "cur"))
	if err != nil {
		return err
	}
	return b.time(changes, func() error {
		for i := range changes {
			if err := flagOne(root, names[(i*7919)%len(names)]); err != nil {
				return err
			}
			if err := syncDir(filepath.Join(root, "cur")); err != nil {
				return err
			}
		}
		return nil
	})
}

// each does something to the first names and makes a directory durable.
func (b *bench) each(sync string, fn func(root, name string) error) error {
	root := mailDir(b.dir)
	names, err := readNames(filepath.Join(root, "cur"))
	if err != nil {
		return err
	}
	names = names[:min(many, len(names))]
	return b.time(len(names), func() error {
		for _, name := range names {
			if err := fn(root, name); err != nil {
				return err
			}
		}
		return syncDir(filepath.Join(root, sync))
	})
}

func bareStoreMany(b *bench) error { return b.each("cur", flagOne) }

func bareCopyMany(b *bench) error {
	if err := os.MkdirAll(filepath.Join(mailDir(b.dir), "copies"), 0o700); err != nil {
		return err
	}
	return b.each("copies", func(root, name string) error {
		return os.Link(filepath.Join(root, "cur", name), filepath.Join(root, "copies", name))
	})
}

func bareExpungeMany(b *bench) error {
	return b.each("cur", func(root, name string) error { return os.Remove(filepath.Join(root, "cur", name)) })
}

func bareAppendOne(b *bench) error { return b.bareAppend(1) }
func bareAppend16(b *bench) error  { return b.bareAppend(16) }

// bareAppend writes a durable file for each message, takes its number down, and
// makes its name durable.
func (b *bench) bareAppend(writers int) error {
	root := mailDir(b.dir)
	list, err := os.OpenFile(filepath.Join(root, "uids"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer list.Close()
	var mu sync.Mutex
	delivered()
	return b.time(appends, func() error {
		return together(writers, appends, func(i int) error {
			name := fmt.Sprintf("%d.M1P2Q%d.bench", 2_000_000_000+i, i)
			tmp := filepath.Join(root, "tmp", name)
			if err := writeSynced(tmp, bytes.NewReader(delivered())); err != nil {
				return err
			}
			mu.Lock()
			_, err := fmt.Fprintf(list, "1 :%s\n", name)
			mu.Unlock()
			if err != nil {
				return err
			}
			if err := os.Rename(tmp, filepath.Join(root, "cur", name+":2,")); err != nil {
				return err
			}
			return syncDir(filepath.Join(root, "cur"))
		})
	})
}
