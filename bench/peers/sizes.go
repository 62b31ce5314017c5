package main

import (
	"slices"

	"restante/bench/workload"
)

// sizes are how much there is of everything, and whether that is what the goals
// were set for.
func (opt *options) sizes() (s workload.Sizes, full bool) {
	s, full = workload.Full(), !opt.quick && opt.size == 0
	if opt.quick {
		s.Users, s.Idle, s.IdleTLS = 50, []int{100, 500}, []int{100, 500}
		s.Mixed, s.Sessions, s.Changes = 8, 96, 100
	}
	if opt.idle > 0 {
		s.Idle = append(slices.DeleteFunc(s.Idle, func(n int) bool { return n >= opt.idle }), opt.idle)
	}
	big := opt.size
	switch {
	case full:
		return s, true
	case big == 0 && opt.quick:
		big = 5000
	case big == 0:
		big = s.Big
	}
	part := func(n int) int { return max(200, n*big/100_000) }
	s.Middle, s.Pop3, s.Mbox = part(s.Middle), part(s.Pop3), part(s.Mbox)
	s.Small, s.Big = min(s.Small, big), big
	s.Growth = slices.DeleteFunc(s.Growth, func(n int) bool { return n > 10*big })
	return s, false
}

// rows are those whose names are wanted, so ordered that equal mail stands
// together: each is made and copied once.
func (opt *options) rows(all []workload.Row) []workload.Row {
	var rows []workload.Row
	for _, r := range all {
		if !opt.only.MatchString(r.Name) || slices.ContainsFunc(rows, func(o workload.Row) bool { return o.Name == r.Name }) {
			continue
		}
		rows = append(rows, r)
	}
	first := map[string]int{}
	for i, r := range rows {
		if _, ok := first[r.Mail.Name()]; !ok {
			first[r.Mail.Name()] = i
		}
	}
	slices.SortStableFunc(rows, func(a, b workload.Row) int { return first[a.Mail.Name()] - first[b.Mail.Name()] })
	return rows
}
