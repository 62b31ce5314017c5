package webmail

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"restante/mailstore"
)

// folder is one line of the list of mailboxes.
type folder struct {
	Name    string // as it is shown: the last level, or the usual name of a special mailbox
	Path    string // "" for a name that only leads to others
	Full    string // the mailbox's own name
	Icon    string
	Depth   int
	Unseen  uint32
	Current bool
	rank    int // its place: the inbox, the special mailboxes in their order, the others
}

// count is what the list shows of a mailbox, and when it was so.
type count struct {
	unseen uint32
	at     time.Time
}

const (
	countAge  = 15 * time.Second       // how long a count counts as fresh; the open mailbox's is always
	countWait = 400 * time.Millisecond // how long a page waits for counts; those that come later stand on the next page
)

// specials are the mailboxes with a use of their own, in the order in which they are shown (RFC 6154).
var specials = []struct{ use, icon, name string }{
	{`\Drafts`, "draft", "Drafts"},
	{`\Sent`, "sent", "Sent"},
	{`\Archive`, "archive", "Archive"},
	{`\Junk`, "junk", "Junk"},
	{`\Trash`, "trash", "Trash"},
}

// folders lists the account's mailboxes: inbox, those with a special use, then all others as a tree.
func (s *Server) folders(c *call, current mailstore.Mailbox) ([]folder, []mailstore.Info, error) {
	infos, err := c.session.account.Mailboxes(c.ctx())
	if err != nil {
		return nil, nil, err
	}
	counts := c.session.unseen(c.ctx(), infos, current, s.log)
	delim := string(c.session.account.Delimiter())
	list := make([]folder, 0, len(infos))
	for _, in := range infos {
		list = append(list, newFolder(in, delim, counts, current))
	}
	arrange(list, delim)
	return list, infos, nil
}

// arrange puts the inbox first, then the special mailboxes in their order, then the others, each with what stands below it.
func arrange(list []folder, delim string) {
	var tops []folder
	for i := range list {
		f := &list[i]
		if f.rank = f.ownRank(); f.rank > 0 && f.Special() {
			tops = append(tops, *f)
		}
	}
	for _, top := range tops {
		for i := range list {
			f := &list[i]
			if below, ok := strings.CutPrefix(f.Full, top.Full+delim); ok && !f.Special() {
				f.rank, f.Depth = top.rank, min(strings.Count(below, delim)+1, 6)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b folder) int { return cmp.Compare(a.rank, b.rank) })
}

func newFolder(in mailstore.Info, delim string, counts map[string]uint32, current mailstore.Mailbox) folder {
	levels := strings.Split(in.Name, delim)
	f := folder{Name: shown(levels[len(levels)-1]), Full: in.Name, Icon: "folder", Depth: min(len(levels)-1, 6), Unseen: counts[in.Name]}
	if !in.NoSelect {
		f.Path = boxPath(in.Name)
	}
	f.Current = current != nil && current.Name() == in.Name
	if in.Name == mailstore.Inbox {
		f.Name, f.Icon = "Inbox", "inbox"
	}
	for _, sp := range specials {
		if in.SpecialUse == sp.use {
			f.Icon, f.Depth = sp.icon, 0
		}
	}
	return f
}

// ownRank is the place of a mailbox for its own use.
func (f folder) ownRank() int {
	if f.Icon == "inbox" {
		return 0
	}
	for i, sp := range specials {
		if f.Icon == sp.icon {
			return i + 1
		}
	}
	return len(specials) + 1
}

// Special says whether the mailbox stands among the first ones.
func (f folder) Special() bool { return f.rank <= len(specials) }

// unseen gives the counts of unread messages: the open mailbox's from its state, the others' from at most countAge ago.
func (sess *session) unseen(ctx context.Context, infos []mailstore.Info, current mailstore.Mailbox, log *slog.Logger) map[string]uint32 {
	ctx, cancel := context.WithTimeout(ctx, countWait)
	defer cancel()
	counts := make(map[string]uint32, len(infos))
	for _, in := range infos {
		if in.NoSelect {
			continue
		}
		if current != nil && current.Name() == in.Name {
			counts[in.Name] = current.Status().Unseen
			continue
		}
		counts[in.Name] = sess.unseenIn(ctx, in.Name, log)
	}
	return counts
}

func (sess *session) unseenIn(ctx context.Context, name string, log *slog.Logger) uint32 {
	sess.mu.Lock()
	known, ok := sess.counts[name]
	sess.mu.Unlock()
	now := time.Now()
	if (ok && now.Sub(known.at) < countAge) || ctx.Err() != nil {
		return known.unseen
	}
	st, err := sess.account.Status(ctx, name, 0)
	if err != nil {
		log.Debug("no count", slog.String("mailbox", name), slog.Any("err", err))
		return known.unseen
	}
	sess.mu.Lock()
	sess.counts[name] = count{unseen: st.Unseen, at: now}
	sess.mu.Unlock()
	return st.Unseen
}

// forget makes the next page count the named mailboxes anew.
func (sess *session) forget(names ...string) {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	for _, name := range names {
		delete(sess.counts, name)
	}
}

// special gives the mailbox with this use, or "".
func special(infos []mailstore.Info, use string) string {
	for _, in := range infos {
		if in.SpecialUse == use && !in.NoSelect {
			return in.Name
		}
	}
	return ""
}

func specialUseOf(infos []mailstore.Info, name string) string {
	for _, in := range infos {
		if in.Name == name {
			return in.SpecialUse
		}
	}
	return ""
}
