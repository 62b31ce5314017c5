// Package order puts messages in order and into threads, by what their headers
// say: RFC 5256, RFC 5957 and draft-ietf-morg-inthread, without the protocol.
//
// A [Sorter] or a [Threader] is made for what is wanted, is given the messages one
// by one in the order of the mailbox, and then asked for the result. What it
// promises:
//
//   - Keys are worked out once for each message, and nothing of a header is kept
//     but these. A header may be that of a message.Summary or the whole one.
//   - Time is that of sorting, and memory grows with the messages, whatever they
//     hold: threads may be of any depth, ids may refer to each other in circles,
//     and no step recurses.
//   - Messages that compare equal stay in the order in which they were given.
package order
