package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a daemon that serves until the test ends.
type running struct {
	*daemon
	t        *testing.T
	out, log *lockedBuffer
	addr     map[string]string
	stop     func() error // graceful, as SIGTERM
}

const testSettings = `hostname = "mail.example.org"
[imap]
listen = "127.0.0.1:0"
listen_tls = "127.0.0.1:0"
[pop3]
listen = "127.0.0.1:0"
listen_tls = "127.0.0.1:0"
[web]
listen_tls = "127.0.0.1:0"
`

// startDaemon starts a daemon on data with testSettings and what is added.
func startDaemon(t *testing.T, data, settings string) *running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "restante.toml")
	if err := os.WriteFile(file, []byte(testSettings+settings), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, out: new(lockedBuffer), log: new(lockedBuffer), addr: map[string]string{}}
	ready := filepath.Join(t.TempDir(), "ready.json")
	d, err := newDaemon(t.Context(), daemonOptions{place: place{data: data, config: file}, readyFile: ready, out: r.out, log: r.log})
	if err != nil {
		t.Fatal(err)
	}
	r.daemon = d
	text, err := os.ReadFile(ready)
	if err == nil {
		err = json.Unmarshal(text, &r.addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		if cerr := d.Close(); err == nil {
			err = cerr
		}
		return err
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v\n%s", err, r.log)
		}
		if strings.Contains(r.log.String(), "level=ERROR") {
			t.Errorf("the log has errors:\n%s", r.log)
		}
	})
	return r
}

// password is the one that the first start printed.
func (r *running) password() string {
	m := regexp.MustCompile(`Password +([a-z-]+)`).FindStringSubmatch(r.out.String())
	if m == nil {
		r.t.Fatalf("no password was printed:\n%s", r.out)
	}
	return m[1]
}

// client is a TLS client that trusts the authority in the data directory alone.
func (r *running) client() *tls.Config {
	pem, err := os.ReadFile(filepath.Join(r.o.data, "certs", "ca.pem"))
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		r.t.Fatalf("no authority: %v", err)
	}
	return &tls.Config{RootCAs: roots, ServerName: "mail.example.org"}
}

// dial opens a connection and returns it with its greeting read.
func (r *running) dial(service string) *talk {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr[service])
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.HasSuffix(service, "s") {
		c = tls.Client(c, r.client())
	}
	r.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	k := &talk{t: r.t, c: c, r: bufio.NewReader(c)}
	k.greeting = k.line()
	return k
}

// talk is a conversation line by line.
type talk struct {
	t        *testing.T
	c        net.Conn
	r        *bufio.Reader
	greeting string
}

func (k *talk) line() string {
	k.t.Helper()
	line, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatalf("read: %v", err)
	}
	return strings.TrimRight(line, "\r\n")
}

// say sends a line and reads lines until one begins with want.
func (k *talk) say(line, want string) string {
	k.t.Helper()
	if _, err := io.WriteString(k.c, line+"\r\n"); err != nil {
		k.t.Fatal(err)
	}
	for {
		answer := k.line()
		if strings.HasPrefix(answer, want) {
			return answer
		}
		if strings.HasPrefix(answer, strings.Fields(line)[0]+" ") || strings.HasPrefix(answer, "-ERR") {
			k.t.Fatalf("%s: %s, want %s", line, answer, want)
		}
	}
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

// TestFirstStart goes the way of somebody who has just started the program: the
// printed password opens all three services over TLS, and the welcome message
// is there.
func TestFirstStart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := startDaemon(t, data, "")
	user := ownName()

	imap := r.dial("imaps")
	imap.say(fmt.Sprintf("a LOGIN %s %s", user, r.password()), "a OK")
	imap.say("b SELECT INBOX", "* 1 EXISTS")
	imap.say("c LOGOUT", "* BYE")

	pop := r.dial("pop3s")
	pop.say("USER "+user, "+OK")
	pop.say("PASS "+r.password(), "+OK")
	if got := pop.say("STAT", "+OK"); !strings.HasPrefix(got, "+OK 1 ") {
		t.Errorf("STAT: %s, want one message", got)
	}
	pop.say("RETR 1", "+OK")
	checkWelcome(t, pop)

	web := &http.Client{Transport: &http.Transport{TLSClientConfig: r.client(), ForceAttemptHTTP2: true}}
	resp, err := web.Get("https://" + r.addr["https"] + "/")
	if err != nil || resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("webmail: %v, %v; want a page over HTTP/2", resp, err)
	}
	if err == nil {
		_ = resp.Body.Close()
	}
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", info.Mode(), err)
	}

	printed := r.out.String()
	for _, want := range []string{user, r.certs.Info().SHA256, r.addr["imap"], "https://localhost:"} {
		if !strings.Contains(printed, want) {
			t.Errorf("the first start does not print %q:\n%s", want, printed)
		}
	}
	if strings.Contains(r.log.String(), r.password()) {
		t.Error("the password stands in the log")
	}

	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if again := startDaemon(t, data, ""); strings.Contains(again.out.String(), "Password") {
		t.Error("the second start prints a password")
	}
}

// checkWelcome reads the message as RETR sends it and examines its form.
func checkWelcome(t *testing.T, pop *talk) {
	t.Helper()
	var text strings.Builder
	for line := pop.line(); line != "."; line = pop.line() {
		text.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
	}
	m, err := mail.ReadMessage(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Error(err)
	}
	if from, err := m.Header.AddressList("From"); err != nil || from[0].Address != "postmaster@mail.example.org" {
		t.Errorf("From: %v, %v", from, err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type: %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []struct{ kind, text string }{
		{"text/plain; charset=utf-8", "IMAP   127.0.0.1, port "},
		{"text/html; charset=utf-8", "<td style=\"padding: 0 1em 0 0\">127.0.0.1</td>"},
	} {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil || p.Header.Get("Content-Type") != want.kind || !strings.Contains(string(body), want.text) || !strings.Contains(string(body), ownName()) {
			t.Errorf("%s, %v:\n%s\nwant %q in it", p.Header.Get("Content-Type"), err, body, want.text)
		}
	}
}

// TestPlaintextPolicy: passwords cross the clear only where the configuration
// lets them.
func TestPlaintextPolicy(t *testing.T) {
	for policy, want := range map[string]string{"never": "a NO [PRIVACYREQUIRED]", "loopback": "a OK", "always": "a OK"} {
		r := startDaemon(t, filepath.Join(t.TempDir(), "data"), "[auth]\nplaintext = \""+policy+"\"\n")
		r.dial("imap").say(fmt.Sprintf("a LOGIN %s %s", ownName(), r.password()), want)
	}
	elsewhere := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
	if plaintext("loopback")(elsewhere) || !plaintext("always")(elsewhere) || plaintext("never")(elsewhere) {
		t.Error("the policy does not hold for other machines")
	}
}

// TestStopSaysGoodbye: an idle session and one that is not logged in end with
// BYE, within the time of the configuration.
func TestStopSaysGoodbye(t *testing.T) {
	r := startDaemon(t, filepath.Join(t.TempDir(), "data"), "")
	idle, fresh := r.dial("imaps"), r.dial("imap")
	idle.say(fmt.Sprintf("a LOGIN %s %s", ownName(), r.password()), "a OK")
	idle.say("b SELECT INBOX", "b OK")
	idle.say("c IDLE", "+ ")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*talk{"idle": idle, "fresh": fresh} {
		rest, _ := io.ReadAll(k.r)
		if !strings.Contains(string(rest), "* BYE") {
			t.Errorf("the %s session ends with %q, want BYE", name, rest)
		}
	}
	if _, err := os.Stat(r.o.readyFile); err == nil {
		t.Error("the ready file outlives the server")
	}
}

// TestLimits: every protocol refuses in its own words.
func TestLimits(t *testing.T) {
	r := startDaemon(t, filepath.Join(t.TempDir(), "data"), "[limits]\nconnections = 1\n")
	r.dial("imap")
	for service, want := range map[string]string{
		"imap": "* BYE [UNAVAILABLE] Too many connections", "imaps": "* BYE [UNAVAILABLE] ",
		"pop3": "-ERR [SYS/TEMP] Too many connections", "pop3s": "-ERR [SYS/TEMP] ",
	} {
		if got := r.dial(service).greeting; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", service, got, want)
		}
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: r.client()}}
	resp, err := web.Get("https://" + r.addr["https"] + "/")
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("https: %v, %v; want 503 with Retry-After", resp, err)
	}
	if err == nil {
		_ = resp.Body.Close()
	}
}

// TestChangesWithoutRestart: users and certificates that admin verbs change are
// taken up by the running server.
func TestChangesWithoutRestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := startDaemon(t, data, "")
	in, err := os.CreateTemp(t.TempDir(), "in")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.WriteString("correct-horse\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	admin := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		args = append(args, "--data", data, "--config", r.o.config)
		if code := run(t.Context(), args, streams{in: in, out: &out, err: &out}); code != 0 {
			t.Fatalf("%v: %s", args, out.String())
		}
	}
	admin("user", "add", "bruno", "--password-stdin")
	k := r.dial("imaps")
	k.say("a LOGIN bruno correct-horse", "a OK")

	before := r.certs.Info().SHA256
	admin("cert", "renew")
	r.Reload()
	if r.certs.Info().SHA256 == before {
		t.Error("the renewed certificate is not in use after a reload")
	}
	k.say("b NOOP", "b OK")

	admin("user", "del", "bruno")
	r.dial("imaps").say("a LOGIN bruno correct-horse", "a NO [AUTHENTICATIONFAILED]")
}

// TestAddressTaken: the message says which, and what to do.
func TestAddressTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := t.TempDir()
	config := filepath.Join(data, "restante.toml")
	if err := os.WriteFile(config, []byte("[imap]\nlisten = \""+taken.Addr().String()+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := daemonOptions{place: place{data: data}, out: io.Discard, log: io.Discard}
	_, err = newDaemon(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "listen for imap on "+taken.Addr().String()) || !strings.Contains(err.Error(), "another program listens there") {
		t.Errorf("got %v", err)
	}
	// Nothing is left behind that would keep the next start from working.
	_ = taken.Close()
	d, err := newDaemon(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestWelcomeLeavesFoundMailAlone: somebody's real mailbox gets no message of
// ours put into it.
func TestWelcomeLeavesFoundMailAlone(t *testing.T) {
	data := t.TempDir()
	box := filepath.Join(data, "mail", ownName(), "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(box, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	startDaemon(t, data, "")
	if list, err := os.ReadDir(filepath.Join(box, "new")); err != nil || len(list) > 0 {
		t.Errorf("new holds %v (%v)", list, err)
	}
}

// TestWelcomeWithoutServers: where only the webmail is served, nothing is said of programs.
func TestWelcomeWithoutServers(t *testing.T) {
	for _, servers := range [][]welcomeServer{nil, {{"IMAP", "h", "993", "SSL/TLS"}}} {
		text, err := welcomeMessage(welcomeData{User: "me", Hostname: "h", Web: "https://h/", Servers: servers}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "the programs you know"); got != 2*len(servers) {
			t.Errorf("%d servers: programs are spoken of %d times", len(servers), got)
		}
		if got := strings.Count(string(text), "https://h/"); got < 2 {
			t.Errorf("%d servers: the webmail is named %d times", len(servers), got)
		}
	}
}
