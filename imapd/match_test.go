package imapd

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatcher(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
		why           string
	}{
		{"*", "a/b/c", true, "everything"},
		{"%", "a", true, "one level"},
		{"%", "a/b", false, "one level only"},
		{"%/%", "a/b", true, "two levels"},
		{"a*c", "a/b/c", true, "across levels"},
		{"a%c", "a/c", false, "not across levels"},
		{"*%", "a/b", true, "wildcards side by side"},
		{"%*", "a/b", true, "wildcards side by side"},
		{"", "", true, "nothing fits nothing"},
		{"", "a", false, "nothing fits nothing else"},
		{"a", "A", false, "names are case-sensitive"},
		{"a", "ab", false, "the whole name"},
		{"b", "ab", false, "the whole name"},
		{"*b*", "abc", true, "in the middle"},
		{"ü%", "über", true, "octets of characters"},
		{strings.Repeat("*a", 5000), strings.Repeat("a", 300), false, "longer than the name"},
		{strings.Repeat("*a", 150) + "b", strings.Repeat("a", 300), false, "not exponential"},
	} {
		if got := newMatcher(c.pattern, '/').match(c.name); got != c.want {
			t.Errorf("%.40q fits %.40q: %v, want %v (%s)", c.pattern, c.name, got, c.want, c.why)
		}
	}
}

// FuzzMatcher compares with a regular expression.
func FuzzMatcher(f *testing.F) {
	f.Add("a*/%b", "ax/yb")
	f.Add("%%**", "a/b")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 50 || len(name) > 50 {
			return
		}
		var b strings.Builder
		for i := range len(pattern) {
			switch c := pattern[i]; c {
			case '*':
				b.WriteString(`[\x00-\xff]*`)
			case '%':
				b.WriteString(`[^/]*`)
			default:
				b.WriteString(regexp.QuoteMeta(latin1(pattern[i : i+1])))
			}
		}
		re, err := regexp.Compile(`^(?s:` + b.String() + `)$`)
		if err != nil {
			t.Skip(err)
		}
		if got, want := newMatcher(pattern, '/').match(name), re.MatchString(latin1(name)); got != want {
			t.Errorf("%q fits %q: %v, the regular expression %s says %v", pattern, name, got, re, want)
		}
	})
}

// latin1 makes a character of each octet.
func latin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
