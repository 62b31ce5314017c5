package main

import (
	"bufio"
	"net"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// imapSession logs somebody in at the server of a ready file, runs one command and
// stays connected until the script ends. What the server says is the output.
func imapSession(ts *testscript.TestScript, neg bool, args []string) {
	_, rest, _ := strings.Cut(ts.ReadFile(args[0]), `"imap":"`)
	address, _, _ := strings.Cut(rest, `"`)
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	ts.Check(err)
	ts.Defer(func() { c.Close() })
	ts.Check(c.SetDeadline(time.Now().Add(time.Minute)))
	command := strings.ReplaceAll(strings.Join(args[2:], " "), `\x1b`, "\x1b")
	_, err = c.Write([]byte("a1 LOGIN " + args[1] + " secret-of-all\r\na2 " + command + "\r\n"))
	ts.Check(err)
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		ts.Check(err)
		_, err = ts.Stdout().Write([]byte(line))
		ts.Check(err)
		if strings.HasPrefix(line, "a2 ") {
			return
		}
	}
}
