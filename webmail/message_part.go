package webmail

import (
	"bufio"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"restante/message"
)

// showPart gives a part as a file. With ?inline=1 a picture is shown, if its bytes say that it is one.
func (s *Server) showPart(c *call) error {
	o, err := s.openMessage(c)
	if err != nil {
		return err
	}
	defer o.Close()
	p, err := o.find(c.r.PathValue("part"))
	if err != nil {
		return err
	}
	if p.Multipart() {
		return errNoPart
	}
	if c.r.URL.Query().Get("inline") == "1" {
		return s.sendPicture(c, o, p)
	}
	name := p.Filename()
	if name == "" {
		name = defaultName(p)
	}
	partHeaders(c.w.Header())
	c.w.Header().Set("Content-Type", downloadType(p))
	c.w.Header().Set("Content-Disposition", disposition(name))
	s.send(c, p.DecodeBody(o.raw(p.Body)))
	return nil
}

// showRaw gives the whole message as it is stored.
func (s *Server) showRaw(c *call) error {
	o, err := s.openMessage(c)
	if err != nil {
		return err
	}
	defer o.Close()
	name := "message.eml"
	if subject := headerText(o.root.RawHeader, "Subject"); subject != "" {
		name = defaultName(&message.Part{Message: o.root})
	}
	partHeaders(c.w.Header())
	c.w.Header().Set("Content-Type", "message/rfc822")
	c.w.Header().Set("Content-Disposition", disposition(name))
	s.send(c, io.NewSectionReader(o.msg, 0, o.msg.Len()))
	return nil
}

// showPicture gives a picture to the frame of a message body. Its address is its only permission (capability.go).
func (s *Server) showPicture(c *call) error {
	sess := s.sessions.findID(c.r.PathValue("session"), time.Now())
	if sess == nil {
		return errNotFound
	}
	defer sess.release()
	v, uid, err := pathIDs(c)
	if err != nil {
		return err
	}
	where := place{boxName(c.r.PathValue("box")), v, uid, c.r.PathValue("part")}
	if !sess.signed(where, c.r.PathValue("mac")) {
		return errNotFound
	}
	c.session = sess
	o, err := s.openMessage(c)
	if err != nil {
		return err
	}
	defer o.Close()
	p, err := o.find(where.part)
	if err != nil {
		return err
	}
	// The asking document is a stranger to every site, so to this one too.
	c.w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	return s.sendPicture(c, o, p)
}

// sendPicture shows a part if its first bytes are those of a raster format, whatever its headers claim.
func (s *Server) sendPicture(c *call, o *opened, p *message.Part) error {
	body := bufio.NewReaderSize(p.DecodeBody(o.raw(p.Body)), 4096)
	start, err := body.Peek(512)
	if err != nil && err != io.EOF {
		return err
	}
	kind := http.DetectContentType(start)
	if !isRaster(kind) {
		return errNoPart
	}
	partHeaders(c.w.Header())
	c.w.Header().Set("Content-Type", kind)
	c.w.Header().Set("Content-Disposition", "inline")
	s.send(c, body)
	return nil
}

// send copies a part to the browser. Once it has begun, a failure can only cut it off.
func (s *Server) send(c *call, r io.Reader) {
	rc := http.NewResponseController(c.w)
	var err error
	for err == nil {
		_ = rc.SetWriteDeadline(time.Now().Add(pieceTime))
		_, err = io.CopyN(c.w, r, sendPiece)
	}
	if err != io.EOF {
		s.log.Debug("part not sent to its end", slog.String("path", logPath(c.r)), slog.Any("err", err))
		panic(http.ErrAbortHandler)
	}
}

// downloadType is the type under which a part is saved. Types that a browser could take for a page of ours are not
// passed on, although the other headers would be enough.
func downloadType(p *message.Part) string {
	t := strings.ToLower(p.Type + "/" + p.Subtype)
	if kind, _, err := mime.ParseMediaType(t); err != nil || kind != t {
		return "application/octet-stream"
	}
	for _, bad := range []string{"html", "xml", "svg", "script", "xsl", "multipart"} {
		if strings.Contains(t, bad) {
			return "application/octet-stream"
		}
	}
	return t
}

// disposition is an attachment of this name, in the form that RFC 6266 gives for names beyond ASCII.
func disposition(name string) string {
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": name}); d != "" {
		return d
	}
	return "attachment"
}
