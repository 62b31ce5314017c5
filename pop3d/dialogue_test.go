package pop3d

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// TestDialogues plays the conversations in testdata/dialogues. Each file is a story of lines:
//
//	C: text        the client sends a line; CC: sends it with what follows, in one packet
//	S: text        the server must send exactly this line; "..." at the end stands for anything
//	CLOSED         the server closes the connection
//	TLS            the client begins TLS
//	CONNECT        another connection, which the story goes on with
//	DROP           the client goes away without a word
//	MAIL text      somebody delivers a message; \r, \n and \x00 as in Go
//	EXPUNGE n      somebody removes the message with this UID
//	STATE ...      the inbox must be like this: UIDs, with flags
//	OPTION name    "no-plaintext", "no-tls" or "keep-unseen"; before anything else
//	LOG text       the log has this; NOLOG text: it has not
//
// Three messages are there at the beginning.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, string(text))
		})
	}
}

var threeMessages = []string{
	"Subject: one\n\nbody\n.dot\n",
	"Subject: two\r\n\r\nno line end",
	"Subject: three\n",
}

// player plays one story.
type player struct {
	t       *testing.T
	o       *office
	client  *tls.Config
	conn    net.Conn
	lines   *bufio.Reader
	pending string // of CC
	done    []chan struct{}
}

func play(t *testing.T, story string) {
	p := &player{t: t, o: newOffice(t)}
	p.o.opt.Logger = slog.New(slog.NewTextHandler(&p.o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.o.opt.TLS, p.client = testTLS(t)
	p.o.deliver(threeMessages...)
	for i, line := range strings.Split(story, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "" || word == "#" {
			continue
		}
		if !p.step(word, rest) {
			t.Fatalf("line %d, %q: %v", i+1, line, t.Failed())
		}
	}
	p.wait()
}

// wait ends the connections and waits for their sessions.
func (p *player) wait() {
	if p.conn != nil {
		p.conn.Close()
	}
	for _, done := range p.done {
		<-done
	}
}

func (p *player) step(word, rest string) bool {
	p.t.Helper()
	if p.conn == nil && word != "OPTION" && word != "MAIL" {
		p.connect()
	}
	switch word {
	case "C:", "CC:":
		p.pending += rest + "\r\n"
		if word == "C:" {
			p.send()
		}
	case "S:":
		return p.expect(rest)
	case "CLOSED":
		rest, err := io.ReadAll(p.lines)
		if len(rest) > 0 || err != nil {
			p.t.Errorf("still there: %q, %v", rest, err)
		}
	case "TLS":
		c := tls.Client(p.conn, p.client)
		if err := c.Handshake(); err != nil {
			p.t.Fatal(err)
		}
		p.conn, p.lines = c, bufio.NewReader(c)
	case "CONNECT":
		p.connect()
	case "DROP":
		p.wait()
		p.done = nil
	default:
		return p.world(word, rest)
	}
	return !p.t.Failed()
}

// world is what happens beside the connection.
func (p *player) world(word, rest string) bool {
	switch word {
	case "OPTION":
		p.option(rest)
	case "MAIL":
		text, err := strconv.Unquote(`"` + rest + `"`)
		if err != nil {
			p.t.Fatal(err)
		}
		p.o.deliver(text)
	case "EXPUNGE":
		n, err := strconv.Atoi(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := p.o.inbox().Expunge(context.Background(), mailstore.NewUIDSet(mailstore.UID(n)), false); err != nil {
			p.t.Fatal(err)
		}
	case "STATE":
		if got := p.o.state(); got != rest {
			p.t.Errorf("the inbox is %q", got)
		}
	case "LOG", "NOLOG":
		p.wait()
		if strings.Contains(p.o.log.String(), rest) != (word == "LOG") {
			p.t.Errorf("the log is\n%s", p.o.log.String())
		}
	default:
		p.t.Fatalf("no such word %q", word)
	}
	return !p.t.Failed()
}

func (p *player) option(name string) {
	switch name {
	case "no-plaintext":
		p.o.opt.AllowPlaintext = nil
	case "no-tls":
		p.o.opt.TLS = nil
	case "keep-unseen":
		p.o.opt.KeepUnseen = true
	default:
		p.t.Fatalf("no such option %q", name)
	}
}

func (p *player) connect() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	done := make(chan struct{})
	srv := New(p.o.opt)
	go func() {
		defer close(done)
		c, err := l.Accept()
		l.Close() // it has done its work
		if err != nil {
			p.t.Error(err)
			return
		}
		srv.ServeConn(context.Background(), c, false)
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second)) // so that a mistake is no hang
	p.conn, p.lines, p.done = c, bufio.NewReader(c), append(p.done, done)
}

func (p *player) send() {
	if _, err := io.WriteString(p.conn, p.pending); err != nil {
		p.t.Fatal(err)
	}
	p.pending = ""
}

func (p *player) expect(want string) bool {
	got, err := p.lines.ReadString('\n')
	if err != nil || !strings.HasSuffix(got, "\r\n") {
		p.t.Errorf("got %q, %v", got, err)
		return false
	}
	got = strings.TrimSuffix(got, "\r\n")
	if prefix, ok := strings.CutSuffix(want, "..."); ok && strings.HasPrefix(got, prefix) {
		return true
	}
	if got != want {
		p.t.Errorf("got %q", got)
	}
	return got == want
}
