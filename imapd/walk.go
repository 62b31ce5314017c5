package imapd

import "restante/mailstore"

// records is pages for who does not need message numbers, and so no copy of the records.
func (v *view) records(spans []span, fn func([]mailstore.Record) error) error {
	w := walk{v: v, fn: fn, page: make([]mailstore.Record, 0, min(count(spans), pageLen))}
	for _, sp := range spans {
		if err := w.span(sp); err != nil {
			return err
		}
	}
	return w.flush()
}

type walk struct {
	v    *view
	fn   func([]mailstore.Record) error
	page []mailstore.Record // what fn gets next
}

// span reads records into what is left of the page, until that is full.
func (w *walk) span(sp span) error {
	for i := sp.i; i < sp.j; {
		n := len(w.page)
		end := min(cap(w.page), n+sp.j-i)
		recs := w.v.box.Records(w.page[n:n:end], w.v.uids[i])
		if len(recs) == 0 {
			return nil
		}
		seen := recs[len(recs)-1].UID
		var kept int
		kept, i = w.v.keep(recs, i, sp.j)
		if w.page = w.page[:n+kept]; len(w.page) == cap(w.page) {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if seen >= w.v.uids[sp.j-1] {
			return nil
		}
	}
	return nil
}

func (w *walk) flush() error {
	if len(w.page) == 0 {
		return nil
	}
	err := w.fn(w.page)
	w.page = w.page[:0]
	return err
}

// keep moves those of recs to the front that stand in the view from i on and before j. It
// returns how many they are, and what in the view comes behind them.
func (v *view) keep(recs []mailstore.Record, i, j int) (kept, next int) {
	for kept < len(recs) && i < j && recs[kept].UID == v.uids[i] { // nearly always all
		kept, i = kept+1, i+1
	}
	for k := kept; k < len(recs); k++ {
		for i < j && v.uids[i] < recs[k].UID {
			i++ // it is no longer in the mailbox
		}
		if i == j {
			break
		}
		if v.uids[i] == recs[k].UID {
			recs[kept] = recs[k]
			kept, i = kept+1, i+1
		}
	}
	return kept, i
}
