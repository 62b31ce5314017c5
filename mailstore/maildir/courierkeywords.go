package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"restante/mailstore"
)

// takeCourierKeywords makes Courier's keywords ours, for a mailbox that has no
// UID list: it gives them letters in dovecot-keywords and writes those into the
// file names. As the UID list comes into being only afterwards, what a crash
// interrupts is done again, from the beginning.
func (m *mailbox) takeCourierKeywords(ctx context.Context) error {
	if due, err := m.courierKeywordsDue(); err != nil || !due {
		return err
	}
	lock, err := m.a.lockDot(ctx, filepath.Join(m.control(), uidListLockName), m.a.lockWait)
	if isReadOnly(err) {
		return m.borrowCourierKeywords(ctx)
	}
	if err != nil {
		return err
	}
	return errors.Join(m.applyCourierKeywords(ctx), lock.Unlock())
}

// courierKeywordsDue reports whether there is no UID list, and are keywords of
// Courier.
func (m *mailbox) courierKeywordsDue() (bool, error) {
	_, err := m.a.fs.Stat(filepath.Join(m.control(), uidListName))
	if !isAbsent(err) {
		return false, err
	}
	_, err = m.a.fs.Stat(filepath.Join(m.dir(), courierKeywordsDir))
	if isAbsent(err) {
		return false, nil
	}
	return err == nil, err
}

// applyCourierKeywords writes the keywords down, with the lock of the UID list,
// and begins again when another program has renamed files meanwhile.
func (m *mailbox) applyCourierKeywords(ctx context.Context) error {
	for range maxLooks {
		due, err := m.courierKeywordsDue() // another process may have been faster
		if err != nil || !due {
			return err
		}
		if err = m.applyCourierOnce(ctx); !isAbsent(err) {
			return err
		}
	}
	return fmt.Errorf("%w: another program keeps changing the messages or %s", mailstore.ErrInUse, courierKeywordsDir)
}

// applyCourierOnce returns an error of a name that is not there when another
// program was at work.
func (m *mailbox) applyCourierOnce(ctx context.Context) error {
	dir := m.control()
	files, words, err := m.readCourierKeywords(ctx)
	if err != nil || len(words.of) == 0 {
		return err
	}
	used := func() [keywordLetterNo]bool { return lettersIn(files) }
	if err := m.kw.define(dir, m.a.filePerm, words.had(), used); err != nil {
		return err
	}
	renames, more := m.courierRenames(files, words.of)
	if err := m.kw.remember(dir, m.a.filePerm, more); err != nil {
		return err
	}
	at, inNew := m.places(len(renames)), false
	defer at.close()
	for i, r := range renames {
		if i%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := at.rename(r[0], r[1]); err != nil {
			return err
		}
		inNew = inNew || r[0].inNew
	}
	return m.syncBoth(inNew, len(renames) > 0)
}

// borrowCourierKeywords shows the keywords where nothing can be written. Since
// they stand in no file of ours, the index is not to outlive this process.
func (m *mailbox) borrowCourierKeywords(ctx context.Context) error {
	m.abandonIndex()
	_, words, err := m.readCourierKeywords(ctx)
	if err != nil && !isAbsent(err) {
		return err
	}
	for base, w := range words.of {
		m.kw.setMore(base, strings.TrimPrefix(m.kw.more[base]+" "+w.String(), " "))
	}
	return nil
}

// courierRenames plans the new names of messages with keywords, and returns the
// keywords for which there are no letters.
func (m *mailbox) courierRenames(files map[string]file, words map[string]mailstore.Keywords) (renames [][2]file, more map[string]string) {
	more = make(map[string]string)
	for base, w := range words {
		f := files[base]
		flags := m.kw.of(f.name).With(mailstore.Flags{Keywords: m.kw.spelled(w)})
		letters, rest := m.kw.encode(f.name, flags.Keywords)
		if rest != m.kw.more[base] {
			more[base] = rest
		}
		if to := (file{name: withInfo(f.name, flags.System, letters)}); to.name != f.name && letters != "" {
			renames = append(renames, [2]file{f, to})
		}
	}
	slices.SortFunc(renames, func(a, b [2]file) int { return strings.Compare(a[0].name, b[0].name) })
	return renames, more
}

func lettersIn(files map[string]file) (used [keywordLetterNo]bool) {
	for _, f := range files {
		_, letters, _ := splitInfo(f.name)
		for _, c := range []byte(letters) {
			if isKeywordLetter(c) {
				used[c-'a'] = true
			}
		}
	}
	return used
}

// listFiles returns the messages' files by base name, without looking closely:
// what is renamed meanwhile is found by the next look.
func (m *mailbox) listFiles() (map[string]file, error) {
	files := make(map[string]file)
	for _, sub := range []string{"new", "cur"} {
		dir := filepath.Join(m.dir(), sub)
		entries, err := m.a.fs.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type&fs.ModeIrregular != 0 {
				e = m.statEntry(dir, e)
			}
			if f := (file{e.Name, sub == "new"}); e.Type.IsRegular() && usable(e.Name) {
				files[f.base()] = f
			}
		}
	}
	return files, nil
}
