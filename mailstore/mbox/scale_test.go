package mbox

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// scaleSize names the size of the mbox of TestScale, in GB.
const scaleSize = "RESTANTE_MBOX_GB"

// largeBox is an mbox that is too large to be made in every test.
type largeBox struct {
	*testing.T
	root string
	n    int
	acct mailstore.Account
	m    mailstore.Mailbox
}

// TestScale works on a very large mbox and reports what that costs. Memory is
// bounded by the number of messages and not by their size.
func TestScale(t *testing.T) {
	gb, err := strconv.ParseFloat(os.Getenv(scaleSize), 64)
	if err != nil {
		t.Skipf("set %s to the size of the mbox in GB, as 10; TMPDIR says where it is made", scaleSize)
	}
	b := &largeBox{T: t, root: t.TempDir()}
	b.step("write", func() { b.make(int64(gb * (1 << 30))) })
	b.step("open, never seen before", b.open)
	b.step("claim", func() { b.must(b.m.ClaimRecent(t.Context())) })
	b.step("open, unchanged but for the notes that Close writes", b.reopen)
	b.step("open, unchanged", b.reopen)
	b.step("a delivery", func() {
		f, err := os.OpenFile(filepath.Join(b.root, "inbox"), os.O_APPEND|os.O_WRONLY, 0)
		b.must(nil, err)
		b.must(f.WriteString(mailOf("late")))
		b.must(nil, f.Close())
		b.must(nil, b.m.Refresh(t.Context()))
		b.n++
	})
	b.step("an append", func() { b.must(nil, appendText(t, b.m, "Subject: x\n\nx\n")); b.n++ })
	b.step("search all text", b.search)
	b.step("flag of one in the middle", func() { b.flag(mailstore.UIDSet{{First: mailstore.UID(b.n / 2), Last: mailstore.UID(b.n / 2)}}) })
	b.step("flag of 10,000", func() { b.flag(mailstore.UIDSet{{First: 1, Last: 10_000}}) })
	b.step("expunge of half", b.expungeHalf)
	b.step("open, unchanged since", b.reopen)
	b.step("expunge of one in front", func() { b.must(b.m.Expunge(t.Context(), mailstore.NewUIDSet(2), false)); b.n-- })
	if got := b.m.Status().Messages; int(got) != b.n {
		t.Errorf("%d messages, want %d", got, b.n)
	}
	b.step("close", func() { b.must(nil, b.m.Close()) })
}

// step reports how long fn took, the largest heap meanwhile, and what is left.
func (b *largeBox) step(what string, fn func()) {
	b.Helper()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var top uint64
		for {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			top = max(top, s.HeapInuse)
			select {
			case <-stop:
				peak <- top
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	start := time.Now()
	fn()
	took := time.Since(start)
	close(stop)
	top := <-peak
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	b.Logf("%-55s %10v  peak %4d MB, then %4d MB (%d octets a message)", what, took.Round(time.Millisecond), top>>20, s.HeapAlloc>>20, int(s.HeapAlloc)/max(b.n, 1))
}

func (b *largeBox) must(_ any, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *largeBox) make(size int64) {
	f, err := os.Create(filepath.Join(b.root, "inbox"))
	b.must(nil, err)
	w := bufio.NewWriterSize(f, 1<<20)
	line := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 2)[:76] + "\n"
	for at := int64(0); at < size; b.n++ {
		k, err := fmt.Fprintf(w, "From user%d@example.org  Thu Nov 29 22:33:52 2001\nSubject: message %d\nMessage-ID: <%d@example.org>\n\n%s\n", b.n, b.n, b.n, strings.Repeat(line, 60+b.n%150))
		b.must(nil, err)
		at += int64(k)
	}
	b.must(nil, w.Flush())
	b.must(nil, f.Close())
}

func (b *largeBox) open() {
	b.acct = openAccount(b.T, Options{FS: fsys.OS{}, Root: b.root, Zone: time.UTC, IndexDir: b.root + ".index"})
	m, err := b.acct.Open(b.Context(), mailstore.Inbox)
	b.must(nil, err)
	if b.m = m; int(m.Status().Messages) != b.n {
		b.Fatalf("%d messages, want %d", m.Status().Messages, b.n)
	}
}

func (b *largeBox) reopen() {
	start := time.Now()
	b.must(nil, b.m.Close())
	b.Logf("  closed in %v", time.Since(start).Round(time.Millisecond))
	b.m, b.acct = nil, nil
	runtime.GC()
	start = time.Now()
	b.open()
	b.Logf("  opened in %v", time.Since(start).Round(time.Millisecond))
}

func (b *largeBox) search() {
	records := make([]mailstore.Record, 0, 1000)
	for first := mailstore.UID(1); ; {
		records = b.m.Records(records[:0], first)
		if len(records) == 0 {
			return
		}
		for _, r := range records {
			msg, err := b.m.OpenMessage(b.Context(), r.UID)
			b.must(nil, err)
			b.must(io.Copy(io.Discard, io.NewSectionReader(msg, 0, msg.Len())))
			b.must(nil, msg.Close())
		}
		first = records[len(records)-1].UID + 1
	}
}

func (b *largeBox) flag(set mailstore.UIDSet) {
	b.must(b.m.SetFlags(b.Context(), set, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{}))
}

func (b *largeBox) expungeHalf() {
	uids, c := b.m.Follow()
	c.Close()
	var half mailstore.UIDSet
	for i := 0; i < len(uids); i += 2 {
		half.Add(uids[i])
	}
	b.must(b.m.Expunge(b.Context(), half, false))
	b.n -= int(half.Len())
}
