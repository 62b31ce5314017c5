package load

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// IMAP is a client of IMAP.
type IMAP struct {
	*conn
	// Untagged is called with the first line of each untagged response, without
	// "* ", if it is set. The line is valid during the call.
	Untagged func(line []byte)

	tag     int // of the last command
	fetches int
	removed int
}

// Reply is how a command has ended.
type Reply struct {
	Text    string // behind the tag: OK, and what the server said
	Fetches int    // FETCH responses that came with it
	Removed int    // EXPUNGE responses that did
}

// DialIMAP connects and reads the greeting.
func DialIMAP(ctx context.Context, addr string, o Options) (*IMAP, error) {
	c, err := dial(ctx, addr, o)
	if err != nil {
		return nil, err
	}
	return greeted(&IMAP{conn: c})
}

// NewIMAP is a client on a connection that stands.
func NewIMAP(ctx context.Context, c net.Conn, o Options) (*IMAP, error) {
	return greeted(&IMAP{conn: newConn(ctx, c, o.Buffer)})
}

func greeted(c *IMAP) (*IMAP, error) {
	line, err := c.line()
	if err == nil && !bytes.HasPrefix(line, []byte("* OK")) && !bytes.HasPrefix(line, []byte("* PREAUTH")) {
		err = fmt.Errorf("the server greets with %q", line)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// LogIn logs a user in.
func (c *IMAP) LogIn(user, password string) error {
	_, err := c.Command("LOGIN " + user + " " + password)
	return err
}

// LogOut ends the session and waits until the server has closed the connection.
func (c *IMAP) LogOut() error {
	defer c.Close()
	if _, err := c.Command("LOGOUT"); err != nil {
		return err
	}
	for c.fill() == nil { // its end is what is wanted
		c.r = c.w
	}
	return nil
}

// AppendCommand appends a command with a tag of its own.
func (c *IMAP) AppendCommand(dst []byte, command string) []byte {
	c.tag++
	dst = append(dst, 'a')
	dst = strconv.AppendInt(dst, int64(c.tag), 10)
	dst = append(append(dst, ' '), command...)
	return append(dst, '\r', '\n')
}

// Command sends a command and waits for its end. Any but OK is an error.
func (c *IMAP) Command(command string) (Reply, error) {
	c.out = c.AppendCommand(c.out[:0], command)
	if err := c.Send(c.out); err != nil {
		return Reply{}, err
	}
	reply, err := c.Wait()
	if err != nil {
		return reply, fmt.Errorf("%.100s: %w", verb(command), err)
	}
	return reply, nil
}

// verb is what may be told of a command: no password.
func verb(command string) string {
	if strings.HasPrefix(command, "LOGIN ") {
		return "LOGIN"
	}
	command, _, _ = strings.Cut(command, "\r\n")
	return command
}

// Append appends a message, without waiting between the command and the message
// (RFC 7888). args are the mailbox, flags and date.
func (c *IMAP) Append(args string, message []byte) (Reply, error) {
	c.tag++
	c.out = fmt.Appendf(c.out[:0], "a%d APPEND %s {%d+}\r\n", c.tag, args, len(message))
	c.out = append(append(c.out, message...), '\r', '\n')
	if err := c.Send(c.out); err != nil {
		return Reply{}, err
	}
	reply, err := c.Wait()
	if err != nil {
		return reply, fmt.Errorf("APPEND %s: %w", args, err)
	}
	return reply, nil
}

// Wait reads up to the end of the command that was sent last.
func (c *IMAP) Wait() (Reply, error) { return c.WaitFor(1) }

// WaitFor reads up to the end of the n commands that were sent last. The reply
// counts the responses to all of them and has the text of the last.
func (c *IMAP) WaitFor(n int) (Reply, error) {
	c.fetches, c.removed = 0, 0
	var text []byte
	for n > 0 {
		line, err := c.next()
		if err != nil {
			return Reply{}, err
		}
		if line[0] == '*' || line[0] == '+' {
			continue
		}
		tag, rest, _ := bytes.Cut(line, []byte(" "))
		if !c.mine(tag, n) {
			return Reply{}, fmt.Errorf("an answer to no command: %.200q", line)
		}
		if !bytes.HasPrefix(rest, []byte("OK")) {
			return Reply{}, fmt.Errorf("the server says %.200q", rest)
		}
		n--
		text = rest
	}
	return Reply{Text: string(text), Fetches: c.fetches, Removed: c.removed}, nil
}

// mine reports whether tag is that of one of the last n commands.
func (c *IMAP) mine(tag []byte, n int) bool {
	if len(tag) < 2 || tag[0] != 'a' {
		return false
	}
	i, err := strconv.Atoi(string(tag[1:]))
	return err == nil && i <= c.tag && i > c.tag-n
}

// Pipeline sends commands, made by AppendCommand, while it reads the answers to
// all of them.
func (c *IMAP) Pipeline(commands []byte, n int) (Reply, error) {
	sent := make(chan error, 1)
	go func() { sent <- c.Send(commands) }()
	reply, err := c.WaitFor(n)
	if err != nil {
		c.Close() // so that nothing is sent any more
	}
	if sendErr := <-sent; err == nil {
		err = sendErr
	}
	return reply, err
}

// Idle sends IDLE and waits until the server does.
func (c *IMAP) Idle() error {
	c.out = c.AppendCommand(c.out[:0], "IDLE")
	if err := c.Send(c.out); err != nil {
		return err
	}
	line, err := c.untilPlus()
	if err == nil && line[0] != '+' {
		err = fmt.Errorf("IDLE: the server says %.200q", line)
	}
	return err
}

func (c *IMAP) untilPlus() ([]byte, error) {
	for {
		line, err := c.next()
		if err != nil || line[0] != '*' {
			return line, err
		}
	}
}

// Done ends IDLE.
func (c *IMAP) Done() error {
	if err := c.Send([]byte("DONE\r\n")); err != nil {
		return err
	}
	_, err := c.Wait()
	return err
}

// Await reads responses until an untagged one ends with suffix.
func (c *IMAP) Await(suffix string) error {
	for {
		line, err := c.next()
		if err != nil {
			return err
		}
		if line[0] == '*' && bytes.HasSuffix(line, []byte(suffix)) {
			return nil
		}
		if line[0] != '*' || bytes.HasPrefix(line, []byte("* BYE")) {
			return fmt.Errorf("waiting for %s the server says %.200q", suffix, line)
		}
	}
}
