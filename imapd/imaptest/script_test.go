package imaptest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// parrot is a server that answers the text of each command, cut at "|".
func parrot(t *testing.T) Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintf(c, "* OK hello\r\n")
				in := bufio.NewScanner(c)
				for in.Scan() {
					if in.Text() == "quit" {
						return
					}
					for _, line := range strings.Split(in.Text(), "|") {
						fmt.Fprintf(c, "%s\r\n", line)
					}
				}
			}()
		}
	}()
	return Server{Name: "parrot", User: "ann", Pass: "x", Dial: func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }}
}

func TestScript(t *testing.T) {
	srv := parrot(t)
	for _, c := range []struct {
		name, script, want string // want is part of the error, "" for none
	}{
		{"plain", "C1: a b\nS1: a b", ""},
		{"differs", "C1: a b\nS1: a c", "s:2: expected a c\n     got a b"},
		{"any text", "C1: a b c\nS1: a {*}c", ""},
		{"capture", "C1: n 12]\nS1: n {=n}]\nC1: {n}\nS1: {n}", ""},
		{"captured differs", "C1: n 12\nS1: n {=n}\nC1: 13\nS1: {n}", "expected 12"},
		{"variables", "C1: {user}\nS1: ann", ""},
		{"unknown variable", "C1: a\nS1: {nobody}", "no variable {nobody}"},
		{"any order", "C1: a|b|c\nS1~ c\nS1~ a\nS1~ b", ""},
		{"not in that order", "C1: a|b|c\nS1: a\nS1: c", "got b"},
		{"one of the order is missing", "C1: a|b\nS1~ b\nS1~ x", "got a"},
		{"optional, there", "C1: a|b\nS1? a\nS1: b", ""},
		{"optional, not there", "C1: b\nS1? a\nS1: b", ""},
		{"skip", "C1: a|b|c\nS1...\nS1: c", ""},
		{"skip ends", "C1: a|b|c|d\nS1...\nS1: b\nS1: d", "got c"},
		{"skip, and the command fails", "C1: a|x NO\nS1...\nS1: x OK", "got x NO"},
		{"must not come", "C1: a|b|c\nS1! b\nS1...\nS1: c", "b must not come"},
		{"does not come", "C1: a|c\nS1! b\nS1...\nS1: c", ""},
		{"octets", "C1> \"a\\tb\\r\\n\"\nS1: a\tb", ""},
		{"closed", "C1: quit\nS1 closed", ""},
		{"not closed", "C1: a\nS1 closed", "expected the end"},
		{"greeting", "connect 1\nS1: * OK hello", ""},
		{"for others", "only cat\nS1: never", "not for this server"},
		{"different here", "C1: a\ndiffers parrot: it repeats\nS1: a\nelse\nS1: never\nend\nC1: b\nS1: b", ""},
		{"different elsewhere", "C1: a\ndiffers cat: it mews\nS1: never\nelse\nS1: a\nend\nC1: b\nS1: b", ""},
		{"nothing for others", "C1: a\ndiffers cat: it mews\nS1: never\nend\nS1: a", ""},
		{"message", "message m\nx|y\nend\nC1> \"a \"\nC1: {size m}\nS1: a 5", ""},
		{"literal+", "bytes m \"b|c\\r\\n\"\nC1: a {literal+ m}\nS1: a {{*}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseScript("s", strings.NewReader(c.script))
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Play(srv)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestScriptSyntax(t *testing.T) {
	for _, text := range []string{"what is this", "message m\nno end", "bytes m not-quoted", "S1"} {
		if _, err := ParseScript("s", strings.NewReader(text)); err == nil {
			t.Errorf("%q is a script", text)
		}
	}
}

// TestModel: what must not be said is noticed.
func TestModel(t *testing.T) {
	free, uids := situation{}, situation{needUID: true}
	for _, c := range []struct {
		line string
		in   situation
		ok   bool
	}{
		{"* 5 EXISTS", free, true},
		{"* 2 EXISTS", free, false},
		{"* 3 EXPUNGE", free, true},
		{"* 4 EXPUNGE", free, false},
		{"* 1 EXPUNGE", situation{expungeForbidden: true}, false},
		{"* 2 FETCH (UID 20 FLAGS (\\Seen))", uids, true},
		{"* 2 FETCH (FLAGS (\\Seen))", uids, false},
		{"* 2 FETCH (FLAGS (\\Seen))", free, true},
		{"* 2 FETCH (UID 21)", free, false},
		{"* 1 FETCH (UID 30)", free, false},
		{"* 3 FETCH (UID 10)", free, false},
		{"* 4 FETCH (UID 40)", free, false},
		{"* 9 RECENT", free, false},
		{"* OK still here", free, true},
	} {
		m := model{msgs: []known{{}, {uid: 20}, {}}}
		if err := m.apply(c.line, c.in); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.line, err)
		}
	}
}

// TestModelCompare: what a client got wrong is found out.
func TestModelCompare(t *testing.T) {
	truth := &model{msgs: []known{{uid: 1, told: true}, {uid: 2, flags: []string{"x"}, told: true}}}
	for _, c := range []struct {
		m  model
		ok bool
	}{
		{model{msgs: []known{{}, {uid: 2}}}, true},
		{model{msgs: []known{{}}}, false},
		{model{msgs: []known{{uid: 2}, {}}}, false},
		{model{msgs: []known{{}, {told: true}}}, false},
		{model{msgs: []known{{told: true}, {flags: []string{"x"}, told: true}}}, true},
	} {
		if err := c.m.compare(truth); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.m, err)
		}
	}
	m := model{msgs: []known{{flags: []string{"a"}, told: true}, {}}}
	m.store([]int{0, 1}, '+', []string{"b", "a"})
	if got := fmt.Sprint(m.msgs); got != "[{0 [a b] true 0} {0 [] false 0}]" {
		t.Error(got)
	}
}

// TestClientTimeout: a server that says nothing is not waited for for ever.
func TestClientTimeout(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c := NewClient(here)
	c.Timeout = time.Millisecond
	if _, err := c.Response(); err == nil || errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestScriptMistakes(t *testing.T) {
	for _, c := range []struct{ why, script, want string }{
		{"a difference needs its reason", "differs cat\nend", "s:1: a difference has no name or no reason: cat"},
		{"a reason of no words", "differs cat: \nend", "no name or no reason"},
		{"no end", "differs cat: it mews\nC1: a", "has no end"},
		{"one in another", "with A\nwith B\nend\nend", "s:2: with is out of place"},
		{"else of nothing", "else", "s:1: else is out of place"},
		{"twice else", "with A\nelse\nelse\nend", "s:3: else is out of place"},
		{"no such line", "S1 what", "cannot be read"},
	} {
		if _, err := ParseScript("s", strings.NewReader(c.script)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.why, err, c.want)
		}
	}
}

// TestPlayed: what is counted is what was played here.
func TestPlayed(t *testing.T) {
	s, err := ParseScript("s", strings.NewReader("C1: a\ndiffers parrot: it repeats\nS1: a\nelse\nS1: x\nS1: y\nend\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Play(parrot(t))
	if err != nil || p.Steps != 2 || len(p.Differences) != 1 || p.Differences[0] != "it repeats" {
		t.Errorf("played %+v, %v", p, err)
	}
}
