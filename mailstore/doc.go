// Package mailstore is the contract between the services (IMAP, POP3, webmail)
// and the formats that hold mail. It names messages by UID only, knows no
// protocol and no file system.
//
// # What every format promises
//
// Durability: when Append.Commit, Copy, Move, SetFlags, Expunge, Create, Delete,
// Rename or Subscribe returns nil, the result survives a crash of the process
// and a loss of power. When it returns an error, either nothing has happened or,
// for the operations over many messages, the messages named in the result have.
//
// Identity: within one UIDValidity a UID names one message for ever. UIDs rise
// in the order in which messages were added and are never given twice, not
// after an expunge, a crash, or the work of another program on the same files.
//
// Sharing: an open Mailbox is one value per process and mailbox, shared by all
// sessions and counted by Open and Close. All methods may be called by many
// goroutines at once. Each write is one batch: a reader sees all of it or
// nothing. Other programs change the files at any time; Refresh folds what they
// did into the shared state.
//
// Order: every batch raises the mailbox's mod-sequence by at least one, and
// every record that it touches carries the new value (RFC 7162 section 3.1).
package mailstore
