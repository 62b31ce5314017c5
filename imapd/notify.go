package imapd

import (
	"context"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"restante/imap"
	"restante/mailstore"
)

// A notifier tells a session what NOTIFY asked for: docs/design/notify.md. It
// belongs to the session's goroutine, but for pending.
type notifier struct {
	s       *session
	pending *pending
	asked   bool // NOTIFY was given; else only ENABLE METADATA

	// Of the selected mailbox.
	hasSelected bool
	selected    events
	delayed     bool       // EXPUNGE only when a command or IDLE allows it
	newMessage  *fetchPlan // told of new messages; nil for nothing

	// Of the others: groups[i] are the events of scope.filters[i].
	scope  *scope
	groups []events
	all    events
	tree   bool // names have to be watched too
	lost   bool // names could not be listed when it was tried last, and that was logged

	places map[string]place // the names in scope as they were told last, if tree is set
	boxes  map[string]*watchedBox
	server noted        // the annotations of the server
	seed   maphash.Seed // of the hashes of annotations
	stop   func()       // of the account's watch
	rest   time.Time    // until then nothing is looked at
}

// A watchedBox is a mailbox in scope with its state as it was told last.
type watchedBox struct {
	wants  events
	status mailstore.Status
	known  bool // status is set
	failed bool // the last look has failed, and that was logged
	noted  noted
}

const (
	// lookPause is the least time between two looks at mailboxes: news comes at
	// once when it is rare, and a flood of deliveries costs four looks a second.
	lookPause = 250 * time.Millisecond
	// lookRetry is when a mailbox that could not be looked at gets its next chance.
	lookRetry = 5 * time.Second
	// lookTime bounds a look, as the client may be about to send a command.
	lookTime = 2 * time.Second
)

// wanted are the events of a name. Groups behind one that says NONE do not count.
func (n *notifier) wanted(in *mailstore.Info) (ev events) {
	for i := range n.scope.filters {
		if !n.scope.meant(&n.scope.filters[i], in) {
			continue
		}
		if n.groups[i] == 0 {
			break
		}
		ev |= n.groups[i]
	}
	return ev
}

// begin takes the state from which changes are told, and tells it if status is set
// (RFC 5465 section 3.1).
func (n *notifier) begin(status bool) error {
	if n.all == 0 {
		return nil
	}
	if err := n.findBoxes(); err != nil {
		return err
	}
	n.watch()
	for i, name := range slices.Sorted(maps.Keys(n.boxes)) {
		n.s.step(i, len(n.boxes))
		b := n.boxes[name]
		if err := n.firstLook(name, b); err != nil {
			n.pending.note(name)
		} else if status && b.known && b.wants&(evMessages|evFlags) != 0 && name != n.s.mailboxName() {
			n.sendStatus(name, b)
		}
	}
	if n.all&evServer != 0 {
		if _, err := n.lookNoted("", &n.server); err != nil {
			n.pending.note("")
		}
	}
	if n.tree {
		n.pending.note("") // it may have changed before it was watched
	}
	return nil
}

// firstLook takes the state of a mailbox of which nothing was told yet.
func (n *notifier) firstLook(name string, b *watchedBox) error {
	if b.wants&evMetadata != 0 {
		if _, err := n.lookNoted(name, &b.noted); err != nil {
			return err
		}
	}
	if b.wants&evStatus == 0 {
		return nil
	}
	return n.look(name, b)
}

// findBoxes finds the mailboxes in scope.
func (n *notifier) findBoxes() error {
	if !n.tree {
		for _, name := range n.scope.named() {
			if ev := n.wanted(&mailstore.Info{Name: name}); ev&evBox != 0 {
				n.boxes[name] = &watchedBox{wants: ev}
			}
		}
		return n.checkLimit()
	}
	var err error
	if n.places, err = n.listPlaces(); err != nil {
		return err
	}
	n.setBoxes()
	return n.checkLimit()
}

// errOverflow refuses what is too much to be watched.
var errOverflow = no("NOTIFICATIONOVERFLOW", "These are too many mailboxes to be watched; name some of them")

func (n *notifier) checkLimit() error {
	if max(len(n.boxes), len(n.places)) > n.s.srv.opt.Limits.Watched {
		return errOverflow
	}
	return nil
}

// watch begins to watch what is in scope, and ends what was watched before.
func (n *notifier) watch() {
	before := n.stop
	what := mailstore.Watched{Tree: n.tree, Notes: n.all&evServer != 0}
	for _, name := range slices.Sorted(maps.Keys(n.boxes)) {
		if n.boxes[name].wants&evStatus != 0 {
			what.Messages = append(what.Messages, name)
		}
		if n.boxes[name].wants&evMetadata != 0 {
			what.Annotations = append(what.Annotations, name)
		}
	}
	_ = n.s.long(func(context.Context) error {
		n.stop = n.s.account.Watch(what, n.pending.note)
		return nil
	})
	if before != nil {
		before()
	}
}

// close ends the watch.
func (n *notifier) close() {
	if n.stop != nil {
		n.stop()
		n.stop = nil
	}
}

// overflow gives up: from now on nothing is told, as after NOTIFY NONE (RFC 5465
// section 5.8).
func (n *notifier) overflow() {
	n.close()
	n.s.w.Status("", imap.OK, "NOTIFICATIONOVERFLOW", "There are too many mailboxes to be watched; nothing is told from now on")
	*n = notifier{s: n.s, asked: n.asked, seed: n.seed, pending: newPending(), scope: &scope{}}
	n.s.heed()
}

// tell looks at what may have changed and tells it.
func (n *notifier) tell() {
	names, tree := n.pending.take()
	if len(names) == 0 && !tree {
		return
	}
	n.rest = time.Now().Add(lookPause)
	if tree && n.tree {
		n.tellTree(nil)
	}
	if tree {
		n.tellServer()
	}
	for _, name := range names {
		b := n.boxes[name]
		if b == nil {
			continue
		}
		if b.wants&evMetadata != 0 {
			if err := n.tellNoted(name, &b.noted); err != nil {
				n.retry(name)
			}
		}
		if b.wants&evStatus != 0 && name != n.s.mailboxName() {
			n.tellStatus(name, b) // the selected one is looked at when it is left
		}
	}
}

// tellStatus looks at the messages of a mailbox and tells its state if it is news.
func (n *notifier) tellStatus(name string, b *watchedBox) {
	before := *b
	if err := n.look(name, b); err != nil {
		n.retry(name)
		return
	}
	if b.known && b.news(&before) {
		n.sendStatus(name, b)
	}
}

// retry sees to it that a mailbox that could not be looked at, or with "" the server,
// is looked at again later.
func (n *notifier) retry(name string) {
	n.pending.note(name)
	n.rest = time.Now().Add(lookRetry)
}

// look takes the state of a mailbox. It fails when there may be a state later.
func (n *notifier) look(name string, b *watchedBox) error {
	err := n.s.long(func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		b.status, err = n.s.account.Status(ctx, name, 0)
		return err
	})
	b.known = err == nil
	if isAbsent(err) {
		return nil
	}
	if err != nil && !b.failed { // once, not each time
		n.s.log().Warn("watched mailbox cannot be looked at", slog.String("mailbox", name), slog.Any("err", err))
	}
	b.failed = err != nil
	return err
}

// news reports whether something has happened that is to be told. A mailbox that
// was not there is news if it has messages.
func (b *watchedBox) news(before *watchedBox) bool {
	now, then := &b.status, &before.status
	if !before.known {
		return b.wants&evMessages != 0 && now.Messages > 0
	}
	other := now.UIDValidity != then.UIDValidity
	switch {
	case b.wants&evMessages != 0 && (other || now.UIDNext != then.UIDNext || now.Messages != then.Messages):
		return true
	case b.wants&evFlags != 0:
		return other || now.HighestModSeq != then.HighestModSeq || now.Unseen != then.Unseen || now.Deleted != then.Deleted
	}
	return false
}

// sendStatus tells the state of a mailbox. FlagChange needs HIGHESTMODSEQ (RFC 5465
// section 5.1); else only who knows mod-sequences gets it.
func (n *notifier) sendStatus(name string, b *watchedBox) {
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen}
	if b.wants&evFlags != 0 || n.s.condstore {
		items = append(items, imap.StatusHighestModSeq)
	}
	n.s.writeStatus(name, &b.status, items)
}

// pending is what may have changed and has not been looked at. It is filled by any
// goroutine.
type pending struct {
	mu    sync.Mutex
	boxes map[string]struct{}
	tree  bool
	wake  func() // gives a sign; nil for none
}

func newPending() *pending { return &pending{boxes: make(map[string]struct{})} }

// note notes a mailbox, or with "" the tree.
func (p *pending) note(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == "" {
		p.tree = true
	} else {
		p.boxes[name] = struct{}{}
	}
	if p.wake != nil {
		p.wake()
	}
}

// wakes has fn called for what is noted from now on; nil ends it.
func (p *pending) wakes(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake = fn
}

// empty reports whether nothing is noted.
func (p *pending) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.boxes) == 0 && !p.tree
}

// take gives what was noted and forgets it.
func (p *pending) take() (boxes []string, tree bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	boxes, tree = slices.Sorted(maps.Keys(p.boxes)), p.tree
	clear(p.boxes)
	p.tree = false
	return boxes, tree
}
