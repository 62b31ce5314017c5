package maildir

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

const (
	subscriptionsName = "subscriptions"
	courierSubsName   = "courierimapsubscribed"
	maxSubscriptions  = 16 << 20
	subscriptions2    = "V\t2\n\n"
)

// subscriptions is the file of that name in the root, which Dovecot shares. In
// its first version each line is a name with the layout's delimiter; the second
// begins with `V<TAB>2` and an empty line and has a tab between the levels.
// Names are in modified UTF-7. As long as there is no such file, that of Courier
// counts, whose names begin with "INBOX."; a new file is of the second version, as
// Dovecot makes it.
type subscriptions struct {
	lines   []string
	version int // 1 or 2
}

// name returns the mailbox name of a line.
func (s *subscriptions) name(t *tree, line string) string {
	line = strings.TrimSuffix(line, "\r")
	levels := []string{line}
	if s.version == 2 {
		levels = strings.Split(line, "\t")
		for i := range levels {
			levels[i] = tabUnescape(levels[i])
		}
	}
	name, ok := decodeName(strings.Join(levels, t.delimiter()))
	name = strings.TrimSuffix(name, t.delimiter())
	if !ok || name == "" {
		return ""
	}
	return mailstore.CanonicalName(name, rune(t.delimiter()[0]))
}

// line is the reverse of name.
func (s *subscriptions) line(t *tree, name string) string {
	if s.version == 1 {
		return encodeUTF7(name)
	}
	levels := strings.Split(name, t.delimiter())
	for i := range levels {
		levels[i] = tabEscape(encodeUTF7(levels[i]))
	}
	return strings.Join(levels, "\t")
}

var (
	tabEscaper   = strings.NewReplacer("\x01", "\x011", "\t", "\x01t", "\r", "\x01r", "\n", "\x01n")
	tabUnescaper = strings.NewReplacer("\x011", "\x01", "\x01t", "\t", "\x01r", "\r", "\x01n", "\n")
)

func tabEscape(s string) string   { return tabEscaper.Replace(s) }
func tabUnescape(s string) string { return tabUnescaper.Replace(s) }

// readSubscriptions reads whichever file there is.
func (t *tree) readSubscriptions(beside *rootFiles) (*subscriptions, error) {
	path := filepath.Join(t.controlRoot(), subscriptionsName)
	if beside.lack(t, path) {
		return t.readCourierSubscriptions(beside)
	}
	data, err := fsys.ReadFile(t.fs, path, maxSubscriptions)
	if errors.Is(err, fs.ErrNotExist) {
		return t.readCourierSubscriptions(beside)
	}
	if err != nil {
		return nil, err
	}
	s := &subscriptions{version: 1}
	text, isV2 := strings.CutPrefix(string(data), subscriptions2)
	if isV2 {
		s.version = 2
	}
	s.lines = splitLines(text)
	return s, nil
}

func (t *tree) readCourierSubscriptions(beside *rootFiles) (*subscriptions, error) {
	s, path := &subscriptions{version: 2}, filepath.Join(t.root, courierSubsName)
	if beside.lack(t, path) {
		return s, nil
	}
	data, err := fsys.ReadFile(t.fs, path, maxSubscriptions)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	for _, line := range splitLines(string(data)) {
		levels := strings.Split(strings.TrimPrefix(line, mailstore.Inbox+"."), ".")
		s.lines = append(s.lines, tabEscape(levels[0]))
		for _, level := range levels[1:] {
			s.lines[len(s.lines)-1] += "\t" + tabEscape(level)
		}
	}
	return s, err
}

func splitLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// names returns the subscribed mailboxes.
func (s *subscriptions) names(t *tree) []string {
	var names []string
	for _, line := range s.lines {
		if name := s.name(t, line); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// set adds or removes a name and reports whether that changed anything. Lines
// of other names stay as they are.
func (s *subscriptions) set(t *tree, name string, on bool) bool {
	has := func(line string) bool { return s.name(t, line) == name }
	if on == slices.ContainsFunc(s.lines, has) {
		return false
	}
	if on {
		s.lines = append(s.lines, s.line(t, name))
	} else {
		s.lines = slices.DeleteFunc(s.lines, has)
	}
	return true
}

func (s *subscriptions) text() []byte {
	var text strings.Builder
	if s.version == 2 {
		text.WriteString(subscriptions2)
	}
	for _, line := range s.lines {
		text.WriteString(line + "\n")
	}
	return []byte(text.String())
}

// Subscribe changes the subscriptions file under subscriptions.lock.
func (a *account) Subscribe(ctx context.Context, name string, on bool) error {
	return fail("subscribe", name, a.subscribe(ctx, name, on))
}

func (a *account) subscribe(ctx context.Context, name string, on bool) error {
	if err := a.fs.Settle(); err != nil {
		return err
	}
	name = strings.TrimSuffix(a.canonical(name), a.tree.delimiter())
	if on {
		if err := a.tree.checkSubscribed(name); err != nil {
			return err
		}
	}
	path := filepath.Join(a.tree.controlRoot(), subscriptionsName)
	lock, err := a.lockDot(ctx, path+".lock", a.lockWait)
	if err != nil {
		return err
	}
	s, err := a.tree.readSubscriptions(nil)
	if err == nil && s.set(&a.tree, name, on) {
		err = fsys.WriteFile(a.fs, path, s.text(), a.filePerm)
	}
	return errors.Join(err, lock.Unlock())
}
