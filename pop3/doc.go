// Package pop3 is the syntax of POP3 (RFC 1939, with RFC 2449, 2595, 3206, 5034 and 6856) as a server
// meets it: lines of a client become [Command] values, and answers become octets. It holds no storage and
// no policy.
//
// What the package promises:
//
//   - Memory is bounded by [Limits], whatever the client sends; a line that is too long is skipped to its
//     end and told as an error.
//   - A [Writer] makes no system call per line, and a [MessageWriter] sends a message in bounded memory,
//     with its lines stuffed and its end in its place whatever the message holds.
//   - Both hold a large buffer only while there is something to write.
//   - A command that was parsed prints itself so that it parses to the same value.
//
// A Reader and a Writer belong to one goroutine each at a time.
package pop3
