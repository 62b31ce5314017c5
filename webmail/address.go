package webmail

import (
	"cmp"
	"hash/fnv"
	"strings"
	"unicode"

	"restante/message"
)

// address is a sender or recipient as it is shown: the address always, the name beside it if it is a name.
type address struct {
	Name, Addr string
	Suspicious bool // the name pretends to be another address
}

func newAddress(a message.Address) address {
	out := address{Name: strings.TrimSpace(shown(a.Name)), Addr: shown(a.String())}
	if a.Mailbox == "" && a.Host == "" {
		out.Addr = ""
		return out
	}
	if strings.EqualFold(out.Name, out.Addr) {
		out.Name = ""
	}
	out.Suspicious = looksLikeAddress(out.Name)
	return out
}

// looksLikeAddress says whether a display name holds an address, as `"boss@bank.example" <thief@crime.example>` does.
func looksLikeAddress(name string) bool {
	before, after, ok := strings.Cut(name, "@")
	return ok && before != "" && strings.Contains(after, ".") && !strings.HasSuffix(before, " ")
}

// addresses reads all fields of that name.
func addresses(header []byte, field string) []address {
	raw := strings.Join(message.HeaderFields(header, field), ", ")
	list := message.ParseAddressList(raw)
	out := make([]address, 0, len(list))
	for _, a := range list {
		out = append(out, newAddress(a))
	}
	return out
}

// label is the letter and the colour that stand for the sender.
func label(from []address) (initial string, hue int) {
	if len(from) == 0 {
		return "?", 0
	}
	text := from[0].Name
	if text == "" {
		text = from[0].Addr
	}
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			initial = string(unicode.ToUpper(r))
			break
		}
	}
	h := fnv.New32a()
	h.Write([]byte(strings.ToLower(from[0].Addr)))
	return cmp.Or(initial, "?"), int(h.Sum32() % 8)
}
