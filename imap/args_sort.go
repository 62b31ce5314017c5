package imap

// Sort is the argument of SORT and UID SORT (RFC 5256 section 3).
type Sort struct {
	// Return is nil when there was no RETURN (...) of RFC 5267: the answer is an untagged SORT.
	Return *SearchReturn
	// Criteria are what to sort by, the most important first; one at least.
	Criteria []SortCriterion
	// Charset and Key are those of Search; here the charset is always given.
	Charset string
	Key     SearchKey
}

// A SortCriterion is one key of SORT.
type SortCriterion struct {
	Key     SortKey
	Reverse bool
}

// SortKey says what messages are sorted by.
type SortKey string

// The sort keys of RFC 5256, and the last two of RFC 5957.
const (
	SortArrival     SortKey = "ARRIVAL"
	SortCc          SortKey = "CC"
	SortDate        SortKey = "DATE"
	SortFrom        SortKey = "FROM"
	SortSize        SortKey = "SIZE"
	SortSubject     SortKey = "SUBJECT"
	SortTo          SortKey = "TO"
	SortDisplayFrom SortKey = "DISPLAYFROM"
	SortDisplayTo   SortKey = "DISPLAYTO"
)

// Thread is the argument of THREAD and UID THREAD (RFC 5256 section 3).
type Thread struct {
	// Algorithm is in upper case; whether it is known is the engine's affair.
	Algorithm string
	// Charset and Key are those of Search; here the charset is always given.
	Charset string
	Key     SearchKey
}

func (a *Sort) appendArgs(b []byte) []byte {
	b = appendReturn(b, a.Return)
	sep := " ("
	for _, c := range a.Criteria {
		b = append(b, sep...)
		if c.Reverse {
			b = append(b, "REVERSE "...)
		}
		b = append(b, c.Key...)
		sep = " "
	}
	b = appendAString(append(b, ") "...), a.Charset)
	return appendKeys(b, a.Key)
}

func (a *Thread) appendArgs(b []byte) []byte {
	b = append(append(b, ' '), a.Algorithm...)
	b = appendAString(append(b, ' '), a.Charset)
	return appendKeys(b, a.Key)
}
