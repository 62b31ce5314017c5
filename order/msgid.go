package order

// nextID finds the next message id in the value of a field and appends what it is
// compared by: without angle brackets, white space and needless quotes, so that
// <"a.b"@x> and <a.b@x> are one (RFC 5256 section 3, REFERENCES, step 1).
//
//	msg-id = "<" id-left "@" id-right ">"
//
// What stands between ids, and what is none, is passed over.
func nextID(dst, s []byte) (id, rest []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '<' {
			continue
		}
		if id, end := readID(dst, s, i+1); end > 0 {
			return id, s[end:], true
		}
	}
	return dst, nil, false
}

// readID reads an id behind its "<" and gives the place behind its ">", 0 where
// there is none.
func readID(dst, s []byte, i int) (id []byte, end int) {
	dst, i = idPart(dst, s, i)
	if i == 0 || i == len(s) || s[i] != '@' {
		return dst, 0
	}
	dst, i = idPart(append(dst, '@'), s, i+1)
	if i == 0 || i == len(s) || s[i] != '>' {
		return dst, 0
	}
	return dst, i + 1
}

// idPart reads one side of an id, up to "@" or ">". It gives 0 where that is none.
func idPart(dst, s []byte, i int) ([]byte, int) {
	start := len(dst)
	for ; i < len(s); i++ {
		switch c := s[i]; c {
		case '@', '>':
			if len(dst) == start {
				return dst, 0
			}
			return dst, i
		case '<':
			return dst, 0
		case ' ', '\t', '\r', '\n':
		case '"':
			if dst, i = quotedPart(dst, s, i+1); i == len(s) {
				return dst, 0
			}
		default:
			dst = append(dst, c)
		}
	}
	return dst, 0
}

// quotedPart reads up to the closing quote, len(s) where there is none.
func quotedPart(dst, s []byte, i int) ([]byte, int) {
	for ; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		dst = append(dst, s[i])
	}
	return dst, i
}
