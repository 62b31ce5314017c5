// Package search finds messages: criteria that know nothing of a protocol, and
// their evaluation over a mailbox.
//
// What it promises:
//
//   - Cheap before dear. What the records tell decides first; sizes and dates
//     that are not known yet are asked for only where they matter; then comes what
//     summaries have of the header. A message is opened only if all that has not
//     settled it, its body is read only if its header has not, and once, however
//     many texts are looked for in it.
//   - Text is looked for in what a reader would see: transfer encodings,
//     charsets and encoded-words are undone. Case does not count, in any script,
//     and an accent is a character of its own (package casemap); the text may
//     stand anywhere, within a word too.
//   - What is plain is not undone: ASCII is looked at as it is written, and only what
//     stands near other characters is brought into its collation form.
//   - Bounded memory, whatever the size of a message.
//   - A message that cannot be read does not match, and stops nothing.
//
// Dates are compared as RFC 9051 section 6.4.4 has it: by day, without regard to
// time and time zone.
package search
