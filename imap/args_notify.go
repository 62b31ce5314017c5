package imap

import "strings"

// Notify is the argument of NOTIFY (RFC 5465).
type Notify struct {
	// Groups is empty for NOTIFY NONE.
	Groups []EventGroup
	// Status asks for the state of the mailboxes to begin with.
	Status bool
}

// An EventGroup says which events are to be told of some mailboxes.
type EventGroup struct {
	Filter MailboxFilter
	// Events is empty for NONE.
	Events []NotifyEvent
}

// A NotifyEvent is an event of RFC 5465 section 5. Names that are not known here are kept, in the letters they were
// written in, for the engine to refuse.
type NotifyEvent struct {
	Name EventName
	// Fetch has what is to be told of a new message, for EventMessageNew in the selected mailbox.
	Fetch []FetchItem
}

// EventName names an event.
type EventName string

// The events of RFC 5465.
const (
	EventMessageNew            EventName = "MessageNew"
	EventMessageExpunge        EventName = "MessageExpunge"
	EventFlagChange            EventName = "FlagChange"
	EventAnnotationChange      EventName = "AnnotationChange"
	EventMailboxName           EventName = "MailboxName"
	EventSubscriptionChange    EventName = "SubscriptionChange"
	EventMailboxMetadataChange EventName = "MailboxMetadataChange"
	EventServerMetadataChange  EventName = "ServerMetadataChange"
)

// IsMailbox reports whether it is an event of mailboxes or the server.
func (e EventName) IsMailbox() bool {
	switch e {
	case EventMailboxName, EventSubscriptionChange, EventMailboxMetadataChange, EventServerMetadataChange:
		return true
	}
	return false
}

// notify (RFC 5465 section 8):
//
//	notify           = "NOTIFY" SP (notify-add / notify-none)
//	notify-add       = "SET" [status-indicator] SP event-groups
//	notify-none      = "NONE"
//	status-indicator = SP "STATUS"
//	event-groups     = event-group *(SP event-group)
func (p *parser) notify() Args {
	a := new(Notify)
	p.sp()
	switch string(p.keyword()) {
	case "NONE":
		return a
	case "SET":
	default:
		p.expected("SET or NONE")
	}
	p.sp()
	if p.peek() != '(' {
		if string(p.keyword()) != "STATUS" {
			p.expected(`STATUS or "("`)
		}
		a.Status = true
		p.sp()
	}
	for p.err == nil {
		a.Groups = append(a.Groups, p.eventGroup())
		if !p.accept(' ') || p.atEnd() {
			break
		}
	}
	return a
}

// eventGroup:
//
//	event-group = "(" filter-mailboxes SP events ")"
//	events      = ("(" event *(SP event) ")") / "NONE"
func (p *parser) eventGroup() EventGroup {
	p.open()
	g := EventGroup{Filter: p.filterMailboxes()}
	p.sp()
	if p.accept('(') {
		p.list1(func() { p.event(&g) })
	} else if string(p.keyword()) != "NONE" {
		p.expected(`"(" and events, or NONE`)
	}
	p.close()
	g.check(p)
	return g
}

// event:
//
//	event         = message-event / mailbox-event / user-event / event-ext
//	message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" / "FlagChange" /
//	                "AnnotationChange"
//	mailbox-event = "MailboxName" / "SubscriptionChange" / "MailboxMetadataChange"
//	user-event    = "ServerMetadataChange"
//	event-ext     = atom
func (p *parser) event(g *EventGroup) {
	if n := len(g.Events); n > 0 && p.peek() == '(' && g.Events[n-1].mayFetch() {
		p.open()
		g.Events[n-1].Fetch = p.fetchAtts()
		return
	}
	e := NotifyEvent{Name: EventName(p.atom("an event such as MessageNew"))}
	for _, known := range [...]EventName{EventMessageNew, EventMessageExpunge, EventFlagChange, EventAnnotationChange,
		EventMailboxName, EventSubscriptionChange, EventMailboxMetadataChange, EventServerMetadataChange} {
		if strings.EqualFold(string(e.Name), string(known)) {
			e.Name = known
		}
	}
	g.Events = append(g.Events, e)
}

func (e *NotifyEvent) mayFetch() bool { return e.Name == EventMessageNew && e.Fetch == nil }

// check fails for what RFC 5465 sections 5 and 6.1 exclude.
func (g *EventGroup) check(p *parser) {
	selected := g.Filter.Kind == FilterSelected || g.Filter.Kind == FilterSelectedDelayed
	has := make(map[EventName]bool)
	for _, e := range g.Events {
		has[e.Name] = true
		switch {
		case selected && e.Name.IsMailbox():
			p.fail(ErrSyntax, "only events of messages can be told of the selected mailbox, not "+string(e.Name))
		case !selected && e.Fetch != nil:
			p.fail(ErrSyntax, "data items can be told of the selected mailbox only")
		}
	}
	switch {
	case has[EventMessageNew] != has[EventMessageExpunge]:
		p.fail(ErrSyntax, "MessageNew and MessageExpunge need each other")
	case (has[EventFlagChange] || has[EventAnnotationChange]) && !has[EventMessageNew]:
		p.fail(ErrSyntax, "FlagChange needs MessageNew and MessageExpunge beside it")
	}
}

func (a *Notify) appendArgs(b []byte) []byte {
	if len(a.Groups) == 0 {
		return append(b, " NONE"...)
	}
	b = append(b, " SET"...)
	if a.Status {
		b = append(b, " STATUS"...)
	}
	for i := range a.Groups {
		b = a.Groups[i].appendTo(append(b, ' '))
	}
	return b
}

func (g *EventGroup) appendTo(b []byte) []byte {
	b = g.Filter.appendTo(append(b, '('))
	if len(g.Events) == 0 {
		return append(b, " NONE)"...)
	}
	sep := " ("
	for i := range g.Events {
		e := &g.Events[i]
		b = append(append(b, sep...), e.Name...)
		sep = " "
		for j := range e.Fetch {
			if j == 0 {
				b = append(b, " ("...)
			} else {
				b = append(b, ' ')
			}
			b = e.Fetch[j].appendAsked(b)
		}
		if len(e.Fetch) > 0 {
			b = append(b, ')')
		}
	}
	return append(b, "))"...)
}
