package maildir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

const benchCount = 10_000

// benchBox makes an INBOX of benchCount messages.
func benchBox(b *testing.B, fsys fsys.FS) (mailstore.Account, string) {
	b.Helper()
	root := b.TempDir()
	deliver(b, root, "cur/0.first", "bench")
	var list strings.Builder
	list.WriteString("3 V777 N20000 G0123456789abcdef0123456789abcdef\n")
	for i := range benchCount {
		base := fmt.Sprintf("%d.M%dP4711Q%d.host.example.org,S=8123,W=8300", 1_700_000_000+i*60, i%1_000_000, i)
		write(b, filepath.Join(root, "cur", base+":2,S"), text("bench"))
		fmt.Fprintf(&list, "%d :%s\n", i+1, base)
	}
	if err := os.Remove(filepath.Join(root, "cur/0.first")); err != nil {
		b.Fatal(err)
	}
	write(b, filepath.Join(root, "dovecot-uidlist"), list.String())
	acct, err := maildir.Open(b.Context(), maildir.Options{Root: root, KeepMessages: -1, FS: fsys}) // nil is the machine's
	if err != nil {
		b.Fatal(err)
	}
	return acct, root
}

func openBench(b *testing.B) (box, string) {
	b.Helper()
	acct, root := benchBox(b, nil)
	return openBox(b, acct, "INBOX"), root
}

func BenchmarkOpenCold(b *testing.B) {
	acct, _ := benchBox(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		m, err := acct.Open(b.Context(), "INBOX")
		if err != nil || m.Status().Messages != benchCount {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchCount, "ns/message")
}

// BenchmarkOpenFirst opens a mailbox that has no UID list yet.
func BenchmarkOpenFirst(b *testing.B) {
	acct, root := benchBox(b, nil)
	b.ReportAllocs()
	used := cpuTime(b)
	for b.Loop() {
		if err := os.Remove(filepath.Join(root, "dovecot-uidlist")); err != nil {
			b.Fatal(err)
		}
		m, err := acct.Open(b.Context(), "INBOX")
		if err != nil || m.Status().Messages != benchCount {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-used)/float64(b.N)/benchCount, "cpu-ns/message")
}

// cpuTime is what the process has used so far, collections of garbage and kernel included.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkMemory tells what an open mailbox costs.
func BenchmarkMemory(b *testing.B) {
	acct, _ := benchBox(b, nil)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		m, err := acct.Open(b.Context(), "INBOX")
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchCount, "B/message")
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefreshUnchanged(b *testing.B) {
	m, _ := openBench(b)
	m.refresh()
	for b.Loop() {
		m.refresh()
	}
}

func BenchmarkRefreshDelivery(b *testing.B) {
	m, root := openBench(b)
	for i := 0; b.Loop(); i++ {
		write(b, filepath.Join(root, fmt.Sprintf("new/%d.M1P1.x", 2_000_000_000+i)), "x\n")
		m.refresh()
	}
	if n := m.Status().Messages; n != uint32(benchCount+b.N) {
		b.Errorf("%d messages", n)
	}
}

func BenchmarkRefreshForeignRename(b *testing.B) {
	m, root := openBench(b)
	old := files(b, root)[0]
	for i := 0; b.Loop(); i++ {
		base, _, _ := strings.Cut(old, ":")
		next := base + ":2," + []string{"F", "S"}[i%2]
		rename(b, filepath.Join(root, old), filepath.Join(root, next))
		old = next
		m.refresh()
	}
}

func BenchmarkStoreOne(b *testing.B) {
	m, _ := openBench(b)
	f := mailstore.NewFlags(mailstore.Flagged)
	for i := 0; b.Loop(); i++ {
		op := []mailstore.FlagOp{mailstore.AddFlags, mailstore.RemoveFlags}[i/benchCount%2]
		m.set(op, f, mailstore.UID(i%benchCount+1))
		m.refresh()
	}
}

// BenchmarkStoreParallel shares the syncs.
func BenchmarkStoreParallel(b *testing.B) {
	fsys := &countingFS{}
	acct, _ := benchBox(b, fsys)
	m := openBox(b, acct, "INBOX")
	fsys.syncs.Store(0)
	b.SetParallelism(8)
	b.ResetTimer()
	var next atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		f, uid := mailstore.NewFlags(mailstore.Flagged), mailstore.UID(next.Add(1))
		for i := 0; pb.Next(); i++ {
			op := []mailstore.FlagOp{mailstore.AddFlags, mailstore.RemoveFlags}[i%2]
			if _, err := m.SetFlags(b.Context(), mailstore.NewUIDSet(uid), op, f, mailstore.SetFlagsOptions{}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(fsys.syncs.Load())/float64(b.N), "syncs/op")
}

func BenchmarkStoreAll(b *testing.B) {
	m, _ := openBench(b)
	for i := 0; b.Loop(); i++ {
		op := []mailstore.FlagOp{mailstore.AddFlags, mailstore.RemoveFlags}[i%2]
		_, err := m.SetFlags(b.Context(), mailstore.AllUIDs(), op, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
		m.ok(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchCount, "ns/message")
}

func BenchmarkAppend(b *testing.B) {
	m, _ := openBench(b)
	for b.Loop() {
		m.add(mailstore.Flags{}, "x")
	}
}

// BenchmarkAppendParallel is sixteen sessions that append to one mailbox.
func BenchmarkAppendParallel(b *testing.B) {
	fsys := &countingFS{}
	acct, _ := benchBox(b, fsys)
	m := openBox(b, acct, "INBOX")
	fsys.syncs.Store(0)
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := appendTo(b, m, mailstore.Flags{}, "x"); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(fsys.syncs.Load())/float64(b.N), "syncs/op")
}

func BenchmarkMoveOne(b *testing.B) {
	acct, _ := benchBox(b, nil)
	if err := acct.Create(b.Context(), "Trash"); err != nil {
		b.Fatal(err)
	}
	m, trash := openBox(b, acct, "INBOX"), openBox(b, acct, "Trash")
	for b.Loop() {
		all := m.Records(make([]mailstore.Record, 0, 1), 1)
		if len(all) == 0 {
			m, trash = trash, m
			continue
		}
		_, err := m.Move(b.Context(), mailstore.NewUIDSet(all[0].UID), trash.Mailbox)
		m.ok(err)
	}
}

func BenchmarkCopyAll(b *testing.B) {
	acct, _ := benchBox(b, nil)
	m := openBox(b, acct, "INBOX")
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprint("copy", i)
		if err := acct.Create(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		dest := openBox(b, acct, name)
		_, err := m.Copy(b.Context(), mailstore.AllUIDs(), dest.Mailbox)
		m.ok(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchCount, "ns/message")
}

func BenchmarkExpungeOne(b *testing.B) {
	acct, _ := benchBox(b, nil)
	m := openBox(b, acct, "INBOX")
	for b.Loop() {
		all := m.Records(make([]mailstore.Record, 0, 1), 1)
		if len(all) == 0 {
			b.Skip("no messages are left: choose a shorter -benchtime")
		}
		_, err := m.Expunge(b.Context(), mailstore.NewUIDSet(all[0].UID), false)
		m.ok(err)
	}
}
