package test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkIdle measures what a connection in IDLE costs the server: octets of its
// proportional set size after a collection, without the kernel's buffers, and how
// many goroutines. CGO_ENABLED=0 makes it the server that people run, without the
// race detector.
func BenchmarkIdle(b *testing.B) {
	if cgo, err := exec.Command("go", "env", "CGO_ENABLED").Output(); err != nil || strings.TrimSpace(string(cgo)) != "0" {
		b.Skip("run it with CGO_ENABLED=0")
	}
	for _, service := range []string{"imap", "imaps"} {
		b.Run(service, func(b *testing.B) {
			const n, first = 3000, 200 // the first ones pay for what all share
			data := newData(b, "maildir:"+filepath.Join(b.TempDir(), "Maildir"))
			appendFile(b, filepath.Join(data, "restante.toml"), "[limits]\nconnections_per_address = 10000\nconnections_per_user = 10000\n[debug]\npprof = \"127.0.0.1:0\"\n")
			s := start(b, data)
			var octets, goroutines float64
			for b.Loop() {
				idle(b, s, service, first)
				memory, routines := idleState(b, s)
				idle(b, s, service, n)
				moreMemory, moreRoutines := idleState(b, s)
				octets, goroutines = float64(moreMemory-memory)/n, float64(moreRoutines-routines)/n
			}
			b.ReportMetric(octets, "B/connection")
			b.ReportMetric(goroutines, "goroutines/connection")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func appendFile(t testing.TB, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// idleState is what the server takes after a collection.
func idleState(t testing.TB, s *server) (memory int64, goroutines int) {
	t.Helper()
	profile(t, s, "heap?gc=1")
	profile(t, s, "heap?gc=1") // stacks shrink in one round, and are given back in the next
	time.Sleep(3 * time.Second)
	line, _, _ := strings.Cut(profile(t, s, "goroutine?debug=1"), "\n")
	if _, err := fmt.Sscanf(line, "goroutine profile: total %d", &goroutines); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return pss(t, s.cmd.Process.Pid), goroutines
}

func profile(t testing.TB, s *server, name string) string {
	t.Helper()
	answer, err := http.Get("http://" + s.addr["pprof"] + "/debug/pprof/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// idle opens n connections and leaves them in IDLE until the test ends.
func idle(t testing.TB, s *server, service string, n int) {
	t.Helper()
	for range n {
		var c net.Conn
		var err error
		if service == "imaps" {
			c, err = tls.Dial("tcp", s.addr[service], &tls.Config{RootCAs: authorityPool(t, s), ServerName: "mail.example.org"})
		} else {
			c, err = net.Dial("tcp", s.addr[service])
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		r := bufio.NewReader(c)
		fmt.Fprintf(c, "a LOGIN %s %q\r\nb SELECT INBOX\r\nc IDLE\r\n", user, password)
		for line := ""; !strings.HasPrefix(line, "+ "); {
			if line, err = r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func authorityPool(t testing.TB, s *server) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(s.ca())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// pss is a process's proportional set size in octets (proc(5), smaps_rollup).
func pss(t testing.TB, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "Pss:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no Pss in smaps_rollup")
	return 0
}
