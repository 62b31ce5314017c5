// Package pop3d serves POP3 (RFC 1939) over a mail store.
//
// What the service promises:
//
//   - A session sees the inbox as it was at login: numbers, sizes and UIDLs do not change while it lasts,
//     whatever others do to the mailbox meanwhile. Sessions do not lock each other out.
//   - Nothing is deleted but by QUIT, and then exactly what DELE named. A connection that ends otherwise
//     deletes nothing.
//   - The number of octets that STAT and LIST tell is the exact one, in CRLF form.
//   - UIDLs are those that Dovecot gives by default, so that clients take nothing twice after a change of
//     servers, and no UIDL is ever given to two messages.
//   - Passwords cross in the clear only where Options allow it.
//   - Every connection is bounded: in the length of its lines, in the time it may be silent or not take what
//     we send, and in how many commands and logins of it may be wrong.
package pop3d
