// Package mbox is the storage contract over mbox files: one file for each
// mailbox in a tree of directories, the inbox wherever the MTA delivers to.
//
// # What it promises
//
// Every message that stands in a file is found, also in files that other
// readers refuse, and comes back octet by octet, without the From line and
// the fields in which the mbox keeps its notes (Status, X-UID and such).
//
// Reading never changes a file. Appending only adds to its end. Changing flags
// and expunging write as little as they can, to the same inode, in a way that
// after a crash or a loss of power at any moment leaves the state before or
// after; mail that others deliver in between is kept.
//
// UIDs, flags and keywords stand in the fields that UW-IMAP, Dovecot and mutt
// know. A mailbox that one of them has written keeps its UIDs, and so does one
// of ours when they take it over.
//
// Other programs are kept out, and are waited for, with the locks that they use.
// What they change is folded in at the next look; a message that has moved, or
// lost its X-UID, is recognized by its text.
//
// docs/design/mbox.md tells how, and why not otherwise.
package mbox
