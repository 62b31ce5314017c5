package memory

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"restante/mailstore"
)

// account implements mailstore.Account. One lock guards the tree and excludes
// all writes to its mailboxes from one another, which makes Move and Rename
// between mailboxes atomic without an order of locks. Readers of a mailbox need
// only the lock of its index.
type account struct {
	*mailstore.Room
	delim string

	mu           sync.Mutex
	boxes        map[string]*mailbox
	places       map[string]bool // names made with a trailing delimiter
	subscribed   map[string]bool
	uses         mailstore.SpecialUses
	annotations  []byte // the account's own
	nextValidity uint32
	watches      map[*watch]struct{}
}

func newAccount(opt Options) *account {
	a := &account{
		delim:        string(opt.Delimiter),
		boxes:        make(map[string]*mailbox),
		places:       make(map[string]bool),
		subscribed:   make(map[string]bool),
		uses:         make(mailstore.SpecialUses),
		nextValidity: opt.UIDValidity,
		watches:      make(map[*watch]struct{}),
	}
	a.add(mailstore.Inbox)
	a.Room = mailstore.NewRoom(func(set mailstore.Amount) (mailstore.Amount, mailstore.Counter) { return set, a.count })
	return a
}

// count counts all messages, with the octets that clients see.
func (a *account) count(ctx context.Context) (sum mailstore.Amount, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.boxes {
		s := m.Status()
		sum.Octets += s.Size
		sum.Messages += int64(s.Messages)
	}
	return sum, ctx.Err()
}

// add makes a mailbox; the caller has the lock.
func (a *account) add(name string) *mailbox {
	m := newMailbox(a, name, a.nextValidity)
	a.nextValidity++
	a.boxes[name] = m
	delete(a.places, name)
	return m
}

// Delimiter is the hierarchy separator of the account's names.
func (a *account) Delimiter() rune {
	r, _ := utf8.DecodeRuneInString(a.delim)
	return r
}

// Mailboxes lists the account's names.
func (a *account) Mailboxes(ctx context.Context) ([]mailstore.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, &mailstore.Error{Op: "list", Err: err}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	have := make([]mailstore.Info, 0, len(a.boxes)+len(a.places))
	for name := range a.boxes {
		have = append(have, mailstore.Info{Name: name})
	}
	for name := range a.places {
		have = append(have, mailstore.Info{Name: name, NoSelect: true})
	}
	a.uses.Mark(have)
	subs := slices.Collect(maps.Keys(a.subscribed))
	return mailstore.FinishList(have, subs, a.Delimiter()), nil
}

// Create makes a mailbox or, with a trailing delimiter, a place for others.
func (a *account) Create(ctx context.Context, name string) error {
	return a.change(ctx, "create", name, func(name string) error {
		name, place := strings.CutSuffix(name, a.delim)
		if err := a.check(name); err != nil {
			return err
		}
		switch {
		case a.boxes[name] != nil, place && a.places[name]:
			return mailstore.ErrExists
		case place:
			a.places[name] = true
		default:
			a.add(name)
		}
		return nil
	})
}

// Delete removes a mailbox, or a name that leads nowhere.
func (a *account) Delete(ctx context.Context, name string) error {
	return a.change(ctx, "delete", name, func(name string) error {
		m := a.boxes[name]
		switch {
		case name == mailstore.Inbox:
			return mailstore.ErrNotPermitted
		case m != nil:
			m.gone.Store(true)
			m.End()
			delete(a.boxes, name)
			delete(a.uses, name)
		case a.hasChildren(name):
			return mailstore.ErrHasChildren
		case a.places[name]:
			delete(a.places, name)
		default:
			return mailstore.ErrNotFound
		}
		return nil
	})
}

// Rename moves a name and all below it; of INBOX it moves the messages.
func (a *account) Rename(ctx context.Context, from, to string) error {
	return a.change(ctx, "rename", from, func(from string) error {
		to := mailstore.CanonicalName(to, a.Delimiter())
		if err := a.check(to); err != nil {
			return err
		}
		switch {
		case a.boxes[to] != nil:
			return mailstore.ErrExists
		case from == mailstore.Inbox:
			_, err := a.boxes[from].transfer(mailstore.AllUIDs(), a.add(to), true)
			return err
		case strings.HasPrefix(to, from+a.delim):
			return mailstore.ErrNotPermitted
		}
		if err := a.renameTree(from, to); err != nil {
			return err
		}
		a.uses.Rename(from, to, a.Delimiter())
		return nil
	})
}

// renameTree gives from and all names below it their new names, or none when
// one of them is taken.
func (a *account) renameTree(from, to string) error {
	moved := make(map[string]string)
	for _, name := range slices.Concat(slices.Collect(maps.Keys(a.boxes)), slices.Collect(maps.Keys(a.places))) {
		if name != from && !strings.HasPrefix(name, from+a.delim) {
			continue
		}
		moved[name] = to + name[len(from):]
		if a.boxes[moved[name]] != nil {
			return mailstore.ErrExists
		}
	}
	if len(moved) == 0 {
		return mailstore.ErrNotFound
	}
	for name, newName := range moved {
		if m := a.boxes[name]; m != nil {
			delete(a.boxes, name)
			a.boxes[newName] = m
			m.name.Store(&newName)
			delete(a.places, newName)
			continue
		}
		delete(a.places, name)
		a.places[newName] = true
	}
	return nil
}

// SetSpecialUse gives a mailbox a special use.
func (a *account) SetSpecialUse(ctx context.Context, name, use string) error {
	return a.change(ctx, "special use", name, func(name string) error {
		name = strings.TrimSuffix(name, a.delim)
		if _, err := a.find(name); err != nil {
			return err
		}
		return a.uses.Give(name, use)
	})
}

// ACL returns what others may do with a mailbox.
func (a *account) ACL(ctx context.Context, name string) (mailstore.ACL, error) {
	var l mailstore.ACL
	err := a.with(ctx, "acl of", name, func(name string) error {
		m, err := a.find(name)
		if err == nil {
			l = mailstore.ParseACL(m.acl)
		}
		return err
	})
	return l, err
}

// ChangeACL changes what others may do with a mailbox.
func (a *account) ChangeACL(ctx context.Context, name string, change func(*mailstore.ACL) error) error {
	return a.with(ctx, "change acl of", name, func(name string) error {
		m, err := a.find(name)
		if err != nil {
			return err
		}
		data, _, err := mailstore.ChangeACL(m.acl, change)
		if err == nil {
			m.acl = data
		}
		return err
	})
}

// Annotations returns what was noted of a mailbox or of the account.
func (a *account) Annotations(ctx context.Context, name string) (mailstore.Annotations, error) {
	var notes mailstore.Annotations
	err := a.with(ctx, "annotations of", name, func(name string) error {
		data, err := a.notes(name)
		if err == nil {
			notes = mailstore.ParseAnnotations(*data)
		}
		return err
	})
	return notes, err
}

// ChangeAnnotations changes what was noted.
func (a *account) ChangeAnnotations(ctx context.Context, name string, change func(mailstore.Annotations) error) error {
	return a.with(ctx, "change annotations of", name, func(name string) error {
		data, err := a.notes(name)
		if err != nil {
			return err
		}
		after, changed, err := mailstore.ChangeAnnotations(*data, change)
		if err == nil && changed {
			*data = after
			a.tellNotes(name)
		}
		return err
	})
}

// notes is where the annotations of a mailbox stand, or those of the account.
func (a *account) notes(name string) (*[]byte, error) {
	if name == "" {
		return &a.annotations, nil
	}
	m, err := a.find(name)
	if err != nil {
		return nil, err
	}
	return &m.annotations, nil
}

// Subscribe changes the subscriptions.
func (a *account) Subscribe(ctx context.Context, name string, on bool) error {
	return a.change(ctx, "subscribe", name, func(name string) error {
		name = strings.TrimSuffix(name, a.delim)
		if !on {
			delete(a.subscribed, name)
			return nil
		}
		if err := a.check(name); err != nil {
			return err
		}
		a.subscribed[name] = true
		return nil
	})
}

// Status returns a mailbox's state.
func (a *account) Status(ctx context.Context, name string, items mailstore.StatusItems) (mailstore.Status, error) {
	var s mailstore.Status
	err := a.with(ctx, "status", name, func(name string) error {
		m, err := a.find(name)
		if err == nil {
			s = m.Status()
			if items&mailstore.WantObjectID != 0 {
				s.ObjectID = m.objectID()
			}
		}
		return err
	})
	return s, err
}

// Open returns the mailbox, the same value to all.
func (a *account) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	var m *mailbox
	err := a.with(ctx, "open", name, func(name string) (err error) {
		m, err = a.find(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Close does nothing: the account lives as long as its store.
func (a *account) Close() error { return nil }

// change is with for what changes the tree, and tells of it.
func (a *account) change(ctx context.Context, op, name string, fn func(name string) error) error {
	return a.with(ctx, op, name, func(name string) error {
		err := fn(name)
		if err == nil {
			a.tellTree()
		}
		return err
	})
}

// with runs fn on the canonical name under the account's lock and wraps its error.
func (a *account) with(ctx context.Context, op, name string, fn func(name string) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := ctx.Err()
	if err == nil {
		err = fn(mailstore.CanonicalName(name, a.Delimiter()))
	}
	if err != nil {
		return &mailstore.Error{Op: op, Mailbox: name, Err: err}
	}
	return nil
}

func (a *account) find(name string) (*mailbox, error) {
	m := a.boxes[name]
	switch {
	case m != nil:
		return m, nil
	case a.places[name], a.hasChildren(name):
		return nil, mailstore.ErrNoSelect
	}
	return nil, mailstore.ErrNotFound
}

func (a *account) hasChildren(name string) bool {
	for other := range a.boxes {
		if strings.HasPrefix(other, name+a.delim) {
			return true
		}
	}
	for other := range a.places {
		if strings.HasPrefix(other, name+a.delim) {
			return true
		}
	}
	return false
}

// check refuses names with an empty level, control characters or broken UTF-8.
func (a *account) check(name string) error {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) ||
		slices.Contains(strings.Split(name, a.delim), "") {
		return mailstore.ErrInvalidName
	}
	return nil
}
