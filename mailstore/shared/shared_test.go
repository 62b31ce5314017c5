package shared_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/mailstore/shared"
	"restante/mailstore/storetest"
)

// TestOwn: the user's own mailboxes are what the contract wants, whether or not there
// are others.
func TestOwn(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		below := memory.New(memory.Options{})
		store := shared.New(shared.Options{Store: below, Users: everybody})
		open := func(t *testing.T) mailstore.Account {
			jane := mailstore.User{Name: "jane@a.org"}
			acct, err := store.OpenAccount(t.Context(), jane)
			if err != nil {
				t.Fatal(err)
			}
			own, err := below.OpenAccount(t.Context(), jane)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { own.Close() })
			return limited{acct, own.(mailstore.Limiter)}
		}
		return storetest.Harness{Account: open(t), Reopen: open, Cannot: map[storetest.Ability]string{
			storetest.Progress: "nothing takes long in memory",
		}}
	})
}

func TestNames(t *testing.T) {
	w := newWorld(t, shared.Options{})
	const slash, dot, fred = "jane@a.org", "fred.b@a.org", "fred@a.org"
	if got := w.names(fred) + w.names(dot) + w.names(slash); got != "" {
		t.Errorf("there is %q before anything is shared", got)
	}
	for _, name := range []string{"a.b/c", "up/down", "hidden/seen"} {
		w.ok(w.of(slash).Create(w.ctx, name))
		w.grant(slash, name, "anyone", "lr")
	}
	w.ok(w.of(slash).Create(w.ctx, "hidden"))
	w.ok(w.of(slash).Create(w.ctx, "Sent"))
	w.grant(slash, "Sent", "authenticated", "l")
	w.ok(w.of(dot).Create(w.ctx, "x.y"))
	w.grant(dot, "x.y", fred, "lr")
	w.grant(dot, "INBOX", "fred", "lr")
	w.ok(w.of(fred).Subscribe(w.ctx, "Other Users/jane/up/down", true))
	w.ok(w.of(fred).Subscribe(w.ctx, "Other Users/jane/hidden", true))
	for _, test := range []struct{ why, user, want string }{
		{"levels of the owner's are the user's; what is hidden, or only above, does not exist", fred,
			"- /fred.b- /fred.b/INBOX /fred.b/x- /fred.b/x/y /jane- /jane/Sent /jane/a.b- /jane/a.b/c /jane/hidden-* /jane/hidden/seen /jane/up- /jane/up/down*"},
		{"delimiters stand for each other", dot, "- .jane- .jane.Sent .jane.a/b- .jane.a/b.c .jane.hidden- .jane.hidden.seen .jane.up- .jane.up.down"},
		{"nobody shares with himself", slash, ""},
		{"another domain", "joe@b.org", ""},
		{"none", "root", ""},
	} {
		if got := w.names(test.user); got != test.want {
			t.Errorf("%s: %s sees %q, want %q", test.why, test.user, got, test.want)
		}
	}
	list, err := w.of(fred).Mailboxes(w.ctx)
	w.ok(err)
	for _, in := range list {
		if strings.Contains(in.Name, "Sent") && in.SpecialUse != "" {
			t.Errorf("what somebody else has sent is %+v", in)
		}
	}
	for user, names := range map[string][]string{
		fred: {"Other Users/fred.b/INBOX", "Other Users/fred.b/inbox", "Other Users/fred.b/x/y", "Other Users/jane/a.b/c"},
		dot:  {"Other Users.jane.a/b.c"},
	} {
		for _, name := range names {
			if got, want := w.box(user, name).Name(), strings.Replace(name, "inbox", "INBOX", 1); got != want {
				t.Errorf("%s has %s open as %q", user, name, got)
			}
		}
	}
	// Users without a domain are among themselves, and a dot in a name is none.
	w.grant("root", "INBOX", "adm", "lr")
	if got := w.names("adm"); got != "- .root- .root.INBOX" {
		t.Errorf("adm sees %q", got)
	}
	w.grant(dot, "INBOX", slash, "lr")
	if got := w.names(slash); got != "- /fred.b- /fred.b/INBOX" {
		t.Errorf("jane sees %q", got)
	}
}

// TestOwnOtherUsers: a mailbox of the user's own that has such a name stays.
func TestOwnOtherUsers(t *testing.T) {
	w := newWorld(t, shared.Options{})
	u, _ := everybody.Lookup("fred@a.org")
	own, err := w.below.OpenAccount(t.Context(), u)
	w.ok(err)
	for _, name := range []string{"Other Users", "Other Users/jane", "Other Users/jane/INBOX", "Other Users/me/x"} {
		w.ok(own.Create(w.ctx, name))
	}
	w.ok(w.of("jane@a.org").Create(w.ctx, "box"))
	w.grant("jane@a.org", "INBOX", "fred", "lr")
	w.grant("jane@a.org", "box", "fred", "lr")
	if got, want := w.names("fred@a.org"), " /jane /jane/INBOX /jane/box /me- /me/x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for name, limited := range map[string]bool{"Other Users": false, "Other Users/jane": false, "Other Users/jane/INBOX": true, "Other Users/me/x": false} {
		if _, ok := w.box("fred@a.org", name).(mailstore.Limited); ok != limited {
			t.Errorf("%s is limited: %v", name, ok)
		}
	}
	w.ok(w.of("fred@a.org").Rename(w.ctx, "Other Users/me/x", "x"))
	w.ok(w.of("fred@a.org").Delete(w.ctx, "Other Users/jane"))
}

// TestInherit: a new mailbox gets the list of the nearest above it.
func TestInherit(t *testing.T) {
	w := newWorld(t, shared.Options{})
	jane, fred := w.of("jane@a.org"), w.of("fred@a.org")
	w.ok(jane.Create(w.ctx, "box"))
	w.grant("jane@a.org", "box", "fred", "lk")
	w.ok(fred.Create(w.ctx, "Other Users/jane/box/x/y"))
	w.ok(jane.Create(w.ctx, "box/own"))
	w.ok(jane.Create(w.ctx, "boxes"))
	if got, want := w.names("fred@a.org"), "- /jane- /jane/box /jane/box/own /jane/box/x- /jane/box/x/y"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := fred.Create(w.ctx, "Other Users/jane/new"); !errors.Is(err, mailstore.ErrNoRight) {
		t.Errorf("at the top: %v", err)
	}
}

func TestGrants(t *testing.T) {
	w := newWorld(t, shared.Options{})
	jane := w.of("jane@a.org")
	grants := func() string {
		list, err := jane.Grants(w.ctx, "INBOX")
		w.ok(err)
		var s strings.Builder
		for _, g := range list {
			s.WriteString(g.Who + " " + g.Rights.String() + "; ")
		}
		return s.String()
	}
	for _, test := range []struct {
		why, who, rights string
		err              error
	}{
		{"a user of the domain, by his name", "fred", "lr", nil},
		{"again, as he writes it", " Fred@A.org ", "lrs", nil},
		{"somebody who is not there: nobody learns it", "nobody", "l", nil},
		{"everybody", "anyone", "l", nil},
		{"not to one of them", "-fred.b@a.org", "l", nil},
		{"another domain", "joe@b.org", "l", mailstore.ErrNotPermitted},
		{"the owner", "jane@a.org", "l", mailstore.ErrNotPermitted},
		{"not to the owner", "-jane", "l", mailstore.ErrNotPermitted},
		{"groups are unknown", "$staff", "l", mailstore.ErrNotPermitted},
		{"no name", "a b", "l", mailstore.ErrInvalidName},
		{"two lines", "fred\nanyone", "lr", mailstore.ErrInvalidName},
		{"none", "", "l", mailstore.ErrInvalidName},
		{"not none", "-", "l", mailstore.ErrInvalidName},
	} {
		r, _ := mailstore.ParseRights(test.rights)
		if err := jane.Grant(w.ctx, "INBOX", test.who, func(mailstore.Rights) mailstore.Rights { return r }); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", test.why, err)
		}
	}
	if got, want := grants(), "jane@a.org lrswipkxtea; fred@a.org lrs; nobody@a.org l; anyone l; -fred.b@a.org l; "; got != want {
		t.Errorf("grants are %q, want %q", got, want)
	}
	for _, who := range []string{"nobody", "-fred.b", "anyone", "anyone", "never"} {
		w.ok(jane.Revoke(w.ctx, "INBOX", who))
	}
	if err := jane.Revoke(w.ctx, "INBOX", "jane"); !errors.Is(err, mailstore.ErrNotPermitted) {
		t.Errorf("the owner is revoked: %v", err)
	}
	w.ok(jane.Grant(w.ctx, "INBOX", "fred", func(r mailstore.Rights) mailstore.Rights { return r&^mailstore.RightRead | mailstore.RightPost }))
	if got, want := grants(), "jane@a.org lrswipkxtea; fred@a.org lsp; "; got != want {
		t.Errorf("grants are %q, want %q", got, want)
	}
	for who, want := range map[string][2]mailstore.Rights{
		"jane": {mailstore.AllRights, 0}, "fred": {0, mailstore.AllRights}, "anyone": {0, mailstore.AllRights}, "joe@b.org": {}, "$x": {}, "-jane": {},
	} {
		if always, optional, err := jane.Grantable(w.ctx, "INBOX", who); always != want[0] || optional != want[1] || err != nil {
			t.Errorf("%s can have %v and %v, %v", who, always, optional, err)
		}
	}
	var err error
	for i := 0; err == nil && i < 2000; i++ {
		err = jane.Grant(w.ctx, "INBOX", "u"+strings.Repeat("x", i%40)+string(rune('a'+i/40)), func(mailstore.Rights) mailstore.Rights { return 1 })
	}
	if !errors.Is(err, mailstore.ErrLimit) {
		t.Errorf("a list without end: %v", err)
	}
}

// TestLost: who loses the right to read has the mailbox open no longer, at once if
// it was taken through this server, and within a second if by another program.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, shared.Options{})
		w.grant("jane@a.org", "INBOX", "fred", "lrs")
		box := w.box("fred@a.org", "Other Users/jane/INBOX")
		_, err := add(w.ctx, w.box("jane@a.org", "INBOX"), mailstore.Flags{}, "one")
		w.ok(err)
		_, c := box.Follow()
		defer c.Close()
		signs := storetest.Signs(c)
		w.grant("jane@a.org", "INBOX", "fred", "lr")
		synctest.Wait()
		if c.Err() != nil {
			t.Errorf("another right is a change: %v", c.Err())
		}
		if _, err := box.SetFlags(w.ctx, mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); !errors.Is(err, mailstore.ErrNoRight) {
			t.Errorf("a flag after the right to it was taken: %v", err)
		}
		select {
		case <-signs: // of the other right
		default:
		}
		w.ok(w.of("jane@a.org").Revoke(w.ctx, "INBOX", "fred"))
		synctest.Wait()
		if len(signs) != 1 || !errors.Is(c.Err(), mailstore.ErrGone) {
			t.Errorf("nobody hears that the right to read was taken: %v", c.Err())
		}
		if changes, _ := c.Next(); changes != nil || box.Status().Messages != 0 {
			t.Error("what happens is still told")
		}
		w.grant("jane@a.org", "INBOX", "fred", "lr")
		if box.Status().Messages != 1 {
			t.Error("a right that was given again is none")
		}
		u, _ := everybody.Lookup("jane@a.org")
		below, err := w.below.OpenAccount(w.ctx, u)
		w.ok(err)
		w.ok(below.ChangeACL(w.ctx, "INBOX", func(l *mailstore.ACL) error { *l = nil; return nil }))
		time.Sleep(time.Second)
		if err := box.Refresh(w.ctx); !errors.Is(err, mailstore.ErrNotFound) {
			t.Errorf("a right that another program has taken is there: %v", err)
		}
	})
}

// TestOneState: what owner and guest do, both see.
func TestOneState(t *testing.T) {
	w := newWorld(t, shared.Options{})
	w.grant("jane@a.org", "INBOX", "fred", "lrswite")
	theirs, own := w.box("fred@a.org", "Other Users/jane/INBOX"), w.box("jane@a.org", "INBOX")
	_, c := own.Follow()
	defer c.Close()
	uids, err := add(w.ctx, theirs, mailstore.Flags{}, "one", "two")
	w.ok(err)
	if changes, _ := c.Next(); len(changes) != 2 {
		t.Errorf("the owner sees %v", changes)
	}
	if claimed, err := theirs.ClaimRecent(w.ctx); !claimed.Empty() || err != nil || own.Status().Recent != 2 {
		t.Errorf("a guest takes \\Recent: %v, %v", claimed, err)
	}
	res, err := theirs.Move(w.ctx, mailstore.NewUIDSet(uids[0]), w.box("fred@a.org", "INBOX"))
	w.ok(err)
	if len(res.Source) != 1 || res.Source[0] != uids[0] || own.Status().Messages != 1 {
		t.Errorf("moved %+v, and there are %d", res, own.Status().Messages)
	}
	if theirs.ReadOnly() || w.box("fred@a.org", "INBOX").Status().Messages != 1 {
		t.Error("the message is not where it went")
	}
}

// TestSharesFile: who shares with whom is known after a restart, and what another
// program writes there is read.
func TestSharesFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := faultfs.New()
		w := newWorld(t, shared.Options{FS: fs, File: "/data/shares"})
		w.grant("jane@a.org", "INBOX", "fred", "lr")
		w.ok(w.of("jane@a.org").Create(w.ctx, "box"))
		w.grant("jane@a.org", "box", "anyone", "l")
		w.grant("jane@a.org", "box", "fred", "l")
		content := func() string {
			data, err := fsys.ReadFile(fs, "/data/shares", 1<<20)
			w.ok(err)
			return string(data)
		}
		const both = "restante-shares 1\njane@a.org\tanyone\njane@a.org\tuser=fred@a.org\n"
		w.ok(w.of("jane@a.org").Revoke(w.ctx, "box", "fred"))
		if got := content(); got != both {
			t.Errorf("after one of two is revoked: %q", got)
		}
		again := shared.New(shared.Options{Store: w.below, Users: everybody, FS: fs, File: "/data/shares"})
		w.store, w.open = again, make(map[string]mailstore.Sharer)
		if got := w.names("fred@a.org"); got != "- /jane- /jane/INBOX /jane/box" {
			t.Errorf("after a restart: %q", got)
		}
		w.ok(w.of("jane@a.org").Revoke(w.ctx, "INBOX", "fred"))
		if got := content(); got != strings.ReplaceAll(both, "jane@a.org\tuser=fred@a.org\n", "") {
			t.Errorf("after both are revoked: %q", got)
		}
		for _, other := range []struct{ why, text, want string }{
			{"written anew", strings.Replace(both, "jane", "nobody", 1), "- /jane- /jane/box"}, // the list still says so
			{"not ours: what was there stays", "something else\n", "- /jane- /jane/box"},
			{"empty", "restante-shares 1\n", ""},
			{"ours again", both, "- /jane- /jane/box"},
		} {
			w.ok(fsys.WriteFile(fs, "/data/shares", []byte(other.text), 0o600))
			time.Sleep(2 * time.Second)
			if got := w.names("fred@a.org"); got != other.want {
				t.Errorf("%s: %q, want %q", other.why, got, other.want)
			}
		}
		w.ok(fs.Remove("/data/shares"))
		time.Sleep(2 * time.Second)
		if got := w.names("fred@a.org"); got != "" {
			t.Errorf("removed: %q", got)
		}
		u, _ := everybody.Lookup("jane@a.org")
		list, err := again.Rebuild(w.ctx, u)
		w.ok(err)
		if got := w.names("fred@a.org"); got != "- /jane- /jane/box" || len(list) != 1 {
			t.Errorf("rebuilt: %q, %v", got, list)
		}
	})
}

// TestSharesFaults fails each operation on the file in turn: a right that a list
// gives is known after a loss of power, and a right that could not be given is not
// in the list.
func TestSharesFaults(t *testing.T) {
	for n := 1; ; n++ {
		fs := faultfs.New()
		w := newWorld(t, shared.Options{FS: fs, File: "/data/shares"})
		w.grant("jane@a.org", "INBOX", "anyone", "l")
		fs.Settle()
		fs.Inject(faultfs.FailAt(n, errors.New("injected")))
		err := w.of("jane@a.org").Grant(w.ctx, "INBOX", "fred", func(mailstore.Rights) mailstore.Rights { return mailstore.AllRights })
		made := fs.Ops()
		fs.Inject(nil)
		fs.Crash(nil)
		w.store, w.open = shared.New(shared.Options{Store: w.below, Users: everybody, FS: fs, File: "/data/shares"}), make(map[string]mailstore.Sharer)
		grants, listErr := w.of("jane@a.org").Grants(w.ctx, "INBOX")
		w.ok(listErr)
		if given := len(grants) == 3; given != (err == nil) {
			t.Errorf("operation %d: %v, and the list is %v", n, err, grants)
		}
		if err == nil && w.names("fred@a.org") != "- /jane- /jane/INBOX" {
			t.Errorf("operation %d: the right was given, and fred sees %q", n, w.names("fred@a.org"))
		}
		if made < n {
			if n < 5 {
				t.Errorf("only %d operations were seen to fail", n)
			}
			return
		}
	}
}

// TestWatch: of a mailbox of somebody else one hears as of one's own, if one may look
// it up, and of lists of rights where names are watched.
func TestWatch(t *testing.T) {
	w := newWorld(t, shared.Options{})
	jane := w.of("jane@a.org")
	for _, name := range []string{"seen", "hidden"} {
		w.ok(jane.Create(w.ctx, name))
	}
	w.grant("jane@a.org", "seen", "fred", "lr")
	w.ok(w.of("fred@a.org").Create(w.ctx, "own"))
	heard := make(chan string, 100)
	names := []string{"own", "Other Users/jane/seen", "Other Users/jane/hidden", "Other Users/nobody/x"}
	stop := w.of("fred@a.org").Watch(mailstore.Watched{Messages: names, Annotations: names, Tree: true}, func(mailbox string) { heard <- mailbox })
	told := func() map[string]bool {
		m := make(map[string]bool)
		for len(heard) > 0 {
			m[<-heard] = true
		}
		return m
	}
	told()
	for _, name := range []string{"seen", "hidden"} {
		_, err := add(w.ctx, w.box("jane@a.org", name), mailstore.Flags{}, "x")
		w.ok(err)
	}
	_, err := add(w.ctx, w.box("fred@a.org", "own"), mailstore.Flags{}, "x")
	w.ok(err)
	if got := told(); !got["own"] || !got["Other Users/jane/seen"] || len(got) != 2 {
		t.Errorf("fred hears of %v", got)
	}
	for _, name := range []string{"seen", "hidden"} {
		w.ok(jane.ChangeAnnotations(w.ctx, name, func(notes mailstore.Annotations) error {
			notes["/shared/x"] = "y"
			return nil
		}))
	}
	if got := told(); !got["Other Users/jane/seen"] || len(got) != 1 {
		t.Errorf("of annotations fred hears of %v", got)
	}
	w.grant("jane@a.org", "hidden", "fred", "lr")
	if got := told(); !got[""] {
		t.Errorf("of a right fred hears %v", got)
	}
	stop()
	told()
	_, err = add(w.ctx, w.box("jane@a.org", "seen"), mailstore.Flags{}, "x")
	w.ok(err)
	w.grant("jane@a.org", "hidden", "fred", "l")
	if got := told(); len(got) != 0 {
		t.Errorf("after the end fred hears of %v", got)
	}
}

// limited is an account that can be given limits, as the one below it can.
type limited struct {
	mailstore.Account
	mailstore.Limiter
}
