package webmail

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"restante/mailstore"
	"restante/message"
)

// summary is what a list shows of a message: all of it comes from the message and never changes.
type summary struct {
	Who, Addr     string // sender: name, if there is one, and address
	ToWho, ToAddr string // first recipient
	Subject       string
	Date          time.Time
	ShortDate     string // as of the time of the page
	Attachment    bool
}

// ISODate and FullDate are the date for programs and for people who want all of it.
func (s summary) ISODate() string  { return s.Date.Format(isoDate) }
func (s summary) FullDate() string { return s.Date.Format(longDate) }

const (
	// headerBytes is how much of a message is read for its summary when the message is large: the headers, nearly always.
	headerBytes = 64 << 10
	// scanBytes is up to which size a message is read whole, to tell for sure whether it has attachments. For larger ones
	// the header decides: multipart/mixed of that size has some.
	scanBytes = 256 << 10
)

// readSummary reads what a list shows of one message.
func readSummary(msg mailstore.Message, internal time.Time) (*summary, error) {
	size := msg.Len()
	if size > scanBytes {
		size = headerBytes
	}
	root, err := message.Scan(io.NewSectionReader(msg, 0, size))
	if err != nil {
		return nil, err
	}
	h := root.RawHeader
	sum := &summary{Subject: short(headerText(h, "Subject")), Date: messageDate(h, internal)}
	sum.Who, sum.Addr = firstAddress(h, "From")
	sum.ToWho, sum.ToAddr = firstAddress(h, "To")
	if msg.Len() > scanBytes {
		sum.Attachment = root.Is("multipart", "mixed")
	} else {
		sum.Attachment = root.HasAttachment()
	}
	return sum, nil
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

// maxSummary is how many characters of a text a list shows: more than there is room for on any screen, and so few that a
// remembered summary stays small whatever the message holds.
const maxSummary = 250

// short cuts a text for a list. The copy lets go of the header that the text may be a piece of.
func short(s string) string {
	if cut := truncate(s, maxSummary); cut != s {
		return strings.TrimSpace(cut) + "…"
	}
	return strings.Clone(s)
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

// summaryCache remembers summaries, so that a list that was seen costs nothing the next time. Old entries go when two
// generations are full.
type summaryCache struct {
	mu       sync.Mutex
	young    map[summaryKey]*summary
	previous map[summaryKey]*summary
}

type summaryKey struct {
	user, box   string
	uidValidity uint32
	uid         mailstore.UID
}

const cacheGeneration = 8192 // about 4 MB each

func newSummaryCache() *summaryCache {
	return &summaryCache{young: make(map[summaryKey]*summary)}
}

// get gives the summary of a message, or nil when the message has gone.
func (sc *summaryCache) get(c *call, box mailstore.Mailbox, rec mailstore.Record) (*summary, error) {
	key := summaryKey{c.session.user.Name, box.Name(), box.UIDValidity(), rec.UID}
	if sum := sc.lookup(key); sum != nil {
		return sum, nil
	}
	msg, err := box.OpenMessage(c.ctx(), rec.UID)
	if errors.Is(err, mailstore.ErrExpunged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer msg.Close()
	sum, err := readSummary(msg, rec.InternalDate())
	if err != nil {
		return nil, err
	}
	sc.store(key, sum)
	return sum, nil
}

func (sc *summaryCache) lookup(key summaryKey) *summary {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sum := sc.young[key]; sum != nil {
		return sum
	}
	sum := sc.previous[key]
	if sum != nil {
		sc.young[key] = sum
	}
	return sum
}

func (sc *summaryCache) store(key summaryKey, sum *summary) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if len(sc.young) >= cacheGeneration {
		sc.previous, sc.young = sc.young, make(map[summaryKey]*summary)
	}
	sc.young[key] = sum
}
