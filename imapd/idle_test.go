package imapd

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// A bubble is a session in virtual time over a pipe, whose writes wait for the
// other side: a reader collects what the server says.
type bubble struct {
	t     *testing.T
	srv   *Server
	c     net.Conn
	lines chan string
	done  chan struct{} // closed when the session has ended
	stop  context.CancelFunc
}

func newBubble(t *testing.T, opt Options) *bubble {
	here, there := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	b := &bubble{t: t, srv: New(opt), c: here, lines: make(chan string, 1000), done: make(chan struct{}), stop: cancel}
	go func() {
		b.srv.ServeConn(ctx, there, false)
		close(b.done)
	}()
	go func() {
		defer close(b.lines)
		r := bufio.NewReader(here)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			b.lines <- strings.TrimSuffix(line, "\r\n")
		}
	}()
	t.Cleanup(cancel)
	return b
}

func (b *bubble) send(text string) {
	b.t.Helper()
	if _, err := io.WriteString(b.c, text); err != nil {
		b.t.Fatal(err)
	}
}

// said gives what the server has said by now.
func (b *bubble) said() (list []string) {
	synctest.Wait()
	for {
		select {
		case line, more := <-b.lines:
			if !more {
				return list
			}
			list = append(list, line)
		default:
			return list
		}
	}
}

func (b *bubble) ended() bool {
	synctest.Wait()
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

func (b *bubble) login() {
	b.send("a1 LOGIN user pass\r\n")
	b.said()
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

func TestLoginTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		time.Sleep(59 * time.Second)
		if b.ended() {
			t.Error("gone before the time")
		}
		time.Sleep(2 * time.Second)
		if said := last(b.said()); !strings.HasPrefix(said, "* BYE") || !b.ended() {
			t.Errorf("after a minute without login it says %q", said)
		}
	})
}

// TestLoginTimeoutTotal: NOOP does not keep a connection that does not log in.
func TestLoginTimeoutTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		for range 5 {
			time.Sleep(50 * time.Second)
			b.send("a NOOP\r\n")
		}
		if b.ended() {
			t.Error("gone before five minutes")
		}
		time.Sleep(51 * time.Second)
		if !b.ended() {
			t.Error("still there after five minutes without login")
		}
	})
}

// TestSlowLine: octets that trickle in do not push the deadline of a command.
func TestSlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		b.said()
		for range 59 {
			b.send("a")
			time.Sleep(time.Second)
		}
		if b.ended() {
			t.Error("gone before the time")
		}
		time.Sleep(2 * time.Second)
		if !b.ended() {
			t.Error("a line may take for ever")
		}
	})
}

// TestPipelinedDeadline: a command of which a part came together with the one
// before has as much time as any other.
func TestPipelinedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		b.login()
		time.Sleep(35*time.Minute - time.Second)
		b.send("b NOOP\r\nc NO")
		time.Sleep(2 * time.Second)
		if b.ended() {
			t.Fatalf("it did not wait for the rest: %q", b.said())
		}
		b.send("OP\r\n")
		if said := last(b.said()); !strings.HasPrefix(said, "c OK") {
			t.Errorf("it says %q", said)
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		b.login()
		time.Sleep(34 * time.Minute)
		if b.ended() {
			t.Error("gone before 35 minutes (RFC 9051 section 5.4: 30)")
		}
		time.Sleep(2 * time.Minute)
		if said := last(b.said()); !strings.HasPrefix(said, "* BYE") || !b.ended() {
			t.Errorf("after 36 minutes it says %q", said)
		}
	})
}

func TestIdleKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := testOptions(t)
		b := newBubble(t, opt)
		b.login()
		b.send("a2 SELECT INBOX\r\na3 IDLE\r\n")
		if said := last(b.said()); said != "+ idling" {
			t.Fatalf("IDLE: %q", said)
		}
		time.Sleep(119 * time.Second)
		if said := b.said(); len(said) > 0 {
			t.Errorf("before two minutes: %q", said)
		}
		time.Sleep(2 * time.Second)
		if said := b.said(); len(said) != 1 || !strings.HasPrefix(said[0], "* OK") {
			t.Errorf("after two minutes: %q", said)
		}
		fill(t, opt.Store, "INBOX", "Subject: news\n\nx\n")
		if said := b.said(); len(said) != 2 || said[0] != "* 1 EXISTS" || said[1] != "* 1 RECENT" {
			t.Errorf("a delivery: %q", said)
		}
		time.Sleep(32 * time.Minute)
		b.said()
		if b.ended() {
			t.Error("gone before 35 minutes")
		}
		time.Sleep(2 * time.Minute)
		if said := last(b.said()); !strings.HasPrefix(said, "* BYE") || !b.ended() {
			t.Errorf("after 36 minutes in IDLE: %q", said)
		}
	})
}

// TestStopIdle: whoever waits is told at once.
func TestStopIdle(t *testing.T) {
	for _, before := range []string{"", "a2 IDLE\r\n", "a2 SELECT INBOX\r\na3 IDLE\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t, testOptions(t))
			b.login()
			if before != "" {
				b.send(before)
			}
			b.said()
			b.stop()
			if said := last(b.said()); !strings.HasPrefix(said, "* BYE") || !b.ended() {
				t.Errorf("after %q it says %q", before, said)
			}
		})
	}
}

// TestStopBusy: a message that is coming in is taken and acknowledged first.
func TestStopBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		b.login()
		b.send("a2 APPEND INBOX {16+}\r\nA: b\r\n")
		b.said()
		b.stop()
		if b.ended() {
			t.Fatal("gone in the middle of a message")
		}
		b.send("\r\n12345678\r\n")
		said := b.said()
		if len(said) != 2 || !strings.HasPrefix(said[0], "a2 OK") || !strings.HasPrefix(said[1], "* BYE") || !b.ended() {
			t.Errorf("it says %q", said)
		}
	})
}

// TestMailboxGone: who has a mailbox selected that is deleted learns it by BYE, in
// IDLE at once and else with the next command. A renamed mailbox stays selected.
func TestMailboxGone(t *testing.T) {
	for _, tt := range []struct{ why, before, after, want string }{
		{"IDLE is told at once", "a4 IDLE\r\n", "", "* BYE"},
		{"NOOP cannot be answered", "", "a5 NOOP\r\n", "* BYE"},
		{"nor can what needs the mail", "", "a5 FETCH 1 (BODY[])\r\n", "* BYE"},
		{"flags are known yet", "", "a5 FETCH 1 (UID)\r\n", "* 1 FETCH (UID 1); a5 OK Fetch completed; * BYE"},
		{"IDLE cannot begin", "", "a5 IDLE\r\n", "* BYE"},
		{"CLOSE leaves it", "", "a5 CLOSE\r\na6 NOOP\r\n", "a5 OK Close completed; a6 OK"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := testOptions(t)
				account, err := opt.Store.OpenAccount(t.Context(), mailstore.User{Name: "user"})
				if err != nil {
					t.Fatal(err)
				}
				if err := account.Create(t.Context(), "doomed"); err != nil {
					t.Fatal(err)
				}
				fill(t, opt.Store, "doomed", "Subject: x\n\ny\n")
				b := newBubble(t, opt)
				b.login()
				b.send("a3 SELECT doomed\r\n" + tt.before)
				b.said()
				if err := account.Rename(t.Context(), "doomed", "away"); err != nil {
					t.Fatal(err)
				}
				if said := b.said(); len(said) > 0 {
					t.Errorf("at a renaming it says %q", said)
				}
				if err := account.Delete(t.Context(), "away"); err != nil {
					t.Fatal(err)
				}
				if tt.after != "" {
					b.send(tt.after)
				}
				said := strings.Join(b.said(), "; ")
				if !strings.HasPrefix(said, tt.want) || b.ended() != strings.Contains(tt.want, "BYE") {
					t.Errorf("it says %q (ended %v), want %q", said, b.ended(), tt.want)
				}
			})
		})
	}
}

// TestSlowReader: a client that does not read is not waited for.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		done := make(chan struct{})
		go func() {
			New(testOptions(t)).ServeConn(t.Context(), there, false)
			close(done)
		}()
		go io.WriteString(here, "a1 NOOP\r\n")
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Error("it waits for a client that does not read")
		}
		here.Close()
	})
}

// TestSlowAppend: a message that does not come is not waited for, and one that
// comes slowly is.
func TestSlowAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, testOptions(t))
		b.login()
		b.send("a2 APPEND INBOX {100+}\r\n")
		for range 50 {
			time.Sleep(2 * time.Minute)
			b.send("x")
		}
		if b.ended() {
			t.Fatal("gone though something came")
		}
		time.Sleep(4 * time.Minute)
		if !b.ended() {
			t.Error("a message may take for ever")
		}
	})
}
