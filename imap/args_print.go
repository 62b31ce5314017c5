package imap

import (
	"encoding/base64"
)

func (a *Authenticate) appendArgs(b []byte) []byte {
	b = append(append(b, ' '), a.Mechanism...)
	if !a.HasInitial {
		return b
	}
	if len(a.Initial) == 0 {
		return append(b, " ="...)
	}
	return base64.StdEncoding.AppendEncode(append(b, ' '), a.Initial)
}

func (a *Login) appendArgs(b []byte) []byte {
	b = appendAString(append(b, ' '), a.User)
	return appendAString(append(b, ' '), a.Password)
}

func (a *Compress) appendArgs(b []byte) []byte { return append(append(b, ' '), a.Algorithm...) }

func (a *Enable) appendArgs(b []byte) []byte {
	for _, c := range a.Capabilities {
		b = append(append(b, ' '), c...)
	}
	return b
}

func (a *ID) appendArgs(b []byte) []byte {
	if len(a.Fields) == 0 {
		return append(b, " NIL"...)
	}
	sep := " ("
	for _, f := range a.Fields {
		b = appendString(append(b, sep...), f.Name)
		if f.Nil {
			b = append(b, " NIL"...)
		} else {
			b = appendString(append(b, ' '), f.Value)
		}
		sep = " "
	}
	return append(b, ')')
}

func (a *Mailbox) appendArgs(b []byte) []byte { return appendMailbox(append(b, ' '), a.Name) }

func (a *Select) appendArgs(b []byte) []byte {
	return appendParams(appendMailbox(append(b, ' '), a.Mailbox), a.Params)
}

func (a *Create) appendArgs(b []byte) []byte {
	return appendParams(appendMailbox(append(b, ' '), a.Mailbox), a.Params)
}

func (a *Rename) appendArgs(b []byte) []byte {
	b = appendMailbox(append(b, ' '), a.From)
	return appendMailbox(append(b, ' '), a.To)
}

func (a *Lsub) appendArgs(b []byte) []byte {
	b = appendMailbox(append(b, ' '), a.Reference)
	return appendPattern(append(b, ' '), a.Pattern)
}

func (a *Status) appendArgs(b []byte) []byte {
	b = appendMailbox(append(b, ' '), a.Mailbox)
	return appendStatusItems(append(b, ' '), a.Items)
}

func (a *Append) appendArgs(b []byte) []byte { return appendMailbox(append(b, ' '), a.Mailbox) }

func (a *Replace) appendArgs(b []byte) []byte {
	return a.Append.appendArgs(a.Message.AppendTo(append(b, ' ')))
}

func (a *Copy) appendArgs(b []byte) []byte {
	b = a.Set.AppendTo(append(b, ' '))
	return appendMailbox(append(b, ' '), a.Mailbox)
}

func (a *Expunge) appendArgs(b []byte) []byte { return a.Set.AppendTo(append(b, ' ')) }

func (a *Store) appendArgs(b []byte) []byte {
	b = a.Set.AppendTo(append(b, ' '))
	b = append(appendParams(b, a.Modifiers), ' ')
	if a.Op != StoreSet {
		b = append(b, byte(a.Op))
	}
	b = append(b, "FLAGS"...)
	if a.Silent {
		b = append(b, ".SILENT"...)
	}
	return appendFlags(append(b, ' '), a.Flags)
}

// appendPattern appends a list-mailbox.
func appendPattern(b []byte, pattern string) []byte {
	wire := EncodeMailboxName(pattern)
	for i := range len(wire) {
		if !isListChar(wire[i]) {
			return appendString(b, wire)
		}
	}
	if wire == "" {
		return append(b, `""`...)
	}
	return append(b, wire...)
}

func appendStatusItems(b []byte, items []StatusItem) []byte {
	b = append(b, '(')
	for i, it := range items {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, it...)
	}
	return append(b, ')')
}

func (a *List) appendArgs(b []byte) []byte {
	if a.Extended {
		b = appendWords(append(b, ' '), []word{
			{"SUBSCRIBED", a.Select.Subscribed},
			{"REMOTE", a.Select.Remote},
			{"RECURSIVEMATCH", a.Select.RecursiveMatch},
			{"SPECIAL-USE", a.Select.SpecialUse},
		})
	}
	b = append(appendMailbox(append(b, ' '), a.Reference), ' ')
	if !a.Extended {
		return appendPattern(b, a.Patterns[0])
	}
	b = append(b, '(')
	for i, p := range a.Patterns {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendPattern(b, p)
	}
	b = append(b, ") RETURN "...)
	b = appendWords(b, []word{
		{"SUBSCRIBED", a.Return.Subscribed},
		{"CHILDREN", a.Return.Children},
		{"SPECIAL-USE", a.Return.SpecialUse},
		{"MYRIGHTS", a.Return.MyRights},
	})
	if len(a.Return.Status) > 0 {
		b = appendStatusItems(appendOption(b, "STATUS "), a.Return.Status)
		b = append(b, ')')
	}
	if len(a.Return.Metadata) > 0 {
		b = appendEntries(appendOption(b, "METADATA "), a.Return.Metadata)
		b = append(b, ')')
	}
	return b
}

// appendOption begins one more option of a list that was closed.
func appendOption(b []byte, name string) []byte {
	b = b[:len(b)-1]
	if b[len(b)-1] != '(' {
		b = append(b, ' ')
	}
	return append(b, name...)
}

// word is an option that was given or not.
type word struct {
	name  string
	given bool
}

// appendWords appends the given options in parentheses.
func appendWords(b []byte, words []word) []byte {
	b = append(b, '(')
	first := true
	for _, w := range words {
		if !w.given {
			continue
		}
		if !first {
			b = append(b, ' ')
		}
		b = append(b, w.name...)
		first = false
	}
	return append(b, ')')
}

func (a *Fetch) appendArgs(b []byte) []byte {
	b = a.Set.AppendTo(append(b, ' '))
	sep := " ("
	for i := range a.Items {
		b = append(b, sep...)
		b = a.Items[i].appendAsked(b)
		sep = " "
	}
	return appendParams(append(b, ')'), a.Modifiers)
}
