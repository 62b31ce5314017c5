package imapd

import (
	"errors"
	"io"
	"slices"

	"restante/mailstore"
	"restante/message"
	"restante/search"
)

// smallMessage is up to what size a message is read at once and worked on in
// memory. Most are smaller by far.
const smallMessage = 128 << 10

// headerRoom is the part of a large message's buffer that is for its header;
// the rest is for what is on its way to the client.
const headerRoom = 64 << 10

// A loaded message is an open one with what has been read of it.
type loaded struct {
	mailstore.Message
	uid mailstore.UID
	raw octets // the whole message, nil if it is not small
	buf *[smallMessage]byte

	head      []byte // the header, or all of it that fits message.MaxRawHeader
	headWhole bool
	root      *message.Part
	id        message.ID // if hasID
	hasID     bool
}

// messageCache keeps of the message that was fetched last what is dear to find
// again: clients ask for large parts in slices, each with a command of its own.
// A UID names one message for ever, so nothing in it can be stale while its
// mailbox is selected.
type messageCache struct {
	uid   mailstore.UID
	root  *message.Part
	id    message.ID // if hasID
	hasID bool
	place wirePlace
}

func (c *messageCache) forget() { *c = messageCache{} }

// What a session keeps of a structure between commands.
const (
	maxCachedParts  = 200
	maxCachedHeader = 64 << 10 // of all parts together
)

// load opens a message and reads what is needed of it.
func (s *session) load(uid mailstore.UID, n need) (*loaded, error) {
	msg, err := s.view.box.OpenMessage(s.ctx, uid)
	if err != nil {
		return nil, err
	}
	m := &loaded{Message: msg, uid: uid, buf: s.srv.borrow()}
	if err := s.read(m, n); err != nil {
		s.unload(m)
		return nil, err
	}
	return m, nil
}

// unload closes a message and gives its buffer back.
func (s *session) unload(m *loaded) {
	s.closeQuietly("message", m.Message.Close)
	s.srv.bodies.Put(m.buf)
	m.buf = nil
}

// borrow takes a buffer for a message from the pool.
func (srv *Server) borrow() *[smallMessage]byte {
	if b, ok := srv.bodies.Get().(*[smallMessage]byte); ok {
		return b
	}
	return new([smallMessage]byte)
}

func (s *session) read(m *loaded, n need) error {
	if n&^(needHeader|needKept) != 0 && m.Len() <= smallMessage {
		m.raw = m.buf[:m.Len()]
		if got, err := m.ReadAt(m.raw, 0); got < len(m.raw) {
			return errors.Join(errShrunk, err)
		}
	}
	switch {
	case n&needStructure != 0:
		return s.readStructure(m, n)
	case n&needHeader != 0:
		return s.readHeader(m, n)
	}
	return nil
}

// errShrunk: a message is immutable, but files are not.
var errShrunk = errors.New("the message is shorter than it was when it was opened")

// readHeader reads the header only. One that is larger than anybody looks at
// needs the structure, which knows where it ends.
func (s *session) readHeader(m *loaded, n need) (err error) {
	var r io.ReaderAt = m
	buf := m.buf[:0:headerRoom]
	if m.raw != nil {
		r, buf = &m.raw, nil
	}
	m.head, m.headWhole, err = search.ReadHeader(r, m.Len(), buf)
	if err == nil && !m.headWhole {
		return s.readStructure(m, n)
	}
	return err
}

// readStructure reads the whole message for its tree of parts, or takes it from
// the last time. Its identity is made by the same reading.
func (s *session) readStructure(m *loaded, n need) (err error) {
	m.hasID = n&needID != 0
	switch c := &s.last; {
	case c.uid == m.uid && c.root != nil && (c.hasID || !m.hasID):
		m.root, m.id, m.hasID = c.root, c.id, c.hasID
	case m.hasID:
		m.root, m.id, err = message.ScanID(m.section(0, m.Len()))
	case m.raw != nil:
		m.root = message.ScanBytes(m.raw)
	default:
		m.root, err = message.Scan(m.section(0, m.Len()))
	}
	if err != nil {
		return err
	}
	m.head, m.headWhole = m.root.RawHeader, !m.root.HeaderCut
	return nil
}

// remember keeps the structure of a message for the next command.
func (s *session) remember(m *loaded) {
	if m.root == nil || m.root == s.last.root && m.hasID == s.last.hasID {
		return
	}
	if s.last.uid != m.uid {
		s.last.forget()
	}
	if worthKeeping(m.root) {
		if m.raw != nil {
			m.root.Detach()
		}
		s.last.uid, s.last.root, s.last.id, s.last.hasID = m.uid, m.root, m.id, m.hasID
	}
}

// worthKeeping reports whether a structure is small enough to be kept.
func worthKeeping(root *message.Part) bool {
	parts, header := 0, 0
	var fits func(p *message.Part) bool
	fits = func(p *message.Part) bool {
		if p == nil {
			return true
		}
		parts++
		header += len(p.RawHeader)
		if parts > maxCachedParts || header > maxCachedHeader || !fits(p.Message) {
			return false
		}
		return !slices.ContainsFunc(p.Parts, func(child *message.Part) bool { return !fits(child) })
	}
	return fits(root)
}

// octets gives the message as it is stored.
func (m *loaded) octets() io.ReaderAt {
	if m.raw != nil {
		return &m.raw
	}
	return m
}

// section gives a range of the message as it is stored.
func (m *loaded) section(off, n int64) io.Reader { return io.NewSectionReader(m.octets(), off, n) }

// headerExtent tells where the message's own header stands, and of which size
// it is if that is known.
func (m *loaded) headerExtent() message.Extent {
	if m.root != nil {
		return m.root.Header
	}
	return message.Extent{Length: int64(len(m.head)), Size: unknownSize}
}

// octets is a message in memory as io.ReaderAt.
type octets []byte

// ReadAt implements io.ReaderAt.
func (b *octets) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(*b)) {
		return 0, io.EOF
	}
	n := copy(p, (*b)[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
