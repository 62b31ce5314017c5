package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"restante/imapd/imaptest"
)

// A replay plays what clients said in a transcript to a server and compares what
// the server says. Each line of a client is sent when all that passed by before it
// has been said, so commands that were sent at once are so again. Nothing depends
// on time.
//
// What may be other than recorded: UIDVALIDITY, mod-sequences and object ids, the
// dates of messages that clients brought without one, the contents of CAPABILITY
// and ID, and the separator of mailbox names. Clients say the first two as they
// were told them, so the replay says them as it is told.
type replay struct {
	srv   imaptest.Server
	conns map[int]*played
	// now is what was recorded, by what it means, and what it is now.
	now map[meaning]string
	// patience is how long the server may be silent where it has to speak. One
	// that says what it should never needs it.
	patience time.Duration
}

// A meaning is a number as it was recorded, which says something of one mailbox.
type meaning struct {
	what    string
	mailbox string
	number  string
}

// played is a connection of a replay.
type played struct {
	c        net.Conn
	r        *bufio.Reader
	selected string // as the client named it
	pending  []command
}

// command is one that was sent and has no answer yet.
type command struct{ tag, selects string }

func newReplay(srv imaptest.Server) *replay {
	return &replay{srv: srv, conns: make(map[int]*played), now: make(map[meaning]string), patience: time.Minute}
}

// play plays a transcript. The error says where the server said something else.
func (r *replay) play(tr *transcript) error {
	defer func() {
		for _, p := range r.conns {
			p.c.Close()
		}
	}()
	for _, e := range tr.events {
		if err := r.step(e); err != nil {
			return fmt.Errorf("line %d, connection %d: %w", e.line, e.conn, err)
		}
	}
	return nil
}

func (r *replay) step(e event) error {
	p := r.conns[e.conn]
	if e.kind == opens {
		c, err := r.srv.Dial()
		if err != nil {
			return err
		}
		r.conns[e.conn] = &played{c: c, r: bufio.NewReaderSize(c, 64<<10)}
		return nil
	}
	if p == nil {
		return errors.New("it was not opened")
	}
	if err := p.c.SetDeadline(time.Now().Add(r.patience)); err != nil {
		return err
	}
	switch {
	case e.kind == hangsUp && e.from == 'C':
		return p.c.Close()
	case e.kind == hangsUp:
		return p.expectEnd()
	case e.from == 'C':
		return r.send(p, e)
	}
	return r.expect(p, e)
}

// send says what the client said.
func (r *replay) send(p *played, e event) error {
	said := r.separate(e.data)
	if e.kind == says {
		p.note(said)
		said = r.translate(p, said)
	}
	_, err := io.WriteString(p.c, said)
	return err
}

var selecting = regexp.MustCompile(`(?i)^\S+ (?:SELECT|EXAMINE) ("[^"]*"|\S+)`)

// note notes a command, and in which mailbox the ones behind it are.
func (p *played) note(line string) {
	tag, _, _ := strings.Cut(line, " ")
	c := command{tag: tag}
	if m := selecting.FindStringSubmatch(line); m != nil {
		c.selects = strings.Trim(m[1], `"`)
	}
	p.pending = append(p.pending, c)
}

// mailbox is the mailbox that the server speaks of.
func (p *played) mailbox() string {
	if len(p.pending) > 0 && p.pending[0].selects != "" {
		return p.pending[0].selects
	}
	return p.selected
}

// answered notes that the server has answered a command, if it has.
func (p *played) answered(line string) {
	tag, _, _ := strings.Cut(line, " ")
	for i, c := range p.pending {
		if c.tag == tag {
			if c.selects != "" {
				p.selected = c.selects
			}
			p.pending = p.pending[i+1:]
			return
		}
	}
}

// expect compares what the server says with what it said.
func (r *replay) expect(p *played, e event) error {
	want := r.separate(e.data)
	if e.kind == saysLiteral || !strings.HasSuffix(want, "\n") {
		b := make([]byte, len(want))
		if n, err := io.ReadFull(p.r, b); err != nil || string(b) != want {
			return differ(want, string(b[:n]), err)
		}
		return nil
	}
	got, err := p.r.ReadString('\n')
	if err != nil {
		return differ(want, got, err)
	}
	wantMasked, recorded := mask(want, want)
	gotMasked, told := mask(got, want)
	if wantMasked != gotMasked || len(recorded) != len(told) {
		return differ(want, got, nil)
	}
	for i, v := range recorded {
		r.now[p.meaning(want, v)] = told[i].number
	}
	p.answered(want)
	return nil
}

func differ(want, got string, err error) error {
	if err != nil {
		return fmt.Errorf("the server said %q and then: %w\nrecorded: %q", got, err, want)
	}
	return fmt.Errorf("the server says something else\nrecorded: %q\nsaid now: %q", want, got)
}

// expectEnd waits for the server to hang up.
func (p *played) expectEnd() error {
	rest, err := io.ReadAll(p.r)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("the server said %q and did not hang up (%v)", rest, err)
	}
	return nil
}

// separate gives names of mailboxes the separator that they have now. Transcripts
// are recorded where that is a full stop, which stands in them behind the only
// mailbox with others below it, in namespaces and in lists.
func (r *replay) separate(line string) string {
	d := r.srv.Delimiter
	if d == "." {
		return line
	}
	return strings.NewReplacer("Old.", "Old"+d, `Other Users." "."`, `Other Users`+d+`" "`+d+`"`, "Other Users.", "Other Users"+d, `"" "."))`, `"" "`+d+`"))`, `) "." `, `) "`+d+`" `).Replace(line)
}

// variables are where lines of the server may be other than recorded. What is in
// the second group is not compared.
var variables = []struct {
	what string
	at   *regexp.Regexp
}{
	{"validity", regexp.MustCompile(`(UIDVALIDITY )(\d+)`)},
	{"validity elsewhere", regexp.MustCompile(`((?:APPENDUID|COPYUID) )(\d+)`)},
	{"modseq", regexp.MustCompile(`(MODSEQ \(?)(\d+)`)},
	{"capabilities", regexp.MustCompile(`(CAPABILITY )([^]\r\n]+)`)},
	{"object", regexp.MustCompile(`((?:MAILBOXID|EMAILID|THREADID) \()([^)]+)`)},
	{"id", regexp.MustCompile(`^(\* ID )(.+)`)},
	{"date", regexp.MustCompile(`(INTERNALDATE )("[^"]*")`)},
}

// mask takes out what is not compared. recorded is the line of the transcript.
func mask(line, recorded string) (masked string, taken []meaning) {
	for _, v := range variables {
		if v.what == "date" && datedBefore.MatchString(recorded) {
			continue
		}
		line = v.at.ReplaceAllStringFunc(line, func(found string) string {
			m := v.at.FindStringSubmatch(found)
			taken = append(taken, meaning{what: v.what, number: m[2]})
			return m[1] + "*"
		})
	}
	return line, taken
}

// datedBefore matches the dates of messages that had one when they came; what
// clients bring without a date has that of the recording.
var datedBefore = regexp.MustCompile(`INTERNALDATE ".{7}20(?:2[0-5]|1)`)

var statusOf = regexp.MustCompile(`^\* STATUS ("[^"]*"|\S+) `)

// meaning says of which mailbox a number is.
func (p *played) meaning(line string, m meaning) meaning {
	m.mailbox = p.mailbox()
	if s := statusOf.FindStringSubmatch(line); s != nil {
		m.mailbox = strings.Trim(s[1], `"`)
	}
	return m
}

// echoes are where clients say numbers that servers told them.
var echoes = []struct {
	what string
	at   *regexp.Regexp
}{
	{"validity", regexp.MustCompile(`(?i)(QRESYNC \(|UIDVALIDITY=)(\d+)`)},
	{"modseq", regexp.MustCompile(`(?i)(QRESYNC \(\d+ |CHANGEDSINCE | MODSEQ (?:"[^"]*" \S+ )?)(\d+)`)},
}

// translate gives a line of a client the numbers of now.
func (r *replay) translate(p *played, line string) string {
	for _, e := range echoes {
		line = e.at.ReplaceAllStringFunc(line, func(found string) string {
			m := e.at.FindStringSubmatch(found)
			if now, ok := r.now[meaning{e.what, p.current(), m[2]}]; ok {
				return m[1] + now
			}
			return found
		})
	}
	return line
}

// current is the mailbox that the client speaks of: the last that it selected.
func (p *played) current() string {
	for i := len(p.pending) - 1; i >= 0; i-- {
		if p.pending[i].selects != "" {
			return p.pending[i].selects
		}
	}
	return p.selected
}

// TestReplay: a replay goes through where only numbers of the server differ, which
// the client gives back, and stops where anything else does.
func TestReplay(t *testing.T) {
	const recorded = `C1 opens
S1: * OK [CAPABILITY NONE] test.example IMAP server ready
C1: a LOGIN user pass
S1: a OK [CAPABILITY OTHERS] Logged in
C1: b SELECT INBOX (CONDSTORE)
S1: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
S1: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] Flags that stay
S1: * 0 EXISTS
S1: * 0 RECENT
S1: * OK [UIDVALIDITY 5] UIDs valid
S1: * OK [UIDNEXT 1] Next UID
S1: * OK [MAILBOXID (F1)] Its name for ever
S1: * OK [HIGHESTMODSEQ 7] Highest mod-sequence
S1: b OK [READ-WRITE] Mailbox opened
C1: c APPEND INBOX {17+}
C1| Subject: x
C1|
C1| y
C1:
C1: d UID FETCH 1:* (INTERNALDATE BODY.PEEK[]) (CHANGEDSINCE 7)
S1: * 1 EXISTS
S1: * 1 RECENT
S1: c OK [APPENDUID 5 1] Append completed
S1: * 1 FETCH (UID 1 MODSEQ (8) INTERNALDATE "21-Nov-2026 10:00:00 +0000" BODY[] {17}
S1| Subject: x
S1|
S1| y
S1: )
S1: d OK Uid fetch completed
C1: e UID FETCH 1 FLAGS (CHANGEDSINCE 8)
S1: e OK Uid fetch completed
C1 hangs up
`
	for _, test := range []struct{ why, from, to, complaint string }{
		{"as it was", "", "", ""},
		{"a number of the client that was not told", "CHANGEDSINCE 8", "CHANGEDSINCE 9", "line 31, "},
		{"another text", "Mailbox opened", "Mailbox was opened", "line 14, connection 1: the server says something else"},
		{"another number", "* 1 EXISTS", "* 2 EXISTS", "line 21, "},
		{"another octet in a message", "S1| y", "S1| z", "line 27, "},
		{"a line more", "S1: * 0 RECENT\n", "S1: * 0 RECENT\nS1: * OK x\n", "line 10, "},
		{"a line less", "S1: * 0 RECENT\n", "", "line 9, "},
		{"another UID", "APPENDUID 5 1", "APPENDUID 5 2", "line 23, "},
		{"a server that does not hang up", "C1 hangs", "S1 hangs", "line 32, "},
		{"a connection that was not opened", "C1: e", "C2: e", "line 30, connection 2: it was not opened"},
	} {
		t.Run(test.why, func(t *testing.T) {
			t.Parallel()
			tr, err := parseTranscript(strings.NewReader(strings.Replace(recorded, test.from, test.to, 1)))
			if err != nil {
				t.Fatal(err)
			}
			r := newReplay(formats[0].serve(t))
			r.patience = time.Second / 4
			if test.complaint == "" {
				r.patience = time.Minute
			}
			switch err := r.play(tr); {
			case err == nil && test.complaint != "":
				t.Errorf("it went through, want %s", test.complaint)
			case err != nil && (test.complaint == "" || !strings.HasPrefix(err.Error(), test.complaint)):
				t.Errorf("%v, want %s", err, test.complaint)
			}
		})
	}
}
