package imapd

import (
	"strings"

	"restante/mailstore"
)

// systemFlags are the system flags in the order in which they are sent.
var systemFlags = []struct {
	flag mailstore.System
	name string
}{
	{mailstore.Answered, `\Answered`},
	{mailstore.Flagged, `\Flagged`},
	{mailstore.Deleted, `\Deleted`},
	{mailstore.Seen, `\Seen`},
	{mailstore.Draft, `\Draft`},
	{mailstore.Recent, `\Recent`},
}

// wireFlags holds each of the 64 sets of system flags as it is sent.
var wireFlags = func() (list [64]string) {
	for set := range list {
		var words []string
		for _, f := range systemFlags {
			if mailstore.System(set)&f.flag != 0 {
				words = append(words, f.name)
			}
		}
		list[set] = strings.Join(words, " ")
	}
	return list
}()

// systemFlag returns the system flag of that name, 0 if there is none.
func systemFlag(name string) mailstore.System {
	for _, f := range systemFlags {
		if strings.EqualFold(f.name, name) {
			return f.flag
		}
	}
	return 0
}

// parseFlags makes a value of the flags of STORE and APPEND. \Recent is not the
// client's to set and is passed over (RFC 3501 section 2.3.2); other flags that
// begin with a backslash and that we do not know are refused, as they are not
// in PERMANENTFLAGS.
func parseFlags(words []string) (mailstore.Flags, error) {
	var sys mailstore.System
	var keywords []string
	for _, w := range words {
		if !strings.HasPrefix(w, `\`) {
			keywords = append(keywords, w)
			continue
		}
		f := systemFlag(w)
		if f == 0 {
			return mailstore.Flags{}, bad("There is no system flag %s", w)
		}
		sys |= f
	}
	return mailstore.NewFlags(sys&^mailstore.Recent, keywords...), nil
}

// appendFlags appends a parenthesised flag list.
func appendFlags(b []byte, f mailstore.Flags) []byte {
	sys, words := wireFlags[f.System&63], f.Keywords.String()
	b = append(b, '(')
	b = append(b, sys...)
	if sys != "" && words != "" {
		b = append(b, ' ')
	}
	b = append(b, words...)
	return append(b, ')')
}
