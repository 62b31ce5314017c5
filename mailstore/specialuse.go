package mailstore

import (
	"maps"
	"slices"
	"strings"
)

// SpecialUses are the special uses that mailboxes were given (RFC 6154 section
// 5.2), by name. A mailbox that was given none may still have one by its name
// ([FinishList]).
//
// Formats on files keep them in a file beside the mail, in UTF-8: the line
// `restante-special-uses 1`, then for each mailbox a line with the attribute, a tab
// and the name.
type SpecialUses map[string]string

const specialUsesHeader = "restante-special-uses 1\n"

// ParseSpecialUses reads the file's content. Lines that are none of ours are passed
// over.
func ParseSpecialUses(data []byte) SpecialUses {
	u := make(SpecialUses)
	text, ours := strings.CutPrefix(string(data), specialUsesHeader)
	if !ours {
		return u
	}
	for line := range strings.Lines(text) {
		use, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && len(use) > 1 && use[0] == '\\' && name != "" {
			u[name] = use
		}
	}
	return u
}

// ChangeSpecialUses gives the file's content after fn has changed the uses in it; changed is
// false when that is what it was.
func ChangeSpecialUses(data []byte, fn func(SpecialUses) error) (after []byte, changed bool, err error) {
	u := ParseSpecialUses(data)
	before := maps.Clone(u)
	if err := fn(u); err != nil {
		return nil, false, err
	}
	after = []byte(specialUsesHeader)
	for _, name := range slices.Sorted(maps.Keys(u)) {
		after = append(after, u[name]+"\t"+name+"\n"...)
	}
	return after, !maps.Equal(before, u), nil
}

// Give gives a mailbox a use, "" for none. ErrExists when another mailbox was given
// it, ErrInvalidName for a name that the file cannot hold, ErrNotPermitted for INBOX.
func (u SpecialUses) Give(name, use string) error {
	if name == Inbox {
		return ErrNotPermitted
	}
	if use == "" {
		delete(u, name)
		return nil
	}
	if strings.ContainsAny(name, "\r\n") {
		return ErrInvalidName
	}
	for other, has := range u {
		if has == use && other != name {
			return ErrExists
		}
	}
	u[name] = use
	return nil
}

// Rename follows a mailbox, and those below it, to another name.
func (u SpecialUses) Rename(from, to string, delim rune) {
	if from == Inbox {
		return // it stays
	}
	moved := make(SpecialUses)
	for name, use := range u {
		if rest, found := strings.CutPrefix(name, from); found && (rest == "" || strings.HasPrefix(rest, string(delim))) {
			delete(u, name)
			moved[to+rest] = use
		}
	}
	maps.Copy(u, moved)
}

// Mark marks the mailboxes that were given a use. It comes before FinishList.
func (u SpecialUses) Mark(have []Info) {
	if len(u) == 0 {
		return
	}
	for i := range have {
		if !have[i].NoSelect {
			have[i].SpecialUse = u[have[i].Name]
		}
	}
}
