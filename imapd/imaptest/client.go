// Package imaptest tests IMAP servers from outside, over nothing but a
// connection: dialogues that are written as text ([Script]), and random sessions
// that check what they are told against one another ([Random]). Neither knows
// whose server it is, so the same dialogues run over every storage format and,
// for comparison, against servers of others.
package imaptest

import (
	"bufio"
	"compress/flate"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Client is a plain IMAP connection: it sends text and reads whole responses,
// and interprets nothing.
type Client struct {
	// Timeout bounds the wait for a response; default 20 seconds.
	Timeout time.Duration

	c   net.Conn
	z   *flate.Writer // over c after Compress, else nil
	r   *bufio.Reader
	tag int
}

// NewClient makes a client of a connection. The greeting is a response like any
// other.
func NewClient(c net.Conn) *Client {
	return &Client{Timeout: 20 * time.Second, c: c, r: bufio.NewReaderSize(c, 64<<10)}
}

// Send sends octets as they are.
func (c *Client) Send(octets string) error {
	if err := c.c.SetWriteDeadline(time.Now().Add(c.Timeout)); err != nil {
		return err
	}
	if c.z == nil {
		_, err := io.WriteString(c.c, octets)
		return err
	}
	if _, err := io.WriteString(c.z, octets); err != nil {
		return err
	}
	return c.z.Flush()
}

var literalAtEnd = regexp.MustCompile(`^(\d+)\}$`)

// Response reads one response: a line with the literals in it, without its line
// end. A literal stands as {5}hello, with CR, LF and other control characters of
// it written as \r, \n and \x00, so that every response is one line of text.
func (c *Client) Response() (string, error) {
	if err := c.c.SetReadDeadline(time.Now().Add(c.Timeout)); err != nil {
		return "", err
	}
	var text strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return text.String() + line, err
		}
		stripped, ok := strings.CutSuffix(line, "\r\n")
		if !ok {
			return text.String() + line, fmt.Errorf("line without CRLF: %q", line)
		}
		text.WriteString(stripped)
		if !strings.HasSuffix(stripped, "}") {
			return text.String(), nil
		}
		m := literalAtEnd.FindStringSubmatch(stripped[strings.LastIndexByte(stripped, '{')+1:])
		if m == nil {
			return text.String(), nil
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return text.String(), err
		}
		octets := make([]byte, n)
		if _, err := io.ReadFull(c.r, octets); err != nil {
			return text.String(), err
		}
		text.WriteString(Escape(octets))
	}
}

// Escape gives octets as they stand in a response that was read.
func Escape(octets []byte) string {
	var b strings.Builder
	b.Grow(len(octets) + len(octets)/32)
	from := 0
	for i, c := range octets {
		if c >= ' ' && c != 0x7f {
			continue
		}
		b.Write(octets[from:i])
		from = i + 1
		switch c {
		case '\r':
			b.WriteString(`\r`)
		case '\n':
			b.WriteString(`\n`)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.Write(octets[from:])
	return b.String()
}

// Do sends a command with a tag of its own and returns its untagged responses
// and its tagged one, without the tag. With an error it returns what came.
func (c *Client) Do(command string) (untagged []string, tagged string, err error) {
	c.tag++
	tag := "x" + strconv.Itoa(c.tag)
	if err := c.Send(tag + " " + command + "\r\n"); err != nil {
		return nil, "", err
	}
	for {
		line, err := c.Response()
		if err != nil {
			return untagged, "", err
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return untagged, rest, nil
		}
		untagged = append(untagged, line)
	}
}

// OK is Do for a command that has to succeed.
func (c *Client) OK(command string) ([]string, error) {
	untagged, tagged, err := c.Do(command)
	if err == nil && !strings.HasPrefix(tagged, "OK") {
		err = fmt.Errorf("%s: %s", command, tagged)
	}
	return untagged, err
}

// StartTLS goes on under TLS, after the server has agreed. No certificate is
// checked.
func (c *Client) StartTLS() error {
	t := tls.Client(c.c, &tls.Config{InsecureSkipVerify: true})
	if err := t.SetDeadline(time.Now().Add(c.Timeout)); err != nil {
		return err
	}
	c.c = t
	c.r.Reset(t)
	return t.Handshake()
}

// Compress goes on with DEFLATE (RFC 4978), after the server has agreed. Each Send
// ends with a sync flush.
func (c *Client) Compress() error {
	w, err := flate.NewWriter(c.c, flate.DefaultCompression)
	if err != nil {
		return err
	}
	c.z = w
	c.r = bufio.NewReaderSize(flate.NewReader(c.r), 64<<10)
	return nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.c.Close() }
