package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// The subscriptions stand in `.subscriptions` in the root, as Dovecot has them:
// names in modified UTF-7, one a line. Since its version 2.3 the file begins with
// `V<TAB>2` and an empty line, and levels are separated by tabs; before, by the
// delimiter. Both are read, and a file keeps its form.
const (
	subscriptionsFile = ".subscriptions"
	subscriptionsV2   = "V\t2\n\n"
	maxSubscriptions  = 8 << 20
)

func (a *account) subscriptionsPath() string {
	return filepath.Join(a.opt.Root, subscriptionsFile)
}

// readSubscriptions returns the lines and the separator of levels.
func (a *account) readSubscriptions() (lines []string, sep string, err error) {
	b, err := fsys.ReadFile(a.opt.FS, a.subscriptionsPath(), maxSubscriptions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "\t", nil
	}
	if err != nil {
		return nil, "", err
	}
	text, v2 := strings.CutPrefix(string(b), subscriptionsV2)
	sep = string(delimiter)
	if v2 {
		sep = "\t"
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, sep, nil
}

// subscriptions returns the subscribed names.
func (a *account) subscriptions() ([]string, error) {
	lines, sep, err := a.readSubscriptions()
	var names []string
	for _, line := range lines {
		if name, ok := subscribedName(line, sep); ok {
			names = append(names, name)
		}
	}
	return names, err
}

func subscribedName(line, sep string) (string, bool) {
	levels := strings.Split(line, sep)
	for i, level := range levels {
		name, ok := nameOf(level)
		if !ok || name == "" {
			return "", false
		}
		levels[i] = name
	}
	return mailstore.CanonicalName(strings.Join(levels, string(delimiter)), delimiter), true
}

// Subscribe changes the subscriptions.
func (a *account) Subscribe(ctx context.Context, name string, on bool) error {
	return a.changeTree(ctx, "subscribe", name, func(name string) error {
		name = strings.TrimSuffix(name, string(delimiter))
		if err := checkName(name); err != nil && (on || !errors.Is(err, mailstore.ErrInvalidName)) {
			return err
		}
		return a.subscribe(ctx, name, on)
	})
}

func (a *account) subscribe(ctx context.Context, name string, on bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, a.opt.LockTimeout)
	defer cancel()
	lock, err := fsys.LockDot(ctx, a.opt.FS, a.subscriptionsPath()+".lock", fsys.DotlockOptions{})
	if errors.Is(err, fsys.ErrLocked) {
		return fmt.Errorf("%w: %w", mailstore.ErrInUse, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	lines, sep, err := a.readSubscriptions()
	if err != nil {
		return err
	}
	before := len(lines)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		have, ok := subscribedName(line, sep)
		return ok && have == name
	})
	had := len(lines) < before
	if had == on {
		return nil
	}
	if on {
		levels := strings.Split(name, string(delimiter))
		for i := range levels {
			levels[i] = encodeMUTF7(levels[i])
		}
		lines = append(lines, strings.Join(levels, sep))
	}
	return a.writeSubscriptions(lines, sep)
}

func (a *account) writeSubscriptions(lines []string, sep string) error {
	var b strings.Builder
	if sep == "\t" {
		b.WriteString(subscriptionsV2)
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return fsys.WriteFile(a.opt.FS, a.subscriptionsPath(), []byte(b.String()), 0o600)
}
