package mailstore

import (
	"slices"
	"strings"
)

// An ACL says what others than the owner may do with a mailbox, who may do
// everything. It does not matter in which order its entries stand.
//
// Formats on files keep it as Dovecot does, in a file `dovecot-acl` beside the
// mailbox. A line is an identifier, a space, and the letters of the rights; behind
// a colon rights of other names may follow. An identifier with a minus in front
// takes rights away. One with a space in it stands in quotes, in which a backslash
// stands before quotes and backslashes.
type ACL []ACLEntry

// An ACLEntry is one line of the file.
type ACLEntry struct {
	// Who is `user=NAME`, `anyone`, `authenticated`, or one of those that count for
	// nobody here: `owner`, `group=NAME`, `group-override=NAME`. It is "" for a line
	// that says nothing to us.
	Who string
	// Negative: these rights are taken away.
	Negative bool
	Rights   Rights
	// Other is what else stands in the line, for other programs: letters and names of
	// rights that are not ours, or the whole line if it says nothing to us.
	Other string
}

// The identifiers that are no user's name.
const (
	ACLAnyone        = "anyone"
	ACLAuthenticated = "authenticated"
	ACLOwner         = "owner"
	ACLUserPrefix    = "user="
	ACLGroupPrefix   = "group="
	aclOverride      = "group-override="
)

// RightsOf returns what a user may do who is not the owner. As with Dovecot the
// entry that names him counts alone if there is one, else the one for all who have
// logged in, else the one for anyone; and then what is taken from him, found in
// the same way.
func (l ACL) RightsOf(user string) Rights {
	return l.closest(user, false) &^ l.closest(user, true)
}

func (l ACL) closest(user string, negative bool) Rights {
	for _, who := range []string{ACLUserPrefix + user, ACLAuthenticated, ACLAnyone} {
		if r, found := l.Get(who, negative); found {
			return r
		}
	}
	return 0
}

// Get returns the rights of one identifier, which has those of all its entries.
func (l ACL) Get(who string, negative bool) (r Rights, found bool) {
	for _, e := range l {
		if e.Who == who && e.Negative == negative {
			r, found = r|e.Rights, true
		}
	}
	return r, found
}

// Put sets the rights of one identifier, which is added if it is not there.
func (l *ACL) Put(who string, negative bool, r Rights) {
	is := func(e ACLEntry) bool { return e.Who == who && e.Negative == negative }
	i := slices.IndexFunc(*l, is)
	if i < 0 {
		*l = append(*l, ACLEntry{Who: who, Negative: negative, Rights: r})
		return
	}
	(*l)[i].Rights = r
	*l = append((*l)[:i+1], slices.DeleteFunc((*l)[i+1:], is)...)
}

// Remove takes away all entries for an identifier. It reports whether there was
// one.
func (l *ACL) Remove(who string, negative bool) bool {
	before := len(*l)
	*l = slices.DeleteFunc(*l, func(e ACLEntry) bool { return e.Who == who && e.Negative == negative })
	return len(*l) < before
}

// Grants reports whether the list may let anybody do anything.
func (l ACL) Grants() bool {
	return slices.ContainsFunc(l, func(e ACLEntry) bool { return e.grants() })
}

// Grantees are the identifiers that may let somebody do something, each once and
// in order.
func (l ACL) Grantees() []string {
	var list []string
	for _, e := range l {
		if e.grants() {
			list = append(list, e.Who)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (e ACLEntry) grants() bool {
	return e.Rights != 0 && !e.Negative && (e.Who == ACLAnyone || e.Who == ACLAuthenticated || strings.HasPrefix(e.Who, ACLUserPrefix))
}

// ParseACL reads the file's content. Lines that it does not understand give nobody
// any right, and stay.
func ParseACL(data []byte) ACL {
	var l ACL
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			l = append(l, parseACLEntry(line))
		}
	}
	return l
}

func parseACLEntry(line string) ACLEntry {
	unknown := ACLEntry{Other: line}
	who, rest, ok := cutIdentifier(line)
	if !ok || line[0] == '#' {
		return unknown
	}
	e := ACLEntry{}
	e.Who, e.Negative = strings.CutPrefix(who, "-")
	if !knownIdentifier(e.Who) {
		return unknown
	}
	letters, names, named := strings.Cut(strings.Trim(rest, " \t\r"), ":")
	for _, c := range []byte(letters) {
		if r, ok := ParseRights(string(rune(c))); ok {
			e.Rights |= r
		} else if c > ' ' {
			e.Other += string([]byte{c})
		}
	}
	if named {
		e.Other += ":" + names
	}
	return e
}

func knownIdentifier(who string) bool {
	switch who {
	case ACLAnyone, ACLAuthenticated, ACLOwner:
		return true
	}
	for _, prefix := range []string{ACLUserPrefix, ACLGroupPrefix, aclOverride} {
		if name, ok := strings.CutPrefix(who, prefix); ok {
			return name != ""
		}
	}
	return false
}

// cutIdentifier cuts a line behind its identifier.
func cutIdentifier(line string) (who, rest string, ok bool) {
	if line[0] != '"' {
		who, rest, _ = strings.Cut(line, " ")
		return who, rest, true
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '"':
			return b.String(), line[i+1:], true
		case line[i] == '\\' && i+1 < len(line):
			i++
		}
		b.WriteByte(line[i])
	}
	return "", "", false
}

// Bytes returns the file's content.
func (l ACL) Bytes() []byte {
	var b []byte
	for _, e := range l {
		b = append(e.appendLine(b), '\n')
	}
	return b
}

var escapeACL = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func (e ACLEntry) appendLine(b []byte) []byte {
	if e.Who == "" {
		return append(b, e.Other...)
	}
	who := e.Who
	if e.Negative {
		who = "-" + who
	}
	if strings.ContainsAny(who, " \"\\") || who[0] == '#' {
		who = `"` + escapeACL.Replace(who) + `"`
	}
	b = append(append(b, who...), ' ')
	if e.Other == "" || e.Other[0] != ':' {
		return append(append(b, e.Rights.String()...), e.Other...)
	}
	return append(append(append(b, e.Rights.String()...), ' '), e.Other...)
}

// ChangeACL gives the file's content after fn has changed the list in it; changed
// is false when that is what it was. ErrInvalidName for an identifier that the file
// cannot hold.
func ChangeACL(data []byte, fn func(*ACL) error) (after []byte, changed bool, err error) {
	l := ParseACL(data)
	before := slices.Clone(l)
	if err := fn(&l); err != nil {
		return nil, false, err
	}
	for _, e := range l {
		if strings.Contains(e.Who+e.Other, "\n") {
			return nil, false, ErrInvalidName
		}
	}
	return l.Bytes(), !slices.Equal(l, before), nil
}
