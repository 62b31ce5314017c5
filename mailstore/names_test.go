package mailstore

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestCanonicalName(t *testing.T) {
	for _, test := range []struct {
		name  string
		delim rune
		want  string
	}{
		{"inbox", '/', "INBOX"},
		{"InBoX/Sub", '/', "INBOX/Sub"},
		{"inbox.sub.Sub", '.', "INBOX.sub.Sub"},
		{"inbox/sub", '.', "inbox/sub"}, // another delimiter: another name
		{"Inboxes", '/', "Inboxes"},
		{"a/inbox", '/', "a/inbox"},
		{"", '/', ""},
		{"/inbox", '/', "/inbox"},
	} {
		if got := CanonicalName(test.name, test.delim); got != test.want {
			t.Errorf("CanonicalName(%q, %q) = %q, want %q", test.name, test.delim, got, test.want)
		}
	}
}

// show writes a list as `INBOX a(noselect,children) b(subscribed,\Sent)`.
func show(list []Info) string {
	var all []string
	for _, in := range list {
		var marks []string
		for mark, set := range map[string]bool{"nonexistent": in.NonExistent, "noselect": in.NoSelect, "children": in.HasChildren, "subscribed": in.Subscribed} {
			if set {
				marks = append(marks, mark)
			}
		}
		if in.SpecialUse != "" {
			marks = append(marks, in.SpecialUse)
		}
		slices.Sort(marks)
		text := in.Name
		if len(marks) > 0 {
			text += "(" + strings.Join(marks, ",") + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestFinishList(t *testing.T) {
	for _, test := range []struct {
		why        string
		have       string // names; one with a minus is NoSelect
		subscribed string
		delim      rune
		want       string
	}{
		{"INBOX is always there", "", "", '/', "INBOX"},
		{"INBOX and what is below it come first", "a INBOX/z Z INBOX INBOX/b", "", '/', "INBOX(children) INBOX/b INBOX/z Z a"},
		{"by level: what is below stays together", "a a!b a/b", "", '/', "INBOX a(children) a/b a!b"},
		{"missing parents", "a/b/c", "", '/', "INBOX a(children,nonexistent,noselect) a/b(children,nonexistent,noselect) a/b/c"},
		{"another delimiter", "a.b a/b", "", '.', "INBOX a(children,nonexistent,noselect) a.b a/b"},
		{"NoSelect stays so", "-a a/b -c", "", '/', "INBOX a(children,noselect) a/b c(noselect)"},
		{"subscribed", "a", "a inbox", '/', "INBOX(subscribed) a(subscribed)"},
		{"subscribed and not there: no parents are made up for it", "x", "gone/deep", '/', "INBOX gone/deep(nonexistent,noselect,subscribed) x"},
		{"a mailbox above one that is not there has no children", "gone", "gone/deep", '/', "INBOX gone gone/deep(nonexistent,noselect,subscribed)"},
		{"subscribed, not there, but leading to others", "a/b", "a", '/', "INBOX a(children,nonexistent,noselect,subscribed) a/b"},
		{"special uses", "Drafts Sent Trash Junk Archive", "", '/', `INBOX Archive(\Archive) Drafts(\Drafts) Junk(\Junk) Sent(\Sent) Trash(\Trash)`},
		{"of several the nearest", "Spam Junk Sent-Mail", "", '/', `INBOX Junk(\Junk) Sent-Mail(\Sent) Spam`},
		{"below INBOX, as Courier and Cyrus have them", "INBOX.Sent INBOX.Trash", "", '.', `INBOX(children) INBOX.Sent(\Sent) INBOX.Trash(\Trash)`},
		{"at the top before below INBOX", "INBOX/trash trash", "", '/', `INBOX(children) INBOX/trash trash(\Trash)`},
		{"not deep down", "old/Sent", "", '/', "INBOX old(children,nonexistent,noselect) old/Sent"},
		{"not what cannot be opened", "-Sent Sent/2003", "Trash", '/', "INBOX Sent(children,noselect) Sent/2003 Trash(nonexistent,noselect,subscribed)"},
	} {
		var have []Info
		for _, name := range strings.Fields(test.have) {
			name, noSelect := strings.CutPrefix(name, "-")
			have = append(have, Info{Name: name, NoSelect: noSelect})
		}
		got := show(FinishList(have, strings.Fields(test.subscribed), test.delim))
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.why, got, test.want)
		}
	}
}

func TestError(t *testing.T) {
	err := fmt.Errorf("session: %w", &Error{Op: "append", Mailbox: "INBOX", Err: fs.ErrPermission})
	if got := err.Error(); got != `session: append "INBOX": permission denied` || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %q", got)
	}
	if got := (&Error{Op: "list", Err: ErrReadOnly}).Error(); got != "list: is read-only" {
		t.Errorf("got %q", got)
	}
}
