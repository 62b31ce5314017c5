// Package workload has the work of which the table of performance consists: each
// Row is one line of it, and runs on any server of IMAP or POP3.
//
// A row sets the scene, works while the server's CPU time is counted, and leaves
// the mail as it was, so that each repetition on each server is equal. It says
// what mail it wants and in what state the server is to be; the program that runs
// the rows makes that so, lets the servers take turns and compares what the rows
// have found.
//
// LMTP delivery is not among the rows: restante does not listen for it.
package workload

import (
	"context"

	"restante/bench/mail"
)

// Row is one line of the table.
type Row struct {
	// Name tells the row from all others, and is what is printed.
	Name string
	// Unit is what the figures are for one of: "session", "message", "GB".
	Unit string
	// Must is what is asked, Stretch what good work reaches.
	Must, Stretch Goal
	// Mail is what the server has before the row runs. Rows of equal Mail may run
	// on the same copy of it one after the other.
	Mail mail.Spec
	// Start says in what state the server is before each Run.
	Start Start
	// Wants are the services without which the row cannot run.
	Wants []Service
	// Files is how many descriptors the row needs in one process, of the client and
	// of the server; 0 is fewer than anybody's limit.
	Files int
	// Rounds is how often it is run at most, where one takes minutes; 0 is as often
	// as all others.
	Rounds int
	// Point is set for a row that is a point of a plot, besides being a line of the
	// table if it has goals.
	Point Point
	// Run does the work once, and counts only what is to be counted. The mail is then
	// as it was, also after an error of the work itself. A server that does not answer
	// is waited for until the context ends.
	Run func(ctx context.Context, env *Env) (Sample, error)
}

// Start is the state of a server before a row runs.
type Start int

// The states from least to most that is done.
const (
	Running   Start = iota // whatever the row before has left
	Restarted              // started anew, with the indexes that an earlier run of the row has made
	Forgotten              // started anew without any
)

// Point is where a row stands in a plot.
type Point struct {
	Plot   string  // what the plot is about; empty if there is none
	Series string  // the line in it
	X      float64 // messages in the mailbox, or connections
}

// Peer is another server that a goal compares with.
type Peer string

// The peers. Absolute stands for none: the bound is in the unit itself. Where two
// releases of Dovecot are measured, Packaged is the later one, and the others are
// configurations of the earlier, whose logins are cheaper; no goal names Older.
const (
	Absolute  Peer = ""
	Packaged  Peer = "dovecot"           // login processes for high performance, one process for each session
	Older     Peer = "dovecot-older"     // the same of the earlier release
	Reused    Peer = "dovecot-reuse"     // processes of one uid serve session after session
	Hibernate Peer = "dovecot-hibernate" // idle connections are parked
)

// Goal holds if all its bounds do.
type Goal []Bound

// Bound compares one figure.
type Bound struct {
	Of   Figure
	Peer Peer
	// Max is the most that ours may be as a part of the peer's; for Absolute it is
	// seconds (CPU, P50, P99) or octets (PSS) for one unit.
	Max float64
}
