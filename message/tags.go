package message

import "bytes"

// A tag of HTML, as far as a preview needs to know it. A comment has no name.
type tag struct {
	name []byte // as written, nil for a comment or declaration
	end  bool   // </name>
}

func (t *tag) is(name string) bool { return equalFold(t.name, name) }

// hides reports whether the element's content is not shown.
func (t *tag) hides() bool {
	return t.is("style") || t.is("script") || t.is("title") || t.is("template") || t.is("textarea")
}

// inline reports whether a tag may stand within a word.
func (t *tag) inline() bool {
	for _, name := range [...]string{"a", "b", "i", "u", "em", "strong", "span", "font", "sub", "sup", "small", "big", "code", "wbr", "mark", "s", "o:p"} {
		if t.is(name) {
			return true
		}
	}
	return t.name == nil
}

// nextTag is where the next tag or comment begins: "<" with a letter or one of
// "/!?" behind it. It is the length of text when there is none.
func nextTag(text []byte) int {
	at := 0
	for {
		i := bytes.IndexByte(text[at:], '<')
		if i < 0 || at+i+1 == len(text) {
			return len(text)
		}
		at += i
		if c := text[at+1]; 'a' <= lower(c) && lower(c) <= 'z' || c == '/' || c == '!' || c == '?' {
			return at
		}
		at++
	}
}

// cutTag cuts the tag off that text begins with. One without an end takes all.
func cutTag(text []byte) (t tag, rest []byte) {
	if bytes.HasPrefix(text, []byte("<!--")) {
		_, rest, _ = bytes.Cut(text[4:], []byte("-->"))
		return t, rest
	}
	if text[1] == '!' || text[1] == '?' {
		_, rest, _ = bytes.Cut(text, []byte{'>'})
		return t, rest
	}
	text = text[1:]
	if text[0] == '/' {
		t.end, text = true, text[1:]
	}
	n := bytes.IndexAny(text, " \t\r\n\f/>")
	if n < 0 {
		return t, nil
	}
	t.name = text[:n]
	return t, behindTag(text[n:])
}

// behindTag is what follows on the ">" that ends a tag. One within quotes does not.
func behindTag(text []byte) []byte {
	quote := byte(0)
	for i, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return text[i+1:]
		}
	}
	return nil
}

// behindElement is the text from the tag that ends the element on.
func behindElement(text, name []byte) []byte {
	for {
		i := bytes.Index(text, []byte("</"))
		if i < 0 {
			return nil
		}
		text = text[i:]
		if len(text) >= 2+len(name) && bytes.EqualFold(text[2:2+len(name)], name) {
			return text
		}
		text = text[2:]
	}
}
