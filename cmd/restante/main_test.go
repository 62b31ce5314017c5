package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"restante": main})
}

// TestScripts runs the program as people and scripts do: testdata/script holds
// what they type and what they see.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfile":   waitFile,
			"greeting":   greeting,
			"signal":     signalAll,
			"eventually": eventually,
			"imap":       imapSession,
		},
	})
}

// waitFile waits until a file is there.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	for range 600 {
		if _, err := os.Stat(ts.MkAbs(args[0])); !errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not appear", args[0])
}

// eventually waits until a file holds a text.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	for range 600 {
		if data, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(data), args[1]) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to hold %q", args[0], args[1])
}

// signalAll sends a signal to the programs in the background.
func signalAll(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "INT": syscall.SIGINT}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
	}
}

// greeting connects to the service that a ready file names and wants its first
// words.
func greeting(ts *testscript.TestScript, neg bool, args []string) {
	_, rest, ok := strings.Cut(ts.ReadFile(args[0]), `"`+args[1]+`":"`)
	address, _, _ := strings.Cut(rest, `"`)
	if !ok {
		ts.Fatalf("%s has no address of %s", args[0], args[1])
	}
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(10 * time.Second)))
	b := make([]byte, 512)
	n, err := c.Read(b)
	ts.Check(err)
	if !strings.HasPrefix(string(b[:n]), args[2]) {
		ts.Fatalf("%s says %q, want %q", args[1], b[:n], args[2])
	}
}
