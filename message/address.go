package message

import "strings"

// An Address is a mailbox as people read it.
type Address struct {
	Name    string // decoded, or ""
	Mailbox string // the local part, unquoted; "" if only a name was written
	Host    string // "" if none was written
}

// String is mailbox@host, or what there is of it.
func (a Address) String() string {
	if a.Host == "" {
		return a.Mailbox
	}
	return a.Mailbox + "@" + a.Host
}

// ParseAddressList reads the value of an address field (From, To and the like), raw
// as HeaderField gives it. Of what does not fit as much as possible is kept, and
// reading goes on behind the next comma. The members of a group stand among the
// others; an empty group ("undisclosed-recipients:;") is an Address that has only a
// name. All strings are clean as those of DecodeHeader. Encoded-words are decoded in
// names only (RFC 2047 section 5).
func ParseAddressList(raw string) []Address {
	r := addressReader{recover: true}
	var all []Address
	members := 0
	for _, a := range r.list(appendUnfolded(nil, []byte(raw))) {
		switch a.kind {
		case groupStart:
			members = len(all)
			all = append(all, Address{Name: decodePhrase(a.mailbox)})
			continue
		case groupEnd:
			if len(all) > members+1 {
				all = append(all[:members], all[members+1:]...)
			}
			continue
		}
		one := Address{
			Name:    decodePhrase(a.name),
			Mailbox: cleanText(string(a.mailbox)),
			Host:    cleanText(string(a.host)),
		}
		if one != (Address{}) {
			all = append(all, one)
		}
	}
	return all
}

// FirstAddress reads the first address of an address field, unfolded as AppendValue
// gives it, as ENVELOPE has it: of a group the Mailbox is the name and Host is
// empty. It is what mail is sorted by (RFC 5256 section 3, RFC 5957).
func FirstAddress(value []byte) Address {
	r := addressReader{first: true}
	list := r.list(value)
	if len(list) == 0 {
		return Address{}
	}
	a := list[0]
	return Address{Name: decodePhrase(a.name), Mailbox: cleanText(string(a.mailbox)), Host: cleanText(string(a.host))}
}

// decodePhrase decodes a display name.
func decodePhrase(b []byte) string {
	return strings.TrimSpace(DecodeHeader(string(b)))
}
