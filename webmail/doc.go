// Package webmail shows the mail of an account in a browser.
//
// What it promises:
//
//   - Every page and every action works without JavaScript: links, forms, redirects after each change. The one small
//     script only saves clicks.
//   - Nothing that a message holds can act: its HTML goes through webmail/sanitize and is shown as a document of its own,
//     in a sandboxed frame under a policy that allows no script and no network. Other parts are downloads; only
//     pictures in raster formats are shown.
//   - A message is named by mailbox, UIDVALIDITY and UID. A link that has gone stale leads to a page that says so,
//     never to another message.
//   - A list costs what stands on its page: fifty messages are looked at, whatever the mailbox holds.
//   - Sessions live in memory and end: after a time without use, after a longest time, at sign-out, with the process,
//     and when the user's password changes or the user is removed. Passwords are handed to the Authenticator and kept nowhere.
//
// docs/design/html-mail.md tells how a message body is kept apart from the page round it.
package webmail
