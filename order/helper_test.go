package order

import (
	"fmt"
	"strings"

	"restante/mailstore"
)

// box is a mailbox of headers: message n has UID n and came in on day n of 1980.
type box []string

const day = 24 * 60 * 60

func (b box) each(add func(*mailstore.Record, []byte)) {
	for i, header := range b {
		rec := mailstore.Record{UID: mailstore.UID(i + 1), Date: 315532800 + int64(i)*day, Size: int64(len(header))}
		add(&rec, []byte(strings.ReplaceAll(header, "|", "\r\n")+"\r\n\r\n"))
	}
}

func (b box) sort(criteria ...Criterion) string {
	s := NewSorter(criteria)
	b.each(s.Add)
	return strings.Trim(fmt.Sprint(s.Sorted()), "[]")
}

func (b box) thread(a Algorithm) string {
	t := NewThreader(a)
	b.each(t.Add)
	var out strings.Builder
	for n := range t.Threads().Threads() {
		write(&out, n)
	}
	return out.String()
}

// write writes a thread as RFC 5256 section 4 does.
func write(out *strings.Builder, n Node) {
	out.WriteByte('(')
	for {
		if n.UID() != 0 {
			fmt.Fprint(out, n.UID())
		}
		child, ok := n.Child()
		if !ok {
			break
		}
		if n.UID() != 0 {
			out.WriteByte(' ')
		}
		if _, several := child.Next(); !several {
			n = child
			continue
		}
		for ok := true; ok; child, ok = child.Next() {
			write(out, child)
		}
		break
	}
	out.WriteByte(')')
}
