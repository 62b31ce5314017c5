package webmail

import (
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"restante/message"
	"restante/webmail/sanitize"
)

// A block is a piece of a message that is shown in its place: one of text, a frame, a picture, or the head of a message
// within the message.
type block struct {
	Text      template.HTML
	Truncated bool   // the text is longer than what is shown
	Frame     string // address of the document with the HTML
	Picture   string // address of a picture
	Name      string // of the picture
	Head      *head  // an embedded message begins here
	Source    string // address of the whole part
}

// Limits of what one page shows.
const (
	maxText     = 512 << 10 // octets of one text block
	maxHTML     = 4 << 20   // octets of one HTML part that are read
	maxBlocks   = 30
	maxListed   = 300 // attachments with a line of their own
	maxEmbedded = 4   // messages within messages
)

// composer takes a message apart for its page.
type composer struct {
	s       *Server
	c       *call
	o       *opened
	base    string // address of the message
	plain   bool   // the text alternative is wanted
	images  bool   // remote pictures are wanted
	cids    map[string]string
	usedCID map[string]bool

	blocks      []block
	attachments []attachment
	unlisted    int // attachments beyond maxListed
	embedded    []attachmentPart
	blocked     int  // remote pictures that were left out
	remote      int  // remote pictures that will be loaded
	hasHTML     bool // there is an HTML part
	hasPlain    bool // there is a text alternative to it
	err         error
}

type attachmentPart struct {
	p      *message.Part
	number string
}

// compose takes the whole message apart.
func (s *Server) compose(c *call, o *opened, base string, plain, images bool) (*composer, error) {
	m := &composer{s: s, c: c, o: o, base: base, plain: plain, images: images, usedCID: make(map[string]bool)}
	m.cids = contentIDs(o.root, "", make(map[string]string))
	m.part(o.root, "", nil, 0)
	for _, e := range m.embedded {
		if !m.usedCID[e.p.ID] {
			m.attach(e.p, e.number)
		}
	}
	return m, m.err
}

// child is the section number of the n-th part below prefix.
func child(prefix string, n int) string {
	if prefix == "" {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s.%d", prefix, n)
}

// self is the section number of a part that is no multipart: that of its place, or 1 where the message is that part.
func self(number string) string {
	if number == "" {
		return "1"
	}
	return number
}

// contentIDs maps the Content-ID of each picture to its section number. The first one counts.
func contentIDs(p *message.Part, number string, ids map[string]string) map[string]string {
	for i, sub := range p.Parts {
		contentIDs(sub, child(number, i+1), ids)
	}
	if p.Message != nil {
		contentIDs(p.Message, inside(p.Message, self(number)), ids)
	}
	if id := trimID(p.ID); id != "" && p.Is("image", "") {
		if _, taken := ids[id]; !taken {
			ids[id] = self(number)
		}
	}
	return ids
}

func trimID(id string) string { return strings.Trim(strings.TrimSpace(id), "<>") }

// part shows one part: number is its section number, parent the multipart that it stands in.
func (m *composer) part(p *message.Part, number string, parent *message.Part, depth int) {
	switch {
	case m.err != nil:
	case p.Is("multipart", "alternative"):
		m.alternative(p, number, depth)
	case p.Multipart():
		for i, sub := range p.Parts {
			m.part(sub, child(number, i+1), p, depth)
		}
	case strings.EqualFold(p.Disposition, "attachment"):
		m.attach(p, self(number))
	case p.Message != nil:
		m.message(p, number, depth)
	case parent != nil && parent.Embeds(p):
		m.embedded = append(m.embedded, attachmentPart{p, self(number)})
	case len(m.blocks) >= maxBlocks:
		m.attach(p, self(number))
	case p.Is("text", "html"):
		m.html(p, self(number))
	case isRaster(strings.ToLower(p.Type + "/" + p.Subtype)):
		m.picture(p, self(number))
	case p.Is("text", "plain") || (parent == nil && p.Is("text", "")):
		m.text(p, self(number))
	default:
		m.attach(p, self(number))
	}
}

// alternative shows one of several forms: the last one that can be shown, as RFC 2046 section 5.1.4 has it, unless the
// user asked for the text. What is neither text nor the like stays reachable as an attachment (calendars, for instance).
func (m *composer) alternative(p *message.Part, number string, depth int) {
	chosen, text := -1, -1
	for i, sub := range p.Parts {
		if sub.Is("text", "plain") {
			text = i
		}
		if sub.Is("text", "html") || sub.Is("text", "plain") || sub.Multipart() {
			chosen = i
		}
	}
	if text >= 0 && chosen >= 0 && chosen != text {
		m.hasPlain = true
		if m.plain {
			m.hasHTML = true
			chosen = text
		}
	}
	for i, sub := range p.Parts {
		switch {
		case i == chosen:
			m.part(sub, child(number, i+1), p, depth)
		case !sub.Multipart() && sub.Body.Length > 0 && (!sub.Is("text", "") || sub.Is("text", "calendar")):
			m.attach(sub, child(number, i+1))
		}
	}
}

// message shows a message within the message, and offers it as a file.
func (m *composer) message(p *message.Part, number string, depth int) {
	m.attach(p, self(number))
	if depth >= maxEmbedded || len(m.blocks) >= maxBlocks {
		return
	}
	h := newHead(p.Message)
	m.blocks = append(m.blocks, block{Head: &h})
	m.part(p.Message, inside(p.Message, self(number)), nil, depth+1)
}

// inside is the section number of an embedded message's content: the parts of a multipart are numbered below the message
// itself, any other content is its part 1 (RFC 9051 section 6.4.5.1).
func inside(embedded *message.Part, number string) string {
	if embedded.Multipart() {
		return number
	}
	return child(number, 1)
}

func (m *composer) text(p *message.Part, number string) {
	if p.Body.Length == 0 {
		return
	}
	text, err := io.ReadAll(io.LimitReader(p.DecodeText(m.o.raw(p.Body)), maxText+1))
	if err != nil {
		m.err = err
		return
	}
	b := block{Source: m.partURL(number)}
	if len(text) > maxText {
		text, b.Truncated = []byte(strings.ToValidUTF8(string(text[:maxText]), "")), true
	}
	if strings.TrimSpace(string(text)) == "" {
		return
	}
	format, _ := p.Param("format")
	delSp, _ := p.Param("delsp")
	b.Text = renderText(string(text), strings.EqualFold(format, "flowed"), strings.EqualFold(delSp, "yes"))
	m.blocks = append(m.blocks, b)
}

// picture shows a picture that stands in the message by itself, and offers it as a file.
func (m *composer) picture(p *message.Part, number string) {
	m.attach(p, number)
	name := shown(p.Filename())
	if name == "" {
		name = defaultName(p)
	}
	m.blocks = append(m.blocks, block{Picture: m.partURL(number) + "?inline=1", Name: name})
}

// html makes a frame for an HTML part. The part is cleaned here too, to know what it would load and which of the
// message's pictures it shows.
func (m *composer) html(p *message.Part, number string) {
	m.hasHTML = true
	_, res, err := m.s.clean(m.c, m.o, p, m.cids, m.images, m.usedCID)
	if err != nil {
		m.err = err
		return
	}
	m.blocked += res.BlockedRemote
	m.remote += res.RemoteImages
	frame := m.base + "/body/" + number
	if m.images {
		frame += "?images=1"
	}
	m.blocks = append(m.blocks, block{Frame: frame, Truncated: res.Truncated, Source: m.partURL(number)})
}

// clean is opened.sanitize when it is its turn: a hostile message of the largest size takes seconds of a processor and a hundred
// megabytes, so no more of them are worked on at a time than there are processors.
func (s *Server) clean(c *call, o *opened, p *message.Part, cids map[string]string, images bool, used map[string]bool) ([]byte, sanitize.Result, error) {
	select {
	case s.cleaning <- struct{}{}:
	case <-c.ctx().Done():
		return nil, sanitize.Result{}, c.ctx().Err()
	}
	defer func() { <-s.cleaning }()
	return o.sanitize(c.session, p, cids, images, used)
}

// sanitize reads and cleans an HTML part. The Content-IDs that it uses are noted in used, unless that is nil.
func (o *opened) sanitize(sess *session, p *message.Part, cids map[string]string, images bool, used map[string]bool) ([]byte, sanitize.Result, error) {
	src, err := o.htmlText(p)
	if err != nil {
		return nil, sanitize.Result{}, err
	}
	cid := func(id string) (string, bool) {
		number, ok := cids[trimID(id)]
		if !ok {
			return "", false
		}
		if used != nil {
			used[o.root.Find(mustSection(number)).ID] = true
		}
		return sess.pictureURL(o.place(number)), true
	}
	out, res := sanitize.Sanitize(src, sanitize.Options{CID: cid, RemoteImages: images, MaxBytes: maxHTML})
	return out, res, nil
}

// htmlText reads an HTML part as UTF-8. Where the part names no charset, the HTML itself may (a meta element or a byte
// order mark): browsers look there, and so did those who wrote it.
func (o *opened) htmlText(p *message.Part) ([]byte, error) {
	if _, named := p.Param("charset"); named {
		return io.ReadAll(io.LimitReader(p.DecodeText(o.raw(p.Body)), maxHTML+1))
	}
	src, err := io.ReadAll(io.LimitReader(p.DecodeBody(o.raw(p.Body)), maxHTML+1))
	if err != nil || utf8.Valid(src) {
		return src, err
	}
	enc, _, _ := charset.DetermineEncoding(src[:min(len(src), 1024)], "text/html")
	return enc.NewDecoder().Bytes(src)
}

// mustSection is parseSection for a number that child and self made.
func mustSection(number string) []int {
	path, _ := parseSection(number)
	return path
}

// attach lists a part as a file; pictures that browsers show are shown small beside it.
func (m *composer) attach(p *message.Part, number string) {
	if len(m.attachments) >= maxListed {
		m.unlisted++
		return
	}
	a := attachment{Name: p.Filename(), Type: strings.ToLower(p.Type + "/" + p.Subtype), URL: m.partURL(number), Size: sizeText(decodedSize(p))}
	if a.Name == "" {
		a.Name = defaultName(p)
	}
	a.Name = shown(a.Name)
	if isRaster(a.Type) {
		a.Preview = a.URL + "?inline=1"
	}
	m.attachments = append(m.attachments, a)
}

func (m *composer) partURL(number string) string { return m.base + "/part/" + url.PathEscape(number) }
