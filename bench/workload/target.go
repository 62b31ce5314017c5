package workload

import (
	"context"
	"time"
)

// Service is something that a server listens for.
type Service int

// The services that workloads speak to.
const (
	IMAP  Service = iota // clear text
	IMAPS                // TLS from the first octet
	POP3
	POP3S
)

func (s Service) String() string {
	return [...]string{"imap", "imaps", "pop3", "pop3s"}[s]
}

// Target is a running server as the workloads see it. It serves the users of the
// mail of the row (mail.User, mail.Password), has no limits that the workloads
// run into, and checks passwords with a hash that costs nothing worth counting.
// Its methods are for one goroutine at a time.
type Target interface {
	// Name says what is measured, as in the table's head.
	Name() string
	// Addr is where a service listens, host:port on a loopback address; empty if
	// the server does not offer it. It may differ after Restart and Forget.
	Addr(s Service) string
	// CPU is what all processes of the server have used since it was started, in
	// user and system mode, those that have ended included. It starts anew with
	// Restart and Forget.
	CPU() (time.Duration, error)
	// Memory is what the server holds now.
	Memory() (Memory, error)
	// Path is where a user's mailbox stands on disk, a directory or an mbox file,
	// for what other programs do beside the server. The name is INBOX, or one
	// without hierarchy and with letters only.
	Path(user, mailbox string) string
	// Restart stops the server and starts it again with what it has on disk.
	Restart(ctx context.Context) error
	// Forget stops the server, removes every index, cache, UID list and lock file
	// that it has made, never mail, and starts it again.
	Forget(ctx context.Context) error
}

// Memory is what the processes of a server hold.
type Memory struct {
	PSS       int64 // octets; what processes share counts once
	Processes int
}
