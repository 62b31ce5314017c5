// Package message reads mail messages as they stand in a store and gives what
// IMAP, POP3 and a reader of mail ask of them: the tree of MIME parts with the
// place of each in the stored bytes, ENVELOPE and BODYSTRUCTURE in IMAP wire
// form, header fields as written, and decoded text for search and display.
//
// It promises:
//
//   - Every sequence of bytes is a message. No input gives an error or a panic;
//     the only errors are those of the reader that was handed in.
//   - Bytes that are served are bytes that were stored. Extents name ranges of
//     the stored form; line ends become CRLF on the way out (ToCRLF) and nothing
//     else changes. Header text goes out raw, unfolded where IMAP wants it so.
//   - Bounded memory: a scan keeps the headers it needs (see MaxRawHeader,
//     MaxHeaderTotal) and a small tree (MaxParts, MaxDepth), whatever the size
//     of the message or of its lines.
//   - No shared state: all functions may be called concurrently; a *Part is
//     read-only once Scan has returned it.
//
// Where readers of broken mail disagree, the RFCs decide; where these are
// silent, the answers are Dovecot's. docs/deviations.md lists the differences,
// docs/design/message.md says how the scanner works.
package message
