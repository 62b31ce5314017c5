package load

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
)

// POP3 is a client of POP3.
type POP3 struct{ *conn }

// DialPOP3 connects and reads the greeting.
func DialPOP3(ctx context.Context, addr string, o Options) (*POP3, error) {
	c, err := dial(ctx, addr, o)
	if err != nil {
		return nil, err
	}
	return greetedPOP3(&POP3{c})
}

// NewPOP3 is a client on a connection that stands.
func NewPOP3(ctx context.Context, c net.Conn, o Options) (*POP3, error) {
	return greetedPOP3(&POP3{newConn(ctx, c, o.Buffer)})
}

func greetedPOP3(p *POP3) (*POP3, error) {
	if _, err := p.answer("greeting"); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Command sends a command and returns the line behind +OK.
func (p *POP3) Command(command string) (string, error) {
	p.out = append(append(p.out[:0], command...), '\r', '\n')
	if err := p.Send(p.out); err != nil {
		return "", err
	}
	return p.answer(command)
}

func (p *POP3) answer(command string) (string, error) {
	line, err := p.line()
	if err != nil {
		return "", err
	}
	rest, ok := bytes.CutPrefix(line, []byte("+OK"))
	if !ok {
		verb, _, _ := strings.Cut(command, " ")
		return "", fmt.Errorf("%s: the server says %.200q", verb, line)
	}
	return string(bytes.TrimPrefix(rest, []byte(" "))), nil
}

// LogIn logs a user in.
func (p *POP3) LogIn(user, password string) error {
	if _, err := p.Command("USER " + user); err != nil {
		return err
	}
	_, err := p.Command("PASS " + password)
	return err
}

// Multi sends a command whose answer has several lines, and passes over them.
func (p *POP3) Multi(command string) error {
	if _, err := p.Command(command); err != nil {
		return err
	}
	return p.skipLines()
}

var end = []byte("\r\n.\r\n") // constant

// skipLines passes over lines up to the one that is a dot. It searches for the end
// as a whole, not line by line.
func (p *POP3) skipLines() error {
	for p.w-p.r < 3 {
		if err := p.fill(); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(p.buf[p.r:p.w], end[2:]) { // no line at all
		p.r += 3
		return nil
	}
	for {
		if i := bytes.Index(p.buf[p.r:p.w], end); i >= 0 {
			p.r += i + len(end)
			return nil
		}
		p.r = max(p.r, p.w-len(end)+1) // it may have come in part
		if err := p.fill(); err != nil {
			return err
		}
	}
}

// Quit ends the session.
func (p *POP3) Quit() error {
	defer p.Close()
	_, err := p.Command("QUIT")
	return err
}
