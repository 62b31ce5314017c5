package location

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
)

// Source tells where a location comes from.
type Source string

// The sources.
const (
	FromUser    Source = "the user table"
	FromDefault Source = "the configuration"
	Detected    Source = "detection"
	NewUser     Source = "the default for a new user"
)

// Resolved is where a user's mail stands.
type Resolved struct {
	// Location has no variables in it.
	Location
	// Home is the user's home directory.
	Home string
	// Owner is whose files they are.
	Owner fsys.Owner
	// Why says in a sentence what the location rests on.
	Why    string
	Source Source
	// New: nothing is there yet; opening the account makes it.
	New bool
}

// Resolve finds out where the user's mail stands. It changes nothing, but that
// the owner of a home below the data directory gets a way through that.
//
// An error wraps ErrAmbiguous or ErrMissing, or is one of the file system or of
// what the user table or the configuration say.
func (s *Store) Resolve(user mailstore.User) (Resolved, error) {
	r, err := s.resolve(user)
	if err == nil && r.New {
		err = s.creatable(r)
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; %s may not look there: give it the right to, or write another location for the user", err, actor(r.Owner))
	}
	if err != nil {
		return Resolved{}, fmt.Errorf("mail of %s: %w", user.Name, err)
	}
	return r, nil
}

// creatable finds out whether the directory of a new user can be made: that what
// is there above it is a directory.
func (s *Store) creatable(r Resolved) error {
	files, err := s.filesOf(r.Owner, r.Location)
	if err != nil {
		return err
	}
	for path, dir := r.Path, filepath.Dir(r.Path); ; dir = filepath.Dir(dir) {
		fi, err := files.Stat(dir)
		switch {
		case err == nil && !fi.IsDir():
			return fmt.Errorf("%s cannot be made, because %s is no directory; write another home or location for the user", path, dir)
		case err == nil || dir == filepath.Dir(dir):
			return nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return err
		}
	}
}

// The refusals.
var (
	// ErrAmbiguous: there are several places with mail.
	ErrAmbiguous = errors.New("there are several mail locations")
	// ErrMissing: the mail is not where it was.
	ErrMissing = errors.New("the mail is not where it was")
)

func (s *Store) resolve(user mailstore.User) (Resolved, error) {
	user, err := s.withHome(user)
	if err != nil {
		return Resolved{}, err
	}
	owner, err := s.ownerOf(user)
	if err != nil {
		return Resolved{}, err
	}
	if !owner.Self() {
		user.UID, user.GID = owner.UID, owner.GID
	}
	if err := s.letPass(owner, user.Home); err != nil {
		return Resolved{}, err
	}
	r, err := s.resolveFor(user, owner)
	r.Owner = owner
	return r, err
}

// resolveFor is resolve for a user whose home and owner are known.
func (s *Store) resolveFor(user mailstore.User, owner fsys.Owner) (Resolved, error) {
	remembered, err := s.memory.recall(user.Name)
	if err != nil {
		return Resolved{}, err
	}
	l, source := s.fallback, FromDefault
	if user.Location != "" {
		source = FromUser
		if l, err = Parse(user.Location); err != nil {
			return Resolved{}, err
		}
	}
	if l.Format == Auto {
		return s.resolveAuto(user, owner, remembered)
	}
	return s.resolveGiven(user, owner, l, source, remembered)
}

// withHome makes the home absolute, or gives the user one.
func (s *Store) withHome(user mailstore.User) (mailstore.User, error) {
	vals, err := values(user)
	if err != nil {
		return user, err
	}
	if user.Home == "" {
		delete(vals, 'h')
		if user.Home, err = expand(s.opt.Home, vals); err != nil {
			return user, fmt.Errorf("home %q: %w", s.opt.Home, err)
		}
	}
	if !filepath.IsAbs(user.Home) {
		user.Home = filepath.Join(s.opt.DataDir, user.Home)
	}
	return user, nil
}

// resolveGiven takes a location that somebody has written.
func (s *Store) resolveGiven(user mailstore.User, owner fsys.Owner, l Location, source Source, remembered *record) (Resolved, error) {
	l, err := l.expandFor(user)
	if err != nil {
		return Resolved{}, err
	}
	r := Resolved{Location: l, Home: user.Home, Source: source, Why: "it is written in " + string(source)}
	files, err := s.filesOf(owner, l)
	if err != nil {
		return Resolved{}, err
	}
	fi, err := s.detector(user, files).stat(l.Path)
	if err != nil {
		return Resolved{}, err
	}
	if fi == nil {
		r.New = true
		r.Why += "; nothing is there yet"
		if remembered != nil && remembered.location == l && !remembered.unmade {
			return Resolved{}, s.missing(user, l)
		}
	}
	if err := s.controlThere(user, files, l, remembered); err != nil {
		return Resolved{}, err
	}
	if remembered != nil && remembered.unmade && remembered.location == l {
		r.New = true
	}
	return r, nil
}

// controlThere refuses to go on where UID lists have been and are not: all
// messages would get other UIDs.
func (s *Store) controlThere(user mailstore.User, files fsys.FS, l Location, remembered *record) error {
	if l.Control == "" || remembered == nil || remembered.unmade || remembered.location != l {
		return nil
	}
	fi, err := s.detector(user, files).stat(l.Control)
	if err == nil && fi == nil {
		err = fmt.Errorf("%w: %s with the UIDs of the messages is gone; is its file system mounted? If it was removed on purpose, remove %s",
			ErrMissing, l.Control, s.memory.path(user.Name))
	}
	return err
}

func (s *Store) missing(user mailstore.User, l Location) error {
	return fmt.Errorf("%w: %s is gone; is its file system mounted? If the mail was moved, set the user's location; if it was removed on purpose, remove %s",
		ErrMissing, l.Path, s.memory.path(user.Name))
}

// resolveAuto looks around, and holds what it finds against the last time.
func (s *Store) resolveAuto(user mailstore.User, owner fsys.Owner, remembered *record) (Resolved, error) {
	files, err := s.filesOf(owner, Location{})
	if err != nil {
		return Resolved{}, err
	}
	d := s.detector(user, files)
	found, err := d.detect()
	if err != nil {
		return Resolved{}, err
	}
	r := Resolved{Home: user.Home, Source: Detected}
	switch {
	case len(found) > 1:
		return Resolved{}, ambiguous(found)
	case remembered != nil && remembered.unmade:
		r.Location, r.New = remembered.location, true
		r.Why = "the mailboxes of a new user are not all made yet"
	case remembered != nil && len(found) == 0:
		if err := s.stillThere(user, d, remembered.location); err != nil {
			return Resolved{}, err
		}
		r.Location, r.Why = remembered.location, "it was found earlier, and there is no mail in it now"
	case remembered != nil && !sameMail(found[0].location, remembered.location):
		return Resolved{}, fmt.Errorf("%w: it was %q, now there is %v. Set the user's location to the one that is right (restante user show tells more), or remove %s to take what is there now",
			ErrMissing, remembered.location, found[0], s.memory.path(user.Name))
	case remembered != nil:
		r.Location, r.Why = remembered.location, found[0].why
	case len(found) == 1:
		r.Location, r.Why = found[0].location, found[0].why
	default:
		r.Location = Location{Format: Maildir, Path: filepath.Join(user.Home, "Maildir"), Layout: LayoutMaildirPP}
		r.Source, r.New = NewUser, true
		r.Why = fmt.Sprintf("there is no mail in %s or in %s", user.Home, strings.Join(d.spool, " or "))
	}
	if len(d.notes) > 0 {
		r.Why += "; " + strings.Join(d.notes, "; ")
	}
	return r, nil
}

// stillThere accepts a remembered mbox location without any mail: most programs
// remove a spool file when it is empty. A Maildir has its directories always.
func (s *Store) stillThere(user mailstore.User, d *detector, l Location) error {
	fi, err := d.stat(l.Path)
	if err != nil {
		return err
	}
	if l.Format != Mbox || fi == nil || !fi.IsDir() {
		return s.missing(user, l)
	}
	return nil
}

// sameMail compares what was found with what was remembered. The inbox of an
// mbox location comes and goes, see stillThere.
func sameMail(found, remembered Location) bool {
	if found.Format == Mbox && found.Inbox == "" {
		found.Inbox = remembered.Inbox
	}
	return found == remembered
}

func ambiguous(found []candidate) error {
	var places, texts []string
	for _, c := range found {
		places = append(places, c.String())
		texts = append(texts, "userdb_mail="+c.location.String())
	}
	return fmt.Errorf("%w: %s. Say which one it is: write %s into the extra fields of the user's line in the user table",
		ErrAmbiguous, strings.Join(places, "; and "), strings.Join(texts, " or "))
}

func (s *Store) detector(user mailstore.User, files fsys.FS) *detector {
	return &detector{fs: files, spool: s.opt.Spool, user: user}
}
