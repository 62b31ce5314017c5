// Package imapd serves IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) over a
// mailstore. A [Server] is given connections; it opens no listener.
//
// What it promises:
//
//   - A session and its client never disagree about message numbers. Each
//     session has its own view of the selected mailbox, which changes only by
//     what was sent: an EXPUNGE is sent when the client may be told, never
//     during FETCH, STORE or SEARCH. docs/design/session-view.md has the rules.
//   - What the capabilities say is what is there, in every state, and nothing
//     else is offered.
//   - A message that cannot be read fails the command that asked for it and
//     leaves the session as it was. Literals have exactly the octets that were
//     announced; if that cannot be held any more, the connection closes.
//   - Bounded means per connection, whatever a client sends: line, literal,
//     time, wrong commands, logins that fail. Between commands a connection
//     holds no large buffer, and no lock is held while something is sent.
//   - Answers leave in large pieces: once per batch of pipelined commands or
//     when 128 KB are full, never line by line.
//
// One goroutine serves a connection: it reads a command value, looks it up in
// the table of commands (table.go), runs it, sends what is new and then the
// tagged answer. Each command has a file of its own (cmd_*.go). errors.go is
// the only place that turns errors into answers.
package imapd
