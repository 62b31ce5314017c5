package test

import (
	"slices"
	"strings"
)

// A thread is one list of an answer to THREAD.
type thread struct {
	text string
	uids []int
}

// splitThreads cuts an answer into threads.
func (j *judge) splitThreads(answer string) (list []thread) {
	depth, start := 0, 0
	answer = strings.TrimSpace(answer)
	for i, c := range answer {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				text := answer[start : i+1]
				uids := j.uidList(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("() ", r) }))
				list = append(list, thread{text, uids})
				start = i + 1
			}
		}
	}
	return list
}

// threads compares threads. Where no rule is for any of the messages that either
// server has in a thread, it must be the same, and stand in the same order among
// its like. Where there are such messages, the others must still belong together.
func (j *judge) threads(command, we, they string) {
	j.t.Helper()
	ours, theirs := j.splitThreads(we), j.splitThreads(they)
	j.found(command, uidsIn(ours), uidsIn(theirs))
	odd := make(map[int]bool) // a rule is for them, or only one server has found them
	for uid := range j.letters {
		odd[uid+1] = j.odd(uid+1, command)
	}
	for _, uid := range append(only(uidsIn(ours), uidsIn(theirs)), only(uidsIn(theirs), uidsIn(ours))...) {
		odd[uid] = true
	}
	touched := make(map[int]bool) // in a thread with such a message
	for _, list := range [][]thread{ours, theirs} {
		for _, th := range list {
			if slices.ContainsFunc(th.uids, func(uid int) bool { return odd[uid] }) {
				for _, uid := range th.uids {
					touched[uid] = true
				}
			}
		}
	}
	a, b := plainThreads(ours, touched), plainThreads(theirs, touched)
	if len(a) < len(ours)/2 {
		j.t.Errorf("%s: rules are for %d of %d threads", command, len(ours)-len(a), len(ours))
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			j.t.Errorf("%s: %.200s, where Dovecot has %.200s", command, a[i], b[i])
			return
		}
	}
	if len(a) != len(b) {
		j.t.Errorf("%s: %d threads, Dovecot has %d", command, len(a), len(b))
	}
	if c, d := together(odd, ours), together(odd, theirs); !slices.Equal(c, d) {
		j.t.Errorf("%s: others belong together than with Dovecot", command)
	}
	for uid := range touched {
		if name := j.rule(j.order, uid, command); name != "" {
			j.used[name]++
		}
	}
}

// plainThreads gives the threads none of whose messages is touched.
func plainThreads(list []thread, touched map[int]bool) (plain []string) {
	for _, th := range list {
		if !slices.ContainsFunc(th.uids, func(uid int) bool { return touched[uid] }) {
			plain = append(plain, th.text)
		}
	}
	return plain
}

// together gives for each message that is not odd the first such in its thread.
func together(odd map[int]bool, list []thread) []int {
	first := make([]int, len(odd)+1)
	for _, th := range list {
		uids := slices.DeleteFunc(slices.Clone(th.uids), func(uid int) bool { return odd[uid] })
		for _, uid := range uids {
			first[uid] = slices.Min(uids)
		}
	}
	return first
}

func uidsIn(list []thread) (uids []int) {
	for _, th := range list {
		uids = append(uids, th.uids...)
	}
	return uids
}
