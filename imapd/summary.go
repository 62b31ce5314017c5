package imapd

import (
	"slices"
	"sync"

	"restante/mailstore"
)

// A summary is what SELECT has to say of a mailbox beyond its Status. It takes
// a walk over all records, so it is kept until the mailbox changes.
type summary struct {
	modSeq      uint64
	keywords    []string
	firstUnseen mailstore.UID // 0 when all are seen
}

// summaries keeps the summaries of mailboxes that were selected lately. A
// mod-sequence names one state of a mailbox, so nothing in it can be stale.
type summaries struct {
	mu   sync.Mutex
	kept map[summaryKey]summary
}

type summaryKey struct {
	user, mailbox string
	uidValidity   uint32
}

// maxSummaries bounds the memory; what is beyond is read again.
const maxSummaries = 4096

func (c *summaries) of(user string, box mailstore.Mailbox) summary {
	key := summaryKey{user, box.Name(), box.UIDValidity()}
	before := box.Status().HighestModSeq
	if sum, ok := c.get(key); ok && sum.modSeq == before {
		return sum
	}
	sum := summarize(box)
	sum.modSeq = before
	if box.Status().HighestModSeq == before {
		c.put(key, sum)
	}
	return sum
}

func (c *summaries) get(key summaryKey) (summary, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, ok := c.kept[key]
	return sum, ok
}

func (c *summaries) put(key summaryKey, sum summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxSummaries {
		c.kept = make(map[summaryKey]summary)
	}
	sum.keywords = slices.Clip(sum.keywords) // sessions append to their copy
	c.kept[key] = sum
}

// summarize walks over all records.
func summarize(box mailstore.Mailbox) (sum summary) {
	seen := make(map[mailstore.Keywords]bool)
	var last mailstore.Keywords
	page := make([]mailstore.Record, 0, min(pageLen, int(box.Status().Messages)+1))
	for next := mailstore.UID(1); ; {
		page = box.Records(page[:0], next)
		for i := range page {
			if sum.firstUnseen == 0 && !page[i].Flags.Has(mailstore.Seen) {
				sum.firstUnseen = page[i].UID
			}
			if k := page[i].Flags.Keywords; k != last && !seen[k] {
				seen[k], last = true, k
				sum.keywords = addKeywords(sum.keywords, k)
			}
		}
		if len(page) < cap(page) {
			return sum
		}
		next = page[len(page)-1].UID + 1
	}
}
