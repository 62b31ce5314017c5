package mailstore

import (
	"strings"
	"unique"
)

// System is a set of the system flags of RFC 9051 section 2.3.2.
type System uint8

// The system flags. Recent stands for a message that no session has claimed
// yet (RFC 3501 section 2.3.2); only the store sets it, and ClaimRecent takes
// it away.
const (
	Seen System = 1 << iota
	Answered
	Flagged
	Deleted
	Draft
	Recent
)

// Keywords is an immutable, comparable set of keywords, kept as one canonical
// string so that a million messages with the same keywords share its bytes.
// The zero value is the empty set.
type Keywords struct{ h unique.Handle[string] }

// String returns the keywords in order, separated by one space: the form that
// IMAP sends and dovecot-keywords and X-Keywords list.
func (k Keywords) String() string {
	if k == (Keywords{}) {
		return ""
	}
	return k.h.Value()
}

// List returns the keywords one by one.
func (k Keywords) List() []string { return strings.Fields(k.String()) }

// Has reports whether the set holds the keyword; ASCII case does not count.
func (k Keywords) Has(word string) bool {
	rest := k.String()
	for rest != "" {
		var w string
		w, rest, _ = strings.Cut(rest, " ")
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// Flags are the flags and keywords of one message: an immutable value that can
// be compared with ==.
type Flags struct {
	System   System
	Keywords Keywords
}

// NewFlags makes a set of system flags and keywords. Keywords that differ only
// in case are one, written as the first of them; they are kept sorted, so that
// equal sets compare equal. A keyword must be an IMAP atom; the callers that
// take words from a client or a file see to that.
func NewFlags(sys System, keywords ...string) Flags {
	return Flags{System: sys, Keywords: newKeywords(keywords)}
}

func newKeywords(words []string) Keywords {
	kept := make([]string, 0, len(words))
	for _, w := range words {
		if w == "" {
			continue
		}
		i, found := searchFold(kept, w)
		if found {
			continue
		}
		kept = append(kept, "")
		copy(kept[i+1:], kept[i:])
		kept[i] = w
	}
	if len(kept) == 0 {
		return Keywords{}
	}
	return Keywords{unique.Make(strings.Join(kept, " "))}
}

// searchFold finds word among sorted, with ASCII case folded.
func searchFold(sorted []string, word string) (int, bool) {
	lower := strings.ToLower(word)
	for i, w := range sorted {
		switch c := strings.Compare(strings.ToLower(w), lower); {
		case c == 0:
			return i, true
		case c > 0:
			return i, false
		}
	}
	return len(sorted), false
}

// Has reports whether all of the given system flags are set.
func (f Flags) Has(sys System) bool { return f.System&sys == sys }

// With returns the union of both sets.
func (f Flags) With(g Flags) Flags {
	f.System |= g.System
	if g.Keywords != (Keywords{}) && g.Keywords != f.Keywords {
		f.Keywords = newKeywords(append(f.Keywords.List(), g.Keywords.List()...))
	}
	return f
}

// Without returns what is in f and not in g.
func (f Flags) Without(g Flags) Flags {
	f.System &^= g.System
	if g.Keywords == (Keywords{}) || f.Keywords == (Keywords{}) {
		return f
	}
	var left []string
	for _, w := range f.Keywords.List() {
		if !g.Keywords.Has(w) {
			left = append(left, w)
		}
	}
	f.Keywords = newKeywords(left)
	return f
}

// spelledAs writes the keywords as they stand in old, where they do: in another
// case they are the same, and to set them again is no change.
func (k Keywords) spelledAs(old Keywords) Keywords {
	if k == old || k == (Keywords{}) || old == (Keywords{}) {
		return k
	}
	words, known := k.List(), old.List()
	for i, w := range words {
		if j, found := searchFold(known, w); found {
			words[i] = known[j]
		}
	}
	return newKeywords(words)
}

// FlagOp says how SetFlags combines the given flags with those of a message.
type FlagOp uint8

// The three forms of STORE (RFC 9051 section 6.4.6).
const (
	ReplaceFlags FlagOp = iota
	AddFlags
	RemoveFlags
)

// Apply returns the flags of a message after op. Recent is not touched by any
// of them.
func (op FlagOp) Apply(old, arg Flags) Flags {
	arg.System &^= Recent
	switch op {
	case AddFlags:
		return old.With(arg)
	case RemoveFlags:
		return old.Without(arg)
	default:
		arg.System |= old.System & Recent
		arg.Keywords = arg.Keywords.spelledAs(old.Keywords)
		return arg
	}
}
