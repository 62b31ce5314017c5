package webmail

import (
	"io"
	"strconv"
	"strings"

	"restante/mailstore"
	"restante/message"
)

// opened is a message that a request looks at, with its mailbox and its tree of parts.
type opened struct {
	box  mailstore.Mailbox
	msg  mailstore.Message
	rec  mailstore.Record
	root *message.Part
}

// openMessage opens the message that the path of the request names. The caller closes it.
func (s *Server) openMessage(c *call) (*opened, error) {
	v, uid, err := pathIDs(c)
	if err != nil {
		return nil, err
	}
	box, err := c.session.open(c.ctx(), boxName(c.r.PathValue("box")))
	if err != nil {
		return nil, err
	}
	o := &opened{box: box}
	if err := o.read(c, v, uid); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// read opens and scans the message.
func (o *opened) read(c *call, v uint32, uid mailstore.UID) error {
	if o.box.UIDValidity() != v {
		return errStale
	}
	if err := o.box.Fill(c.ctx(), mailstore.NewUIDSet(uid), mailstore.AttrDate); err != nil {
		return err
	}
	rec, ok := o.box.Record(uid)
	if !ok {
		return mailstore.ErrExpunged
	}
	msg, err := o.box.OpenMessage(c.ctx(), uid)
	if err != nil {
		return err
	}
	o.msg, o.rec = msg, rec
	o.root, err = message.Scan(io.NewSectionReader(msg, 0, msg.Len()))
	return err
}

// Close gives message and mailbox back.
func (o *opened) Close() {
	if o.msg != nil {
		o.msg.Close()
	}
	o.box.Close()
}

// place names a part of the message.
func (o *opened) place(part string) place {
	return place{o.box.Name(), o.box.UIDValidity(), o.rec.UID, part}
}

// raw reads the stored bytes of an extent.
func (o *opened) raw(e message.Extent) io.Reader {
	return io.NewSectionReader(o.msg, e.Offset, e.Length)
}

// find gives the part that a section number names.
func (o *opened) find(number string) (*message.Part, error) {
	path, ok := parseSection(number)
	if !ok {
		return nil, errNoPart
	}
	p := o.root.Find(path)
	if p == nil {
		return nil, errNoPart
	}
	return p, nil
}

// pathIDs reads UIDVALIDITY and UID from the path.
func pathIDs(c *call) (uint32, mailstore.UID, error) {
	v, err := strconv.ParseUint(c.r.PathValue("v"), 10, 32)
	if err != nil {
		return 0, 0, errNotFound
	}
	uid, err := strconv.ParseUint(c.r.PathValue("uid"), 10, 32)
	if err != nil || uid == 0 {
		return 0, 0, errNotFound
	}
	return uint32(v), mailstore.UID(uid), nil
}

// parseSection reads a section number such as "1.2.3".
func parseSection(s string) ([]int, bool) {
	if len(s) > 400 {
		return nil, false
	}
	var path []int
	for field := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 || strconv.Itoa(n) != field {
			return nil, false
		}
		path = append(path, n)
	}
	return path, true
}
