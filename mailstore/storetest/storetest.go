// Package storetest is the suite that every mail format must pass: each
// sentence of the contract in package mailstore that a program can check.
//
// A format's test calls Run with a function that makes an empty place of mail.
// What the format cannot hold it declares in Harness.Cannot, with the reason;
// the suite then checks that it refuses, or skips the case, and the list is the
// format's honest description.
package storetest

import (
	"testing"

	"restante/mailstore"
)

// An Ability is something that formats differ in.
type Ability string

// The abilities that a format may declare not to have.
const (
	// NUL: octets of value zero come back as they were given.
	NUL Ability = "holds NUL"
	// NoFinalNewline: a message need not end with a line end.
	NoFinalNewline Ability = "keeps a missing final line end"
	// CRBeforeCRLF: CR CR LF stays apart from CR LF.
	CRBeforeCRLF Ability = "keeps CR before CRLF"
	// NoBody: a message may be empty or end before the empty line.
	NoBody Ability = "holds messages without an empty line"
	// NoHeader: what does not begin with header fields is kept as it is.
	NoHeader Ability = "holds what has no header"
	// DualUse: a mailbox may hold messages and have mailboxes below it.
	DualUse Ability = "has mailboxes below mailboxes"
	// BelowInbox: INBOX may have mailboxes below it.
	BelowInbox Ability = "has mailboxes below INBOX"
	// Watch: whoever watches an account is told.
	Watch Ability = "tells of changes"
	// SaveDates: it is known when a message came into its mailbox.
	SaveDates Ability = "knows save dates"
	// Progress: whoever asks is told how far a long operation is.
	Progress Ability = "tells of progress"
)

// Harness is one account in one new, empty place.
type Harness struct {
	// Account is open and has no mailbox but an empty INBOX. The suite closes it.
	Account mailstore.Account
	// Reopen opens the same place as another process would, with nothing kept
	// in memory. All mailboxes and the account have been closed before.
	Reopen func(t *testing.T) mailstore.Account
	// Cannot gives the reason for each ability that the format lacks.
	Cannot map[Ability]string
	// Check, unless nil, looks at the files when a test is over and all is
	// closed; it reports what another program would stumble over.
	Check func(t *testing.T)
}

// Run runs the whole suite. open is called anew for each test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Append", appendTests},
		{"Content", contentTests},
		{"Flags", flagTests},
		{"Transfer", transferTests},
		{"Tree", treeTests},
		{"Names", nameTests},
		{"Changes", changeTests},
		{"Index", indexTests},
		{"Quota", quotaTests},
		{"SaveDates", saveDateTests},
		{"Reopen", reopenTests},
		{"ObjectID", objectIDTests},
		{"Progress", progressTests},
		{"Watch", watchTests},
		{"Concurrent", concurrentTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(newEnv(t, open(t))) })
			}
		})
	}
	t.Run("Model", func(t *testing.T) { RunModel(t, open) })
}

type test struct {
	name string
	run  func(e *env)
}
