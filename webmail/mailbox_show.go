package webmail

import (
	"errors"
	"net/http"
	"strings"

	"restante/mailstore"
)

// mailboxPage is the three panes: mailboxes, list, message.
type mailboxPage struct {
	Page
	Folders []folder
	List    *listView
	Message *messageView // nil when none is open
	Flash   *flash
}

// home leads to the inbox.
func (s *Server) home(c *call) error { return seeOther(c, boxPath(mailstore.Inbox)) }

// showMailbox shows a mailbox's list.
func (s *Server) showMailbox(c *call) error {
	box, err := c.session.open(c.ctx(), boxName(c.r.PathValue("box")))
	if err != nil {
		return err
	}
	defer box.Close()
	// While another program has it locked, what was known before is shown.
	if err := box.Refresh(c.ctx()); err != nil && !errors.Is(err, mailstore.ErrInUse) {
		return err
	}
	return s.showBox(c, box, pageNumber(c.r.URL.Query()), nil)
}

// showBox renders the three panes.
func (s *Server) showBox(c *call, box mailstore.Mailbox, page int, msg *messageView) error {
	folders, infos, err := s.folders(c, box)
	if err != nil {
		return err
	}
	var current mailstore.UID
	if msg != nil {
		current = msg.UID
	}
	list, err := s.list(c, box, infos, page, current)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !f.Current {
			list.Targets = append(list.Targets, f)
		}
	}
	title := list.Box
	if msg != nil {
		msg.neighbours(list, box)
		if title = msg.Subject; title == "" {
			title = "No subject"
		}
	}
	data := mailboxPage{Page: s.newPage(c, title), Folders: folders, List: list, Message: msg}
	if c.r.Header.Get(autoHeader) == "" {
		data.Flash = c.session.takeFlash() // a page that looks for news shows no notice, so it does not use one up either
	}
	return s.render(c, http.StatusOK, "mailbox", data)
}

// headerLines is a raw header fit to be shown: one field after the other as it was written.
func headerLines(raw []byte) string {
	s := strings.ToValidUTF8(string(raw), "\uFFFD")
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ").Replace(s), "\n")
	for i, line := range lines {
		lines[i] = shown(line)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
