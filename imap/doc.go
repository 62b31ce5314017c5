// Package imap is the syntax of IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) as a server meets it:
// the bytes of a client become [Command] values, and answers become bytes. It holds no storage and no
// policy: which command is allowed when, and what it does, is the engine's business.
//
// What the package promises:
//
//   - Whatever a client sends, a [Reader] stays in step with it. A command that is refused, for its
//     syntax or for its size, is consumed to its end, literals included; the octets of a refused literal
//     are never taken for commands.
//   - Memory is bounded by [Limits], whatever the client sends; nothing is enumerated that was written
//     as a range.
//   - Input that arrives octet by octet gives the same commands as input that arrives at once.
//   - A command that was parsed prints itself ([Command.AppendTo]) so that it parses to the same value.
//   - A [Writer] makes no system call per line: the engine flushes at the end of a command, and the
//     buffer goes back to its pool then.
//   - Both hold a large buffer only while there is something to read or write.
//
// Strings that clients may write in several ways come out in one: command names, keywords and status
// items in upper case, mailbox names in UTF-8 with INBOX in upper case. A Reader and a Writer belong to
// one goroutine each at a time.
package imap
