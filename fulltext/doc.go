// Package fulltext is an index of the text of messages: for every three octets that stand
// next to one another in the text that a search looks at, it knows which messages of a
// mailbox have them.
//
// What it promises:
//
//   - A search finds the same with it as without it. It only tells which messages cannot
//     have a text; every other one is opened and looked at as ever, and so is every
//     message that it does not know.
//   - It is a cache. It may be deleted, be damaged or be cut short at any moment; what is
//     of no use is noticed before it is believed, dropped, and made anew.
//   - It is made in the background, of one mailbox at a time and in pauses, and in bounded
//     memory, however large mailboxes and messages are.
//
// It knows neither formats nor protocols: a mailbox keeps segments for it as blobs
// (mailstore.Blobs), and package search says what the text of a message is.
// docs/design/fulltext.md has the file format and the reasons.
package fulltext
