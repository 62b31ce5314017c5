package test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var killRounds = flag.Int("kill.rounds", 4, "how often TestKillUnderLoad kills the server, for each format")

// TestKillUnderLoad kills the server again and again while eight clients append,
// flag, copy, move and expunge messages and create, rename and delete mailboxes.
// What was answered with OK is so afterwards, and no UID names two messages.
func TestKillUnderLoad(t *testing.T) {
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			data := newData(t, format+":"+filepath.Join(t.TempDir(), "mail"))
			k := &killed{t: t, told: make(map[string]string), mail: make(map[string]*letter), boxes: make(map[string]bool)}
			s := start(t, data)
			c := login(t, s)
			for _, name := range []string{"Copies", "Moved"} {
				c.ok("CREATE " + name)
			}
			for round := range *killRounds {
				if round > 0 {
					s = start(t, data)
				}
				k.work(s, round)
				s = start(t, data)
				k.check(s)
				if t.Failed() {
					return
				}
				s.stop()
			}
			if k.done.Load() < int64(10**killRounds) {
				t.Errorf("only %d operations were answered: the test has not tested much", k.done.Load())
			}
			t.Logf("%d kills, %d operations were answered, %d messages and %d UIDs looked at, %d mailboxes", *killRounds, k.done.Load(), len(k.mail), len(k.told), len(k.boxes))
		})
	}
}

// killed is what clients were told, whatever server told it.
type killed struct {
	t     *testing.T
	done  atomic.Int64 // operations that were answered
	mu    sync.Mutex
	told  map[string]string // mailbox, UIDVALIDITY and UID to Message-ID
	mail  map[string]*letter
	boxes map[string]bool // names of mailboxes: there or not; those in doubt are missing
}

// A letter is one message of one client.
type letter struct {
	uid    string          // in INBOX
	in     map[string]fate // mailbox to whether it is there
	flags  string          // as last answered; "?" when in doubt
	moving bool            // it may be in INBOX or in Moved, but must be in one
}

func (k *killed) named(box, validity, uid, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := box + " " + validity + " " + uid
	if other, had := k.told[key]; had && other != id {
		k.t.Errorf("UID %s of %s (UIDVALIDITY %s) names %s and named %s", uid, box, validity, id, other)
	}
	k.told[key] = id
}

// work lets eight clients work and kills the server at a moment of no one's choosing.
func (k *killed) work(s *server, round int) {
	var wg sync.WaitGroup
	before := k.done.Load()
	for n := range 8 {
		c := login(k.t, s)
		if _, err := try(c, "SELECT INBOX"); err != nil {
			k.t.Fatal(err)
		}
		wg.Go(func() {
			w := &worker{k: k, c: c, name: fmt.Sprintf("r%d.c%d", round, n)}
			for w.step() {
				k.done.Add(1)
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); k.done.Load() < before+int64(20+rand.IntN(80)) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
	s.kill()
	wg.Wait()
}

// worker is one client. It works on messages and mailboxes of its own.
type worker struct {
	k    *killed
	c    *imapConn
	name string
	n    int
	mine []string // Message-IDs in INBOX
}

var copyUID = regexp.MustCompile(`\[COPYUID (\d+) \S+ (\d+)\]`)

// step does one thing and reports whether it was answered.
func (w *worker) step() bool {
	w.n++
	if len(w.mine) < 3 || rand.IntN(3) == 0 {
		return w.append()
	}
	i := rand.IntN(len(w.mine))
	id := w.mine[i]
	switch rand.IntN(5) {
	case 0:
		return w.store(id)
	case 1:
		return w.transfer(id, "COPY", "Copies")
	case 2:
		w.mine = slices.Delete(w.mine, i, i+1)
		return w.transfer(id, "MOVE", "Moved")
	case 3:
		w.mine = slices.Delete(w.mine, i, i+1)
		return w.expunge(id)
	}
	return w.mailbox()
}

// try runs a command; it is false when the server is no more.
func (w *worker) try(command string) (status string, answered bool) {
	lines, err := try(w.c, command)
	if err != nil {
		if strings.Contains(err.Error(), errRefused.Error()) {
			w.k.t.Errorf("%s: %v", w.name, err)
		}
		return "", false
	}
	return strings.Join(lines, "\n"), true
}

func (w *worker) note(id string, change func(l *letter)) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	change(w.k.mail[id])
}

func (w *worker) append() bool {
	id := fmt.Sprintf("<%s.n%d@example.org>", w.name, w.n)
	w.k.mu.Lock()
	w.k.mail[id] = &letter{in: map[string]fate{"INBOX": maybe}}
	w.k.mu.Unlock()
	status, ok := w.try(appendCommand("INBOX", crlf(message(id))))
	if !ok {
		return false
	}
	m := appendUID.FindStringSubmatch(status)
	if m == nil {
		w.k.t.Errorf("APPEND: %s", status)
		return false
	}
	w.k.named("INBOX", m[1], m[2], id)
	w.note(id, func(l *letter) { l.in["INBOX"], l.uid = sure, m[2] })
	w.mine = append(w.mine, id)
	return true
}

func (w *worker) uid(id string) (uid string) {
	w.note(id, func(l *letter) { uid = l.uid })
	return uid
}

func (w *worker) store(id string) bool {
	flags := []string{`\Seen`, `\Answered \Flagged`, `\Draft word`, ``}[rand.IntN(4)]
	w.note(id, func(l *letter) { l.flags = "?" })
	if _, ok := w.try(fmt.Sprintf("UID STORE %s FLAGS.SILENT (%s)", w.uid(id), flags)); !ok {
		return false
	}
	w.note(id, func(l *letter) { l.flags = flags })
	return true
}

func (w *worker) transfer(id, verb, box string) bool {
	w.note(id, func(l *letter) {
		if l.in[box] != sure {
			l.in[box] = maybe
		}
		if verb == "MOVE" {
			l.in["INBOX"], l.moving = doomed, true
		}
	})
	status, ok := w.try(fmt.Sprintf("UID %s %s %s", verb, w.uid(id), box))
	if !ok {
		return false
	}
	m := copyUID.FindStringSubmatch(status)
	if m == nil {
		w.k.t.Errorf("%s: %s", verb, status)
		return false
	}
	w.k.named(box, m[1], m[2], id)
	w.note(id, func(l *letter) {
		l.in[box] = sure
		if verb == "MOVE" {
			l.in["INBOX"], l.moving = gone, false
		}
	})
	return true
}

func (w *worker) expunge(id string) bool {
	w.note(id, func(l *letter) { l.in["INBOX"], l.flags = doomed, "?" })
	if _, ok := w.try(fmt.Sprintf(`UID STORE %s +FLAGS.SILENT (\Deleted)`, w.uid(id))); !ok {
		return false
	}
	if _, ok := w.try("UID EXPUNGE " + w.uid(id)); !ok {
		return false
	}
	w.note(id, func(l *letter) { l.in["INBOX"] = gone })
	return true
}

// mailbox creates a mailbox, renames it, and deletes every other one.
func (w *worker) mailbox() bool {
	first, second := fmt.Sprintf("new-%s-%d", w.name, w.n), fmt.Sprintf("named-%s-%d", w.name, w.n)
	steps := []struct {
		command   string
		come, gos string
	}{{"CREATE " + first, first, ""}, {"RENAME " + first + " " + second, second, first}, {"DELETE " + second, "", second}}
	for _, s := range steps[:2+w.n%2] {
		w.doubt(s.come, s.gos)
		if _, ok := w.try(s.command); !ok {
			return false
		}
		w.k.mu.Lock()
		if s.come != "" {
			w.k.boxes[s.come] = true
		}
		if s.gos != "" {
			w.k.boxes[s.gos] = false
		}
		w.k.mu.Unlock()
	}
	return true
}

func (w *worker) doubt(names ...string) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	for _, name := range names {
		delete(w.k.boxes, name)
	}
}

// check looks at everything through a new server.
func (k *killed) check(s *server) {
	k.t.Helper()
	c := login(k.t, s)
	k.checkBoxes(c)
	found := make(map[string]map[string]string) // mailbox to Message-ID to flags
	for _, box := range []string{"INBOX", "Copies", "Moved"} {
		found[box] = k.look(c, box)
	}
	for id, l := range k.mail {
		for box, f := range l.in {
			flags, there := found[box][id]
			switch {
			case f == sure && !there:
				k.t.Errorf("%s is not in %s", id, box)
			case f == gone && there:
				k.t.Errorf("%s is in %s again", id, box)
			case there && box == "INBOX" && f == sure && l.flags != "?" && flags != l.flags:
				k.t.Errorf("%s has the flags %q, want %q", id, flags, l.flags)
			}
			l.in[box] = map[bool]fate{true: sure, false: gone}[there]
			if there && box == "INBOX" {
				l.flags = flags
			}
		}
		if l.moving && l.in["INBOX"] != sure && l.in["Moved"] != sure {
			k.t.Errorf("%s was being moved and is nowhere", id)
		}
		l.moving = false
	}
	for box, list := range found {
		for id := range list {
			if l := k.mail[id]; l == nil || l.in[box] != sure {
				k.t.Errorf("%s is in %s, where nobody has put it", id, box)
			}
		}
	}
}

func (k *killed) checkBoxes(c *imapConn) {
	k.t.Helper()
	have := make(map[string]bool)
	for _, line := range c.ok(`LIST "" "*"`) {
		if name, selectable := listed(k.t, line); selectable {
			have[name] = true
		}
	}
	for name, there := range k.boxes {
		if have[name] != there {
			k.t.Errorf("mailbox %s: there %v, want %v", name, have[name], there)
		}
	}
}

// look returns the flags of all messages of a mailbox by Message-ID.
func (k *killed) look(c *imapConn, box string) map[string]string {
	k.t.Helper()
	validity := validityCode.FindStringSubmatch(strings.Join(c.ok("EXAMINE "+box), "\n"))
	list := make(map[string]string)
	for _, line := range c.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])") {
		uid, id, flags := fetchUID.FindStringSubmatch(line), messageID.FindStringSubmatch(line), fetchFlags.FindStringSubmatch(line)
		if uid == nil || id == nil || flags == nil || validity == nil {
			k.t.Errorf("a message without its header: %q", line)
			continue
		}
		if _, twice := list[id[1]]; twice && box == "INBOX" {
			k.t.Errorf("%s is twice in %s", id[1], box)
		}
		k.named(box, validity[1], uid[1], id[1])
		words := slices.DeleteFunc(strings.Fields(flags[1]), func(f string) bool { return f == `\Recent` })
		slices.Sort(words)
		list[id[1]] = strings.Join(words, " ")
	}
	return list
}
