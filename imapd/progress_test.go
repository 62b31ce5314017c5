package imapd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

func TestInProgress(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        string
		why         string
	}{
		{0, 0, `INPROGRESS ("a1" NIL NIL)`, "nothing is known"},
		{7, 0, `INPROGRESS ("a1" 7 NIL)`, "the goal is not known"},
		{0, 9, `INPROGRESS ("a1" 0 9)`, "it has begun"},
		{9, 9, `INPROGRESS ("a1" 9 NIL)`, "the goal must be above what is done"},
		{10, 9, `INPROGRESS ("a1" 10 NIL)`, "it was less than there is"},
		{1<<32 - 2, 1<<32 - 1, `INPROGRESS ("a1" 4294967294 4294967295)`, "the largest number"},
		{1 << 32, 1 << 33, `INPROGRESS ("a1" 4194304 8388608)`, "octets of a large file"},
		{1 << 32, 0, `INPROGRESS ("a1" 4194304 NIL)`, "without a goal too"},
	} {
		if got := inProgress("a1", c.done, c.total); got != c.want {
			t.Errorf("%d of %d: %s, want %s: %s", c.done, c.total, got, c.want, c.why)
		}
	}
}

// slowStore takes its time for everything that changes or opens messages.
type slowStore struct {
	mailstore.Store
	pace    time.Duration
	expunge time.Time // when an Expunge ended
}

type slowAccount struct {
	mailstore.Account
	s *slowStore
}

type slowBox struct {
	mailstore.Mailbox
	s *slowStore
}

func (s *slowStore) OpenAccount(ctx context.Context, u mailstore.User) (mailstore.Account, error) {
	a, err := s.Store.OpenAccount(ctx, u)
	return slowAccount{a, s}, err
}

func (a slowAccount) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return slowBox{m, a.s}, nil
}

func (b slowBox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	time.Sleep(b.s.pace)
	return b.Mailbox.OpenMessage(ctx, uid)
}

func (b slowBox) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	progress := mailstore.ProgressOf(ctx).Track(50)
	for range 50 {
		time.Sleep(b.s.pace)
		progress.Add(1)
	}
	b.s.expunge = time.Now()
	return b.Mailbox.Expunge(ctx, uids, onlyDeleted)
}

// slowOptions are those of a server over n messages where each takes a while.
func slowOptions(t *testing.T, n int, pace time.Duration) (Options, *slowStore) {
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", slices.Repeat([]string{"Subject: a\n\nx\n"}, n)...)
	s := &slowStore{Store: opt.Store, pace: pace}
	opt.Store = s
	return opt, s
}

// TestProgress: while a command runs the client hears every ten seconds how far
// it is.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		command string
		want    []string // the lines at 10, 20, … seconds
	}{
		{"EXPUNGE", []string{"14 50", "28 50", "42 50"}},
		// Sessions look after each 256 messages, which take 18 seconds here.
		{"SEARCH BODY nothing", []string{"0 600", "256 600", "256 600", "512 600"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			opt, _ := slowOptions(t, 600, 700*time.Millisecond)
			if strings.HasPrefix(c.command, "SEARCH") {
				opt, _ = slowOptions(t, 600, 70*time.Millisecond)
			}
			b := newBubble(t, opt)
			b.login()
			b.send("a2 SELECT INBOX\r\n")
			b.said()
			b.send("a3 " + c.command + "\r\n")
			time.Sleep(9999 * time.Millisecond)
			if got := b.said(); len(got) > 0 {
				t.Errorf("%s: said %q before ten seconds", c.command, got)
			}
			for i, numbers := range c.want {
				time.Sleep(time.Millisecond)
				want := fmt.Sprintf(`* OK [INPROGRESS ("a3" %s)] Still working`, numbers)
				if got := b.said(); !slices.Equal(got, []string{want}) {
					t.Errorf("%s: said %q, want %q", c.command, got, want)
				}
				if i < len(c.want)-1 {
					time.Sleep(9999 * time.Millisecond)
				}
			}
			time.Sleep(9 * time.Second)
			if got := last(b.said()); !strings.HasPrefix(got, "a3 OK") {
				t.Errorf("%s: said %q at the end", c.command, got)
			}
			b.send("a4 NOOP\r\n")
			time.Sleep(30 * time.Second)
			if got := b.said(); !slices.Equal(got, []string{"a4 OK Noop completed"}) {
				t.Errorf("%s: said %q afterwards", c.command, got)
			}
		})
	}
}

// TestProgressBetweenAnswers: a FETCH that sends answers tells it between two of
// them, and IDLE never.
func TestProgressBetweenAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt, _ := slowOptions(t, 300, 50*time.Millisecond)
		b := newBubble(t, opt)
		b.login()
		b.send("a2 SELECT INBOX\r\n")
		b.said()
		b.send("a3 FETCH 1:* BODY.PEEK[TEXT]\r\n")
		time.Sleep(time.Minute)
		var got []string
		for _, line := range b.said() {
			if strings.HasPrefix(line, "*") || strings.HasPrefix(line, "a3") {
				got = append(got, line)
			}
		}
		told := slices.Index(got, `* OK [INPROGRESS ("a3" 256 300)] Still working`)
		if told != 256 || len(got) != 302 || last(got) != "a3 OK Fetch completed" {
			t.Errorf("progress was told at %d of %d lines, the last of which is %q", told, len(got), last(got))
		}
		b.send("a4 IDLE\r\n")
		time.Sleep(time.Minute)
		if got := b.said(); !slices.Equal(got, []string{"+ idling"}) {
			t.Errorf("IDLE said %q", got)
		}
	})
}

// TestProgressOfDeafClient: a client that does not read what it is told holds up
// no work on the mailbox.
func TestProgressOfDeafClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt, slow := slowOptions(t, 1, time.Second)
		here, there := net.Pipe()
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		ended := make(chan struct{})
		go func() {
			New(opt).ServeConn(ctx, there, false)
			close(ended)
		}()
		r := bufio.NewReader(here)
		for _, line := range []string{"", "a1 LOGIN user pass\r\n", "a2 SELECT INBOX\r\n"} {
			go io.WriteString(here, line)
			for tag := line[:min(2, len(line))]; ; {
				got, err := r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(got, tag) {
					break
				}
			}
		}
		if _, err := io.WriteString(here, "a3 EXPUNGE\r\n"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		time.Sleep(2 * time.Minute)
		here.Close()
		<-ended
		if took := slow.expunge.Sub(begun); took != 50*time.Second {
			t.Errorf("the work took %v, want 50s", took)
		}
	})
}
