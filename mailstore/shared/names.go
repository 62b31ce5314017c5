package shared

import (
	"slices"
	"strings"
)

// otherUsers is the first level of the names of other users' mailboxes.
const otherUsers = "Other Users"

// OtherUsers is what the names of other users' mailboxes begin with.
func (a *account) OtherUsers() string { return otherUsers + a.delim }

// cutForeign takes the name of somebody else's mailbox apart: who owns it, and its
// levels as the user writes them. ok is false for a name of the user's own.
func (a *account) cutForeign(name string) (owner, rest string, ok bool) {
	below, ok := strings.CutPrefix(name, a.OtherUsers())
	if !ok {
		return "", "", name == otherUsers
	}
	level, rest, _ := strings.Cut(below, a.delim)
	return swap(level, "/", a.delim) + domainOf(a.user), rest, true
}

// foreignName is the name by which the user knows a mailbox of an owner, who has
// another delimiter perhaps.
func (a *account) foreignName(owner, name, delim string) string {
	local := strings.TrimSuffix(owner, domainOf(owner))
	return a.OtherUsers() + swap(local, "/", a.delim) + a.delim + swap(name, delim, a.delim)
}

// swap exchanges two delimiters. What has levels by the one and not by the other
// gets levels by the other, and no name becomes another one's: no level has its own
// delimiter in it. The names of users have no slash, so they are one level.
func swap(name, x, y string) string {
	if x == y || !strings.Contains(name, x) && !strings.Contains(name, y) {
		return name
	}
	parts := strings.Split(name, x)
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], y, x)
	}
	return strings.Join(parts, y)
}

// sharesWith reports whether an owner shares anything with the user. Nothing is
// opened to find out.
func (a *account) sharesWith(owner string) bool {
	_, found := slices.BinarySearch(a.store.shares.with(a.user), owner)
	return found
}
