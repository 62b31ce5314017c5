package location

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/fsys"
	"restante/mailstore"
)

// rootPlace is a place on a path that only root can change, where users become
// themselves.
func rootPlace(t *testing.T) *place {
	t.Helper()
	if !fsys.CanBecome() {
		t.Skip("only root can act as others")
	}
	root, err := os.MkdirTemp("/", ".restante-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	p := &place{t: t, root: root, user: mailstore.User{Name: "jane", UID: 61001, GID: 61101, Home: filepath.Join(root, "home")}}
	p.opt = Options{DataDir: filepath.Join(root, "data"), Index: filepath.Join(root, "data/index"), Spool: []string{filepath.Join(root, "spool")}, Linger: -1, Become: true}
	p.must(os.Chmod(root, 0o755))
	p.make("data/", "spool/")
	p.must(errors.Join(os.Chmod(p.at("spool"), 0o755), os.Chown(p.at("spool"), 0, 61200), os.Chmod(p.at("spool"), 0o2775)))
	return p
}

func (p *place) at(path string) string { return filepath.Join(p.root, path) }

// give makes a directory tree the property of a user.
func (p *place) give(path string, o fsys.Owner) {
	p.t.Helper()
	p.must(filepath.WalkDir(p.at(path), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, o.UID, o.GID))
	}))
}

// all checks whose everything below a path is.
func (p *place) all(path string, want fsys.Owner) {
	p.t.Helper()
	n := 0
	p.must(filepath.WalkDir(p.at(path), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err == nil {
			if o, _ := fsys.OwnerOf(fi); o != want {
				p.t.Errorf("%s belongs to %+v, want %+v", p.short(path), o, want)
			}
		}
		n++
		return err
	}))
	if n < 3 {
		p.t.Errorf("%s holds %d files", path, n)
	}
}

var janes = fsys.Owner{UID: 61001, GID: 61101}

// work stores, changes, moves and removes mail and mailboxes.
func (p *place) work(s *Store) {
	p.t.Helper()
	ctx := p.t.Context()
	acct, err := s.OpenAccount(ctx, p.user)
	p.must(err)
	defer acct.Close()
	mb, err := acct.Open(ctx, mailstore.Inbox)
	p.must(err)
	ap, err := mb.NewAppend(ctx)
	p.must(err)
	defer ap.Abort()
	for range 3 {
		p.must(ap.Add(mailstore.AppendOptions{}, strings.NewReader("Subject: x\r\n\r\ny\r\n")))
	}
	_, uids, err := ap.Commit(ctx)
	p.must(err)
	p.must(acct.Create(ctx, "one"))
	p.must(acct.Rename(ctx, "one", "two"))
	p.must(acct.Subscribe(ctx, "two", true))
	_, err = mb.SetFlags(ctx, mailstore.NewUIDSet(uids[0]), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "kw"), mailstore.SetFlagsOptions{})
	p.must(err)
	two, err := acct.Open(ctx, "two")
	p.must(err)
	_, err = mb.Copy(ctx, mailstore.AllUIDs(), two)
	p.must(err)
	_, err = mb.Move(ctx, mailstore.NewUIDSet(uids[1]), two)
	p.must(err)
	_, err = mb.Expunge(ctx, mailstore.NewUIDSet(uids[2]), false)
	p.must(errors.Join(err, two.Close(), mb.Close()))
}

func TestOwners(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(p *place)
		user  mailstore.User
		tree  string // whose files all are the owner's
		owner fsys.Owner
	}{
		{"ids in the table, a new home", func(*place) {}, mailstore.User{UID: 61001, GID: 61101, Home: "/home"}, "home", janes},
		{"a new home below the data directory", func(*place) {}, mailstore.User{UID: 61001, GID: 61101}, "data/mail/example.org/jane", janes},
		{"a home without ids in the table", func(p *place) { p.make("home/"); p.give("home", janes) }, mailstore.User{UID: -1, GID: -1, Home: "/home"}, "home", janes},
		{"a user id alone", func(p *place) { p.make("home/"); p.give("home", janes) }, mailstore.User{UID: 61001, GID: -1, Home: "/home"}, "home", janes},
		{"mbox", func(p *place) { p.make("home/"); p.give("home", janes) }, mailstore.User{UID: -1, GID: -1, Home: "/home", Location: "mbox:~/mail"}, "home", janes},
		{"no home, a location that is somebody's", func(p *place) { p.maildir("disk/m"); p.give("disk/m", janes) },
			mailstore.User{UID: -1, GID: -1, Location: "maildir:/disk/m"}, "disk/m", janes},
		{"a new home in a directory that is somebody's", func(p *place) { p.make("disk/vmail/"); p.give("disk/vmail", janes) },
			mailstore.User{UID: -1, GID: -1, Home: "/disk/vmail/example.org/jane"}, "disk/vmail", janes},
		{"the server's own", func(*place) {}, mailstore.User{UID: -1, GID: -1}, "data/mail/example.org/jane", fsys.Owner{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := rootPlace(t)
			p.make("disk/")
			p.must(os.Chmod(p.at("disk"), 0o755))
			test.setup(p)
			p.user = test.user
			p.user.Name = "jane@example.org"
			if p.user.Home != "" {
				p.user.Home = p.at(p.user.Home)
			}
			p.user.Location = strings.Replace(p.user.Location, ":/", ":"+p.root+"/", 1)
			for range 2 {
				s := p.store()
				p.work(s)
				p.must(s.Close())
				acct, err := s.OpenAccount(t.Context(), p.user)
				if err == nil {
					t.Fatal("opened after Close", acct)
				}
				s = p.store()
				acct, err = s.OpenAccount(t.Context(), p.user)
				p.must(err)
				p.must(acct.Delete(t.Context(), "two"))
				p.must(errors.Join(acct.Close(), s.Close()))
			}
			p.all(test.tree, test.owner)
			p.all("data/index", fsys.Owner{})
		})
	}
}

// TestSpoolOfAGroup serves an inbox where lock files need the group of the spool.
func TestSpoolOfAGroup(t *testing.T) {
	p := rootPlace(t)
	p.make("home/mail/", "spool/jane"+from)
	p.give("home", janes)
	p.must(os.Chown(p.at("spool/jane"), janes.UID, 61200))
	p.user.Location = "mbox:~/mail:INBOX=" + p.at("spool/jane")
	s := p.store()
	p.work(s)
	p.must(s.Close())
	p.all("home", janes)
	fi, err := os.Stat(p.at("spool/jane"))
	p.must(err)
	if o, _ := fsys.OwnerOf(fi); o != (fsys.Owner{UID: janes.UID, GID: 61200}) {
		t.Errorf("the inbox belongs to %+v", o)
	}
}

// TestSpoolThatIsALink: the group of a spool counts where only root can say which
// directory that is. Jane's link to it may lead elsewhere a moment later.
func TestSpoolThatIsALink(t *testing.T) {
	p := rootPlace(t)
	p.make("home/mail/", "home/in->"+p.at("spool"), "spool/inbox"+from, "spool/bob"+from)
	p.give("home", janes)
	p.must(errors.Join(os.Chown(p.at("spool/inbox"), janes.UID, 61200), os.Chown(p.at("spool/bob"), 61002, 61200), os.Chmod(p.at("spool/bob"), 0o660)))
	p.user.Location = "mbox:~/mail:INBOX=~/in/inbox"
	s := p.store()
	defer s.Close()
	acct, err := s.OpenAccount(t.Context(), p.user)
	p.must(err)
	defer acct.Close()
	p.must(os.Remove(p.at("home/in")))
	p.make("home/in/", "home/in/inbox->"+p.at("spool/bob"))
	p.must(os.Lchown(p.at("home/in"), janes.UID, janes.GID))
	if mb, err := acct.Open(t.Context(), mailstore.Inbox); err == nil {
		uids, _ := mb.Follow()
		t.Errorf("jane reads %d messages of bob's", len(uids))
		p.must(mb.Close())
	}
}

// TestWayToAHome: the directories above a home in the data directory are opened
// as far as they are root's, and nothing that somebody's link leads to.
func TestWayToAHome(t *testing.T) {
	p := rootPlace(t)
	p.make("data/mail/", "secret/", "data/mail/bob/", "data/mail/bob/sub->"+p.at("secret"))
	p.must(errors.Join(os.Chmod(p.at("data"), 0o700), os.Chmod(p.at("data/mail"), 0o700), os.Chmod(p.at("secret"), 0o700)))
	p.give("data/mail/bob", fsys.Owner{UID: 61002, GID: 61102})
	p.user.Home = p.at("data/mail/bob/sub/jane")
	s := p.store()
	defer s.Close()
	if _, err := s.Resolve(p.user); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("jane's mail in a directory of root: %v", err)
	}
	for path, want := range map[string]fs.FileMode{"data": 0o711, "data/mail": 0o711, "secret": 0o700} {
		if fi, err := os.Stat(p.at(path)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", path, fi.Mode(), want)
		}
	}
}

// TestIndexBesideTheMail keeps the index in the user's home, as his.
func TestIndexBesideTheMail(t *testing.T) {
	p := rootPlace(t)
	p.opt.Index = "%h/.restante-index"
	s := p.store()
	p.work(s)
	p.must(s.Close())
	p.all("home/.restante-index", janes)
	if _, err := os.Stat(p.at("data/index")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is an index in the data directory as well: %v", err)
	}
}

// TestLinksOutOfAHome: what the user's links point to is read and written only
// if he may.
func TestLinksOutOfAHome(t *testing.T) {
	p := rootPlace(t)
	p.maildir("home/Maildir")
	p.maildir("etc")
	p.make("etc/cur/1.x.y:2,S=Subject: secret\n\ns\n")
	p.make("home/Maildir/cur/2.link.y:2,S->"+p.at("etc/cur/1.x.y:2,S"), "home/Maildir/.Etc->"+p.at("etc"))
	p.give("home", janes)
	s := p.store()
	defer s.Close()
	acct, err := s.OpenAccount(t.Context(), p.user)
	p.must(err)
	defer acct.Close()
	if mb, err := acct.Open(t.Context(), "Etc"); err == nil {
		t.Errorf("a mailbox of root is open: %v", mb.Name())
	}
	mb, err := acct.Open(t.Context(), mailstore.Inbox)
	p.must(err)
	defer mb.Close()
	uids, _ := mb.Follow()
	for _, uid := range uids {
		if m, err := mb.OpenMessage(t.Context(), uid); err == nil {
			t.Errorf("a file of root is open: %v", m)
		}
	}
	if _, err := os.Stat(p.at("etc/dovecot-uidlist")); err == nil {
		t.Error("something was written behind the link")
	}
}

// TestTwoOwnersOfOneLocation is refused as long as the first has it open.
func TestTwoOwnersOfOneLocation(t *testing.T) {
	p := rootPlace(t)
	p.make("home/")
	p.give("home", janes)
	s := p.store()
	defer s.Close()
	acct, err := s.OpenAccount(t.Context(), p.user)
	p.must(err)
	defer acct.Close()
	other := p.user
	other.Name, other.UID = "john", 61002
	p.must(os.Chmod(p.at("home"), 0o777))
	p.must(os.Chmod(p.at("home/Maildir"), 0o777))
	other.Location = "maildir:" + p.at("home/Maildir")
	if _, err := s.OpenAccount(t.Context(), other); err == nil || !strings.Contains(err.Error(), "user id 61001") {
		t.Errorf("error %v", err)
	}
}

// TestUserIDWithoutGroup is refused where nothing tells the group.
func TestUserIDWithoutGroup(t *testing.T) {
	p := rootPlace(t)
	p.user.GID = -1
	if got := p.open(p.store()); !strings.Contains(got, "write the group id behind the user id") {
		t.Errorf("%s", got)
	}
}
