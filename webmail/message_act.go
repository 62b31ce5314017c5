package webmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"restante/mailstore"
)

// order is what a form asks to be done.
type order struct {
	verb        string
	uidValidity uint32
	uids        mailstore.UIDSet
	to          string // mailbox to move to
	page        int
	back        string // "message" when it came from a message that stays open, "undo" when it takes a move back
	goTo        string // the page to show afterwards, "" for the list that it came from
	confirmed   bool
}

// confirmPage asks before something is deleted for good.
type confirmPage struct {
	Page
	Folders  []folder
	Heading  string
	Text     string
	Action   string // where the form goes
	Verb     string
	Validity uint32
	UIDs     []mailstore.UID
	PageNo   int
	Cancel   string
}

// maxOrder bounds how many messages one form names; a page has pageSize, taking back a move may name more.
const maxOrder = 1000

// act carries out what the buttons of list and message ask for.
func (s *Server) act(c *call) error {
	form, err := c.form()
	if err != nil {
		return err
	}
	o, err := readOrder(form)
	if err != nil {
		return err
	}
	box, err := c.session.open(c.ctx(), boxName(c.r.PathValue("box")))
	if err != nil {
		return err
	}
	defer box.Close()
	if o.uidValidity != box.UIDValidity() {
		return errStale
	}
	defer c.session.forget(box.Name(), o.to)
	if err := s.carryOut(c, box, o); err != nil {
		if errors.Is(err, errAnswered) {
			return nil
		}
		return err
	}
	return seeOther(c, o.next(box))
}

// errAnswered says that the answer has been given: a question, not a redirect.
var errAnswered = errors.New("answered")

// readOrder reads a form. The button may name a message itself: "star 123".
func readOrder(form url.Values) (*order, error) {
	verb, one, single := strings.Cut(form.Get("do"), " ")
	v, err := strconv.ParseUint(form.Get("v"), 10, 32)
	if err != nil {
		return nil, errForm
	}
	o := &order{verb: verb, uidValidity: uint32(v), to: form.Get("to"), page: pageNumber(url.Values{"p": form["page"]}), back: form.Get("back"),
		confirmed: form.Get("confirmed") == "yes"}
	if to := form.Get("move"); to != "" { // a button of the menu of mailboxes
		o.verb, o.to = "move", to
	}
	list := form["uid"]
	if single {
		list = []string{one}
	}
	if len(list) > maxOrder {
		return nil, errForm
	}
	for _, s := range list {
		uid, err := strconv.ParseUint(s, 10, 32)
		if err != nil || uid == 0 {
			return nil, errForm
		}
		o.uids.Add(mailstore.UID(uid))
	}
	return o, nil
}

// next is the page to show afterwards.
func (o *order) next(box mailstore.Mailbox) string {
	if o.goTo != "" {
		return o.goTo
	}
	path, page := boxPath(box.Name()), ""
	if o.page > 1 {
		page = "?p=" + strconv.Itoa(o.page)
	}
	if o.back == "message" && o.uids.Len() == 1 {
		return fmt.Sprintf("%s/%d/%d%s#u%d", path, o.uidValidity, o.uids[0].First, page, o.uids[0].First)
	}
	return path + page
}

func (s *Server) carryOut(c *call, box mailstore.Mailbox, o *order) error {
	if o.verb == "empty" {
		return s.empty(c, box, o)
	}
	if o.uids.Empty() {
		c.session.setFlash(&flash{Text: "Nothing was selected. Tick the boxes in front of the messages first."})
		return nil
	}
	switch o.verb {
	case "read":
		return o.flag(c.ctx(), box, mailstore.Seen, mailstore.AddFlags)
	case "unread":
		return o.flag(c.ctx(), box, mailstore.Seen, mailstore.RemoveFlags)
	case "star":
		return o.flag(c.ctx(), box, mailstore.Flagged, mailstore.AddFlags)
	case "unstar":
		return o.flag(c.ctx(), box, mailstore.Flagged, mailstore.RemoveFlags)
	case "move":
		return s.move(c, box, o)
	case "archive":
		return s.moveToUse(c, box, o, `\Archive`)
	case "junk":
		return s.moveToUse(c, box, o, `\Junk`)
	case "delete":
		return s.delete(c, box, o)
	}
	return errForm
}

func (o *order) flag(ctx context.Context, box mailstore.Mailbox, flag mailstore.System, op mailstore.FlagOp) error {
	if flag == mailstore.Seen && op == mailstore.RemoveFlags {
		o.back = "" // showing the message would mark it as read again
	}
	_, err := box.SetFlags(ctx, o.uids, op, mailstore.NewFlags(flag), mailstore.SetFlagsOptions{})
	return err
}

// move moves messages to the mailbox that the form names, and offers to take it back.
func (s *Server) move(c *call, box mailstore.Mailbox, o *order) error {
	undone := o.back == "undo"
	o.back = ""
	if o.to == "" {
		c.session.setFlash(&flash{Text: "No mailbox was chosen to move to."})
		return nil
	}
	if o.to == box.Name() {
		return nil
	}
	dest, err := c.session.account.Open(c.ctx(), o.to)
	if err != nil {
		return err
	}
	defer dest.Close()
	res, err := box.Move(c.ctx(), o.uids, dest)
	if err != nil {
		return err
	}
	name, how := boxTitle(dest.Name(), c.session.account.Delimiter()), "moved to"
	if undone {
		how, o.goTo = "moved back to", boxPath(dest.Name())
	}
	f := &flash{Text: fmt.Sprintf("%s %s %s.", messages(len(res.Dest)), how, name)}
	if !undone && len(res.Dest) > 0 && len(res.Dest) <= maxOrder {
		f.Undo = &undo{From: boxPath(dest.Name()), To: box.Name(), UIDValidity: res.UIDValidity, UIDs: res.Dest}
	}
	c.session.setFlash(f)
	return nil
}

// moveToUse moves messages to the mailbox with a special use.
func (s *Server) moveToUse(c *call, box mailstore.Mailbox, o *order, use string) error {
	infos, err := c.session.account.Mailboxes(c.ctx())
	if err != nil {
		return err
	}
	o.to = special(infos, use)
	return s.move(c, box, o)
}

// delete moves messages to the trash. In the trash, and where there is none, it deletes for good, after a question.
func (s *Server) delete(c *call, box mailstore.Mailbox, o *order) error {
	infos, err := c.session.account.Mailboxes(c.ctx())
	if err != nil {
		return err
	}
	if trash := special(infos, `\Trash`); trash != "" && trash != box.Name() {
		o.to = trash
		return s.move(c, box, o)
	}
	n := int(o.uids.Len())
	if !o.confirmed {
		return s.confirm(c, box, o, "Delete "+messages(n)+"?", "There is no way back: deleted messages cannot be recovered.")
	}
	o.back = ""
	if err := expunge(c.ctx(), box, o.uids); err != nil {
		return err
	}
	c.session.setFlash(&flash{Text: messages(n) + " deleted for good."})
	return nil
}

// empty deletes all that is in the trash.
func (s *Server) empty(c *call, box mailstore.Mailbox, o *order) error {
	infos, err := c.session.account.Mailboxes(c.ctx())
	if err != nil {
		return err
	}
	if special(infos, `\Trash`) != box.Name() {
		return errForm
	}
	n := int(box.Status().Messages)
	if !o.confirmed {
		return s.confirm(c, box, o, "Empty the trash?", fmt.Sprintf("%s will be deleted. There is no way back: deleted messages cannot be recovered.", messages(n)))
	}
	if err := expunge(c.ctx(), box, mailstore.UIDSet{{First: 1, Last: max(box.Status().UIDNext, 2) - 1}}); err != nil {
		return err
	}
	c.session.setFlash(&flash{Text: "The trash is empty."})
	return nil
}

// expunge marks messages as deleted, so that other programs see it coming, and removes them.
func expunge(ctx context.Context, box mailstore.Mailbox, uids mailstore.UIDSet) error {
	deleted := mailstore.NewFlags(mailstore.Deleted)
	if _, err := box.SetFlags(ctx, uids, mailstore.AddFlags, deleted, mailstore.SetFlagsOptions{}); err != nil {
		return err
	}
	_, err := box.Expunge(ctx, uids, true)
	return err
}

// confirm asks; the answer comes as the same form with a word more.
func (s *Server) confirm(c *call, box mailstore.Mailbox, o *order, heading, text string) error {
	folders, _, err := s.folders(c, box)
	if err != nil {
		return err
	}
	data := confirmPage{Page: s.newPage(c, heading), Folders: folders, Heading: heading, Text: text, Action: boxPath(box.Name()) + "/act",
		Verb: o.verb, Validity: o.uidValidity, PageNo: o.page, Cancel: o.next(box)}
	for _, r := range o.uids {
		for uid := r.First; uid <= r.Last && len(data.UIDs) < maxOrder; uid++ {
			data.UIDs = append(data.UIDs, uid)
		}
	}
	if err := s.render(c, http.StatusOK, "confirm", data); err != nil {
		return err
	}
	return errAnswered
}

// messages is a number of messages in words.
func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return strconv.Itoa(n) + " messages"
}
