package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	user     = "amelie"
	password = "correct horse"
)

// programs is where the tests build the server.
var programs = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "restante-test-") })

// program builds the server once for all tests, with the race detector where
// there is a C compiler for it.
var program = sync.OnceValues(func() (string, error) {
	if cgo, _ := exec.Command("go", "env", "CGO_ENABLED").Output(); strings.TrimSpace(string(cgo)) == "1" {
		return build("restante", "-race")
	}
	return build("restante")
})

// quickProgram builds it as it is used, for tests that compare what it says about
// very much mail.
var quickProgram = sync.OnceValues(func() (string, error) { return build("restante-quick") })

func build(name string, flags ...string) (string, error) {
	dir, err := programs()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, name)
	args := append([]string{"build", "-o", bin}, flags...)
	out, err := exec.Command("go", append(args, "restante/cmd/restante")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %v\n%s", err, out)
	}
	return bin, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// server is one running process on a data directory.
type server struct {
	t    testing.TB
	data string
	cmd  *exec.Cmd
	log  *lockedBuffer
	addr map[string]string // by service, as the ready file names them
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const testConfig = `hostname = "mail.example.org"
[imap]
listen = "127.0.0.1:0"
listen_tls = "127.0.0.1:0"
[pop3]
listen = "127.0.0.1:0"
listen_tls = "127.0.0.1:0"
[web]
listen_tls = "127.0.0.1:0"
`

// newData makes a data directory with one user whose mail stands at location.
func newData(t testing.TB, location string) string {
	t.Helper()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "restante.toml"), []byte(testConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, password+"\n", "user", "add", user, "--data", data, "--location", location, "--password-stdin")
	return data
}

// run runs an admin verb and returns what it printed.
func run(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("restante %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts the server on data and waits until all listeners are open.
func start(t testing.TB, data string) *server {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return startBinary(t, bin, data)
}

func startBinary(t testing.TB, bin, data string) *server {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	s := &server{t: t, data: data, log: new(lockedBuffer), done: make(chan error, 1)}
	s.cmd = exec.Command(bin, "serve", "--data", data, "--ready-file", ready)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { s.stop() })
	for range 600 {
		if b, err := os.ReadFile(ready); err == nil && json.Unmarshal(b, &s.addr) == nil {
			return s
		}
		select {
		case err := <-s.done:
			s.done <- err
			t.Fatalf("serve ended: %v\n%s", err, s.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("serve did not become ready:\n%s", s.log)
	return nil
}

// stop ends the server with SIGTERM and fails the test when it reported a data
// race or did not end by itself.
func (s *server) stop() {
	s.t.Helper()
	if s.cmd.ProcessState != nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		s.done <- err
	case <-time.After(30 * time.Second):
		s.cmd.Process.Kill()
		s.t.Errorf("serve did not end after SIGTERM:\n%s", s.log)
	}
	if log := s.log.String(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
		s.t.Errorf("the server's log:\n%s", log)
	}
}

// kill ends the server as a crash would.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.done <- <-s.done
}

func (s *server) port(service string) string {
	_, port, err := net.SplitHostPort(s.addr[service])
	if err != nil {
		s.t.Fatalf("ready file: %s = %q: %v", service, s.addr[service], err)
	}
	return port
}

// ca is the file of the authority that signed the server's certificate.
func (s *server) ca() string {
	s.t.Helper()
	for _, name := range []string{"certs/ca.pem", "certs/ca.crt"} {
		if f := filepath.Join(s.data, name); exists(f) {
			return f
		}
	}
	s.t.Fatal("no CA certificate in the data directory")
	return ""
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// imapConn is a raw IMAP connection.
type imapConn struct {
	t   testing.TB
	c   net.Conn
	r   *bufio.Reader
	tag int
}

// dialIMAP connects and reads the greeting.
func dialIMAP(t testing.TB, addr string) *imapConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ic := &imapConn{t: t, c: c, r: bufio.NewReaderSize(c, 1<<16)}
	if _, _, err := ic.response(); err != nil {
		t.Fatal("greeting:", err)
	}
	return ic
}

// login connects over clear text on loopback and signs in.
func login(t testing.TB, s *server) *imapConn {
	t.Helper()
	c := dialIMAP(t, s.addr["imap"])
	c.ok(fmt.Sprintf("LOGIN %s %q", user, password))
	return c
}

// part is a piece of a response: text up to a literal, and the literal.
type part struct {
	text    string
	literal []byte
}

// response reads one whole response, literals included.
func (c *imapConn) response() (parts []part, line string, err error) {
	for {
		text, err := c.r.ReadString('\n')
		if err != nil {
			return nil, "", err
		}
		line += text
		n, ok := literalLen(text)
		if !ok {
			return append(parts, part{text: strings.TrimRight(text, "\r\n")}), strings.TrimRight(line, "\r\n"), nil
		}
		b := make([]byte, n)
		if _, err := readFull(c.r, b); err != nil {
			return nil, "", err
		}
		parts = append(parts, part{text: text, literal: b})
		line += string(b)
	}
}

func readFull(r *bufio.Reader, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func literalLen(text string) (int, bool) {
	text = strings.TrimRight(text, "\r\n")
	i := strings.LastIndexByte(text, '{')
	if i < 0 || !strings.HasSuffix(text, "}") {
		return 0, false
	}
	var n int
	_, err := fmt.Sscanf(text[i:], "{%d}", &n)
	return n, err == nil
}

// send writes a command with a new tag and returns the tag.
func (c *imapConn) send(command string) (string, error) {
	c.tag++
	tag := fmt.Sprintf("t%d", c.tag)
	_, err := c.c.Write([]byte(tag + " " + command + "\r\n"))
	return tag, err
}

// wait reads responses until the tagged one.
func (c *imapConn) wait(tag string, each func(parts []part, line string)) (status string, err error) {
	for {
		parts, line, err := c.response()
		if err != nil {
			return "", err
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return rest, nil
		}
		if each != nil {
			each(parts, line)
		}
	}
}

// cmd runs a command and returns the untagged lines and the tagged status.
func (c *imapConn) cmd(command string) (lines []string, status string) {
	c.t.Helper()
	tag, err := c.send(command)
	if err != nil {
		c.t.Fatal(err)
	}
	status, err = c.wait(tag, func(_ []part, line string) { lines = append(lines, line) })
	if err != nil {
		c.t.Fatalf("%.100s: %v", command, err)
	}
	return lines, status
}

// ok runs a command that must succeed.
func (c *imapConn) ok(command string) []string {
	c.t.Helper()
	lines, status := c.cmd(command)
	if !strings.HasPrefix(status, "OK") {
		c.t.Fatalf("%.100s: %s", command, status)
	}
	return lines
}

// appendCommand is an APPEND of the message with a non-synchronising literal.
func appendCommand(mailbox string, msg []byte) string {
	return fmt.Sprintf("APPEND %s {%d+}\r\n%s", mailbox, len(msg), msg)
}

// corpus returns the folder of real mail, or skips the test.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	if !exists(filepath.Join(dir, "eml")) {
		t.Skipf("no corpus of real mail at %s; set RESTANTE_CORPUS", dir)
	}
	return dir
}

// corpusFiles returns the corpus's messages in path order.
func corpusFiles(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(corpus(t), "eml", "*", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages in the corpus: %v", err)
	}
	return files
}

// crlf is the wire form of stored bytes: a bare LF becomes CRLF, all else stays.
func crlf(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/32)
	for i, ch := range b {
		if ch == '\n' && (i == 0 || b[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, ch)
	}
	return out
}
