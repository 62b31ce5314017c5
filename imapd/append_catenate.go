package imapd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// A catSource puts a message together from octets that the client sends and from
// stored ones (RFC 4469). Parts are read one after the other as the mailbox takes
// them; nothing but headers is held.
type catSource struct {
	s    *session
	m    *imap.AppendMessage
	part io.Reader         // nil between parts
	open mailstore.Message // that part reads from, if it is stored
	size int64             // octets so far
	err  error             // why it cannot go on
	tree *message.Part     // of the message that a URL named last
	of   messageID         // which that was
}

// A messageID names a message among all of an account.
type messageID struct {
	mailbox  string
	validity uint32
	uid      mailstore.UID
}

// Read implements io.Reader.
func (c *catSource) Read(p []byte) (int, error) {
	for c.err == nil {
		if c.part == nil {
			switch done, err := c.next(); {
			case err != nil:
				c.err = err
			case done && c.size == 0:
				c.err = no("CANNOT", "A message cannot be empty")
			case done:
				return 0, io.EOF
			}
			continue
		}
		n, err := c.part.Read(p)
		c.size += int64(n)
		switch limit := c.s.srv.opt.Limits.Append; {
		case c.size > limit:
			c.err = no("TOOBIG", "The parts together are larger than %d octets", limit)
		case err == io.EOF:
			c.closePart()
		case err != nil:
			c.err = c.partFailed(err)
		}
		if n > 0 && c.err == nil {
			return n, nil
		}
	}
	return 0, c.err
}

func (c *catSource) failure() error { return c.err }
func (c *catSource) close()         { c.closePart() }

// partFailed tells a connection that broke from a message that cannot be read.
func (c *catSource) partFailed(err error) error {
	if l, ok := c.part.(*literalSource); ok {
		return l.failure()
	}
	return err
}

func (c *catSource) closePart() {
	c.part = nil
	if c.open != nil {
		c.s.closeQuietly("message", c.open.Close)
		c.open = nil
	}
}

// next begins the next part; done tells that there is none.
func (c *catSource) next() (done bool, err error) {
	part, err := c.m.NextPart()
	switch {
	case err == io.EOF:
		return true, nil
	case err != nil:
		return false, appendSyntax(err)
	case part.Text:
		c.part, err = c.s.literalSource(&part.Literal)
		return false, err
	}
	u, err := imap.ParseURL(part.URL)
	if err != nil || !c.s.isHere(u) {
		return false, badURL(part.URL)
	}
	err = c.openURL(u)
	for _, kind := range []error{errNoSection, mailstore.ErrNotFound, mailstore.ErrNoSelect, mailstore.ErrInvalidName, mailstore.ErrExpunged} {
		if errors.Is(err, kind) {
			return false, badURL(part.URL)
		}
	}
	return false, err
}

// errNoSection: the URL names a message that is there, and something of it that
// is not, or a mailbox that is another one now.
var errNoSection = errors.New("no such section")

// badURL is RFC 4469 section 3: the response code tells which URL it was.
func badURL(url string) error {
	shown := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ']' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, url)
	return no(`BADURL "`+shown+`"`, "This URL names nothing that can be had here")
}

// isHere reports whether a URL speaks of this account: it is relative, or names
// this server and this user.
func (s *session) isHere(u *imap.URL) bool {
	if u.Host == "" {
		return true
	}
	host := u.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	own, _, _ := net.SplitHostPort(s.conn.LocalAddr().String())
	return u.User == s.user.Name && (strings.EqualFold(host, s.srv.opt.Hostname) || host == own)
}

// openURL makes what a URL names the present part.
func (c *catSource) openURL(u *imap.URL) error {
	var box mailstore.Mailbox
	if u.Mailbox == "" {
		if c.s.view == nil {
			return errNoSection
		}
		box = c.s.view.box
	} else {
		var err error
		if box, err = c.s.open(u.Mailbox); err != nil {
			return err
		}
		defer c.s.closeQuietly("mailbox", box.Close)
	}
	if u.UIDValidity != 0 && u.UIDValidity != box.UIDValidity() {
		return errNoSection
	}
	id := messageID{box.Name(), box.UIDValidity(), mailstore.UID(u.UID)}
	var err error
	if c.open, err = box.OpenMessage(c.s.ctx, id.uid); err != nil {
		return err
	}
	stored, err := c.section(id, &u.Section)
	if err != nil {
		c.closePart()
		return err
	}
	return c.window(stored, u.Section.Partial)
}

// section gives a section of the open message as it is stored.
func (c *catSource) section(id messageID, sec *imap.Section) (io.Reader, error) {
	whole := io.NewSectionReader(c.open, 0, c.open.Len())
	if sec.Specifier == imap.SectionAll && len(sec.Path) == 0 {
		return whole, nil
	}
	if c.tree == nil || c.of != id {
		tree, err := message.Scan(whole)
		if err != nil {
			return nil, err
		}
		c.tree, c.of = tree, id
	}
	if not := sec.Specifier == imap.SectionHeaderFieldsNot; not || sec.Specifier == imap.SectionHeaderFields {
		return c.fields(sec, not)
	}
	e, found := c.tree.Extent(messageSection(sec))
	if !found {
		return nil, errNoSection
	}
	return io.NewSectionReader(c.open, e.Offset, e.Length), nil
}

// fields gives some fields of a header.
func (c *catSource) fields(sec *imap.Section, not bool) (io.Reader, error) {
	of, found := c.tree.HeaderOf(messageSection(sec))
	switch {
	case !found:
		return nil, errNoSection
	case of.HeaderCut:
		return nil, no("LIMIT", "The header of this message is too long to choose fields from")
	}
	return bytes.NewReader(message.FilterHeader(nil, of.RawHeader, sec.Fields, not)), nil
}

// window makes the octets that are asked for the present part. Places are counted
// in CRLF form.
func (c *catSource) window(stored io.Reader, p *imap.Partial) error {
	c.part = stored
	if p == nil {
		return nil
	}
	wire := message.ToCRLF(stored)
	if _, err := io.CopyN(io.Discard, wire, p.Offset); err != nil && err != io.EOF {
		c.closePart()
		return err
	}
	c.part = io.LimitReader(wire, p.Length)
	return nil
}
