package imap

import (
	"errors"
	"strconv"
	"strings"
)

// PartialRange is a range of results by their place; the zero value is none.
type PartialRange struct {
	// From and To are places counted from 1, both included, From not above To.
	From, To uint32
	// FromEnd counts from the last result backwards.
	FromEnd bool
}

// IsZero reports whether no range was given.
func (r PartialRange) IsZero() bool { return r == PartialRange{} }

// Of gives the range as indexes [from, to) of so many results.
func (r PartialRange) Of(results int) (from, to int) {
	from, to = min(int(r.From)-1, results), min(int(r.To), results)
	if r.FromEnd {
		from, to = results-to, results-from
	}
	return from, to
}

// AppendTo appends the range as it stands in commands and answers.
func (r PartialRange) AppendTo(b []byte) []byte {
	for i, n := range [...]uint32{r.From, r.To} {
		if i > 0 {
			b = append(b, ':')
		}
		if r.FromEnd {
			b = append(b, '-')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return b
}

var errPartialRange = errors.New("imap: expected a range of results such as 1:100 or -1:-100")

// ParsePartialRange reads a range as it stands in commands (RFC 9394 section 4):
//
//	partial-range       = partial-range-first / partial-range-last
//	partial-range-first = nz-number ":" nz-number
//	partial-range-last  = "-" nz-number ":" "-" nz-number
func ParsePartialRange(text string) (PartialRange, error) {
	first, second, _ := strings.Cut(text, ":")
	a, minus := strings.CutPrefix(first, "-")
	b, minusToo := strings.CutPrefix(second, "-")
	m, ok := nzNumber(a)
	n, ok2 := nzNumber(b)
	if !ok || !ok2 || minus != minusToo {
		return PartialRange{}, errPartialRange
	}
	return PartialRange{From: min(m, n), To: max(m, n), FromEnd: minus}, nil
}
