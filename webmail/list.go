package webmail

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"restante/mailstore"
)

// pageSize is how many messages a list shows at once.
const pageSize = 50

// listView is one page of a mailbox, newest first.
type listView struct {
	Box         string // as shown
	Leaf        string // the last level of it
	Path        string
	Use         string // special use, or ""
	UIDValidity uint32
	ReadOnly    bool
	Total       uint32
	Unseen      uint32
	From, To    int // which of the total stand here, from 1
	Page        int
	Newer       string // addresses of the neighbouring pages, or ""
	Older       string
	Rows        []row
	Targets     []folder // where messages can be moved
	Archive     bool     // there is an archive, and this is another mailbox
	Junk        bool     // there is a mailbox for junk, and this is another one
	CanEmpty    bool     // this is the trash and it holds something
}

// row is one message in a list.
type row struct {
	summary
	UID      mailstore.UID
	URL      string
	Unread   bool
	Starred  bool
	Answered bool
	Deleted  bool
	Current  bool
}

// newest returns the n messages of the mailbox that were added last, in order. It starts near the end and goes back until it
// has enough, so the price is that of n messages unless UIDs have large gaps.
func newest(box mailstore.Mailbox, n int) []mailstore.Record {
	next := box.Status().UIDNext
	for step := mailstore.UID(n) + 64; ; step *= 4 {
		first := mailstore.UID(1)
		if next > step {
			first = next - step
		}
		found := tail(box, first, n)
		if len(found) >= n || first == 1 || step > mailstore.MaxUID/4 {
			return found
		}
	}
}

// tail reads the records from first on and keeps the last n.
func tail(box mailstore.Mailbox, first mailstore.UID, n int) []mailstore.Record {
	var kept []mailstore.Record
	piece := make([]mailstore.Record, 0, 256)
	for {
		piece = box.Records(piece[:0], first)
		if len(piece) == 0 {
			return kept
		}
		kept = append(kept, piece...)
		if len(kept) > n {
			kept = slices.Delete(kept, 0, len(kept)-n)
		}
		last := piece[len(piece)-1].UID
		if last == mailstore.MaxUID {
			return kept
		}
		first = last + 1
	}
}

// beside gives the messages next to one, 0 where there is none.
func beside(box mailstore.Mailbox, uid mailstore.UID) (older, newer mailstore.UID) {
	if uid < mailstore.MaxUID {
		if next := box.Records(make([]mailstore.Record, 0, 1), uid+1); len(next) > 0 {
			newer = next[0].UID
		}
	}
	// As in newest: from near by, and further back while there is nothing.
	for step := mailstore.UID(32); ; step *= 4 {
		first := mailstore.UID(1)
		if uid > step && step <= mailstore.MaxUID/4 {
			first = uid - step
		}
		if older = lastBetween(box, first, uid); older != 0 || first == 1 {
			return older, newer
		}
	}
}

// lastBetween gives the last message from first on and before end, or 0.
func lastBetween(box mailstore.Mailbox, first, end mailstore.UID) mailstore.UID {
	var found mailstore.UID
	piece := make([]mailstore.Record, 0, 64)
	for first < end {
		if piece = box.Records(piece[:0], first); len(piece) == 0 {
			break
		}
		for _, rec := range piece {
			if rec.UID >= end {
				return found
			}
			found = rec.UID
		}
		first = found + 1
	}
	return found
}

// pageOf gives the records of a page, newest first, and the number of the page that it is: a page beyond the end is the
// last one.
func pageOf(box mailstore.Mailbox, page int) ([]mailstore.Record, int) {
	total := int(box.Status().Messages)
	last := max(1, (total+pageSize-1)/pageSize)
	page = min(max(page, 1), last)
	found := newest(box, page*pageSize)
	if skip := (page - 1) * pageSize; len(found) > skip {
		found = found[:len(found)-skip]
	} else {
		found = nil
	}
	if len(found) > pageSize {
		found = found[len(found)-pageSize:]
	}
	slices.Reverse(found)
	return found, page
}

// list makes the view of a page. current is the message that stands open beside it, or 0.
func (s *Server) list(c *call, box mailstore.Mailbox, infos []mailstore.Info, page int, current mailstore.UID) (*listView, error) {
	records, page := pageOf(box, page)
	var uids mailstore.UIDSet
	for _, rec := range records {
		uids.Add(rec.UID)
	}
	if err := box.Fill(c.ctx(), uids, mailstore.AttrDate); err != nil {
		return nil, err
	}
	st := box.Status()
	v := &listView{Box: boxTitle(box.Name(), c.session.account.Delimiter()), Path: boxPath(box.Name()), Use: specialUseOf(infos, box.Name()),
		UIDValidity: box.UIDValidity(), ReadOnly: box.ReadOnly(), Total: st.Messages, Unseen: st.Unseen, Page: page}
	v.Leaf = v.Box[strings.LastIndex(v.Box, string(c.session.account.Delimiter()))+1:]
	v.Archive = v.Use != `\Archive` && special(infos, `\Archive`) != ""
	v.Junk = v.Use != `\Junk` && v.Use != `\Sent` && v.Use != `\Drafts` && special(infos, `\Junk`) != ""
	v.CanEmpty = v.Use == `\Trash` && st.Messages > 0
	sums, now := newSummarizer(c.ctx(), box), time.Now()
	for _, rec := range records {
		rec, ok := box.Record(rec.UID)
		if !ok {
			continue
		}
		sum, err := sums.of(rec)
		if err != nil {
			return nil, err
		}
		if sum == nil {
			continue // it went meanwhile
		}
		v.Rows = append(v.Rows, newRow(v, *sum, rec, current, now))
	}
	v.place(len(v.Rows))
	return v, nil
}

func newRow(v *listView, sum summary, rec mailstore.Record, current mailstore.UID, now time.Time) row {
	sum.ShortDate = shortDate(sum.Date, now)
	if v.Use == `\Sent` || v.Use == `\Drafts` {
		sum.Who, sum.Addr = sum.ToWho, sum.ToAddr
	}
	return row{summary: sum, UID: rec.UID, URL: v.messageURL(rec.UID, v.Page), Unread: !rec.Flags.Has(mailstore.Seen),
		Starred: rec.Flags.Has(mailstore.Flagged), Answered: rec.Flags.Has(mailstore.Answered),
		Deleted: rec.Flags.Has(mailstore.Deleted), Current: rec.UID == current}
}

// messageURL is the address of a message with a page of the list beside it.
func (v *listView) messageURL(uid mailstore.UID, page int) string {
	url := fmt.Sprintf("%s/%d/%d", v.Path, v.UIDValidity, uid)
	if page > 1 {
		url += "?p=" + strconv.Itoa(page)
	}
	return url + fmt.Sprintf("#u%d", uid)
}

// place works out where the page stands and who its neighbours are.
func (v *listView) place(n int) {
	if n > 0 {
		v.From = (v.Page-1)*pageSize + 1
		v.To = v.From + n - 1
	}
	if v.Page > 1 {
		v.Newer = v.pageURL(v.Page - 1)
	}
	if v.Page*pageSize < int(v.Total) {
		v.Older = v.pageURL(v.Page + 1)
	}
}

func (v *listView) pageURL(page int) string {
	if page <= 1 {
		return v.Path
	}
	return v.Path + "?p=" + strconv.Itoa(page)
}

// Self is the address of this page.
func (v *listView) Self() string { return v.pageURL(v.Page) }

// boxTitle is a mailbox's name as a heading.
func boxTitle(name string, delim rune) string {
	if name == mailstore.Inbox {
		return "Inbox"
	}
	if rest, ok := trimInbox(name, delim); ok {
		name = rest
	}
	return shown(name)
}

func trimInbox(name string, delim rune) (string, bool) {
	prefix := mailstore.Inbox + string(delim)
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		return name[len(prefix):], true
	}
	return name, false
}

// EmptyIcon is the picture of a mailbox without messages.
func (v *listView) EmptyIcon() string {
	for _, sp := range specials {
		if v.Use == sp.use {
			return sp.icon
		}
	}
	return "inbox"
}

// EmptyTitle says that there are no messages.
func (v *listView) EmptyTitle() string {
	switch v.Use {
	case `\Trash`:
		return "The trash is empty"
	case `\Junk`:
		return "No junk"
	case `\Drafts`:
		return "No drafts"
	}
	if v.Path == toInbox {
		return "Your inbox is empty"
	}
	return "No messages here"
}

// EmptyText says what would be here.
func (v *listView) EmptyText() string {
	switch v.Use {
	case `\Trash`:
		return "Deleted messages stay here until you empty the trash."
	case `\Junk`:
		return "Unwanted mail goes here."
	case `\Sent`:
		return "Copies of what you send from your mail programs stand here."
	}
	if v.Path == toInbox {
		return "New mail appears here by itself."
	}
	return "Move messages here from any other mailbox."
}
