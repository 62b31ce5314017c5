// Package deflate puts a DEFLATE stream (RFC 1951) between the two ends of a
// connection, for COMPRESS=DEFLATE (RFC 4978).
//
// It exists beside compress/flate because of what a connection needs and a file
// does not:
//
//   - A [Reader] never waits for the source while it has octets for its caller.
//     compress/flate keeps what it has decoded until a block of a certain form
//     ends: a sync flush, but not a partial flush, which some clients send behind
//     their commands. Then client and server wait for each other.
//   - An error of the source, such as a read deadline, interrupts a Reader and
//     loses nothing.
//   - What waits costs little. A Reader holds a window that grows with what was
//     sent, to 32 KB at most. A [Writer] holds its compressor, which has most of a
//     megabyte, only from the first octet of an answer to its flush.
//
// Memory is bounded whatever the other end sends: a Reader makes octets only when
// its caller asks for them.
package deflate
