package pop3d

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore/memory"
)

// pipe is a session over net.Pipe, for tests of time.
type pipe struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
	done  chan struct{}
}

func newPipe(t *testing.T, ctx context.Context, o *office) *pipe {
	client, server := net.Pipe()
	p := &pipe{t: t, conn: client, lines: bufio.NewReader(client), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		New(o.opt).ServeConn(ctx, server, false)
	}()
	p.expect("+OK mail.example.org")
	return p
}

func (p *pipe) say(lines ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipe) expect(prefixes ...string) {
	p.t.Helper()
	for _, prefix := range prefixes {
		line, err := p.lines.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, prefix) {
			p.t.Fatalf("got %q, %v, want %q", line, err, prefix)
		}
	}
}

func (p *pipe) login() {
	p.t.Helper()
	p.say("USER jo")
	p.expect("+OK")
	p.say("PASS se cret")
	p.expect("+OK")
}

// ended checks that the session is over, and how long it took.
func (p *pipe) ended(start time.Time, want time.Duration) {
	p.t.Helper()
	if rest, err := io.ReadAll(p.lines); len(rest) > 0 || err != nil {
		p.t.Errorf("after the end: %q, %v", rest, err)
	}
	<-p.done
	if took := time.Since(start); took != want {
		p.t.Errorf("it took %v, want %v", took, want)
	}
}

func TestTimeouts(t *testing.T) {
	t.Run("silent before login", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			p := newPipe(t, t.Context(), newOffice(t))
			p.expect("-ERR You have been silent")
			p.ended(start, time.Minute)
		})
	})
	t.Run("busy before login", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			p := newPipe(t, t.Context(), newOffice(t))
			for range 9 {
				time.Sleep(31 * time.Second)
				p.say("CAPA")
				for line := ""; line != ".\r\n"; {
					var err error
					if line, err = p.lines.ReadString('\n'); err != nil {
						t.Fatal(err)
					}
				}
			}
			p.expect("-ERR You have been silent")
			p.ended(start, 5*time.Minute)
		})
	})
	t.Run("in the middle of AUTH", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			p := newPipe(t, t.Context(), newOffice(t))
			p.say("AUTH PLAIN")
			p.expect("+ ", "-ERR You have been silent")
			p.ended(start, time.Minute)
		})
	})
	t.Run("after login", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			o.deliver(threeMessages...)
			p := newPipe(t, t.Context(), o)
			p.login()
			p.say("DELE 1")
			p.expect("+OK")
			time.Sleep(9 * time.Minute)
			start := time.Now()
			p.say("NOOP")
			p.expect("+OK", "-ERR You have been silent")
			p.ended(start, 10*time.Minute)
			if got := o.state(); got != "1 2 3" {
				t.Errorf("the inbox is %s", got)
			}
		})
	})
	t.Run("a line that never ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			p := newPipe(t, t.Context(), newOffice(t))
			for range 59 {
				io.WriteString(p.conn, "x")
				time.Sleep(time.Second)
			}
			p.expect("-ERR You have been silent")
			p.ended(start, time.Minute)
		})
	})
	t.Run("a client that does not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			o.deliver("Subject: x\n\n" + strings.Repeat("line\n", 100000))
			p := newPipe(t, t.Context(), o)
			p.login()
			start := time.Now()
			p.say("RETR 1")
			<-p.done
			if took := time.Since(start); took != 3*time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	})
}

func TestGracefulStop(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			o := newOffice(t)
			o.deliver(threeMessages...)
			p := newPipe(t, ctx, o)
			p.login()
			p.say("DELE 1")
			p.expect("+OK")
			start := time.Now()
			cancel()
			p.expect("-ERR [SYS/TEMP] The server is stopping")
			p.ended(start, 0)
			if got := o.state(); got != "1 2 3" {
				t.Errorf("the inbox is %s", got)
			}
		})
	})
	t.Run("in the middle of an answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			o := newOffice(t)
			o.deliver("Subject: x\n\n" + strings.Repeat("line\n", 100000))
			p := newPipe(t, ctx, o)
			p.login()
			p.say("RETR 1", "NOOP")
			p.expect("+OK", "Subject: x")
			cancel()
			n := 0
			for line := ""; line != ".\r\n"; n++ {
				var err error
				if line, err = p.lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			if n != 100002 {
				t.Errorf("%d lines", n)
			}
			p.expect("-ERR [SYS/TEMP] The server is stopping")
			p.ended(time.Now(), 0)
		})
	})
}

// BenchmarkRetr is the way of a message from the store to the connection.
func BenchmarkRetr(b *testing.B) {
	o := &office{t: b, store: memory.New(memory.Options{})}
	o.opt = Options{Store: o.store, Auth: users{}, AllowPlaintext: func(net.Addr) bool { return true }}
	text := "Subject: x\n\n" + strings.Repeat(strings.Repeat("x", 70)+"\n", 300)
	o.deliver(text)
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); New(o.opt).ServeConn(b.Context(), server, false) }()
	lines := bufio.NewReaderSize(client, 64<<10)
	read := func(until string) {
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if string(line) == until || until == "" {
				return
			}
		}
	}
	read("")
	io.WriteString(client, "USER jo\r\nPASS se cret\r\n")
	read("")
	read("")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		io.WriteString(client, "RETR 1\r\n")
		read(".\r\n")
	}
	client.Close()
	<-done
}

// TestSessionLog: the lines of one session can be told from those of others, and name the user once.
func TestSessionLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.opt.Logger = slog.New(slog.NewTextHandler(&o.log, nil))
		for range 2 {
			p := newPipe(t, t.Context(), o)
			p.say("USER jo", "PASS wrong")
			p.expect("+OK", "-ERR")
			p.login()
			p.say("QUIT")
			p.expect("+OK")
			<-p.done
		}
		lines := strings.Split(strings.TrimSuffix(o.log.String(), "\n"), "\n")
		if len(lines) != 4 {
			t.Fatalf("%q", lines)
		}
		var sessions []string
		for _, line := range lines {
			_, id, _ := strings.Cut(line, " session=")
			id, _, _ = strings.Cut(id, " ")
			sessions = append(sessions, id)
			if n := strings.Count(line, "user="); n != 1 {
				t.Errorf("the user stands there %d times: %s", n, line)
			}
		}
		if sessions[0] == "" || sessions[0] != sessions[1] || sessions[1] == sessions[2] {
			t.Errorf("sessions %q", sessions)
		}
	})
}

// TestLastFailureLogged: the login that ends a connection for guessing is logged like those before: who
// watches the log counts them.
func TestLastFailureLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.opt.LoginFailures = 2
		o.opt.Logger = slog.New(slog.NewTextHandler(&o.log, nil))
		p := newPipe(t, t.Context(), o)
		for range 2 {
			p.say("USER jo", "PASS wrong")
			p.expect("+OK", "-ERR")
		}
		<-p.done
		if n := strings.Count(o.log.String(), "login failed"); n != 2 {
			t.Errorf("%d of 2 failures are in the log:\n%s", n, o.log.String())
		}
	})
}

// TestPipelinedDeadline: a command of which a part came together with the one before has as much time as any
// other.
func TestPipelinedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, t.Context(), newOffice(t))
		p.login()
		time.Sleep(10*time.Minute - time.Second)
		if _, err := io.WriteString(p.conn, "NOOP\r\nNO"); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(2 * time.Second)
			p.conn.Write([]byte("OP\r\nQUIT\r\n"))
		}()
		p.expect("+OK", "+OK", "+OK")
		<-p.done
	})
}
