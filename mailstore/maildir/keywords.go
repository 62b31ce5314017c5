package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

const (
	keywordsName    = "dovecot-keywords"
	moreKeywords    = "restante-keywords"
	moreHeader      = "restante-keywords 1\n"
	keywordLetterNo = 26
	maxKeywordsFile = 64 << 20
)

// keywords is what the lower-case letters of file names mean, as
// dovecot-keywords says: a line "0 $Forwarded" gives the letter a its meaning.
// A letter without one stays in the names and is no keyword.
//
// There are 26 letters. What goes beyond stands in a file of our own beside it,
// restante-keywords, by base name:
//
//	restante-keywords 1
//	<keyword> <keyword> ...\t<base name>
//
// The last line of a base name counts; one without keywords says that there are
// none. Lines are appended; the file is written anew when it holds mostly lines
// of messages that are gone. Other programs do not see these keywords, and do
// not lose them either.
//
// Both files change only under dovecot-uidlist.lock.
type keywords struct {
	fs      fsys.FS
	letters [keywordLetterNo]string // "" has no meaning
	more    map[string]string       // base name to keywords, separated by a space
	lines   int                     // in restante-keywords
	torn    bool                    // its last line has no end

	infos [2]fs.FileInfo // of both files as read, nil when not there
	cache map[cacheKey]mailstore.Keywords
}

type cacheKey struct{ letters, more string }

// refresh reads the files that changed and reports whether any did.
func (k *keywords) refresh(dir string) (bool, error) {
	changed := false
	for i, name := range []string{keywordsName, moreKeywords} {
		path := filepath.Join(dir, name)
		fi, err := k.fs.Stat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changed, err
		}
		if err != nil {
			fi = nil
		}
		if sameState(fi, k.infos[i]) {
			continue
		}
		var data []byte
		if fi != nil {
			data, err = fsys.ReadFile(k.fs, path, maxKeywordsFile)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return changed, err
			}
		}
		if i == 0 {
			k.parse(string(data))
		} else {
			k.parseMore(string(data))
		}
		k.infos[i], k.cache, changed = fi, nil, true
	}
	return changed, nil
}

// sameState reports whether both describe the same state of the same file.
func sameState(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return fsys.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (k *keywords) parse(data string) {
	k.letters = [keywordLetterNo]string{}
	for line := range strings.Lines(data) {
		number, word, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		i, err := strconv.Atoi(number)
		if found && err == nil && 0 <= i && i < keywordLetterNo && isKeyword(word) {
			k.letters[i] = word
		}
	}
}

// isKeyword reports whether a word from a file can be one; the services hand in
// nothing but atoms. A closing bracket is no part of an atom (RFC 9051 section
// 9), but Dovecot takes it from clients and writes it down.
func isKeyword(word string) bool {
	return word != "" && strings.IndexFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\`, r) }) < 0
}

func (k *keywords) parseMore(data string) {
	k.more, k.lines = nil, 0
	k.torn = data != "" && !strings.HasSuffix(data, "\n")
	for line := range strings.Lines(data) {
		k.lines++
		line, whole := strings.CutSuffix(line, "\n")
		words, base, found := strings.Cut(line, "\t")
		if !whole || !found {
			continue
		}
		k.setMore(base, words)
	}
}

func (k *keywords) setMore(base, words string) {
	if words == "" {
		delete(k.more, base)
		return
	}
	if k.more == nil {
		k.more = make(map[string]string)
	}
	k.more[base] = words
}

// of returns the flags that a file name tells.
func (k *keywords) of(name string) mailstore.Flags {
	base, letters, _ := splitInfo(name)
	f := mailstore.Flags{System: systemOf(letters)}
	key := cacheKey{keywordLetters(letters), k.more[base]}
	if key == (cacheKey{}) {
		return f
	}
	words, known := k.cache[key]
	if !known {
		words = k.words(key)
		if k.cache == nil {
			k.cache = make(map[cacheKey]mailstore.Keywords)
		}
		k.cache[key] = words
	}
	f.Keywords = words
	return f
}

func (k *keywords) words(key cacheKey) mailstore.Keywords {
	words := strings.Fields(key.more)
	for i := range len(key.letters) {
		words = append(words, k.letters[key.letters[i]-'a'])
	}
	return mailstore.NewFlags(0, words...).Keywords
}

// letter returns the letter of a keyword; ASCII case does not count.
func (k *keywords) letter(word string) (byte, bool) {
	for i, w := range k.letters {
		if w != "" && strings.EqualFold(w, word) {
			return 'a' + byte(i), true
		}
	}
	return 0, false
}

// spelled returns the keywords as dovecot-keywords spells them.
func (k *keywords) spelled(words mailstore.Keywords) mailstore.Keywords {
	if words == (mailstore.Keywords{}) {
		return words
	}
	list := words.List()
	for i, word := range list {
		if c, found := k.letter(word); found {
			list[i] = k.letters[c-'a']
		}
	}
	return mailstore.NewFlags(0, list...).Keywords
}

// encode returns the letters and the further keywords that a message called
// name has when its keywords are words. Letters without a meaning are kept.
func (k *keywords) encode(name string, words mailstore.Keywords) (letters, more string) {
	_, old, _ := splitInfo(name)
	var kept, rest []byte
	for _, c := range []byte(keywordLetters(old)) {
		if k.letters[c-'a'] == "" {
			kept = append(kept, c)
		}
	}
	if words == (mailstore.Keywords{}) {
		return string(kept), ""
	}
	for _, word := range words.List() {
		if c, found := k.letter(word); found {
			kept = append(kept, c)
			continue
		}
		rest = append(append(rest, word...), ' ')
	}
	return string(kept), string(bytes.TrimSuffix(rest, []byte{' '}))
}

// lacks reports whether a keyword could get a letter and has none.
func (k *keywords) lacks(words mailstore.Keywords) bool {
	if words == (mailstore.Keywords{}) || !slices.Contains(k.letters[:], "") {
		return false
	}
	return slices.ContainsFunc(words.List(), func(w string) bool {
		_, found := k.letter(w)
		return !found
	})
}

// define gives letters to the keywords that have none, as far as there are
// letters, and makes that durable. It gives no letter that stands in a file name
// without a meaning, as that message would get the keyword; used tells.
func (k *keywords) define(dir string, perm fs.FileMode, words []string, used func() [keywordLetterNo]bool) error {
	letters := k.letters
	var inUse *[keywordLetterNo]bool
	for _, word := range words {
		if _, found := k.letter(word); found {
			continue
		}
		if inUse == nil {
			u := used()
			inUse = &u
		}
		for i := range k.letters {
			if k.letters[i] == "" && !inUse[i] {
				k.letters[i] = word
				break
			}
		}
	}
	if letters == k.letters {
		return nil
	}
	err := k.write(dir, perm)
	if err != nil {
		k.letters = letters
	}
	k.cache = nil
	return err
}

func (k *keywords) write(dir string, perm fs.FileMode) error {
	var text []byte
	for i, word := range k.letters {
		if word != "" {
			text = fmt.Appendf(text, "%d %s\n", i, word)
		}
	}
	path := filepath.Join(dir, keywordsName)
	if err := fsys.WriteFile(k.fs, path, text, perm); err != nil {
		return err
	}
	fi, err := k.fs.Stat(path)
	if err != nil {
		return err
	}
	// Dovecot looks at the seconds of the modification time alone.
	if old := k.infos[0]; old != nil && fi.ModTime().Unix() <= old.ModTime().Unix() {
		later := time.Unix(old.ModTime().Unix()+1, 0)
		if err := k.fs.Chtimes(path, later, later); err != nil {
			return err
		}
		if fi, err = k.fs.Stat(path); err != nil {
			return err
		}
	}
	k.infos[0] = fi
	return nil
}

// remember writes down the keywords without letters of some messages, by base
// name, and makes that durable.
func (k *keywords) remember(dir string, perm fs.FileMode, more map[string]string) error {
	if len(more) == 0 {
		return nil
	}
	path := filepath.Join(dir, moreKeywords)
	f, err := k.fs.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	var text []byte
	switch {
	case fi.Size() == 0:
		text = append(text, moreHeader...)
	case k.torn:
		text = append(text, '\n')
	}
	for _, base := range slices.Sorted(maps.Keys(more)) {
		text = append(append(append(text, more[base]...), '\t'), base...)
		text = append(text, '\n')
	}
	_, err = f.WriteAt(text, fi.Size())
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		err = errors.Join(err, f.Truncate(fi.Size()), f.Close())
		k.infos[1] = fi // read it again when it is another
		return err
	}
	for base, words := range more {
		k.setMore(base, words)
	}
	k.torn = false
	k.lines += bytes.Count(text, []byte{'\n'})
	k.infos[1], err = f.Stat()
	err = errors.Join(err, f.Close())
	if err == nil && fi.Size() == 0 {
		err = k.fs.SyncDir(dir)
	}
	return err
}

// tidy writes restante-keywords anew when most of it is of the past. live tells
// whether a message of that base name is there.
func (k *keywords) tidy(dir string, perm fs.FileMode, live func(base string) bool) error {
	kept := maps.Clone(k.more)
	maps.DeleteFunc(kept, func(base, _ string) bool { return !live(base) })
	if k.lines <= 2*len(kept)+1000 {
		return nil
	}
	text := []byte(moreHeader)
	for _, base := range slices.Sorted(maps.Keys(kept)) {
		text = append(append(append(text, kept[base]...), '\t'), base...)
		text = append(text, '\n')
	}
	path := filepath.Join(dir, moreKeywords)
	if err := fsys.WriteFile(k.fs, path, text, perm); err != nil {
		return err
	}
	fi, err := k.fs.Stat(path)
	k.more, k.lines, k.torn, k.infos[1] = kept, len(kept)+1, false, fi
	return err
}
