package workload

import "slices"

// Sizes says how much there is of everything. Full is what the table is about; a
// test takes less.
type Sizes struct {
	Big      int   // messages of a big mailbox
	Middle   int   // of one in which changes are made
	Pop3     int   // of one that is fetched over POP3
	Mbox     int   // of an mbox
	Small    int   // of a mailbox where the number does not matter
	Users    int   // of idle connections
	Idle     []int // connections that wait, in clear text
	IdleTLS  []int // and over TLS
	Mixed    int   // users of mixed sessions
	Sessions int   // of each run about logins; mixed ones are twice as many
	Changes  int   // made one by one in a run
	Growth   []int // messages, for the plots of cost as a mailbox grows
}

// Full are the sizes that docs/performance.md speaks of.
func Full() Sizes {
	return Sizes{
		Big: 100_000, Middle: 10_000, Pop3: 5000, Mbox: 25_000, Small: 500,
		Users: 500, Idle: []int{1000, 5000, 20_000}, IdleTLS: []int{1000, 5000},
		Mixed: 50, Sessions: 600, Changes: 1000, Growth: []int{1000, 10_000, 100_000, 1_000_000},
	}
}

// Rows are the lines of the table, those of equal mail side by side where that is
// possible, then what is only for the plots.
func Rows(s Sizes) []Row {
	return slices.Concat(
		loginRows(s), appendRows(s), idleRows(s),
		openRows(s), syncRows(s), resyncRows(s), searchRows(s), fullTextRows(s), memoryRows(s),
		bodyRows(s), storeRows(s), copyRows(s), pop3Rows(s), mboxRows(s), mixedRows(s),
		growthRows(s))
}
