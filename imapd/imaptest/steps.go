package imaptest

import (
	"fmt"
	"strings"
)

var (
	numbers = situation{expungeForbidden: true}
	uids    = situation{needUID: true}
	free    = situation{}
)

// step does one random thing.
func (s *randomSession) step() error {
	if len(s.m.msgs) < 4 {
		return s.appendMessage()
	}
	if s.condstore && s.rng.IntN(4) == 0 {
		return s.withModSeq()
	}
	if s.sorts && s.rng.IntN(12) == 0 {
		return s.sort()
	}
	switch s.rng.IntN(16) {
	case 0, 1:
		return s.appendMessage()
	case 2, 3, 4:
		return s.storeByNumber()
	case 5, 6:
		return s.storeByUID()
	case 7:
		return s.command("FETCH "+s.numberSet()+" (UID FLAGS)", numbers)
	case 8:
		return s.command("UID FETCH "+s.uidSet()+" FLAGS", uids)
	case 9:
		return s.command("SEARCH FLAGGED", numbers)
	case 10:
		return s.command("UID SEARCH NOT DELETED", uids)
	case 11:
		return s.expunge()
	case 12:
		return s.transfer()
	case 13:
		return s.idle()
	case 14:
		return s.again()
	default:
		return s.command("NOOP", free)
	}
}

// withModSeq does one random thing that CONDSTORE adds (RFC 7162). The mod-sequence
// is one that was heard before, of a message that may have changed since.
func (s *randomSession) withModSeq() error {
	from, _ := s.pick()
	n := s.m.msgs[from].modSeq
	switch s.rng.IntN(6) {
	case 0:
		return s.command("FETCH "+s.numberSet()+" (UID MODSEQ)", numbers)
	case 1:
		return s.command(fmt.Sprintf("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)", n), uids)
	case 2:
		return s.command(fmt.Sprintf("SEARCH MODSEQ %d", n), numbers)
	case 3:
		return s.command("STATUS "+randomBox+" (HIGHESTMODSEQ)", free)
	case 4:
		return s.command(fmt.Sprintf("STORE %s (UNCHANGEDSINCE %d) +FLAGS (%s)", s.numberSet(), n, strings.Join(s.flags(), " ")), numbers)
	default:
		return s.command(fmt.Sprintf("UID STORE %s (UNCHANGEDSINCE %d) FLAGS (%s)", s.uidSet(), n, strings.Join(s.flags(), " ")), uids)
	}
}

// sort wants messages in order or in threads.
func (s *randomSession) sort() error {
	switch s.rng.IntN(3) {
	case 0:
		return s.command("SORT (REVERSE DATE SUBJECT) UTF-8 NOT DELETED", numbers)
	case 1:
		return s.command("SORT (ARRIVAL) UTF-8 ALL", numbers)
	default:
		return s.command("THREAD REFERENCES UTF-8 ALL", numbers)
	}
}

var randomFlags = []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$Forwarded", "blue", "Junk"}

func (s *randomSession) flags() []string {
	var list []string
	for _, f := range randomFlags {
		if s.rng.IntN(4) == 0 {
			list = append(list, f)
		}
	}
	return list
}

func (s *randomSession) appendMessage() error {
	text := fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", s.rng.IntN(1e6))
	return s.command(fmt.Sprintf("APPEND %s (%s) {%d+}\r\n%s", randomBox, strings.Join(s.flags(), " "), len(text), text), free)
}

// pick gives two random message indexes in order.
func (s *randomSession) pick() (from, to int) {
	from = s.rng.IntN(len(s.m.msgs))
	return from, min(from+s.rng.IntN(3), len(s.m.msgs)-1)
}

func (s *randomSession) numberSet() string {
	from, to := s.pick()
	return fmt.Sprintf("%d:%d", from+1, to+1)
}

func (s *randomSession) uidSet() string {
	from, to := s.pick()
	a, b := s.m.msgs[from].uid, s.m.msgs[to].uid
	if a == 0 || b == 0 {
		return "1:*"
	}
	return fmt.Sprintf("%d:%d", a, b)
}

// store says STORE. With .SILENT the client changes its own account; it does so
// first, as everything that comes in the answer is newer.
func (s *randomSession) store(verb, set string, picked []int, in situation) error {
	op := "=+-"[s.rng.IntN(3)]
	flags := s.flags()
	item := strings.TrimPrefix(string(op), "=") + "FLAGS"
	if s.rng.IntN(2) == 0 {
		item += ".SILENT"
		s.m.store(picked, op, flags)
	}
	return s.command(fmt.Sprintf("%s %s %s (%s)", verb, set, item, strings.Join(flags, " ")), in)
}

func (s *randomSession) storeByNumber() error {
	from, to := s.pick()
	return s.store("STORE", fmt.Sprintf("%d:%d", from+1, to+1), indexes(from, to), numbers)
}

func (s *randomSession) storeByUID() error {
	from, to := s.pick()
	a, b := s.m.msgs[from].uid, s.m.msgs[to].uid
	if a == 0 || b == 0 {
		return s.command("UID FETCH 1:* FLAGS", uids)
	}
	return s.store("UID STORE", fmt.Sprintf("%d:%d", a, b), indexes(from, to), uids)
}

func indexes(from, to int) []int {
	var list []int
	for i := from; i <= to; i++ {
		list = append(list, i)
	}
	return list
}

func (s *randomSession) expunge() error {
	if s.rng.IntN(2) == 0 {
		return s.command("EXPUNGE", free)
	}
	return s.command("UID EXPUNGE "+s.uidSet(), uids)
}

// transfer copies within the mailbox and moves to and fro.
func (s *randomSession) transfer() error {
	switch s.rng.IntN(4) {
	case 0:
		return s.command("COPY "+s.numberSet()+" "+randomBox, free)
	case 1:
		return s.command("UID COPY "+s.uidSet()+" "+randomBox+"2", uids)
	case 2:
		return s.command("MOVE "+s.numberSet()+" "+randomBox, free)
	default:
		return s.command("UID MOVE "+s.uidSet()+" "+randomBox+"2", uids)
	}
}

// idle idles and sends another command in the same packet as DONE.
func (s *randomSession) idle() error {
	s.c.tag++
	tag := fmt.Sprintf("i%d", s.c.tag)
	s.said = append(s.said, "C: IDLE, DONE")
	if err := s.c.Send(tag + " IDLE\r\n"); err != nil {
		return err
	}
	for sent := false; ; {
		line, err := s.c.Response()
		if err != nil {
			return err
		}
		s.said = append(s.said, "S: "+line)
		switch {
		case strings.HasPrefix(line, "+ ") && !sent:
			sent = true
			if err := s.c.Send("DONE\r\n" + tag + "n NOOP\r\n"); err != nil {
				return err
			}
		case strings.HasPrefix(line, tag+"n OK"):
			return nil
		case strings.HasPrefix(line, tag+" OK"):
		default:
			if err := s.m.apply(line, free); err != nil {
				return err
			}
		}
	}
}

// again selects the mailbox anew.
func (s *randomSession) again() error {
	verb := "UNSELECT"
	if s.rng.IntN(2) == 0 {
		verb = "CLOSE"
	}
	if err := s.command(verb, free); err != nil {
		return err
	}
	s.m = model{}
	return s.command("SELECT "+randomBox, free)
}
