package location

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// place is a machine with a home, spools and a data directory.
type place struct {
	t    *testing.T
	root string
	opt  Options
	user mailstore.User
}

func newPlace(t *testing.T) *place {
	root := t.TempDir()
	p := &place{t: t, root: root, user: mailstore.User{Name: "jane", UID: -1, GID: -1, Home: filepath.Join(root, "home")}}
	p.opt = Options{DataDir: filepath.Join(root, "data"), Spool: []string{filepath.Join(root, "spool"), filepath.Join(root, "spool2")}, Linger: -1}
	p.make("home/", "spool/", "data/")
	return p
}

// make makes files, "path=content", directories "path/" and links "path->target".
func (p *place) make(entries ...string) {
	p.t.Helper()
	for _, e := range entries {
		path, content, isFile := strings.Cut(e, "=")
		link, target, isLink := strings.Cut(e, "->")
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, filepath.Join(p.root, link))
		case isFile:
			path = filepath.Join(p.root, path)
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600))
		default:
			err = os.MkdirAll(filepath.Join(p.root, path), 0o700)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// maildir makes cur, new and tmp.
func (p *place) maildir(path string) {
	p.t.Helper()
	p.make(path+"/cur/", path+"/new/", path+"/tmp/")
}

func (p *place) store() *Store {
	p.t.Helper()
	s, err := New(p.opt)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// short writes paths without the root of the test.
func (p *place) short(s string) string { return strings.ReplaceAll(s, p.root, "") }

// open opens the account and returns its mailboxes as `INBOX Sent+`, with a
// plus where subscribed, or the error.
func (p *place) open(s *Store) string {
	acct, err := s.OpenAccount(p.t.Context(), p.user)
	if err != nil {
		return p.short(err.Error())
	}
	defer acct.Close()
	list, err := acct.Mailboxes(p.t.Context())
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, in := range list {
		if in.Subscribed {
			in.Name += "+"
		}
		names = append(names, in.Name)
	}
	return strings.Join(names, " ")
}

const newMail = "INBOX+ Archive+ Drafts+ Junk+ Sent+ Trash+"

func TestRemember(t *testing.T) {
	for _, test := range []struct {
		name   string
		before func(p *place)
		first  string
		then   func(p *place)
		second string
	}{
		{"a new user", func(p *place) {}, newMail, func(p *place) {}, newMail},
		{"a new user has no home yet", func(p *place) { p.user.Home = filepath.Join(p.root, "data/far/away") }, newMail, func(p *place) {}, newMail},
		{"a Maildir of old gets no new mailboxes", func(p *place) { p.maildir("home/Maildir") }, "INBOX", func(p *place) {}, "INBOX"},
		{"the home is not mounted", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.remove("home/Maildir") }, "/home/Maildir is gone; is its file system mounted?"},
		{"it was moved", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.remove("home/Maildir"); p.maildir("home/mail") }, `it was "maildir:/home/Maildir", now there is "maildir:/home/mail"`},
		{"it is an mbox now", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.remove("home/Maildir"); p.make("spool/jane" + from) }, `now there is "mbox:/home/mail:INBOX=/spool/jane"`},
		{"a second one appears", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.make("spool/jane" + from) }, "several mail locations"},
		{"until it is said which", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.make("spool/jane" + from); p.user.Location = "maildir:~/Maildir" }, "INBOX"},
		{"a given location is not mounted", func(p *place) { p.maildir("srv/jane"); p.user.Location = "maildir:" + p.root + "/srv/jane" }, "INBOX",
			func(p *place) { p.remove("srv") }, "/srv/jane is gone"},
		{"a given location may be changed", func(p *place) { p.maildir("srv/jane"); p.user.Location = "maildir:" + p.root + "/srv/jane" }, "INBOX",
			func(p *place) { p.remove("srv"); p.user.Location = "maildir:" + p.root + "/new/jane" }, newMail},
		{"the UID lists of a given location are not mounted", func(p *place) {
			p.maildir("srv/jane")
			p.user.Location = "maildir:" + p.root + "/srv/jane:CONTROL=" + p.root + "/control/%u"
		}, "INBOX", func(p *place) { p.remove("control") }, "/control/jane with the UIDs of the messages is gone"},
		{"forgotten", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.remove("home/Maildir"); p.must(p.store().Forget("jane")) }, newMail},
		{"stopped while the new mailboxes were made", func(p *place) {}, newMail,
			func(p *place) {
				p.remove("home/Maildir/.Junk")
				p.must(p.store().memory.keep("jane", record{Location{Format: Maildir, Path: p.root + "/home/Maildir", Layout: LayoutMaildirPP}, true}))
			}, newMail},
		{"a damaged memory is none", func(p *place) { p.maildir("home/Maildir") }, "INBOX",
			func(p *place) { p.make("data/locations/jane=\x00\xff") }, "INBOX"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			test.before(p)
			if got := p.open(p.store()); !strings.Contains(got, test.first) {
				t.Fatalf("first: %q, want %q", got, test.first)
			}
			test.then(p)
			for range 2 {
				if got := p.open(p.store()); !strings.Contains(got, test.second) {
					t.Errorf("then: %q, want %q", got, test.second)
				}
			}
		})
	}
}

func (p *place) remove(path string) { p.must(os.RemoveAll(filepath.Join(p.root, path))) }

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestMemoryNames(t *testing.T) {
	m := memory{dir: "/d"}
	seen := make(map[string]string)
	for _, user := range []string{"jane", "jane@example.org", "a/b", "a%2Fb", "ü", strings.Repeat("x", 300), strings.Repeat("x", 301), "a b\n"} {
		path := m.path(user)
		if filepath.Dir(path) != "/d" || len(filepath.Base(path)) > 255 || seen[path] != "" {
			t.Errorf("%q is kept in %q, as is %q", user, path, seen[path])
		}
		seen[path] = user
	}
	p := newPlace(t)
	s := p.store()
	for _, path := range []string{"/with:colon", "/with %u", "/line\nbreak", "/ %0A %%", "/ü"} {
		want := Location{Format: Mbox, Path: path, Inbox: path}
		p.must(s.memory.keep("jane", record{location: want, unmade: true}))
		got, err := s.memory.recall("jane")
		if err != nil || got == nil || got.location != want || !got.unmade {
			t.Errorf("%+v is remembered as %+v, %v", want, got, err)
		}
	}
}

func TestHomes(t *testing.T) {
	p := newPlace(t)
	for _, test := range []struct{ why, name, home, template, want string }{
		{"the default", "jane@example.org", "", "", "/data/mail/example.org/jane"},
		{"without domain", "jane", "", "", "/data/mail/jane"},
		{"a template", "jane@example.org", "", "/srv/%d/%1n/%n", "/srv/example.org/j/jane"},
		{"one's own", "jane", "/home/jane", "x", "/home/jane"},
		{"one's own, relative", "jane", "homes/jane", "x", "/data/homes/jane"},
	} {
		p.opt.Home = test.template
		r, err := p.store().Resolve(mailstore.User{Name: test.name, Home: test.home, UID: -1})
		if got := p.short(r.Home); err != nil || got != test.want || !r.New || r.Source != NewUser {
			t.Errorf("%s: %+v, %v; want %s", test.why, r, err, test.want)
		}
	}
	if _, err := New(Options{Home: "%x"}); err == nil {
		t.Error("an impossible home is accepted")
	}
	if _, err := New(Options{MboxLocks: []string{"flock"}}); err == nil || !strings.Contains(err.Error(), "flock") {
		t.Errorf("a lock that there is not: %v", err)
	}
	if _, err := New(Options{Default: "dbox:x"}); err == nil {
		t.Error("an impossible location is accepted")
	}
}

// counted is an account that counts how often it was opened and closed.
type counted struct {
	mailstore.Account
	p *counter
}

type counter struct {
	mu           sync.Mutex
	open, most   int
	opens        int
	fail         error
	closeStarted func()
}

// now returns how many accounts are open and how many ever were.
func (c *counter) now() (open, opens int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open, c.opens
}

func (c *counter) opener(ctx context.Context, _ Resolved, _ site, _ Options) (mailstore.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opens++
	if c.fail != nil {
		return nil, c.fail
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.open++
	c.most = max(c.most, c.open)
	return counted{p: c}, nil
}

func (a counted) Close() error {
	if a.p.closeStarted != nil {
		a.p.closeStarted()
	}
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.open--
	return nil
}

func TestAccountsAreShared(t *testing.T) {
	p := newPlace(t)
	p.maildir("home/Maildir")
	var c counter
	s := p.store()
	s.open = c.opener
	alias := p.user
	alias.Name, alias.Location = "alias", "maildir:~/Maildir"
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			user := p.user
			if i%2 == 0 {
				user = alias
			}
			for range 20 {
				acct, err := s.OpenAccount(t.Context(), user)
				if err != nil {
					t.Error(err)
					return
				}
				for range 2 { // a second Close does nothing
					if err := acct.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if c.open != 0 || c.most != 1 {
		t.Errorf("%d accounts are open, %d were at once", c.open, c.most)
	}
	for _, name := range []string{"jane", "alias"} {
		if r, err := s.memory.recall(name); err != nil || r == nil {
			t.Errorf("nothing is remembered of %s: %v", name, err)
		}
	}
}

func TestLinger(t *testing.T) {
	p := newPlace(t)
	p.maildir("home/Maildir")
	synctest.Test(t, func(t *testing.T) {
		var c counter
		p.opt.Linger = time.Minute
		s := p.store()
		s.open = c.opener
		use := func() {
			acct, err := s.OpenAccount(t.Context(), p.user)
			if err != nil {
				t.Fatal(err)
			}
			acct.Close()
		}
		use()
		time.Sleep(59 * time.Second)
		use()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if open, opens := c.now(); open != 1 || opens != 1 {
			t.Errorf("within the time: %d are open, %d were opened", open, opens)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if open, _ := c.now(); open != 0 {
			t.Error("still open after a minute")
		}
		use()
		err := s.Close()
		if open, opens := c.now(); err != nil || open != 0 || opens != 2 {
			t.Errorf("after Close of the store: %d are open, %d were opened, %v", open, opens, err)
		}
		if _, err := s.OpenAccount(t.Context(), p.user); !errors.Is(err, errClosed) {
			t.Errorf("an account of a closed store: %v", err)
		}
	})
}

func TestOpenAccountsAreNotLookedForAgain(t *testing.T) {
	p := newPlace(t)
	p.maildir("home/Maildir")
	var c counter
	s := p.store()
	s.open = c.opener
	first, err := s.OpenAccount(t.Context(), p.user)
	p.must(err)
	p.make("spool/jane" + from)
	second, err := s.OpenAccount(t.Context(), p.user)
	p.must(err) // a second place with mail does not lock out who is at work
	p.maildir("elsewhere")
	other := p.user
	other.Location = "maildir:" + p.root + "/elsewhere"
	third, err := s.OpenAccount(t.Context(), other)
	if c.most != 2 || err != nil {
		t.Errorf("a changed user table does not count: %v", err)
	}
	p.must(errors.Join(first.Close(), second.Close(), third.Close()))
	p.must(s.Forget("jane"))
	if _, err := s.OpenAccount(t.Context(), p.user); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("after the last session: %v", err)
	}
}

func TestClosingIsWaitedFor(t *testing.T) {
	p := newPlace(t)
	p.maildir("home/Maildir")
	synctest.Test(t, func(t *testing.T) {
		closing, goOn := make(chan struct{}), make(chan struct{})
		c := counter{closeStarted: func() { close(closing); <-goOn }}
		s := p.store()
		s.open = c.opener
		acct, err := s.OpenAccount(t.Context(), p.user)
		if err != nil {
			t.Fatal(err)
		}
		go acct.Close()
		<-closing
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.OpenAccount(ctx, p.user); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("opened beside an account that is being closed: %v", err)
		}
		c.closeStarted = nil
		close(goOn)
		acct, err = s.OpenAccount(t.Context(), p.user)
		if err != nil || c.most != 1 {
			t.Fatalf("opened again: %v, %d at once", err, c.most)
		}
		acct.Close()
	})
}

func TestFailuresAreNotKept(t *testing.T) {
	p := newPlace(t)
	p.maildir("home/Maildir")
	c := counter{fail: errors.New("disk on fire")}
	s := p.store()
	s.open = c.opener
	for range 2 {
		if _, err := s.OpenAccount(t.Context(), p.user); !errors.Is(err, c.fail) {
			t.Errorf("got %v", err)
		}
	}
	if r, err := s.memory.recall("jane"); r != nil || err != nil {
		t.Errorf("remembered %+v, %v", r, err)
	}
	c.fail = nil
	acct, err := s.OpenAccount(t.Context(), p.user)
	p.must(err)
	p.must(acct.Close())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.OpenAccount(ctx, p.user); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestNewMailboxesHaveTheirUses(t *testing.T) {
	have := []mailstore.Info{}
	for _, name := range newMailboxes {
		have = append(have, mailstore.Info{Name: name})
	}
	var uses []string
	for _, in := range mailstore.FinishList(have, nil, '/') {
		uses = append(uses, in.SpecialUse)
	}
	if want := []string{"", `\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}; !slices.Equal(uses, want) {
		t.Errorf("special uses %q, want %q", uses, want)
	}
}
