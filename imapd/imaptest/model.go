package imaptest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A model is a mailbox as a client knows it that believes what it is told and
// nothing else.
type model struct {
	msgs []known
}

// known is what a client knows of one message.
type known struct {
	uid   uint32   // 0 while it has not been told
	flags []string // sorted, without \Recent
	told  bool     // flags are known
	// modSeq is the highest that was told of it.
	modSeq uint64
}

var (
	countLine = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|RECENT)$`)
	fetchLine = regexp.MustCompile(`^\* (\d+) FETCH \((.*)\)$`)
	uidItem   = regexp.MustCompile(`\bUID (\d+)`)
	flagsItem = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	searchSet = regexp.MustCompile(`^\* (?:SEARCH|SORT|THREAD)((?: [\d ()]+)*?)(?: \(MODSEQ \d+\))?$`)
)

// A situation is the command in whose answer a response came.
type situation struct {
	expungeForbidden bool // FETCH, STORE, SEARCH
	needUID          bool // UID commands: FETCH responses carry the UID
}

// apply takes one untagged response in, or tells what is wrong with it.
func (m *model) apply(line string, in situation) error {
	if c := countLine.FindStringSubmatch(line); c != nil {
		return m.count(number(c[1]), c[2], in)
	}
	if c := fetchLine.FindStringSubmatch(line); c != nil {
		return m.fetch(number(c[1]), c[2], in)
	}
	return nil
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

func (m *model) count(n int, what string, in situation) error {
	switch what {
	case "EXISTS":
		if n < len(m.msgs) {
			return fmt.Errorf("EXISTS fell from %d to %d", len(m.msgs), n)
		}
		m.msgs = append(m.msgs, make([]known, n-len(m.msgs))...)
	case "EXPUNGE":
		if in.expungeForbidden {
			return fmt.Errorf("EXPUNGE %d where message numbers must stay", n)
		}
		if n < 1 || n > len(m.msgs) {
			return fmt.Errorf("EXPUNGE %d of %d messages", n, len(m.msgs))
		}
		m.msgs = slices.Delete(m.msgs, n-1, n)
	case "RECENT":
		if n > len(m.msgs) {
			return fmt.Errorf("RECENT %d of %d messages", n, len(m.msgs))
		}
	}
	return nil
}

func (m *model) fetch(n int, items string, in situation) error {
	if n < 1 || n > len(m.msgs) {
		return fmt.Errorf("FETCH %d of %d messages", n, len(m.msgs))
	}
	k := &m.msgs[n-1]
	u := uidItem.FindStringSubmatch(items)
	if u == nil && in.needUID {
		return fmt.Errorf("FETCH %d without UID in answer to a UID command", n)
	}
	if u != nil {
		if err := m.learnUID(n, uint32(number(u[1]))); err != nil {
			return err
		}
	}
	if f := flagsItem.FindStringSubmatch(items); f != nil {
		k.flags, k.told = parseFlags(f[1]), true
	}
	if q := modSeqItem.FindStringSubmatch(items); q != nil {
		modSeq, err := strconv.ParseUint(q[1], 10, 63)
		if err != nil || modSeq == 0 || modSeq < k.modSeq {
			return fmt.Errorf("FETCH %d has mod-sequence %s, after %d", n, q[1], k.modSeq)
		}
		k.modSeq = modSeq
	}
	return nil
}

// learnUID notes the UID of message n and holds it against its neighbours.
func (m *model) learnUID(n int, uid uint32) error {
	k := &m.msgs[n-1]
	if k.uid != 0 && k.uid != uid {
		return fmt.Errorf("message %d was UID %d and is now %d", n, k.uid, uid)
	}
	k.uid = uid
	for i := n - 2; i >= 0; i-- {
		if other := m.msgs[i].uid; other != 0 {
			if other >= uid {
				return fmt.Errorf("UID %d at message %d stands behind UID %d", uid, n, other)
			}
			break
		}
	}
	for i := n; i < len(m.msgs); i++ {
		if other := m.msgs[i].uid; other != 0 {
			if other <= uid {
				return fmt.Errorf("UID %d at message %d stands before UID %d", uid, n, other)
			}
			break
		}
	}
	return nil
}

func parseFlags(list string) []string {
	flags := strings.Fields(list)
	flags = slices.DeleteFunc(flags, func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	return flags
}

// store is what a client does by itself when it says STORE with .SILENT.
func (m *model) store(picked []int, op byte, flags []string) {
	for _, i := range picked {
		k := &m.msgs[i]
		if !k.told && op != '=' {
			continue
		}
		var next []string
		switch op {
		case '=':
			next = slices.Clone(flags)
		case '+':
			next = append(slices.Clone(k.flags), flags...)
		case '-':
			next = slices.DeleteFunc(slices.Clone(k.flags), func(f string) bool { return slices.Contains(flags, f) })
		}
		slices.Sort(next)
		k.flags, k.told = slices.Compact(next), true
	}
}

// compare holds the model against the truth.
func (m *model) compare(truth *model) error {
	if len(m.msgs) != len(truth.msgs) {
		return fmt.Errorf("it believes in %d messages, there are %d", len(m.msgs), len(truth.msgs))
	}
	for i, k := range m.msgs {
		t := truth.msgs[i]
		if k.uid != 0 && k.uid != t.uid {
			return fmt.Errorf("message %d is believed to be UID %d and is %d", i+1, k.uid, t.uid)
		}
		if k.told && !slices.Equal(k.flags, t.flags) {
			return fmt.Errorf("UID %d is believed to have the flags %v and has %v", t.uid, k.flags, t.flags)
		}
	}
	return nil
}
