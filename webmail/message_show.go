package webmail

import (
	"fmt"
	"log/slog"
	"net/url"
	"strconv"

	"restante/mailstore"
)

// messageView is the reading pane.
type messageView struct {
	head
	UID         mailstore.UID
	Initial     string // of the sender, in a circle
	Hue         int    // and the circle's colour
	URL         string
	Raw         string
	Starred     bool
	Keywords    []string
	Blocks      []block
	Fill        bool // one frame, which takes the whole pane
	Attachments []attachment
	Unlisted    int
	Blocked     int    // remote pictures that are not shown
	Remote      int    // remote pictures that are
	ShowRemote  string // the address that shows them
	OtherForm   string // the address of the other form (HTML, text), or ""
	Plain       bool   // this is the text
	Headers     string // the header as it stands, when it was asked for
	HeadersURL  string
	NewerURL    string // neighbours in the list, or ""
	OlderURL    string
}

// showMessage shows a message beside its list and marks it as read.
func (s *Server) showMessage(c *call) error {
	o, err := s.openMessage(c)
	if err != nil {
		return err
	}
	defer o.Close()
	if !o.rec.Flags.Has(mailstore.Seen) && !o.box.ReadOnly() {
		seen := mailstore.NewFlags(mailstore.Seen)
		if _, err := o.box.SetFlags(c.ctx(), mailstore.NewUIDSet(o.rec.UID), mailstore.AddFlags, seen, mailstore.SetFlagsOptions{}); err != nil {
			// Reading goes on: a full disk is no reason to keep the message from its owner.
			s.log.Warn("message not marked as read", slog.String("user", c.session.user.Name), slog.Any("err", err))
		}
	}
	query := c.r.URL.Query()
	v, err := s.messageView(c, o, query)
	if err != nil {
		return err
	}
	return s.showBox(c, o.box, pageNumber(query), v)
}

func (s *Server) messageView(c *call, o *opened, query url.Values) (*messageView, error) {
	base := fmt.Sprintf("%s/%d/%d", boxPath(o.box.Name()), o.box.UIDValidity(), o.rec.UID)
	plain, images := query.Get("view") == "text", query.Get("images") == "1"
	m, err := s.compose(c, o, base, plain, images)
	if err != nil {
		return nil, err
	}
	with := func(key, value string) string {
		q := url.Values{}
		if p := pageNumber(query); p > 1 {
			q.Set("p", strconv.Itoa(p))
		}
		q.Set(key, value)
		return fmt.Sprintf("%s?%s#u%d", base, q.Encode(), o.rec.UID)
	}
	v := &messageView{head: newHead(o.root), UID: o.rec.UID, URL: base, Raw: base + "/raw", Starred: o.rec.Flags.Has(mailstore.Flagged),
		Keywords: visibleKeywords(o.rec.Flags), Blocks: m.blocks, Attachments: m.attachments, Unlisted: m.unlisted,
		Blocked: m.blocked, Remote: m.remote, ShowRemote: with("images", "1"), Plain: plain, HeadersURL: with("headers", "1")}
	v.Initial, v.Hue = label(v.From)
	v.Fill = len(m.blocks) == 1 && m.blocks[0].Frame != ""
	if m.hasHTML && m.hasPlain {
		v.OtherForm = with("view", "text")
		if plain {
			v.OtherForm = with("view", "html")
		}
	}
	if query.Get("headers") == "1" {
		v.Headers = headerLines(o.root.RawHeader)
	}
	if v.Date == "" {
		d := o.rec.InternalDate()
		v.Date, v.ISODate = d.Format(longDate), d.Format(isoDate)
	}
	return v, nil
}

// neighbours finds what stands before and after the message, on the same page of the list or on the next one.
func (v *messageView) neighbours(list *listView, box mailstore.Mailbox) {
	older, newer := beside(box, v.UID)
	n := len(list.Rows)
	if newer != 0 {
		page := list.Page
		if n > 0 && list.Rows[0].UID == v.UID {
			page--
		}
		v.NewerURL = list.messageURL(newer, page)
	}
	if older != 0 {
		page := list.Page
		if n > 0 && list.Rows[n-1].UID == v.UID {
			page++
		}
		v.OlderURL = list.messageURL(older, page)
	}
}

// visibleKeywords are the labels that people gave; those that programs keep for themselves begin with "$" or are about
// junk.
func visibleKeywords(f mailstore.Flags) []string {
	var out []string
	for _, k := range f.Keywords.List() {
		switch {
		case k[0] == '$', k == "NonJunk", k == "Junk", k == "NotJunk":
		default:
			out = append(out, shown(k))
		}
	}
	return out
}

// pageNumber reads which page of the list is wanted.
func pageNumber(query url.Values) int {
	n, err := strconv.Atoi(query.Get("p"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}
