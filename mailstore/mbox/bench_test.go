package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// generate makes an mbox of about size octets with messages of about 10 KB.
func generate(size int) ([]byte, int) {
	var b bytes.Buffer
	line := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 2)[:76] + "\n"
	n := 0
	for b.Len() < size {
		n++
		fmt.Fprintf(&b, "From user%d@example.org  Thu Nov 29 22:33:52 2001\nReceived: from a by b; Thu, 29 Nov 2001 22:33:52 +0000\n", n)
		for i := range 20 {
			fmt.Fprintf(&b, "X-Header-%d: some value of usual length that nobody ever looks at %d\n", i, n)
		}
		fmt.Fprintf(&b, "Subject: message %d\n\n", n)
		for range 60 + n%120 {
			b.WriteString(line)
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), n
}

func benchBox(b *testing.B, size int) (mailstore.Account, string, int) {
	data, n := generate(size)
	root := b.TempDir()
	file := filepath.Join(root, "inbox")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return openAccount(b, Options{Root: root, Zone: time.UTC, IndexDir: root + ".index"}), file, n
}

// forget removes what we have written down of a mailbox outside its file.
func forget(b *testing.B, file string) {
	root := filepath.Dir(file)
	if err := errors.Join(os.RemoveAll(filepath.Join(root, notesDir)), os.RemoveAll(root+".index")); err != nil {
		b.Fatal(err)
	}
}

// manyMessages is an mbox of 100,000 short messages.
func manyMessages(b *testing.B) (mailstore.Account, string) {
	root := b.TempDir()
	file := filepath.Join(root, "inbox")
	var text bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&text, "From user@example.org  Thu Nov 29 22:33:52 2001\nSubject: message %d\nMessage-ID: <%d@example.org>\n\nA short text, as most are.\n\n", i, i)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return openAccount(b, Options{Root: root, Zone: time.UTC, IndexDir: root + ".index"}), file
}

// BenchmarkOpen100k opens a mailbox of 100,000 messages: cold with nothing but
// the mbox, warm when nothing has changed.
func BenchmarkOpen100k(b *testing.B) {
	for _, cold := range []bool{true, false} {
		b.Run(map[bool]string{true: "cold", false: "warm"}[cold], func(b *testing.B) {
			a, file := manyMessages(b)
			if err := openBox(b, a).Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				b.StopTimer()
				if cold {
					forget(b, file)
				}
				b.StartTimer()
				m := openBox(b, a)
				b.StopTimer()
				if n := m.Status().Messages; n != 100_000 {
					b.Fatalf("%d messages", n)
				}
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkFlags sets and takes a flag of 1 and of 10,000 of 100,000 messages.
func BenchmarkFlags(b *testing.B) {
	for _, n := range []mailstore.UID{1, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a, _ := manyMessages(b)
			m := openBox(b, a)
			if _, err := m.ClaimRecent(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := m.Close(); err != nil { // which writes notes
				b.Fatal(err)
			}
			m = openBox(b, a)
			defer m.Close()
			op := mailstore.RemoveFlags
			for b.Loop() {
				op = mailstore.AddFlags + mailstore.RemoveFlags - op
				set := mailstore.UIDSet{{First: 50_000, Last: 50_000 + n - 1}}
				if _, err := m.SetFlags(b.Context(), set, op, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func openBox(b *testing.B, a mailstore.Account) mailstore.Mailbox {
	m, err := a.Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

const benchSize = 100 << 20

// BenchmarkOpenCold opens a mailbox that nobody has seen before.
func BenchmarkOpenCold(b *testing.B) {
	a, file, n := benchBox(b, benchSize)
	b.SetBytes(benchSize)
	for b.Loop() {
		b.StopTimer()
		forget(b, file)
		b.StartTimer()
		m := openBox(b, a)
		if got := m.Status().Messages; int(got) != n {
			b.Fatalf("%d messages, want %d", got, n)
		}
		b.StopTimer()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkOpenWarm opens it again.
func BenchmarkOpenWarm(b *testing.B) {
	a, _, _ := benchBox(b, benchSize)
	for b.Loop() {
		if err := openBox(b, a).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBodies reads every message once.
func BenchmarkBodies(b *testing.B) {
	a, _, _ := benchBox(b, benchSize)
	m := openBox(b, a)
	defer m.Close()
	uids, c := m.Follow()
	c.Close()
	b.SetBytes(benchSize)
	for b.Loop() {
		for _, uid := range uids {
			msg, err := m.OpenMessage(b.Context(), uid)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, io.NewSectionReader(msg, 0, msg.Len())); err != nil {
				b.Fatal(err)
			}
			msg.Close()
		}
	}
}

// BenchmarkStore sets and takes a flag of one message after the other, from the last
// to the first, in a large mailbox that has its notes.
func BenchmarkStore(b *testing.B) {
	a, _, n := benchBox(b, benchSize)
	if err := a.(mailstore.Verifier).Rebuild(b.Context(), mailstore.Inbox); err != nil {
		b.Fatal(err)
	}
	m := openBox(b, a)
	defer m.Close()
	i := 0
	for b.Loop() {
		op := mailstore.AddFlags
		if (i/n)%2 == 1 {
			op = mailstore.RemoveFlags
		}
		benchFlag(b, m, mailstore.UID(n-i%n), op)
		i++
	}
}

// BenchmarkStoreWithoutNotes does so with every message of a mailbox that another
// server has left, where no message has a place for its flags.
func BenchmarkStoreWithoutNotes(b *testing.B) {
	data, n := generate(benchSize)
	for b.Loop() {
		b.StopTimer()
		root := b.TempDir()
		if err := os.WriteFile(filepath.Join(root, "inbox"), data, 0o600); err != nil {
			b.Fatal(err)
		}
		m := openBox(b, openAccount(b, Options{Root: root, Zone: time.UTC}))
		b.StartTimer()
		for uid := n; uid > 0; uid-- {
			benchFlag(b, m, mailstore.UID(uid), mailstore.AddFlags)
		}
		b.StopTimer()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/msg")
}

func benchFlag(b *testing.B, m mailstore.Mailbox, uid mailstore.UID, op mailstore.FlagOp) {
	if _, err := m.SetFlags(b.Context(), mailstore.NewUIDSet(uid), op, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkExpungeHalf removes every second message of a mailbox with notes.
func BenchmarkExpungeHalf(b *testing.B) {
	a, file, n := benchBox(b, benchSize)
	m := openBox(b, a)
	if _, err := m.ClaimRecent(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	var half mailstore.UIDSet
	for uid := 1; uid <= n; uid += 2 {
		half.Add(mailstore.UID(uid))
	}
	b.SetBytes(benchSize)
	for b.Loop() {
		b.StopTimer()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			b.Fatal(err)
		}
		forget(b, file)
		m := openBox(b, a)
		b.StartTimer()
		if _, err := m.Expunge(b.Context(), half, false); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkAppend adds messages of 10 KB to a large mailbox, from one and from
// 16 writers.
func BenchmarkAppend(b *testing.B) {
	text := "Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", 800)
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			a, _, _ := benchBox(b, benchSize)
			m := openBox(b, a)
			defer m.Close()
			b.SetParallelism((writers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			if writers == 1 {
				for b.Loop() {
					benchAppend(b, m, text)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					benchAppend(b, m, text)
				}
			})
		})
	}
}

func benchAppend(b *testing.B, m mailstore.Mailbox, text string) {
	p, err := m.NewAppend(b.Context())
	if err == nil {
		err = p.Add(mailstore.AppendOptions{}, strings.NewReader(text))
	}
	if err == nil {
		_, _, err = p.Commit(b.Context())
	}
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkStoreRange sets and takes a flag of all messages.
func BenchmarkStoreRange(b *testing.B) {
	a, _, n := benchBox(b, benchSize)
	m := openBox(b, a)
	if _, err := m.ClaimRecent(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	m = openBox(b, a)
	defer m.Close()
	i := 0
	for b.Loop() {
		i++
		op := mailstore.AddFlags
		if i%2 == 1 {
			op = mailstore.RemoveFlags
		}
		if _, err := m.SetFlags(b.Context(), mailstore.AllUIDs(), op, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/msg")
}
