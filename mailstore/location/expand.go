package location

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"restante/mailstore"
)

// The variables are Dovecot's (doc.dovecot.org, "Config Variables"):
//
//	%[[-][0]OFFSET.][0]WIDTH[MODIFIERS]VARIABLE
//
// With one number it is the width. A negative offset counts from the end, a
// negative width leaves out so many characters there; with a zero before it the
// value is filled up with zeros. %L makes lower case, %U upper case.
type variable struct {
	offset, width int
	zero          bool // fill up to width with zeros
	modifiers     string
	name          byte
}

// variables are those that a location may have.
var longNames = map[string]byte{"user": 'u', "username": 'n', "domain": 'd', "home": 'h'}

// expand puts the user's values in the place of variables.
func expand(text string, values map[byte]string) (string, error) {
	var out strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			break
		}
		out.WriteString(text[:i])
		v, rest, err := parseVariable(text[i+1:])
		if err != nil {
			return "", err
		}
		text = rest
		if v.name == '%' {
			out.WriteByte('%')
			continue
		}
		value, known := values[v.name]
		if !known {
			return "", fmt.Errorf("%%%c is not possible here", v.name)
		}
		out.WriteString(v.apply(value))
	}
	return out.String() + text, nil
}

func checkVariables(text string) error {
	_, err := expand(text, map[byte]string{'u': "", 'n': "", 'd': "", 'h': ""})
	return err
}

// parseVariable reads what stands behind a percent sign.
func parseVariable(s string) (v variable, rest string, err error) {
	if name, rest, ok := cutBraces(s); ok {
		letter, known := longNames[name]
		if !known {
			return v, "", fmt.Errorf("%%{%s} is unknown; there are %%{user}, %%{username}, %%{domain} and %%{home}", name)
		}
		return variable{name: letter}, rest, nil
	}
	number, zero, s := parseNumber(s)
	if after, found := strings.CutPrefix(s, "."); found {
		v.offset = number
		number, zero, s = parseNumber(after)
	}
	v.width, v.zero = number, zero
	for s != "" && strings.IndexByte("LU", s[0]) >= 0 {
		v.modifiers += s[:1]
		s = s[1:]
	}
	if s == "" || strings.IndexByte("undh%", s[0]) < 0 {
		if len(s) > 1 {
			s = s[:1]
		}
		return v, "", fmt.Errorf("%%%s is unknown; there are %%u (user), %%n (part before @), %%d (domain), %%h (home) and %%%%, with the modifiers L and U", s)
	}
	v.name = s[0]
	return v, s[1:], nil
}

func cutBraces(s string) (name, rest string, ok bool) {
	after, found := strings.CutPrefix(s, "{")
	if !found {
		return "", s, false
	}
	name, rest, ok = strings.Cut(after, "}")
	return name, rest, ok
}

// parseNumber reads a number with sign; a zero before it is told apart.
func parseNumber(s string) (n int, zero bool, rest string) {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	zero = strings.HasPrefix(s, "0")
	for s != "" && s[0] >= '0' && s[0] <= '9' {
		n = min(n*10+int(s[0]-'0'), 1000)
		s = s[1:]
	}
	if negative {
		n = -n
	}
	return n, zero, s
}

// apply changes and cuts a value as the variable asks.
func (v variable) apply(value string) string {
	for _, m := range v.modifiers {
		if m == 'L' {
			value = strings.ToLower(value)
		} else {
			value = strings.ToUpper(value)
		}
	}
	r := []rune(value)
	switch {
	case v.offset < 0:
		r = r[max(len(r)+v.offset, 0):]
	default:
		r = r[min(v.offset, len(r)):]
	}
	switch {
	case v.width < 0:
		r = r[:max(len(r)+v.width, 0)]
	case v.width > 0 && v.width < len(r):
		r = r[:v.width]
	}
	s := string(r)
	if v.zero && v.width > len(r) {
		s = strings.Repeat("0", v.width-len(r)) + s
	}
	return s
}

// Values for a user. A name that could lead a path elsewhere is refused.
func values(user mailstore.User) (map[byte]string, error) {
	local, domain, _ := strings.Cut(user.Name, "@")
	for _, part := range []string{local, domain} {
		if strings.ContainsAny(part, "/\x00") || strings.HasPrefix(part, ".") {
			return nil, fmt.Errorf("user name %q cannot be part of a path: neither side of @ may begin with a dot or hold a slash", user.Name)
		}
	}
	if local == "" {
		return nil, errors.New("the user name is empty")
	}
	return map[byte]string{'u': user.Name, 'n': local, 'd': domain, 'h': user.Home}, nil
}

// expandFor gives a location the values of a user whose Home is absolute.
// Relative paths and ~ begin at the home.
func (l Location) expandFor(user mailstore.User) (Location, error) {
	vals, err := values(user)
	if err != nil {
		return l, err
	}
	for _, p := range []*string{&l.Path, &l.Inbox, &l.Control} {
		if *p == "" {
			continue
		}
		if *p, err = expandPath(*p, vals); err != nil {
			return l, err
		}
	}
	return l, nil
}

func expandPath(path string, vals map[byte]string) (string, error) {
	if strings.HasPrefix(path, "~") && path != "~" && !strings.HasPrefix(path, "~/") {
		return "", fmt.Errorf("%s: only the user's own home can be written as ~/", path)
	}
	path, err := expand(path, vals)
	if err != nil {
		return "", err
	}
	if rest, found := strings.CutPrefix(path, "~"); found {
		return filepath.Join(vals['h'], rest), nil
	}
	if !filepath.IsAbs(path) {
		return filepath.Join(vals['h'], path), nil
	}
	return filepath.Clean(path), nil
}
