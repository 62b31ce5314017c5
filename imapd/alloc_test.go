package imapd

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"restante/mailstore"
)

// flagsStore holds a mailbox of n messages with flags of all kinds.
func flagsStore(t testing.TB, opt Options, n int) {
	t.Helper()
	messages := make([]string, n)
	for i := range messages {
		messages[i] = "Subject: x\n\nbody\n"
	}
	fill(t, opt.Store, "INBOX", messages...)
	account, err := opt.Store.OpenAccount(t.Context(), mailstore.User{Name: "user"})
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range []mailstore.Flags{mailstore.NewFlags(mailstore.Seen, "$Forwarded"), mailstore.NewFlags(mailstore.Flagged | mailstore.Answered)} {
		var set mailstore.UIDSet
		for uid := i + 1; uid <= n; uid += 3 {
			set.Add(mailstore.UID(uid))
		}
		if _, err := box.SetFlags(t.Context(), set, mailstore.AddFlags, f, mailstore.SetFlagsOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// sink is a connection that takes everything and gives nothing.
type sink struct {
	tape
	n int64
}

func (c *sink) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// sinkSession is a session over a sink with INBOX selected.
func sinkSession(t testing.TB, opt Options) (*session, *sink) {
	t.Helper()
	opt.Logger = slog.New(slog.DiscardHandler)
	c := &sink{tape: tape{piece: 1 << 16, in: []byte("a LOGIN user pass\r\nb SELECT INBOX\r\n")}}
	s := New(opt).newSession(t.Context(), c, false)
	for range 2 {
		cmd, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		s.dispatch(cmd)
	}
	s.flush()
	return s, c
}

// run gives a session one command.
func (c *sink) run(t testing.TB, s *session, command string) {
	c.in = []byte("x " + command + "\r\n")
	cmd, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	s.dispatch(cmd)
	s.flush()
}

// TestListingAllocates: so does a listing that is answered from summaries.
func TestListingAllocates(t *testing.T) {
	opt := testOptions(t)
	flagsStore(t, opt, 2000)
	s, c := sinkSession(t, opt)
	for _, command := range []string{
		"FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE PREVIEW)",
		"UID FETCH 1:* (BODY PREVIEW (LAZY) BODY.PEEK[HEADER.FIELDS (From Subject References)])",
	} {
		c.run(t, s, command)
		allocs := testing.AllocsPerRun(5, func() { c.run(t, s, command) })
		if allocs > 100 {
			t.Errorf("%s of 2000 messages: %.0f allocations", command, allocs)
		}
	}
}

// TestFlagsAllocate: FETCH of flags over a large mailbox allocates per command,
// not per message.
func TestFlagsAllocate(t *testing.T) {
	opt := testOptions(t)
	flagsStore(t, opt, 20_000)
	s, c := sinkSession(t, opt)
	for _, command := range []string{"UID FETCH 1:* (FLAGS)", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"} {
		allocs := testing.AllocsPerRun(5, func() { c.run(t, s, command) })
		if allocs > 60 {
			t.Errorf("%s of 20,000 messages: %.0f allocations", command, allocs)
		}
	}
}

// TestWritesAreLarge: answers leave in pieces of 128 KB, not in lines.
func TestWritesAreLarge(t *testing.T) {
	opt := testOptions(t)
	flagsStore(t, opt, 10_000)
	s, c := sinkSession(t, opt)
	counted := &countingConn{Conn: c}
	s.conn.Conn = counted
	c.run(t, s, "UID FETCH 1:* (FLAGS)")
	if most := int(c.n/(124<<10)) + 3; counted.writes > most {
		t.Errorf("%d octets in %d writes", c.n, counted.writes)
	}
}

type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(p []byte) (int, error) { c.writes++; return c.Conn.Write(p) }

func BenchmarkFetchFlags(b *testing.B) {
	opt := testOptions(b)
	const n = 100_000
	flagsStore(b, opt, n)
	s, c := sinkSession(b, opt)
	b.ReportAllocs()
	for b.Loop() {
		c.run(b, s, "UID FETCH 1:* (FLAGS)")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/msg")
}

// BenchmarkExpungeOne removes a message from the middle: what it costs must not
// depend on how many there are.
func BenchmarkExpungeOne(b *testing.B) {
	for _, n := range []int{1_000, 300_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			opt := testOptions(b)
			flagsStore(b, opt, n)
			s, c := sinkSession(b, opt)
			for uid := n / 2; b.Loop(); uid++ {
				c.run(b, s, fmt.Sprintf("UID STORE %d +FLAGS.SILENT (\\Deleted)", uid))
				c.run(b, s, fmt.Sprintf("UID EXPUNGE %d", uid))
			}
		})
	}
}

// TestBodyAllocs: a body costs the same few allocations whatever its size: it is read into a
// buffer of the server's and converted into that of the connection.
func TestBodyAllocs(t *testing.T) {
	const messages = 50
	for _, size := range []int{1_500, 100_000} {
		opt := testOptions(t)
		text := "Subject: x\n\n" + strings.Repeat(strings.Repeat("0123456789", 7)+"\n", size/71)
		for range messages {
			fill(t, opt.Store, "INBOX", text)
		}
		s, c := sinkSession(t, opt)
		allocs := testing.AllocsPerRun(5, func() { c.run(t, s, "UID FETCH 1:* (BODY.PEEK[])") })
		if allocs > 3*messages+60 {
			t.Errorf("%d messages of %d octets: %.0f allocations", messages, size, allocs)
		}
	}
}

func BenchmarkFetchBodies(b *testing.B) {
	for _, size := range []int{1_500, 20_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			opt := testOptions(b)
			text := "Subject: x\n\n" + strings.Repeat(strings.Repeat("0123456789", 7)+"\n", size/71)
			for range 20 {
				fill(b, opt.Store, "INBOX", text)
			}
			s, c := sinkSession(b, opt)
			b.SetBytes(20 * int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				c.run(b, s, "UID FETCH 1:* (BODY.PEEK[])")
			}
		})
	}
}

// BenchmarkSlices fetches a large message as Thunderbird does.
func BenchmarkSlices(b *testing.B) {
	opt := testOptions(b)
	text := "Subject: x\n\n" + strings.Repeat(strings.Repeat("0123456789", 7)+"\n", 20<<20/71)
	fill(b, opt.Store, "INBOX", text)
	s, c := sinkSession(b, opt)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for off := 0; off < len(text); off += 64 << 10 {
			c.run(b, s, fmt.Sprintf("UID FETCH 1 (BODY.PEEK[]<%d.65536>)", off))
		}
	}
}

func BenchmarkSearchFlags(b *testing.B) {
	opt := testOptions(b)
	const n = 100_000
	flagsStore(b, opt, n)
	s, c := sinkSession(b, opt)
	b.ReportAllocs()
	for b.Loop() {
		c.run(b, s, "UID SEARCH UNSEEN NOT DELETED")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/msg")
}

func BenchmarkSearchBody(b *testing.B) {
	opt := testOptions(b)
	text := "Subject: x\n\n" + strings.Repeat("The quick brown fox jumps over the lazy dog, again and again.\n", 330)
	for range 100 {
		fill(b, opt.Store, "INBOX", text)
	}
	s, c := sinkSession(b, opt)
	b.SetBytes(100 * int64(len(text)))
	for b.Loop() {
		c.run(b, s, "UID SEARCH BODY needle")
	}
}

func BenchmarkSelect(b *testing.B) {
	opt := testOptions(b)
	flagsStore(b, opt, 100_000)
	s, c := sinkSession(b, opt)
	b.ReportAllocs()
	for b.Loop() {
		c.run(b, s, "SELECT INBOX")
	}
}

// BenchmarkSession is connection, LOGIN, SELECT and LOGOUT.
func BenchmarkSession(b *testing.B) {
	opt := testOptions(b)
	opt.Logger = slog.New(slog.DiscardHandler)
	flagsStore(b, opt, 100)
	dial := listen(b, opt)
	b.ReportAllocs()
	for b.Loop() {
		nc, err := dial()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.WriteString(nc, "a LOGIN user pass\r\nb SELECT INBOX\r\nc LOGOUT\r\n"); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, nc); err != nil {
			b.Fatal(err)
		}
		nc.Close()
	}
}
