package result

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"restante/bench/workload"
)

// Merge puts reports of different rows together, as the whole takes hours: a row of a
// later one takes the place of that of an earlier one. All must be of one machine and
// of mail of the same size; servers may be of several versions, which are all named.
func Merge(list []*Report) (*Report, error) {
	if len(list) == 0 {
		return nil, errors.New("no report")
	}
	all := *list[0]
	all.Rows, all.Servers = slices.Clone(all.Rows), maps.Clone(all.Servers)
	for _, r := range list[1:] {
		switch {
		case r.Machine != all.Machine:
			return nil, fmt.Errorf("the reports are of different machines: %s; %s", all.Machine, r.Machine)
		case !reflect.DeepEqual(ofMail(r.Sizes), ofMail(all.Sizes)):
			return nil, errors.New("the reports are of mail of different size; measure all with the same flags")
		}
		all.Date, all.Load, all.Repeat = r.Date, all.Load+"; "+r.Load, min(all.Repeat, r.Repeat)
		for name, version := range r.Servers {
			all.Servers[name] = joinVersions(all.Servers[name], version)
		}
		for _, row := range r.Rows {
			if i := slices.IndexFunc(all.Rows, func(o Row) bool { return o.Name == row.Name }); i >= 0 {
				all.Rows[i] = row
			} else {
				all.Rows = append(all.Rows, row)
			}
		}
	}
	return &all, nil
}

func joinVersions(have, version string) string {
	const other = ", in other rows "
	switch {
	case have == "":
		return version
	case slices.Contains(strings.Split(have, other), version):
		return have
	}
	return have + other + version
}

// ofMail leaves out how many connections wait, which rows have in their names.
func ofMail(s workload.Sizes) workload.Sizes {
	s.Idle, s.IdleTLS = nil, nil
	return s
}
