package imapd

import (
	"restante/imap"
	"restante/mailstore"
	"restante/order"
)

// threadings are the algorithms of THREAD.
var threadings = map[string]order.Algorithm{
	"ORDEREDSUBJECT": order.OrderedSubject,
	"REFERENCES":     order.References,
	"REFS":           order.Refs,
}

// cmdThread is THREAD and UID THREAD (RFC 5256 section 3).
func (s *session) cmdThread(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Thread)
	algorithm, ok := threadings[args.Algorithm]
	if !ok {
		return reply{}, bad("There is no threading algorithm %s here", args.Algorithm)
	}
	found, _, err := s.search(&answer{view: s.view}, args.Charset, args.Key, searchReturn{})
	if err != nil {
		return reply{}, err
	}
	t, m := order.NewThreader(algorithm), s.memoryOf(s.view)
	t.Remember(&m.threads, len(found))
	if err := s.order(found, t); err != nil {
		return reply{}, err
	}
	threads := t.Threads()
	s.srv.memories.weigh(m)
	s.sendThreads(threads, cmd.UID())
	return reply{}, nil
}

// sendThreads sends
//
//	thread-data    = "THREAD" [SP 1*thread-list]
//	thread-list    = "(" (thread-members / thread-nested) ")"
//	thread-members = nz-number *(SP nz-number) [SP thread-nested]
//	thread-nested  = 2*thread-list
func (s *session) sendThreads(f *order.Forest, byUID bool) {
	w := s.w.Untagged().Raw("THREAD")
	t := threadWriter{s: s, byUID: byUID}
	first := true
	for n := range f.Threads() {
		if first {
			w.SP()
			first = false
		}
		t.thread(n)
	}
	w.CRLF()
}

// A threadWriter sends threads, of any depth.
type threadWriter struct {
	s     *session
	byUID bool
	open  []order.Node // of each list that is not closed, the branch that is sent
}

// thread sends one thread-list.
func (t *threadWriter) thread(n order.Node) {
	t.s.w.Byte('(')
	for more := true; more; {
		if uid := n.UID(); uid != 0 {
			t.number(uid)
		}
		if child, ok := n.Child(); ok {
			n = t.descend(n, child)
			continue
		}
		t.s.w.Byte(')')
		n, more = t.ascend()
	}
}

func (t *threadWriter) number(uid mailstore.UID) {
	n := uint64(uid)
	if !t.byUID {
		i, _ := t.s.view.index(uid)
		n = uint64(i + 1)
	}
	t.s.w.Number(n)
}

// descend goes from a node to what is below: a single child follows in the same
// list, several begin a list each.
func (t *threadWriter) descend(n, child order.Node) order.Node {
	if n.UID() != 0 {
		t.s.w.SP()
	}
	if _, several := child.Next(); several {
		t.open = append(t.open, child)
		t.s.w.Byte('(')
	}
	return child
}

// ascend goes on to the next branch, closing what ends; false at the very end.
func (t *threadWriter) ascend() (order.Node, bool) {
	for len(t.open) > 0 {
		last := &t.open[len(t.open)-1]
		if next, ok := last.Next(); ok {
			*last = next
			t.s.w.Byte('(')
			return next, true
		}
		t.open = t.open[:len(t.open)-1]
		t.s.w.Byte(')')
	}
	return order.Node{}, false
}
