package imap

import (
	"strconv"
	"strings"
)

func (a *Search) appendArgs(b []byte) []byte {
	b = appendReturn(b, a.Return)
	if a.Charset != "" {
		b = appendAString(append(b, " CHARSET "...), a.Charset)
	}
	return appendKeys(b, a.Key)
}

// appendKeys appends the keys at the end of a command.
func appendKeys(b []byte, key SearchKey) []byte {
	if and, ok := key.(SearchAnd); ok && len(and.Keys) > 1 {
		for _, k := range and.Keys {
			b = k.appendKey(append(b, ' '))
		}
		return b
	}
	return key.appendKey(append(b, ' '))
}

// appendReturn appends the result options of SEARCH and SORT, if there were any.
func appendReturn(b []byte, r *SearchReturn) []byte {
	if r == nil {
		return b
	}
	partial := ""
	if !r.Partial.IsZero() {
		partial = string(r.Partial.AppendTo([]byte("PARTIAL ")))
	}
	return appendWords(append(b, " RETURN "...), []word{
		{"MIN", r.Min},
		{"MAX", r.Max},
		{"ALL", r.All},
		{"COUNT", r.Count},
		{"SAVE", r.Save},
		{"UPDATE", r.Update},
		{"CONTEXT", r.Context},
		{partial, partial != ""},
	})
}

func (k SearchAnd) appendKey(b []byte) []byte {
	b = append(b, '(')
	for i, e := range k.Keys {
		if i > 0 {
			b = append(b, ' ')
		}
		b = e.appendKey(b)
	}
	return append(b, ')')
}

func (k SearchOr) appendKey(b []byte) []byte {
	b = k.Left.appendKey(append(b, "OR "...))
	return k.Right.appendKey(append(b, ' '))
}

func (k SearchNot) appendKey(b []byte) []byte { return k.Key.appendKey(append(b, "NOT "...)) }

func (k SearchFuzzy) appendKey(b []byte) []byte { return k.Key.appendKey(append(b, "FUZZY "...)) }

func (SearchSaveDates) appendKey(b []byte) []byte { return append(b, "SAVEDATESUPPORTED"...) }

func (SearchAll) appendKey(b []byte) []byte { return append(b, "ALL"...) }

func (SearchNew) appendKey(b []byte) []byte { return append(b, "NEW"...) }

func (k SearchSeq) appendKey(b []byte) []byte { return k.Set.AppendTo(b) }

func (k SearchUID) appendKey(b []byte) []byte { return k.Set.AppendTo(append(b, "UID "...)) }

func (k SearchFlag) appendKey(b []byte) []byte {
	if !strings.HasPrefix(k.Flag, `\`) {
		if k.Absent {
			b = append(b, "UN"...)
		}
		return append(append(b, "KEYWORD "...), k.Flag...)
	}
	name := strings.ToUpper(k.Flag[1:])
	switch {
	case k.Absent && name == "RECENT":
		name = "OLD"
	case k.Absent:
		b = append(b, "UN"...)
	}
	return append(b, name...)
}

func (k SearchDate) appendKey(b []byte) []byte {
	b = append(b, [...]string{InternalDate: "", SentDate: "SENT", SaveDate: "SAVED"}[k.Field]...)
	b = append(b, [...]string{DateBefore: "BEFORE ", DateOn: "ON ", DateSince: "SINCE "}[k.Op]...)
	return appendDate(b, k.Date)
}

func (k SearchWithin) appendKey(b []byte) []byte {
	name := "YOUNGER "
	if k.Older {
		name = "OLDER "
	}
	return strconv.AppendUint(append(b, name...), uint64(k.Seconds), 10)
}

func (k SearchSize) appendKey(b []byte) []byte {
	name := "SMALLER "
	if k.Larger {
		name = "LARGER "
	}
	return strconv.AppendInt(append(b, name...), k.Size, 10)
}

func (k SearchModSeq) appendKey(b []byte) []byte {
	b = append(b, "MODSEQ "...)
	if k.Type != "" {
		b = append(append(append(appendString(b, k.Entry), ' '), k.Type...), ' ')
	}
	return strconv.AppendUint(b, k.Min, 10)
}

func (k SearchObjectID) appendKey(b []byte) []byte {
	name := "EMAILID "
	if k.Thread {
		name = "THREADID "
	}
	return append(append(b, name...), k.ID...)
}

func (k SearchField) appendKey(b []byte) []byte {
	return appendAString(append(append(b, k.Field...), ' '), k.Value)
}

func (k SearchHeader) appendKey(b []byte) []byte {
	b = appendAString(append(b, "HEADER "...), k.Field)
	return appendAString(append(b, ' '), k.Value)
}

func (k SearchText) appendKey(b []byte) []byte {
	name := "TEXT "
	if k.BodyOnly {
		name = "BODY "
	}
	return appendAString(append(b, name...), k.Value)
}
