package imapd

import (
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"

	"restante/imapd/imaptest"
)

// TestIdleMemory: a connection in IDLE costs kilobytes, as between commands it
// holds no large buffer, and one goroutine. What the server alone takes, also under
// TLS, is measured by BenchmarkIdle of the whole program.
func TestIdleMemory(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = slog.New(slog.DiscardHandler)
	flagsStore(t, opt, 100)
	dial := listen(t, opt)
	const n, most = 200, 20 << 10
	var conns []net.Conn
	before, goroutines := memoryInUse(), runtime.NumGoroutine()
	for range n {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns = append(conns, nc)
		c := imaptest.NewClient(nc)
		if _, err := c.Response(); err != nil {
			t.Fatal(err)
		}
		do(t, c, "LOGIN user pass")
		do(t, c, "SELECT INBOX")
		if err := c.Send("i IDLE\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := c.Response(); err != nil || line != "+ idling" {
			t.Fatal(line, err)
		}
	}
	if each := (memoryInUse() - before) / n; each > most {
		t.Errorf("an idle connection costs %d octets, its client's end included", each)
	}
	if more := runtime.NumGoroutine() - goroutines; more > n {
		t.Errorf("%d idle connections have %d goroutines", n, more)
	}
	runtime.KeepAlive(conns)
}

func memoryInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestHeldForOneMessage: items that are made in memory cannot be asked for so
// often that they fill it.
func TestHeldForOneMessage(t *testing.T) {
	opt := testOptions(t)
	header := strings.Repeat("X-Filler: "+strings.Repeat("x", 980)+"\n", 500)
	fill(t, opt.Store, "INBOX", header+"Subject: long\n\ntext\n")
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	item := "BODY.PEEK[HEADER.FIELDS.NOT (a)] "
	for _, tt := range []struct {
		items int
		want  string
	}{
		{10, "OK"},
		{200, "NO [LIMIT]"}, // 100 MB
	} {
		lines, tagged, err := c.Do("FETCH 1 (" + strings.TrimSpace(strings.Repeat(item, tt.items)) + ")")
		if err != nil || !strings.HasPrefix(tagged, tt.want) || len(lines) > 0 != (tt.want == "OK") {
			t.Errorf("%d items: %d lines, %.80s, %v", tt.items, len(lines), tagged, err)
		}
	}
}
