package maildir

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// Courier keeps the keywords of a mailbox's messages in a directory of it,
// courierimapkeywords:
//
//	:list             a keyword a line, an empty line, and for each message with
//	                  keywords a line `<base name>:<number> <number> ...`, in
//	                  which 0 is the first keyword
//	<base name>       what one message has now, a keyword a line; empty for none
//	.<n>.<base name>  the same from a while ago; of several the largest n counts
//
// What the file of a message says counts for more than :list.
const (
	courierKeywordsDir = "courierimapkeywords"
	courierKeywordList = ":list"
	// Whoever has more than these has files of something else.
	maxCourierKeywords    = 1 << 16
	maxCourierMessageFile = 64 << 10
	maxCourierMessage     = 256 // keywords
)

// courierKeywords is what Courier's directory says.
type courierKeywords struct {
	fs    fsys.FS
	live  map[string]file               // messages that are there, by base name
	known []string                      // all keywords by number; those that can be none are ""
	index map[string]struct{}           // known, to be found
	of    map[string]mailstore.Keywords // by base name
	sets  map[string]mailstore.Keywords // by the text of the numbers
	bad   []string                      // what could not be understood, the first of it
	count int                           // and how much that was
}

// readCourierKeywords reads what there is of messages and of keywords, Courier's
// and ours. An error of a name that is not there means that another program is at
// work.
func (m *mailbox) readCourierKeywords(ctx context.Context) (map[string]file, *courierKeywords, error) {
	k := &courierKeywords{
		fs:    m.a.fs,
		index: make(map[string]struct{}),
		of:    make(map[string]mailstore.Keywords),
		sets:  make(map[string]mailstore.Keywords),
	}
	var err error
	if k.live, err = m.listFiles(); err != nil {
		return nil, k, err
	}
	if _, err := m.kw.refresh(m.control()); err != nil {
		return nil, k, err
	}
	dir := filepath.Join(m.dir(), courierKeywordsDir)
	if err := k.read(ctx, m, dir); err != nil {
		return nil, k, err
	}
	if k.count > 0 {
		m.a.log.Warn("some of Courier's keywords cannot be read", "path", dir, "places", k.count, "first", k.bad)
	}
	return k.live, k, nil
}

func (k *courierKeywords) read(ctx context.Context, m *mailbox, dir string) error {
	entries, err := m.a.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	newest := make(map[string]courierUpdate)
	list := false
	for _, e := range entries {
		if e.Type&fs.ModeIrregular != 0 {
			e = m.statEntry(dir, e)
		}
		if !e.Type.IsRegular() { // nothing that leads elsewhere, or never ends
			continue
		}
		list = list || e.Name == courierKeywordList
		u, ok := parseCourierUpdate(e.Name)
		if _, live := k.live[u.base]; ok && live && (newest[u.base].name == "" || u.age < newest[u.base].age) {
			newest[u.base] = u
		}
	}
	if list {
		if err := k.readList(filepath.Join(dir, courierKeywordList)); err != nil {
			return err
		}
	}
	for i, base := range slices.Sorted(maps.Keys(newest)) {
		if i%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := k.readUpdate(filepath.Join(dir, newest[base].name), base); err != nil {
			return err
		}
	}
	return nil
}

// courierUpdate is a file with the keywords of one message.
type courierUpdate struct {
	name, base string
	age        uint64 // the smallest counts
}

func parseCourierUpdate(name string) (u courierUpdate, ok bool) {
	hidden, found := strings.CutPrefix(name, ".")
	if !found {
		return courierUpdate{name: name, base: name}, true
	}
	digits, base, _ := strings.Cut(hidden, ".")
	n, err := strconv.ParseUint(digits, 10, 63)
	return courierUpdate{name: name, base: base, age: 1<<63 - n}, err == nil
}

// readList reads :list.
func (k *courierKeywords) readList(path string) error {
	f, err := k.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, maxUIDListLine)
	for words := true; ; {
		line, whole, err := readLine(in)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case words && whole && len(line) == 0:
			words = false
		case words && whole:
			k.add(string(line))
		case words:
			k.add("") // it has a number all the same
		case whole:
			k.takeLine(line)
		default:
			k.spoil("line without end: %q", clip(string(line)))
		}
	}
}

// readLine returns the next line without its end; io.EOF when there is none.
// What is longer than the buffer, or has no end, is not whole: then line is the
// beginning of it.
func readLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	line, err = in.ReadSlice('\n')
	switch err {
	case nil:
		return line[:len(line)-1], true, nil
	case io.EOF:
		if len(line) > 0 {
			err = nil
		}
		return line, false, err
	case bufio.ErrBufferFull:
		line = bytes.Clone(line[:100])
		for err == bufio.ErrBufferFull {
			_, err = in.ReadSlice('\n')
		}
		if err == io.EOF {
			err = nil
		}
	}
	return line, false, err
}

// add gives a keyword the next number.
func (k *courierKeywords) add(word string) {
	if len(k.known) == maxCourierKeywords {
		k.spoil("more than %d keywords", maxCourierKeywords)
		return
	}
	if !isKeyword(word) {
		k.spoil("no keyword: %q", clip(word))
		word = ""
	}
	k.known = append(k.known, word)
	k.index[word] = struct{}{}
}

// takeLine takes the line of a message.
func (k *courierKeywords) takeLine(line []byte) {
	i := bytes.LastIndexByte(line, ':')
	if i < 0 {
		k.spoil("no message: %q", clip(string(line)))
		return
	}
	base := string(line[:i])
	if _, live := k.live[base]; !live {
		return
	}
	set, known := k.sets[string(line[i+1:])]
	if !known {
		set = k.set(string(line[i+1:]))
	}
	k.put(base, set)
}

// set makes a set of the keywords with these numbers, and keeps it: most
// messages have the same few.
func (k *courierKeywords) set(numbers string) mailstore.Keywords {
	var words []string
	for _, digits := range strings.Fields(numbers) {
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || n >= uint64(len(k.known)) {
			k.spoil("no number of a keyword: %q", clip(digits))
			continue
		}
		words = append(words, k.known[n])
	}
	k.sets[numbers] = k.some(words)
	return k.sets[numbers]
}

// some makes a set, and of a monster the beginning of one.
func (k *courierKeywords) some(words []string) mailstore.Keywords {
	if len(words) > maxCourierMessage {
		k.spoil("a message with %d keywords", len(words))
		words = words[:maxCourierMessage]
	}
	return mailstore.NewFlags(0, words...).Keywords
}

// put notes what a message has.
func (k *courierKeywords) put(base string, set mailstore.Keywords) {
	if set == (mailstore.Keywords{}) {
		delete(k.of, base)
		return
	}
	k.of[base] = set
}

// readUpdate reads the file of one message.
func (k *courierKeywords) readUpdate(path, base string) error {
	fi, err := k.fs.Stat(path)
	if err == nil && fi.Size() > maxCourierMessageFile {
		k.spoil("%s has %d octets", clip(path), fi.Size())
		return nil
	}
	var text []byte
	if err == nil {
		text, err = fsys.ReadFile(k.fs, path, maxCourierMessageFile)
	}
	if err != nil {
		return err
	}
	var words []string
	for _, word := range splitLines(string(text)) {
		if _, known := k.index[word]; !known {
			k.add(word)
		}
		if isKeyword(word) {
			words = append(words, word)
		}
	}
	k.put(base, k.some(words))
	return nil
}

// had returns the keywords that messages have, in Courier's order.
func (k *courierKeywords) had() []string {
	sets, used := make(map[mailstore.Keywords]struct{}), make(map[string]struct{})
	for _, set := range k.of {
		if _, again := sets[set]; again {
			continue
		}
		sets[set] = struct{}{}
		for _, word := range set.List() {
			used[word] = struct{}{}
		}
	}
	return slices.DeleteFunc(slices.Clone(k.known), func(word string) bool {
		_, found := used[word]
		return !found
	})
}

func (k *courierKeywords) spoil(format string, args ...any) {
	k.count++
	if len(k.bad) < 5 {
		k.bad = append(k.bad, fmt.Sprintf(format, args...))
	}
}
