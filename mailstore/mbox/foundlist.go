package mbox

import "iter"

// foundPage is how many messages a page of a foundList has. A list that grows is
// never copied, so a large mailbox costs no more memory than what is in it.
const foundPage = 512

// foundList is the messages that a parser found, in the order of the file.
type foundList struct {
	pages [][]found // all full but the last
	n     int
	skip  int // messages at the start that do not count
}

func (l *foundList) add(m found) {
	if l.n%foundPage == 0 {
		room := 0
		if l.n > 0 {
			room = foundPage // the first page grows: most mailboxes are small
		}
		l.pages = append(l.pages, make([]found, 0, room))
	}
	last := &l.pages[len(l.pages)-1]
	*last = append(*last, m)
	l.n++
}

func (l *foundList) len() int { return l.n - l.skip }

func (l *foundList) at(i int) *found {
	i += l.skip
	return &l.pages[i/foundPage][i%foundPage]
}

// withoutPseudo leaves out UW's pseudo message, which is the first.
func (l *foundList) withoutPseudo() {
	if l.len() > 0 && l.at(0).pseudo {
		l.skip++
	}
}

func (l *foundList) all() iter.Seq[*found] {
	return func(yield func(*found) bool) {
		for i := range l.len() {
			if !yield(l.at(i)) {
				return
			}
		}
	}
}

// drain is all for the last time: a page is gone when the next one begins.
func (l *foundList) drain() iter.Seq[*found] {
	return func(yield func(*found) bool) {
		for i := range l.len() {
			if page := (i + l.skip) / foundPage; page > 0 {
				l.pages[page-1] = nil
			}
			if !yield(l.at(i)) {
				return
			}
		}
		*l = foundList{}
	}
}
