package shared

import (
	"strings"
	"testing"
)

// FuzzNames: a name of somebody else's mailbox means one mailbox, and each mailbox
// has one name.
func FuzzNames(f *testing.F) {
	f.Add("jane.b", "a.b/c", "/", ".")
	f.Add("jane", "a/b.c", ".", "/")
	f.Add("j", "INBOX", ".", ".")
	f.Fuzz(func(t *testing.T, local, name, delim, own string) {
		if len(delim) != 1 || len(own) != 1 || local == "" || name == "" || strings.ContainsAny(local, "/@") {
			t.Skip()
		}
		a := &account{user: "me@a.org", delim: own}
		theirs := a.foreignName(local+"@a.org", name, delim)
		owner, rest, ok := a.cutForeign(theirs)
		if !ok || owner != local+"@a.org" || swap(rest, own, delim) != name {
			t.Errorf("%q of %q is %q, and that is %q of %q", name, local, theirs, swap(rest, own, delim), owner)
		}
		if levels := strings.Count(theirs, own) - strings.Count(a.OtherUsers(), own) - 1; levels != strings.Count(name, delim) {
			t.Errorf("%q is %q, which has other levels", name, theirs)
		}
	})
}
