package imap

import "strconv"

// AppendName appends the name under which the item stands in an answer, such as FLAGS, RFC822.HEADER or
// BODY[HEADER.FIELDS (From To)]<0>. It is the name the client asked by: Outlook wants RFC822.HEADER and
// RFC822.PEEK echoed.
func (it *FetchItem) AppendName(b []byte) []byte {
	b = append(b, it.Att...)
	if it.Peek && it.Section == nil {
		b = append(b, ".PEEK"...) // QUIRK: Outlook's RFC822.PEEK.
	}
	if it.Section == nil {
		return b
	}
	b = it.Section.appendSpec(b)
	b = append(b, ']')
	if p := it.Section.Partial; p != nil {
		b = append(b, '<')
		b = strconv.AppendInt(b, p.Offset, 10)
		b = append(b, '>')
	}
	return b
}

// appendSpec appends what stands between the brackets.
func (s *Section) appendSpec(b []byte) []byte {
	for i, n := range s.Path {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	if s.Specifier == SectionAll {
		return b
	}
	if len(s.Path) > 0 {
		b = append(b, '.')
	}
	b = append(b, s.Specifier...)
	if len(s.Fields) == 0 {
		return b
	}
	sep := " ("
	for _, f := range s.Fields {
		b = append(b, sep...)
		b = appendAString(b, f)
		sep = " "
	}
	return append(b, ')')
}

// appendAsked appends the item as a client asks for it.
func (it *FetchItem) appendAsked(b []byte) []byte {
	if it.Lazy {
		return append(it.AppendName(b), " (LAZY)"...)
	}
	if it.Section == nil {
		return it.AppendName(b)
	}
	b = append(b, it.Att[:len(it.Att)-1]...)
	if it.Peek {
		b = append(b, ".PEEK"...)
	}
	b = append(b, '[')
	b = append(it.Section.appendSpec(b), ']')
	if p := it.Section.Partial; p != nil {
		b = append(b, '<')
		b = strconv.AppendInt(b, p.Offset, 10)
		b = append(b, '.')
		b = strconv.AppendInt(b, p.Length, 10)
		b = append(b, '>')
	}
	return b
}
