package message

import "strings"

// BaseSubject is the base subject of RFC 5256 section 2.1, by which SORT and THREAD
// compare: the decoded subject without reply and forward marks, list tags and
// superfluous white space. s is the field as HeaderField gives it.
func BaseSubject(s string) string {
	base, _ := SplitSubject(s)
	return base
}

// SplitSubject is BaseSubject, and tells whether a mark of a reply or forward was
// taken away, as THREAD=REFERENCES asks (RFC 5256 section 3, step 5).
func SplitSubject(s string) (base string, reply bool) { return SplitDecodedSubject(DecodeHeader(s)) }

// SplitDecodedSubject is SplitSubject for what DecodeHeader has made of the field.
func SplitDecodedSubject(s string) (base string, reply bool) {
	if strings.Contains(s, "  ") {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
	}
	for {
		var marked bool
		s, marked = trimTrailer(s)
		reply = reply || marked
		s, marked = trimLeaders(s)
		reply = reply || marked
		if len(s) < 6 || !strings.EqualFold(s[:5], "[fwd:") || s[len(s)-1] != ']' {
			return s, reply
		}
		s, reply = s[5:len(s)-1], true
	}
}

// trimTrailer cuts subj-trailer = "(fwd)" / WSP off the end.
func trimTrailer(s string) (rest string, marked bool) {
	for {
		s = strings.TrimRight(s, " ")
		if len(s) < 5 || !strings.EqualFold(s[len(s)-5:], "(fwd)") {
			return s, marked
		}
		s, marked = s[:len(s)-5], true
	}
}

// trimLeaders cuts subj-leader = (*subj-blob subj-refwd) / WSP off the start, and
// every subj-blob that leaves something.
func trimLeaders(s string) (rest string, marked bool) {
	for {
		s = strings.TrimLeft(s, " ")
		last, after := s, s // in front of the last blob, behind it
		for {
			next, ok := cutBlob(after)
			if !ok {
				break
			}
			last, after = after, next
		}
		next, ok := cutRefwd(after)
		switch {
		case ok:
			s, marked = next, true
		case after == "":
			return last, marked
		default:
			return after, marked
		}
	}
}

// cutBlob cuts subj-blob = "[" *BLOBCHAR "]" *WSP off the start.
func cutBlob(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]") + 1
	if end == 0 || s[end] == '[' {
		return s, false
	}
	return strings.TrimLeft(s[end+1:], " "), true
}

// cutRefwd cuts subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" off the start.
func cutRefwd(s string) (rest string, ok bool) {
	for _, mark := range []string{"re", "fwd", "fw"} {
		if len(s) < len(mark) || !strings.EqualFold(s[:len(mark)], mark) {
			continue
		}
		rest, _ = cutBlob(strings.TrimLeft(s[len(mark):], " "))
		if strings.HasPrefix(rest, ":") {
			return rest[1:], true
		}
	}
	return s, false
}
