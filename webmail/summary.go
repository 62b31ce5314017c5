package webmail

import (
	"bytes"
	"strings"
	"time"

	"restante/message"
)

// summary is what a list shows of a message: all of it comes from the message and never changes.
type summary struct {
	Who, Addr     string // sender: name, if there is one, and address
	ToWho, ToAddr string // first recipient
	Subject       string
	Preview       string // how the text begins
	Date          time.Time
	ShortDate     string // as of the time of the page
	Attachment    bool
}

// ISODate and FullDate are the date for programs and for people who want all of it.
func (s summary) ISODate() string  { return s.Date.Format(isoDate) }
func (s summary) FullDate() string { return s.Date.Format(longDate) }

// newSummary reads what a list shows out of the summary that is kept of a message.
func newSummary(kept *message.Summary, internal time.Time) *summary {
	h := kept.Header
	sum := &summary{Subject: short(headerText(h, "Subject")), Preview: shown(string(kept.Preview)), Date: messageDate(h, internal), Attachment: kept.Attachment}
	sum.Who, sum.Addr = firstAddress(h, "From")
	sum.ToWho, sum.ToAddr = firstAddress(h, "To")
	if !kept.Knows.Has(message.KnowsStructure) {
		sum.Attachment = isMixed(h)
	}
	return sum
}

// isMixed guesses from the header of a large message whether it has attachments: a multipart/mixed of that size has some.
func isMixed(header []byte) bool {
	root, err := message.Scan(bytes.NewReader(header))
	return err == nil && root.Is("multipart", "mixed")
}

func headerText(header []byte, name string) string {
	raw, _ := message.HeaderField(header, name)
	return strings.TrimSpace(shown(message.DecodeHeader(raw)))
}

// firstAddress gives name and address of the first one in a field. A name that looks like an address of somebody else is
// not shown as a name.
func firstAddress(header []byte, field string) (who, addr string) {
	raw, _ := message.HeaderField(header, field)
	list := message.ParseAddressList(raw)
	if len(list) == 0 {
		return "", ""
	}
	a := newAddress(list[0])
	if a.Suspicious {
		return "", short(a.Addr)
	}
	return short(a.Name), short(a.Addr)
}

// maxSummary is how many characters of a text a list shows: more than there is room for on any screen.
const maxSummary = 250

// short cuts a text for a list.
func short(s string) string {
	if cut := truncate(s, maxSummary); cut != s {
		return strings.TrimSpace(cut) + "…"
	}
	return s
}

// messageDate is the date that the sender wrote. One that cannot be read, or that is in the future, gives way to the
// date of arrival.
func messageDate(header []byte, internal time.Time) time.Time {
	raw, ok := message.HeaderField(header, "Date")
	if !ok {
		return internal
	}
	d, err := message.ParseDate(raw)
	if err != nil || d.Year() < 1970 || d.After(time.Now().Add(24*time.Hour)) {
		return internal
	}
	return d.Local()
}

// shortDate is a date as a list shows it: the nearer, the finer.
func shortDate(d, now time.Time) string {
	d = d.In(now.Location())
	y, m, day := now.Date()
	dy, dm, dday := d.Date()
	switch {
	case y == dy && m == dm && day == dday:
		return d.Format("15:04")
	case now.Sub(d) < 6*24*time.Hour && !d.After(now):
		return d.Format("Mon")
	case y == dy:
		return d.Format("2 Jan")
	}
	return d.Format("2 Jan 2006")
}
