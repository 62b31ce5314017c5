package mailstore

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRights(t *testing.T) {
	for _, test := range []struct {
		why, letters string
		want         Rights
		ok           bool
	}{
		{"none", "", 0, true},
		{"in any order, twice", "rlr", RightLookup | RightRead, true},
		{"all", "lrswipkxtea", AllRights, true},
		{"capitals are none", "R", 0, false},
		{"the right of the old standard is not ours", "lrc", 0, false},
	} {
		if got, ok := ParseRights(test.letters); got != test.want || ok != test.ok {
			t.Errorf("%s: %q gives %v, %v", test.why, test.letters, got, ok)
		}
	}
	for r := range AllRights + 1 {
		if got, ok := ParseRights(r.String()); got != r || !ok {
			t.Errorf("%d is written %q and read as %d", r, r, got)
		}
	}
}

// TestFixed: what somebody may not change stays, whatever the operation.
func TestFixed(t *testing.T) {
	all := NewFlags(Seen|Answered|Flagged|Deleted|Draft, "k")
	for _, test := range []struct {
		may      Rights
		op       FlagOp
		old, arg Flags
		want     Flags
	}{
		{RightSeen, AddFlags, Flags{}, all, NewFlags(Seen)},
		{RightDelete, AddFlags, Flags{}, all, NewFlags(Deleted)},
		{RightWrite, AddFlags, Flags{}, all, NewFlags(Answered|Flagged|Draft, "k")},
		{0, AddFlags, Flags{}, all, Flags{}},
		{RightSeen, RemoveFlags, all, all, NewFlags(Answered|Flagged|Deleted|Draft, "k")},
		{RightSeen, ReplaceFlags, all, Flags{}, NewFlags(Answered|Flagged|Deleted|Draft, "k")},
		{RightWrite, ReplaceFlags, NewFlags(Seen|Recent, "a"), NewFlags(Deleted, "b"), NewFlags(Seen|Recent, "b")},
		{FlagRights, ReplaceFlags, all, NewFlags(Draft), NewFlags(Draft)},
	} {
		opt := SetFlagsOptions{Fixed: test.may.Fixed()}
		if got := opt.Apply(test.op, test.old, test.arg); got != test.want {
			t.Errorf("%v may do %d with %v to %v: %v, want %v", test.may, test.op, test.arg, test.old, got, test.want)
		}
		if got := test.may.Fixed().Without(all); test.op == AddFlags && got != test.want {
			t.Errorf("%v leaves %v of all flags, want %v", test.may, got, test.want)
		}
	}
}

func TestParseACL(t *testing.T) {
	for _, test := range []struct {
		why, text string
		want      ACL
		written   string // "" for text
	}{
		{"nothing", "", nil, ""},
		{"a user", "user=jane lr\n", ACL{{Who: "user=jane", Rights: RightLookup | RightRead}}, ""},
		{"a space in a name, and what must be escaped there", `"user=j \"\\ d" l` + "\n", ACL{{Who: `user=j "\ d`, Rights: RightLookup}}, ""},
		{"taken away", "-user=jane w\n", ACL{{Who: "user=jane", Negative: true, Rights: RightWrite}}, ""},
		{"taken away, in quotes", `"-user=j d" w` + "\n", ACL{{Who: "user=j d", Negative: true, Rights: RightWrite}}, ""},
		{"no rights at all", "anyone\n", ACL{{Who: "anyone"}}, "anyone \n"},
		{"rights that have names, and letters of others", "anyone lzr :custom more\n", ACL{{Who: "anyone", Rights: RightLookup | RightRead, Other: "z:custom more"}}, "anyone lrz:custom more\n"},
		{"only rights that have names", "anyone :custom\n", ACL{{Who: "anyone", Other: ":custom"}}, "anyone  :custom\n"},
		{"groups and owner count for nobody and stay", "group=x lr\ngroup-override=y a\nowner l\n", ACL{
			{Who: "group=x", Rights: RightLookup | RightRead}, {Who: "group-override=y", Rights: RightAdmin}, {Who: "owner", Rights: RightLookup}}, ""},
		{"comments, mistakes and empty lines", "# x\n\nuser= lr\nusers=a lr\n\"user=a lr\n lr\n", ACL{
			{Other: "# x"}, {Other: "user= lr"}, {Other: "users=a lr"}, {Other: `"user=a lr`}, {Other: " lr"}}, "# x\nuser= lr\nusers=a lr\n\"user=a lr\n lr\n"},
		{"CRLF and no line end", "anyone l\r\nuser=a r", ACL{{Who: "anyone", Rights: RightLookup}, {Who: "user=a", Rights: RightRead}}, "anyone l\nuser=a r\n"},
	} {
		l := ParseACL([]byte(test.text))
		if !slices.Equal(l, test.want) {
			t.Errorf("%s: %+v, want %+v", test.why, l, test.want)
		}
		written := test.written
		if written == "" {
			written = test.text
		}
		if got := string(l.Bytes()); got != written {
			t.Errorf("%s: written as %q, want %q", test.why, got, written)
		}
	}
}

func TestRightsOf(t *testing.T) {
	for _, test := range []struct{ why, text, want string }{
		{"nobody", "", ""},
		{"others", "user=joe lr\nuser=janet lr\nuser=jan lr\n", ""},
		{"anyone", "anyone lr\n", "lr"},
		{"who has logged in counts more than anyone", "authenticated l\nanyone lr\n", "l"},
		{"a user's own line counts alone", "anyone lrs\nuser=jane i\n", "i"},
		{"which may say: none", "anyone lrs\nuser=jane\n", ""},
		{"taken away", "anyone lrs\n-user=jane s\n", "lr"},
		{"taken from all, which a line for one does not give back", "user=jane lrs\n-anyone s\n", "lr"},
		{"the closest line of those that take away", "user=jane lrs\n-anyone s\n-user=jane r\n", "ls"},
		{"groups and owner are not she", "owner a\ngroup=jane a\ngroup-override=jane a\n", ""},
		{"two lines are one", "user=jane lrs\nuser=jane li\n", "lrsi"},
		{"names are compared as they are", "user=Jane lr\n", ""},
		{"rights with names are no letters", "user=jane :lr\n", ""},
	} {
		if got := ParseACL([]byte(test.text)).RightsOf("jane"); got.String() != test.want {
			t.Errorf("%s: %v, want %s", test.why, got, test.want)
		}
	}
}

func TestChangeACL(t *testing.T) {
	data := []byte("# kept\nuser=jane lr\ngroup=x lr\n")
	after, changed, err := ChangeACL(data, func(l *ACL) error {
		l.Put("user=jane", false, RightLookup)
		l.Put("user=jane", true, RightRead)
		if l.Remove("user=joe", false) || !l.Remove("group=x", false) {
			t.Error("removed what is not there, or not what is")
		}
		return nil
	})
	if want := "# kept\nuser=jane l\n-user=jane r\n"; string(after) != want || !changed || err != nil {
		t.Errorf("%q, %v, %v", after, changed, err)
	}
	if _, changed, err := ChangeACL(data, func(l *ACL) error { l.Put("group=x", false, RightLookup|RightRead); return nil }); changed || err != nil {
		t.Errorf("the same is a change: %v, %v", changed, err)
	}
	if _, _, err := ChangeACL(data, func(l *ACL) error { l.Put("user=a\nanyone", false, AllRights); return nil }); !errors.Is(err, ErrInvalidName) {
		t.Errorf("a name of two lines: %v", err)
	}
	twice := ParseACL([]byte("user=a l\nuser=b l\nuser=a r\nuser=a s\n"))
	if twice.Put("user=a", false, RightPost); string(twice.Bytes()) != "user=a p\nuser=b l\n" {
		t.Errorf("an identifier of several lines becomes %q", twice.Bytes())
	}
	l := ParseACL([]byte("anyone\n-anyone a\nowner a\ngroup=x a\nuser=b l\nuser=a l\nuser=b l\n"))
	if got := l.Grantees(); !slices.Equal(got, []string{"user=a", "user=b"}) || !l.Grants() || l[:4].Grants() {
		t.Errorf("grantees are %q", got)
	}
}

// FuzzACL: what is written is read as the same, and nobody gains by it.
func FuzzACL(f *testing.F) {
	for _, s := range []string{"user=jane lr\n-anyone s :x\n", "\"user=a b\" l\n# x\n", "\"-\\\"\n", "anyone :\r\r\n", "anyone :\r ", "owner zl:l"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := ParseACL(data)
		again := ParseACL(l.Bytes())
		if !slices.Equal(l, again) {
			t.Fatalf("%q is read as %+v, written as %q, read as %+v", data, l, l.Bytes(), again)
		}
		if _, changed, err := ChangeACL(l.Bytes(), func(*ACL) error { return nil }); changed || err != nil {
			t.Errorf("no change is one: %v, %v", changed, err)
		}
		for _, e := range append(l, ACLEntry{Who: "user=somebody"}) {
			user, _ := strings.CutPrefix(e.Who, ACLUserPrefix)
			if !l.Grants() && l.RightsOf(user) != 0 {
				t.Errorf("nobody is granted anything, and %q has %v", user, l.RightsOf(user))
			}
		}
	})
}
