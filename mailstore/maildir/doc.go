// Package maildir keeps mail in Maildirs: one file per message, in the two
// layouts of the field, with the files beside them in which Dovecot and Courier
// keep UIDs, keywords and subscriptions.
//
// It promises what package mailstore asks of every format, and beyond that:
//
//   - The files are the truth. A Maildir that Dovecot or Courier served keeps
//     its UIDs, UIDVALIDITY, keywords and subscriptions, and what is written
//     here is what Dovecot reads the next day. There is no index of our own.
//   - Any program may deliver, read, flag, move and remove messages at the same
//     time. A message that is renamed while a directory is being read is
//     neither lost nor shown twice.
//   - No UID is told to anybody before it stands in dovecot-uidlist on the disk.
//   - Opening a mailbox reads its two directories and the UID list and no
//     message; one store, move, append or expunge costs the same in a mailbox
//     of ten messages as of a million.
//
// docs/design/maildir.md explains how, docs/design/uid-map.md the UID list.
package maildir
