package imaptest

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// A Script is a dialogue as text. Connections are numbered; one is made, and its
// greeting read, when it is used first. A line is one of
//
//	# words                 a comment, as is an empty line
//	require CAPABILITY ...  skip all of it unless the server offers these after login
//	only NAME               skip all of it unless Server.Name is NAME
//	message NAME            the lines to "end", with CRLF at the end of each
//	bytes NAME "..."        octets, as a Go string
//	connect 1               make a connection and leave the greeting to be read
//	login 1                 log in with the variables user and pass
//	starttls 1              begin TLS, after the server's OK
//	compress 1              begin DEFLATE, likewise
//	close 1                 close the connection
//	C1: text                send a line
//	C1> "..."               send octets, as a Go string
//	S1: pattern             the next response is this
//	S1? pattern             the next response may be this
//	S1~ pattern             several such lines in a row: these responses, in any order
//	S1! pattern             until the next response that is awaited with S1:, S1~
//	                        or S1..., no response may be this
//	S1...                   pass over responses until one fits the next S1: line
//	S1 closed               the server closes the connection
//	differs NAME: reason    the lines to "end" are only for the server of that name,
//	                        those behind "else" for all others
//	with CAPABILITY         likewise, for servers that offer it after login
//
// In texts and patterns {name} is a variable and {/} the separator of mailbox
// names, in patterns {*} is any text and
// {=name} text without spaces and closing brackets, kept as a variable. In texts
// {literal NAME} is a message as a literal, which is sent when the server asks
// for it, {literal+ NAME} as one that is not waited for, {size NAME} its size.
type Script struct {
	Name  string
	steps []step
	needs []string
	only  string
	data  map[string]string
}

type step struct {
	line int
	when *condition // nil: always
	conn string
	verb string // connect, login, starttls, compress, close, C:, C>, S:, S?, S~, S!, S..., closed
	text string
}

var stepForm = regexp.MustCompile(`^([CS])(\d+)(: ?|> ?|\? ?|~ ?|! ?|\.\.\.$| closed$)(.*)$`)

// ParseScript reads a script; name stands in errors.
func ParseScript(name string, r io.Reader) (*Script, error) {
	p := scriptParser{s: &Script{Name: name, data: make(map[string]string)}, in: bufio.NewScanner(r)}
	for p.next() {
		if err := p.parse(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, p.line, err)
		}
	}
	if p.when != nil {
		return nil, fmt.Errorf("%s: a condition has no end", name)
	}
	return p.s, p.in.Err()
}

// A condition says for which servers lines are.
type condition struct {
	server, reason string
	capability     string // instead
	otherwise      bool   // behind "else"
}

var differsForm = regexp.MustCompile(`^(\S+): (.+)$`)

type scriptParser struct {
	s    *Script
	when *condition
	in   *bufio.Scanner
	line int
	text string
}

func (p *scriptParser) next() bool {
	p.line++
	ok := p.in.Scan()
	p.text = p.in.Text()
	return ok
}

func (p *scriptParser) parse() error {
	if p.text == "" || strings.HasPrefix(p.text, "#") {
		return nil
	}
	if m := stepForm.FindStringSubmatch(p.text); m != nil {
		verb := m[1] + strings.TrimSpace(m[3])
		if verb == "Sclosed" {
			verb = "closed"
		}
		p.add(m[2], verb, m[4])
		return nil
	}
	verb, rest, _ := strings.Cut(p.text, " ")
	switch verb {
	case "require":
		p.s.needs = append(p.s.needs, strings.Fields(rest)...)
	case "only":
		p.s.only = rest
	case "message":
		return p.message(rest)
	case "bytes":
		name, quoted, _ := strings.Cut(rest, " ")
		octets, err := strconv.Unquote(quoted)
		p.s.data[name] = octets
		return err
	case "differs", "with", "else", "end":
		return p.condition(verb, rest)
	case "connect", "login", "starttls", "compress", "close":
		p.add(rest, verb, "")
	default:
		return fmt.Errorf("cannot be read: %s", p.text)
	}
	return nil
}

func (p *scriptParser) add(conn, verb, text string) {
	p.s.steps = append(p.s.steps, step{p.line, p.when, conn, verb, text})
}

// condition reads a line that says for which servers the next ones are.
func (p *scriptParser) condition(verb, rest string) error {
	inside := p.when != nil
	switch {
	case verb == "differs" && !inside:
		m := differsForm.FindStringSubmatch(rest)
		if m == nil {
			return fmt.Errorf("a difference has no name or no reason: %s", rest)
		}
		p.when = &condition{server: m[1], reason: m[2]}
	case verb == "with" && !inside && rest != "":
		p.when = &condition{capability: rest}
	case verb == "else" && inside && !p.when.otherwise:
		other := *p.when
		other.otherwise = true
		p.when = &other
	case verb == "end" && inside:
		p.when = nil
	default:
		return fmt.Errorf("%s is out of place", verb)
	}
	return nil
}

func (p *scriptParser) message(name string) error {
	var b strings.Builder
	for p.next() {
		if p.text == "end" {
			p.s.data[name] = b.String()
			return nil
		}
		b.WriteString(p.text + "\r\n")
	}
	return fmt.Errorf("message %s has no end", name)
}
