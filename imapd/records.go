package imapd

import "restante/mailstore"

// pageLen is how many records are handled at once: enough to make a call per
// message cheap, few enough for 16 KB.
const pageLen = 256

// An item is one message of the view with its record.
type item struct {
	num uint32 // message number
	mailstore.Record
}

// pages calls fn with the messages in spans, some at a time and in order; the
// slice is fn's until it returns. No lock is held meanwhile. Messages that are
// no longer in the mailbox are left out, and missing tells that there are such.
func (v *view) pages(spans []span, fn func([]item) error) (missing bool, err error) {
	p := pager{v: v, items: make([]item, 0, min(count(spans), pageLen)), fn: fn}
	for _, sp := range spans {
		if err := p.span(sp); err != nil {
			return p.missing, err
		}
	}
	return p.missing, p.flush()
}

// count says how many messages are in spans.
func count(spans []span) (n int) {
	for _, sp := range spans {
		n += sp.j - sp.i
	}
	return n
}

type pager struct {
	v       *view
	buf     []mailstore.Record // the page that is being read
	items   []item             // what fn gets next
	fn      func([]item) error
	missing bool
}

// fewRecords is up to how many messages are looked up one by one.
const fewRecords = 4

func (p *pager) span(sp span) error {
	if sp.j-sp.i <= fewRecords {
		for i := sp.i; i < sp.j; i++ {
			if err := p.one(i); err != nil {
				return err
			}
		}
		return nil
	}
	last := p.v.uids[sp.j-1]
	for i := sp.i; i < sp.j; {
		recs := p.v.box.Records(p.room(sp.j-i), p.v.uids[i])
		var err error
		if i, err = p.page(i, sp.j, recs); err != nil {
			return err
		}
		if len(recs) == 0 || recs[len(recs)-1].UID >= last {
			p.missing = p.missing || i < sp.j
			return nil
		}
	}
	return nil
}

// room gives an empty page for at most n records.
func (p *pager) room(n int) []mailstore.Record {
	n = min(n, pageLen)
	if cap(p.buf) < n {
		p.buf = make([]mailstore.Record, 0, n)
	}
	return p.buf[:0:n]
}

// page walks the view from i to j and a page of records side by side, and
// returns where in the view the page ends.
func (p *pager) page(i, j int, recs []mailstore.Record) (int, error) {
	for k := range recs {
		for i < j && p.v.uids[i] < recs[k].UID {
			p.missing = true
			i++
		}
		if i == j {
			break
		}
		if p.v.uids[i] > recs[k].UID {
			continue
		}
		if err := p.add(i, recs[k]); err != nil {
			return i, err
		}
		i++
	}
	return i, nil
}

func (p *pager) one(i int) error {
	rec, found := p.v.box.Record(p.v.uids[i])
	if !found {
		p.missing = true
		return nil
	}
	return p.add(i, rec)
}

func (p *pager) add(i int, rec mailstore.Record) error {
	p.items = append(p.items, item{uint32(i + 1), rec})
	if len(p.items) < cap(p.items) {
		return nil
	}
	return p.flush()
}

func (p *pager) flush() error {
	if len(p.items) == 0 {
		return nil
	}
	err := p.fn(p.items)
	p.items = p.items[:0]
	return err
}
