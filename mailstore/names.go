package mailstore

import (
	"slices"
	"strings"
)

// Inbox is the one name that every account has.
const Inbox = "INBOX"

// CanonicalName returns the name with INBOX in upper case where it stands for
// the inbox or for its place as the first level.
func CanonicalName(name string, delim rune) string {
	first, rest, more := strings.Cut(name, string(delim))
	if !strings.EqualFold(first, Inbox) {
		return name
	}
	if !more {
		return Inbox
	}
	return Inbox + string(delim) + rest
}

// specialUses are the names by which programs of the field call the mailboxes
// of RFC 6154 when nothing else tells.
var specialUses = map[string]string{
	"drafts": `\Drafts`, "sent": `\Sent`, "sent messages": `\Sent`, "sent items": `\Sent`, "sent-mail": `\Sent`,
	"trash": `\Trash`, "deleted messages": `\Trash`, "deleted items": `\Trash`,
	"junk": `\Junk`, "spam": `\Junk`, "junk e-mail": `\Junk`, "archive": `\Archive`, "archives": `\Archive`,
}

// FinishList turns the mailboxes that exist (and names that are NoSelect) and
// the subscribed names into what Account.Mailboxes returns: missing parents and
// missing subscribed names are added, children, subscriptions and special uses
// are marked, and the list is sorted with INBOX first. Each special use that have
// does not tell is given to one mailbox at most, to the one nearest to its usual name.
func FinishList(have []Info, subscribed []string, delim rune) []Info {
	byName := make(map[string]*Info, len(have)+len(subscribed))
	for i := range have {
		byName[have[i].Name] = &have[i]
	}
	if byName[Inbox] == nil {
		byName[Inbox] = &Info{Name: Inbox}
	}
	for _, name := range subscribed {
		name = CanonicalName(name, delim)
		if byName[name] == nil {
			byName[name] = &Info{Name: name, NonExistent: true, NoSelect: true}
		}
		byName[name].Subscribed = true
	}
	for _, name := range keys(byName) {
		markParents(byName, name, delim)
	}
	list := make([]Info, 0, len(byName))
	for _, in := range byName {
		list = append(list, *in)
	}
	sep := string(delim)
	slices.SortFunc(list, func(a, b Info) int { return compareLevels(a.Name, b.Name, sep) })
	markSpecialUses(list, delim)
	return list
}

func keys(m map[string]*Info) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	return list
}

// markParents sees to it that every name above name is listed; those above an
// existing mailbox get HasChildren.
func markParents(byName map[string]*Info, name string, delim rune) {
	exists := !byName[name].NonExistent
	for {
		i := strings.LastIndex(name, string(delim))
		if i <= 0 {
			return
		}
		name = name[:i]
		parent := byName[name]
		if parent == nil {
			if !exists {
				return
			}
			parent = &Info{Name: name, NonExistent: true, NoSelect: true}
			byName[name] = parent
		}
		parent.HasChildren = parent.HasChildren || exists
	}
}

// CompareNames orders names level by level, INBOX and what is below it first.
func CompareNames(a, b string, delim rune) int { return compareLevels(a, b, string(delim)) }

func compareLevels(a, b, delim string) int {
	ina, inb := isInbox(a, delim), isInbox(b, delim)
	if ina != inb {
		if ina {
			return -1
		}
		return 1
	}
	for {
		levelA, restA, moreA := strings.Cut(a, delim)
		levelB, restB, moreB := strings.Cut(b, delim)
		switch c := strings.Compare(levelA, levelB); {
		case c != 0:
			return c
		case moreA != moreB && moreB:
			return -1
		case moreA != moreB:
			return 1
		case !moreA:
			return 0
		}
		a, b = restA, restB
	}
}

func isInbox(name, delim string) bool {
	rest, in := strings.CutPrefix(name, Inbox)
	return in && (rest == "" || strings.HasPrefix(rest, delim))
}

func markSpecialUses(list []Info, delim rune) {
	given := make(map[string]bool) // uses that a mailbox has by other means than its name
	for _, in := range list {
		given[in.SpecialUse] = true
	}
	best := make(map[string]int) // special use -> index of the mailbox that gets it
	for i, in := range list {
		use := specialUseOf(in.Name, delim)
		if in.NoSelect || use == "" || given[use] {
			continue
		}
		if j, taken := best[use]; !taken || rank(in.Name, use) < rank(list[j].Name, use) {
			best[use] = i
		}
	}
	for use, i := range best {
		if list[i].SpecialUse == "" {
			list[i].SpecialUse = use
		}
	}
}

// specialUseOf looks at names at the top and directly below INBOX.
func specialUseOf(name string, delim rune) string {
	name = strings.TrimPrefix(name, Inbox+string(delim))
	return specialUses[strings.ToLower(name)]
}

// rank is smaller the nearer a name is to the usual one: `Sent` before
// `Sent Items` before `INBOX/Sent Items`.
func rank(name, use string) int {
	r := len(name)
	if strings.EqualFold(name, use[1:]) {
		r = 0
	}
	return r
}
