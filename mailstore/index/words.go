package index

import "restante/mailstore"

// wordTable numbers the sets of keywords of a mailbox. Number 0 is the empty set.
type wordTable struct {
	list   []mailstore.Keywords // list[i] has the number i+1
	used   []uint32             // by how many messages
	number map[mailstore.Keywords]uint32
	last   mailstore.Keywords // the one asked for last
	lastNo uint32
}

func (w *wordTable) get(no uint32) mailstore.Keywords {
	if no == 0 || int(no) > len(w.list) {
		return mailstore.Keywords{}
	}
	return w.list[no-1]
}

// count notes that n more messages have a set.
func (w *wordTable) count(no, n uint32) {
	if no > 0 && int(no) <= len(w.used) {
		w.used[no-1] += n
	}
}

// of returns the number of a set, a new one if it has none.
func (w *wordTable) of(k mailstore.Keywords) uint32 {
	if k == (mailstore.Keywords{}) {
		return 0
	}
	if k == w.last {
		return w.lastNo
	}
	no := w.number[k]
	if no == 0 {
		if w.number == nil {
			w.number = make(map[mailstore.Keywords]uint32)
		}
		w.list, w.used = append(w.list, k), append(w.used, 0)
		no = uint32(len(w.list))
		w.number[k] = no
	}
	w.last, w.lastNo = k, no
	return no
}

// tidyWords drops sets that no message has any more, when there may be many:
// somebody could set a new keyword every second.
func (x *Index[T]) tidyWords() {
	if len(x.words.list) < 1024+2*x.entries.n {
		return
	}
	var fresh wordTable
	for i := range x.entries.list {
		for j, s := range x.entries.list[i].open() {
			no := fresh.of(x.words.get(s.words))
			fresh.count(no, 1)
			x.entries.list[i].slots[j].words = no
		}
	}
	x.words = fresh
}
