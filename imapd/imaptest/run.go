package imaptest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"restante/mailstore"
)

// A Server is where scripts and random sessions go.
type Server struct {
	// Name is what "only" in scripts compares with.
	Name string
	// Dial makes a connection without TLS on which passwords may be sent.
	Dial func() (net.Conn, error)
	// User and Pass log in to an account that is empty but for its INBOX. They
	// must need no quoting.
	User, Pass string
	// Delimiter separates the levels of mailbox names; "" means "/".
	Delimiter string
}

// Limited is the user of scripts whose mail may take QuotaOf(Limited).
const Limited = "limited"

// QuotaOf is what a server in whose tests scripts run has to limit its users to.
func QuotaOf(user string) mailstore.Amount {
	if user != Limited {
		return mailstore.Amount{}
	}
	return mailstore.Amount{Octets: 2048, Messages: 5}
}

// variables are those that every script has.
func (srv Server) variables() map[string]string {
	return map[string]string{"user": srv.User, "pass": srv.Pass, "/": cmp.Or(srv.Delimiter, "/")}
}

// A talk is one connection of a script.
type talk struct {
	*Client
	said      []string // both sides, for the transcript
	pending   []string // responses that were read and not used
	forbidden []string // patterns of S!
	skip      bool     // S... came before
}

type runner struct {
	s     *Script
	srv   Server
	conns map[string]*talk
	vars  map[string]string
	// offered is what the server offers after login, if the script asks for that.
	offered []string
}

func (r *runner) close() {
	for _, c := range r.conns {
		c.Close()
	}
}

func (r *runner) checkNeeds() error {
	c, err := r.srv.Dial()
	if err != nil {
		return err
	}
	client := NewClient(c)
	defer client.Close()
	if _, err := client.Response(); err != nil {
		return err
	}
	if _, err := client.OK("LOGIN " + r.srv.User + " " + r.srv.Pass); err != nil {
		return err
	}
	lines, err := client.OK("CAPABILITY")
	if err != nil {
		return err
	}
	r.offered = strings.Fields(strings.Join(lines, " "))
	for _, need := range r.s.needs {
		if !slices.Contains(r.offered, need) {
			return fmt.Errorf("%w: it does not offer %s", ErrSkipped, need)
		}
	}
	return nil
}

// talk returns a connection, made at its first use.
func (r *runner) talk(name string, greet bool) (*talk, error) {
	if c := r.conns[name]; c != nil {
		return c, nil
	}
	nc, err := r.srv.Dial()
	if err != nil {
		return nil, err
	}
	c := &talk{Client: NewClient(nc)}
	r.conns[name] = c
	if greet {
		_, err = c.read()
	}
	return c, err
}

func (r *runner) step(steps []step) error {
	st := steps[0]
	c, err := r.talk(st.conn, st.verb != "connect")
	if err != nil {
		return err
	}
	switch st.verb {
	case "connect":
		return nil
	case "login":
		_, err := c.OK("LOGIN " + r.srv.User + " " + r.srv.Pass)
		return err
	case "starttls":
		return c.StartTLS()
	case "compress":
		return c.Compress()
	case "close":
		delete(r.conns, st.conn)
		return c.Close()
	case "C:":
		return r.send(c, st.text+"\r\n")
	case "C>":
		octets, err := strconv.Unquote(st.text)
		if err != nil {
			return err
		}
		c.said = append(c.said, "C> "+st.text)
		return c.Send(octets)
	case "S...":
		c.skip = true
		return nil
	case "S!":
		c.forbidden = append(c.forbidden, st.text)
		return nil
	case "closed":
		return c.expectClosed()
	case "S?":
		return r.expectOptional(c, st.text)
	}
	defer func() { c.forbidden, c.skip = nil, false }()
	return r.expect(c, steps)
}

// read gives the next response.
func (c *talk) read() (string, error) {
	if len(c.pending) > 0 {
		line := c.pending[0]
		c.pending = c.pending[1:]
		return line, nil
	}
	line, err := c.Response()
	if err != nil {
		return line, fmt.Errorf("after %q: %w", line, err)
	}
	c.said = append(c.said, "S: "+line)
	return canonical(line), nil
}

func (c *talk) expectClosed() error {
	line, err := c.Response()
	if errors.Is(err, io.EOF) || line == "" && errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || err != nil && strings.Contains(err.Error(), "reset by peer") {
		return nil
	}
	return fmt.Errorf("expected the end of the connection, got %q, %v", line, err)
}

func (r *runner) expectOptional(c *talk, pattern string) error {
	line, err := c.read()
	if err != nil {
		return err
	}
	fits, err := r.match(pattern, line)
	if err == nil && !fits {
		c.pending = append([]string{line}, c.pending...)
	}
	return err
}

// expect awaits the responses of steps in any order.
func (r *runner) expect(c *talk, steps []step) error {
	for open := slices.Clone(steps); len(open) > 0; {
		line, err := c.read()
		if err != nil {
			return fmt.Errorf("expected %s: %w", open[0].text, err)
		}
		for _, pattern := range c.forbidden {
			if fits, err := r.match(pattern, line); fits || err != nil {
				return fmt.Errorf("%s must not come: %s, %w", pattern, line, err)
			}
		}
		i := 0
		for ; i < len(open); i++ {
			fits, err := r.match(open[i].text, line)
			if err != nil {
				return err
			}
			if fits {
				break
			}
		}
		switch {
		case i < len(open):
			open = slices.Delete(open, i, i+1)
		case !c.skip || refuses(open[0].text, line):
			return fmt.Errorf("expected %s\n     got %s", r.shown(open[0].text), line)
		}
	}
	return nil
}

// refuses reports whether a response that is passed over ends the command whose answer is
// awaited: nothing more will come.
func refuses(pattern, line string) bool {
	tag, _, tagged := strings.Cut(pattern, " ")
	return tagged && tag != "*" && tag != "+" && strings.HasPrefix(line, tag+" ")
}

var placeholder = regexp.MustCompile(`\{([*=]?)([a-z][a-zA-Z0-9]*|/)?\}`)

// match compares a response with a pattern and keeps what it captures.
func (r *runner) match(pattern, line string) (bool, error) {
	var b strings.Builder
	var names []string
	b.WriteString("^(?s:")
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[at:m[0]]))
		at = m[1]
		kind := pattern[m[2]:m[3]]
		switch {
		case kind == "*":
			b.WriteString(".*")
		case kind == "=":
			b.WriteString(`([^ \])>]+)`)
			names = append(names, pattern[m[4]:m[5]])
		default:
			value, known := r.vars[pattern[m[4]:m[5]]]
			if !known {
				return false, fmt.Errorf("no variable %s", pattern[m[0]:m[1]])
			}
			b.WriteString(regexp.QuoteMeta(value))
		}
	}
	b.WriteString(regexp.QuoteMeta(pattern[at:]) + ")$")
	re, err := regexp.Compile(b.String())
	if err != nil {
		return false, err
	}
	m := re.FindStringSubmatch(line)
	if m == nil {
		return false, nil
	}
	for i, name := range names {
		r.vars[name] = m[i+1]
	}
	return true, nil
}

// shown is a pattern with its variables put in.
func (r *runner) shown(pattern string) string {
	for name, value := range maps.All(r.vars) {
		pattern = strings.ReplaceAll(pattern, "{"+name+"}", value)
	}
	return pattern
}

var literalForm = regexp.MustCompile(`\{(literal\+?|size) ([a-zA-Z0-9]+)\}`)

// send sends a text with its variables and literals.
func (r *runner) send(c *talk, text string) error {
	text = r.shown(text)
	c.said = append(c.said, "C: "+strings.TrimSuffix(text, "\r\n"))
	for {
		m := literalForm.FindStringSubmatchIndex(text)
		if m == nil {
			return c.Send(text)
		}
		octets, known := r.s.data[text[m[4]:m[5]]]
		if !known {
			return fmt.Errorf("no message %s", text[m[4]:m[5]])
		}
		before, kind := text[:m[0]], text[m[2]:m[3]]
		text = text[m[1]:]
		var err error
		switch kind {
		case "size":
			err = c.Send(before + strconv.Itoa(len(octets)))
		case "literal+":
			err = c.Send(fmt.Sprintf("%s{%d+}\r\n%s", before, len(octets), octets))
		default:
			if err = c.Send(fmt.Sprintf("%s{%d}\r\n", before, len(octets))); err == nil {
				err = c.awaitContinue()
			}
			if err == nil {
				err = c.Send(octets)
			}
		}
		if err != nil {
			return err
		}
	}
}

// awaitContinue reads up to the request for a literal; what comes before it is
// kept for the script.
func (c *talk) awaitContinue() error {
	for {
		line, err := c.Response()
		if err != nil {
			return err
		}
		c.said = append(c.said, "S: "+line)
		switch {
		case strings.HasPrefix(line, "+ "):
			return nil
		case !strings.HasPrefix(line, "* "):
			return fmt.Errorf("the literal was refused: %s", line)
		}
		c.pending = append(c.pending, line)
	}
}

// transcript shows what was said lately.
func (r *runner) transcript(conn string) string {
	c := r.conns[conn]
	if c == nil || len(c.said) == 0 {
		return ""
	}
	lately := c.said[max(len(c.said)-12, 0):]
	return "\n  connection " + conn + " so far:\n    " + strings.Join(lately, "\n    ")
}
