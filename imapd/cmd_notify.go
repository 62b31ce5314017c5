package imapd

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"restante/imap"
)

// cmdNotify is NOTIFY (RFC 5465). What has gathered in the selected mailbox is told
// by the rules that held until now (section 3.1).
func (s *session) cmdNotify(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Notify)
	n, err := s.newNotifier(args)
	if err != nil {
		return reply{}, err
	}
	if len(args.Groups) > 0 {
		if err := s.refresh(); err != nil {
			return reply{}, err
		}
		if s.view != nil {
			s.sendNews(true, false)
		}
	}
	if err := n.begin(args.Status); err != nil {
		n.close()
		return reply{}, err
	}
	n.inherit(s.notify)
	s.endNotify()
	s.notify = n
	s.heed()
	return reply{}, nil
}

// events is a set of what NOTIFY tells.
type events uint8

const (
	evMessages     events = 1 << iota // MessageNew and MessageExpunge, which need each other
	evFlags                           // FlagChange
	evName                            // MailboxName
	evSubscription                    // SubscriptionChange
	evMetadata                        // MailboxMetadataChange
	evServer                          // ServerMetadataChange

	// Those for which mailboxes are looked at, and those for which that is a Status.
	evBox    = evStatus | evMetadata
	evStatus = evMessages | evFlags | evName
)

// A namedEvent is an event by its name.
type namedEvent struct {
	name imap.EventName
	events
}

// notifyEvents are the events that there are.
var notifyEvents = []namedEvent{
	{imap.EventMessageNew, evMessages},
	{imap.EventMessageExpunge, evMessages},
	{imap.EventFlagChange, evFlags},
	{imap.EventMailboxName, evName},
	{imap.EventSubscriptionChange, evSubscription},
	{imap.EventMailboxMetadataChange, evMetadata},
	{imap.EventServerMetadataChange, evServer},
}

// eventsOf reads the events of a group.
func eventsOf(g *imap.EventGroup) (ev events, err error) {
	for _, e := range g.Events {
		i := slices.IndexFunc(notifyEvents, func(known namedEvent) bool { return known.name == e.Name })
		if i < 0 {
			return 0, errBadEvent(e.Name)
		}
		ev |= notifyEvents[i].events
	}
	return ev, nil
}

// errBadEvent refuses an event that there is not, and names those that there are.
func errBadEvent(name imap.EventName) error {
	var known []string
	for _, e := range notifyEvents {
		known = append(known, string(e.name))
	}
	return no(fmt.Sprintf("BADEVENT (%s)", strings.Join(known, " ")), "There is no event %.40s here", strings.ToValidUTF8(string(name), "?"))
}

// newNotifier reads what NOTIFY asks for.
func (s *session) newNotifier(args *imap.Notify) (*notifier, error) {
	n := &notifier{s: s, asked: true, pending: newPending(), boxes: make(map[string]*watchedBox), seed: maphash.MakeSeed()}
	if s.notify != nil {
		n.seed = s.notify.seed
	}
	var filters []imap.MailboxFilter
	if s.metadata { // first, as a NONE does not count for it
		filters, n.groups = s.allMetadata()
		n.all = evMetadata | evServer
	}
	for i := range args.Groups {
		g := &args.Groups[i]
		ev, err := eventsOf(g)
		if err != nil {
			return nil, err
		}
		switch g.Filter.Kind {
		case imap.FilterSelected, imap.FilterSelectedDelayed:
			if n.hasSelected {
				return nil, bad("selected and selected-delayed can be given once, and not both")
			}
			n.hasSelected, n.selected, n.delayed = true, ev, g.Filter.Kind == imap.FilterSelectedDelayed
			n.newMessage = newMessagePlan(g)
		default:
			filters = append(filters, g.Filter)
			n.groups = append(n.groups, ev)
			n.all |= ev
		}
	}
	n.scope = s.newScope(filters)
	n.tree = n.all != 0 && (n.scope.needsTree() || n.all&(evName|evSubscription|evMetadata) != 0)
	return n, nil
}

// newMessagePlan is what is fetched of a new message, nil for nothing. No message
// becomes \Seen by it.
func newMessagePlan(g *imap.EventGroup) *fetchPlan {
	for _, e := range g.Events {
		if len(e.Fetch) > 0 {
			return planFetch(e.Fetch, true, true)
		}
	}
	return nil
}

// endNotify ends what NOTIFY asked for.
func (s *session) endNotify() {
	if s.notify != nil {
		s.notify.close()
		s.notify = nil
	}
}
