package storetest

import (
	"slices"
	"time"

	"restante/mailstore"
)

var watchTests = []test{
	{"messages of a mailbox that is not open", watchMessages},
	{"names and subscriptions", watchTree},
	{"annotations", watchAnnotations},
	{"nothing after stop", watchStop},
}

// patience is how long a test waits for what must come.
const patience = time.Minute

// told collects what Watch tells.
type told struct {
	calls chan string
	early map[string]bool // names that until was told of while it waited for another
	stop  func()
}

func (e *env) watchAccount(what mailstore.Watched) *told {
	t := &told{calls: make(chan string, 1000), early: make(map[string]bool)}
	t.stop = e.acct.Watch(what, func(name string) {
		select {
		case t.calls <- name:
		default:
		}
	})
	return t
}

// until waits for calls that tell of name, at least one, and looks after each,
// until what it sees is right.
func (e *env) until(t *told, name, what string, right func() bool) {
	e.Helper()
	deadline := time.After(patience)
	if t.early[name] && right() {
		t.early[name] = false
		return
	}
	for {
		select {
		case got := <-t.calls:
			if got == name && right() {
				return
			}
			t.early[got] = true
		case <-deadline:
			e.Fatalf("%s was never told", what)
		}
	}
}

func watchMessages(e *env) {
	e.need(Watch)
	e.create("Box")
	e.create("Other")
	status := func() mailstore.Status {
		st, err := e.acct.Status(e.ctx, "Box", 0)
		e.ok(err, "status")
		return st
	}
	t := e.watchAccount(mailstore.Watched{Messages: []string{"Box", mailstore.Inbox, "never"}})
	defer t.stop()
	var uids []mailstore.UID
	e.briefly("Box", func(m mailstore.Mailbox) { uids = e.add(m, text("a"), text("b")) })
	e.until(t, "Box", "an append", func() bool { return status().Messages == 2 })
	e.briefly("Box", func(m mailstore.Mailbox) {
		e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids[0])
	})
	e.until(t, "Box", "a flag", func() bool { return status().Unseen == 1 })
	e.briefly("Box", func(m mailstore.Mailbox) { e.expunge(m, uids[1]) })
	e.until(t, "Box", "an expunge", func() bool { return status().Messages == 1 })
	e.briefly("Box", func(m mailstore.Mailbox) {
		e.briefly("Other", func(dest mailstore.Mailbox) {
			_, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[0]), dest)
			e.ok(err, "move")
		})
	})
	e.until(t, "Box", "a move", func() bool { return status().Messages == 0 })
	for {
		select {
		case name := <-t.calls:
			if name == "Other" || name == "" {
				e.Errorf("told of %q, which is not watched", name)
			}
			continue
		default:
		}
		break
	}
}

// briefly opens a mailbox for as long as fn runs.
func (e *env) briefly(name string, fn func(m mailstore.Mailbox)) {
	e.Helper()
	m, err := e.acct.Open(e.ctx, name)
	e.ok(err, "open "+name)
	fn(m)
	e.ok(m.Close(), "close "+name)
}

func watchTree(e *env) {
	e.need(Watch)
	deep := e.name("a", "b")
	has := func(name string) func() bool {
		return func() bool { return slices.Contains(e.names(true), name) }
	}
	t := e.watchAccount(mailstore.Watched{Tree: true})
	e.create(deep)
	e.until(t, "", "a mailbox", has(deep))
	t.stop()
	t = e.watchAccount(mailstore.Watched{Tree: true})
	e.create(e.name("a", "c"))
	e.until(t, "", "a mailbox beside it", has(e.name("a", "c")))
	e.ok(e.acct.Rename(e.ctx, deep, "d"), "rename")
	e.until(t, "", "a rename", has("d"))
	e.ok(e.acct.Subscribe(e.ctx, "d", true), "subscribe")
	e.until(t, "", "a subscription", func() bool { in, _ := e.info("d"); return in.Subscribed })
	e.ok(e.acct.SetSpecialUse(e.ctx, "d", `\Archive`), "special use")
	e.until(t, "", "a special use", func() bool { in, _ := e.info("d"); return in.SpecialUse == `\Archive` })
	e.ok(e.acct.Subscribe(e.ctx, "d", false), "unsubscribe")
	e.until(t, "", "its end", func() bool { in, _ := e.info("d"); return !in.Subscribed })
	e.ok(e.acct.Delete(e.ctx, "d"), "delete")
	e.until(t, "", "a deletion", func() bool { return !has("d")() })
	t.stop()
}

func watchAnnotations(e *env) {
	e.need(Watch)
	for _, name := range []string{"Box", "Other"} {
		e.create(name)
	}
	t := e.watchAccount(mailstore.Watched{Annotations: []string{"Box", "never", mailstore.Inbox}})
	account := e.watchAccount(mailstore.Watched{Notes: true})
	defer t.stop()
	defer account.stop()
	has := func(name, value string) func() bool {
		return func() bool {
			notes, err := e.acct.Annotations(e.ctx, name)
			e.ok(err, "annotations of "+name)
			return notes["/private/x"] == value
		}
	}
	for _, value := range []string{"one", "two", ""} {
		clear(t.early)
		for _, name := range []string{mailstore.Inbox, "Box", "Other", ""} {
			e.annotate(name, "/private/x", value)
		}
		e.until(t, mailstore.Inbox, "a note on INBOX", has(mailstore.Inbox, value))
		e.until(t, "Box", "a note on a mailbox", has("Box", value))
		e.until(account, "", "a note on the account", has("", value))
	}
	e.briefly("Other", func(m mailstore.Mailbox) { e.add(m, text("a")) })
	for len(t.calls) > 0 {
		if name := <-t.calls; name == "Other" || name == "" {
			e.Errorf("told of %q, which is not watched", name)
		}
	}
}

func watchStop(e *env) {
	e.need(Watch)
	t := e.watchAccount(mailstore.Watched{Messages: []string{mailstore.Inbox}, Tree: true})
	t.stop()
	for len(t.calls) > 0 {
		<-t.calls
	}
	other := e.watchAccount(mailstore.Watched{Messages: []string{mailstore.Inbox}, Tree: true})
	defer other.stop()
	e.briefly(mailstore.Inbox, func(m mailstore.Mailbox) { e.add(m, text("a")) })
	e.create("x")
	e.until(other, "", "a mailbox", func() bool { return slices.Contains(e.names(true), "x") })
	// A call may have been under way.
	if n := len(t.calls); n > 1 {
		e.Errorf("%d calls after stop", n)
	}
}
