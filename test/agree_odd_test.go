package test

import (
	"bytes"
	"io"
	"mime"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	mail "restante/message"
)

// A corpusMail is a message of the corpus, as far as servers may see it differently.
type corpusMail struct {
	raw    []byte
	header []byte
	root   *mail.Part
	// tree is the structure as Dovecot has it in the reference.
	tree string
	// last: it is the last message of the mailbox.
	last bool
	// twin: another message has the same date.
	twin bool

	known map[string]bool // what was found out, by its name
}

// once finds something out that does not change.
func (m *corpusMail) once(name string, find func() bool) bool {
	is, known := m.known[name]
	if !known {
		is = find()
		m.known[name] = is
	}
	return is
}

// letters reads the messages of the corpus; message n is that with UID n+1.
func letters(t *testing.T) []corpusMail {
	trees := dovecotTrees(t)
	var all []corpusMail
	dates := make(map[int64]int)
	for i, file := range byPath(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root, err := mail.Scan(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, corpusMail{raw: raw, header: root.RawHeader, root: root, tree: trees[i], known: make(map[string]bool)})
		dates[all[i].sent()]++
	}
	for i := range all {
		all[i].twin = dates[all[i].sent()] > 1
	}
	all[len(all)-1].last = true
	return all
}

// sent is the sent date in seconds since 1970, 0 if there is none.
func (m *corpusMail) sent() int64 {
	value, _ := mail.HeaderField(m.header, "Date")
	sec, _ := mail.ParseDateUnix([]byte(value))
	return sec
}

// byPath gives the corpus in the order of the reference.
func byPath(t *testing.T) []string { return slices.Sorted(slices.Values(corpusFiles(t))) }

// usualDate is a date as nearly all are, in the years in which there was mail.
var usualDate = regexp.MustCompile(`^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), *)?\d{1,2} +(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(?:19[789]\d|20[0123]\d|\d\d) +[012]\d:[0-5]\d(?::[0-5]\d)? +(?:[+-]\d{4}|[A-Za-z]{1,5})(?: *\(.*\))*$`)

// oddDate: the date is written in a form that not everybody reads.
func (m *corpusMail) oddDate() bool {
	return m.once("date", func() bool {
		value, ok := mail.HeaderField(m.header, "Date")
		return ok && (!usualDate.MatchString(strings.Join(strings.Fields(value), " ")) || strings.HasPrefix(value, "Thu, 01 Jan 1970"))
	})
}

func (m *corpusMail) noDate() bool {
	value, _ := mail.HeaderField(m.header, "Date")
	return strings.TrimSpace(value) == ""
}

var encodedWord = regexp.MustCompile(`=\?[^? ]*\?[bBqQ]\?[^?]*\?=`)

// usualCharsets are those that iconv knows by these names.
var usualCharsets = []string{
	"utf-8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-8", "iso-8859-9", "iso-8859-15", "windows-1250", "windows-1251", "windows-1252", "windows-1256",
	"koi8-r", "iso-2022-jp", "shift_jis", "euc-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5", "utf8", "cp1251", "cp1252", "tis-620", "windows-874",
}

// oddText: a field has text that needs a charset that is not told or not known,
// or encoded-words that are not whole.
func (m *corpusMail) oddText(field string) bool {
	return m.once("text "+field, func() bool { return slices.ContainsFunc(mail.HeaderFields(m.header, field), oddValue) })
}

// oddHeader: one of its fields has.
func (m *corpusMail) oddHeader() bool {
	return m.once("header", func() bool {
		for _, value := range mail.Fields(m.header) {
			if oddValue(string(mail.AppendValue(nil, value))) {
				return true
			}
		}
		return false
	})
}

// emptyField: it has a field of nothing but white space.
func (m *corpusMail) emptyField() bool {
	return m.once("empty", func() bool {
		for _, value := range mail.Fields(m.header) {
			if len(mail.AppendValue(nil, value)) == 0 {
				return true
			}
		}
		return false
	})
}

// hasTab: there is a tab within a line of a field.
func (m *corpusMail) hasTab(field string) bool {
	return slices.ContainsFunc(mail.HeaderFields(m.header, field), func(value string) bool { return strings.Contains(value, "\t") })
}

func oddValue(value string) bool {
	if !utf8.ValidString(value) || strings.ContainsAny(value, "\x00\x1b\uFFFD") {
		return true
	}
	words := encodedWord.FindAllString(value, -1)
	var single strings.Builder
	for _, w := range words {
		charset, _, _ := strings.Cut(w[2:], "?")
		plain, err := new(mime.WordDecoder).Decode(w)
		if !slices.Contains(usualCharsets, strings.ToLower(charset)) || err == nil && strings.ContainsRune(plain, utf8.RuneError) {
			return true
		}
		single.WriteString(mail.DecodeHeader(w))
	}
	one := single.String()
	return strings.ContainsRune(one, utf8.RuneError) || strings.Count(value, "=?") != len(words) || one != mail.DecodeHeader(strings.Join(words, " "))
}

// usualAddresses are names and addresses without anything that can be written
// otherwise, or left out.
var usualAddresses = regexp.MustCompile(`^(?:(?:[^<>@,;:()"]*|"[^"\\]*") ?<[^<>@ "]+@[^<>@ "]+>|[^<>@,;:() "]+@[^<>@,;:() "]+)(?:, *(?:(?:[^<>@,;:()"]*|"[^"\\]*") ?<[^<>@ "]+@[^<>@ "]+>|[^<>@,;:() "]+@[^<>@,;:() "]+))*$`)

// oddAddress: an address field is more, or less, than names and addresses.
func (m *corpusMail) oddAddress(field string) bool {
	return m.once("address "+field, func() bool {
		values := mail.HeaderFields(m.header, field)
		return len(values) > 1 || len(values) == 1 && (!usualAddresses.MatchString(strings.TrimSpace(values[0])) || m.oddText(field))
	})
}

// usualFirst is the same for the first address only.
var usualFirst = regexp.MustCompile(`^(?:(?:[^<>@,;:()"]*|"[^"\\ ][^"\\]*"|"") ?<[^<>@ "]+@[^<>@ "]+>|[^<>@,;:() "]+@[^<>@,;:() "]+)(?: *\([^()]*\))?(?:,|$)`)

// oddFirst: the first address of a field is more, or less, than a name and an
// address.
func (m *corpusMail) oddFirst(field string) bool {
	return m.once("first "+field, func() bool {
		value, ok := mail.HeaderField(m.header, field)
		return ok && (!usualFirst.MatchString(value) || m.oddText(field))
	})
}

// hasNUL: the header has NUL in it.
func (m *corpusMail) hasNUL() bool { return bytes.IndexByte(m.header, 0) >= 0 }

// parts calls fn with all parts that are leaves.
func (m *corpusMail) parts(fn func(p *mail.Part) bool) (any bool) {
	var walk func(p *mail.Part)
	walk = func(p *mail.Part) {
		switch {
		case p.Multipart():
			for _, child := range p.Parts {
				walk(child)
			}
		case p.Message != nil:
			walk(p.Message)
		default:
			any = any || fn(p)
		}
	}
	walk(m.root)
	return any
}

var transferEncoding = regexp.MustCompile(`(?im)^content-transfer-encoding[ \t]*:[ \t]*(.*?)[ \t\r]*$`)

// oddEncoding: a part has a transfer encoding that there is not.
func (m *corpusMail) oddEncoding() bool {
	for _, e := range transferEncoding.FindAllSubmatch(m.raw, -1) {
		if !slices.Contains([]string{"7bit", "8bit", "binary", "quoted-printable", "base64"}, strings.ToLower(string(e[1]))) {
			return true
		}
	}
	return false
}

// oddCharset: a part has text in a charset that is not told or not known, or that
// is not what is told.
func (m *corpusMail) oddCharset() bool {
	return m.parts(func(p *mail.Part) bool {
		if !p.Is("text", "") {
			return false
		}
		charset, _ := p.Param("charset")
		charset = strings.ToLower(charset)
		if charset != "" && !slices.Contains(usualCharsets, charset) {
			return true
		}
		if charset != "" && charset != "us-ascii" && charset != "utf-8" {
			return false
		}
		text, err := io.ReadAll(p.DecodeBody(bytes.NewReader(m.raw[p.Body.Offset:p.Body.End()])))
		return err != nil || !utf8.Valid(text)
	})
}

// oddStructure: we see other parts than Dovecot does.
func (m *corpusMail) oddStructure() bool { return treeOf(m.root) != m.tree }

// treeOf writes a structure as the reference does: text/plain, or
// multipart/mixed(text/plain,image/png).
func treeOf(p *mail.Part) string {
	s := strings.ToLower(p.Type + "/" + p.Subtype)
	switch {
	case p.Multipart():
		var parts []string
		for _, child := range p.Parts {
			parts = append(parts, treeOf(child))
		}
		return s + "(" + strings.Join(parts, ",") + ")"
	case p.Message != nil:
		return s + "(" + treeOf(p.Message) + ")"
	}
	return s
}
