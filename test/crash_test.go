package test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var appendUID = regexp.MustCompile(`\[APPENDUID (\d+) (\d+)\]`)

// TestKillDuringAppends kills the server while several connections append, many
// times over: what was answered with OK is there afterwards, under the UID that
// was told, and no UID names two messages.
func TestKillDuringAppends(t *testing.T) {
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			data := newData(t, format+":"+filepath.Join(t.TempDir(), "mail"))
			told := make(map[string]string) // "validity uid" -> message id
			for round := range 6 {
				s := start(t, data)
				appendUntilKilled(t, s, round, told)
				checkTold(t, data, told)
			}
			if len(told) < 20 {
				t.Errorf("only %d appends were answered: the test has not tested much", len(told))
			}
			t.Logf("%d appends were answered", len(told))
		})
	}
}

// appendUntilKilled has four connections append and kills the server at a moment
// of no one's choosing.
func appendUntilKilled(t *testing.T, s *server, round int, told map[string]string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	answered := make(chan struct{}, 1000)
	for n := range 4 {
		c := login(t, s)
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("<r%d.c%d.n%d@example.org>", round, n, i)
				msg := fmt.Sprintf("Message-ID: %s\r\nSubject: kill\r\n\r\n%s\r\n", id, strings.Repeat("body ", rand.IntN(4000)))
				tag, err := c.send(appendCommand("INBOX", []byte(msg)))
				if err != nil {
					return
				}
				status, err := c.wait(tag, nil)
				if err != nil {
					return
				}
				m := appendUID.FindStringSubmatch(status)
				if m == nil {
					t.Errorf("APPEND: %s", status)
					return
				}
				mu.Lock()
				key := m[1] + " " + m[2]
				if other, twice := told[key]; twice {
					t.Errorf("UID %s was told for %s and for %s", key, other, id)
				}
				told[key] = id
				mu.Unlock()
				select {
				case answered <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 5 + rand.IntN(20) {
		<-answered
	}
	time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	s.kill()
	wg.Wait()
}

var (
	fetchUID  = regexp.MustCompile(`UID (\d+)`)
	messageID = regexp.MustCompile(`(?i)message-id: (<[^>]+>)`)
)

// checkTold starts the server again and looks for every message that was
// acknowledged.
func checkTold(t *testing.T, data string, told map[string]string) {
	t.Helper()
	s := start(t, data)
	defer s.stop()
	c := login(t, s)
	validity := ""
	for _, line := range c.ok("SELECT INBOX") {
		if m := regexp.MustCompile(`UIDVALIDITY (\d+)`).FindStringSubmatch(line); m != nil {
			validity = m[1]
		}
	}
	have := make(map[string]string)
	for _, line := range c.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])") {
		uid, id := fetchUID.FindStringSubmatch(line), messageID.FindStringSubmatch(line)
		if uid == nil || id == nil {
			t.Errorf("a message without its header: %q", line)
			continue
		}
		have[validity+" "+uid[1]] = id[1]
	}
	for key, id := range told {
		if have[key] != id {
			t.Errorf("UIDVALIDITY and UID %s were acknowledged for %s and now name %q", key, id, have[key])
		}
	}
}

// TestOneProcess: two processes cannot serve one data directory, and the second
// says who holds it.
func TestOneProcess(t *testing.T) {
	data := newData(t, "maildir:"+filepath.Join(t.TempDir(), "mail"))
	s := start(t, data)
	bin, _ := program()
	out, err := exec.Command(bin, "serve", "--data", data).CombinedOutput()
	if err == nil {
		t.Fatalf("a second server started:\n%s", out)
	}
	if pid := fmt.Sprint(s.cmd.Process.Pid); !strings.Contains(string(out), pid) || !strings.Contains(string(out), data) {
		t.Errorf("the refusal names not both process %s and directory: %s", pid, out)
	}
}
