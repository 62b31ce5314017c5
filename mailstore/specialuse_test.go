package mailstore

import (
	"errors"
	"maps"
	"testing"
)

func TestSpecialUses(t *testing.T) {
	data, changed, err := ChangeSpecialUses(nil, func(u SpecialUses) error {
		for _, give := range []struct {
			why, name, use string
			want           error
		}{
			{"a first one", "Gesendet", `\Sent`, nil},
			{"again", "Gesendet", `\Sent`, nil},
			{"another mailbox", "Sent", `\Sent`, ErrExists},
			{"below", "a/b", `\Junk`, nil},
			{"instead of its own", "a/b", `\Trash`, nil},
			{"a name that begins alike", "a/bc", `\Junk`, nil},
			{"a name of several lines", "a\nb", `\Drafts`, ErrInvalidName},
			{"INBOX", "INBOX", `\Drafts`, ErrNotPermitted},
			{"none where there is none", "x", "", nil},
		} {
			if err := u.Give(give.name, give.use); !errors.Is(err, give.want) {
				t.Errorf("%s: %v, want %v", give.why, err, give.want)
			}
		}
		return nil
	})
	const want = "restante-special-uses 1\n\\Sent\tGesendet\n\\Trash\ta/b\n\\Junk\ta/bc\n"
	if string(data) != want || !changed || err != nil {
		t.Errorf("%q, %v, %v", data, changed, err)
	}
	if _, changed, _ := ChangeSpecialUses(data, func(u SpecialUses) error { return u.Give("Gesendet", `\Sent`) }); changed {
		t.Error("the same is a change")
	}
	u := ParseSpecialUses(data)
	u.Rename("a/b", "c", '/')
	u.Rename("Gesendet", "a/Gesendet", '/')
	u.Rename("a", "z", '/')
	u.Rename(Inbox, "y", '/')
	if err := u.Give("z/bc", ""); err != nil || !maps.Equal(u, SpecialUses{"c": `\Trash`, "z/Gesendet": `\Sent`}) {
		t.Errorf("%v, %v", u, err)
	}
	for _, other := range []string{"", "something else\n", "restante-special-uses 1", "restante-special-uses 1\n\nx\ty\n\\\ty\n\\Sent\t\n\\Sent"} {
		if u := ParseSpecialUses([]byte(other)); len(u) != 0 {
			t.Errorf("%q gives %v", other, u)
		}
	}
}

// TestSpecialUsesMark: what was given counts more than names.
func TestSpecialUsesMark(t *testing.T) {
	have := []Info{{Name: "Sent"}, {Name: "Gesendet"}, {Name: "Trash"}, {Name: "Junk", NoSelect: true}, {Name: "Drafts"}}
	SpecialUses{"Gesendet": `\Sent`, "Junk": `\Junk`, "gone": `\Archive`, "Drafts": `\Archive`}.Mark(have)
	got := map[string]string{}
	for _, in := range FinishList(have, nil, '/') {
		if in.SpecialUse != "" {
			got[in.Name] = in.SpecialUse
		}
	}
	if want := map[string]string{"Gesendet": `\Sent`, "Trash": `\Trash`, "Drafts": `\Archive`}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
