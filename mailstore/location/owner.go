package location

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// actor names who does what is done with the files of an owner.
func actor(o fsys.Owner) string {
	if o.Self() {
		return fmt.Sprintf("restante runs as user id %d, which", os.Geteuid())
	}
	return fmt.Sprintf("%v, whose mail it is,", o)
}

// ownerOf finds out whose the files of a user are. His home is absolute.
func (s *Store) ownerOf(user mailstore.User) (fsys.Owner, error) {
	switch {
	case !s.opt.Become || user.UID == 0:
		return fsys.Owner{}, nil
	case user.UID > 0 && user.GID >= 0:
		return fsys.Owner{UID: user.UID, GID: user.GID}, nil
	}
	for _, fi := range s.ownPlaces(user) {
		o, known := fsys.OwnerOf(fi)
		if !known || o.UID == 0 || user.UID > 0 && o.UID != user.UID {
			continue
		}
		if user.GID >= 0 {
			o.GID = user.GID
		}
		return o, nil
	}
	if user.UID > 0 {
		return fsys.Owner{}, fmt.Errorf("the user table gives the user id %d and no group id, and %s does not tell: write the group id behind the user id", user.UID, user.Home)
	}
	return fsys.Owner{}, nil
}

// ownPlaces are those whose owner is the user: his home, where somebody has
// written that his mail stands, and the directory that a new home is made in.
// What is not there, or cannot be looked at, tells nothing.
func (s *Store) ownPlaces(user mailstore.User) (list []fs.FileInfo) {
	for _, path := range s.ownPaths(user) {
		if fi, err := s.opt.FS.Stat(path); err == nil {
			list = append(list, fi)
		}
	}
	for dir := user.Home; ; dir = filepath.Dir(dir) {
		fi, err := s.opt.FS.Stat(dir)
		switch {
		case err == nil:
			return append(list, fi)
		case !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			return list
		}
	}
}

// ownPaths are the home and where somebody has written that the mail stands.
func (s *Store) ownPaths(user mailstore.User) []string {
	places := []string{user.Home}
	l := s.fallback
	if user.Location != "" {
		var err error
		if l, err = Parse(user.Location); err != nil {
			return places // told when the location is used
		}
	}
	l, err := l.expandFor(user)
	if err != nil || l.Format == Auto {
		return places
	}
	places = append(places, l.Path)
	if l.Inbox != "" {
		places = append(places, l.Inbox)
	}
	return places
}

// filesOf is the file system with the rights of an owner.
func (s *Store) filesOf(o fsys.Owner, l Location) (fsys.FS, error) {
	if o.Self() {
		return s.opt.FS, nil
	}
	dirs := s.opt.Spool
	if l.Inbox != "" {
		dirs = append(dirs[:len(dirs):len(dirs)], filepath.Dir(l.Inbox))
	}
	return fsys.As(s.opt.FS, o, s.grants(dirs)...)
}

// grants finds the spool directories where a group of programs works.
func (s *Store) grants(dirs []string) (list []fsys.Grant) {
	for _, dir := range dirs {
		fi, err := s.opt.FS.Stat(dir)
		if err != nil || !fi.IsDir() || !fsys.Guarded(s.opt.FS, dir) {
			continue // a user could lead the group's rights elsewhere
		}
		o, known := fsys.OwnerOf(fi)
		if perm := fi.Mode().Perm(); known && o.UID == 0 && o.GID != 0 && perm&0o020 != 0 && perm&0o002 == 0 {
			list = append(list, fsys.Grant{Dir: dir, GID: o.GID})
		}
	}
	return list
}

// makeRoot makes the directory of an account, and the home above it.
func (s *Store) makeRoot(r Resolved) error {
	if r.Owner.Self() {
		return fsys.MkdirAll(s.opt.FS, r.Path, 0o700)
	}
	if strings.HasPrefix(r.Path, r.Home+"/") {
		if err := fsys.MkdirFor(s.opt.FS, r.Owner, r.Home); err != nil {
			return err
		}
	}
	return fsys.MkdirFor(s.opt.FS, r.Owner, r.Path)
}

// letPass lets the owner of a home below the data directory through to it. What
// is in these directories cannot be listed, and is closed by itself.
func (s *Store) letPass(o fsys.Owner, home string) error {
	below, inside := strings.CutPrefix(filepath.Dir(home)+"/", s.opt.DataDir+"/")
	if o.Self() || !inside {
		return nil
	}
	dir := s.opt.DataDir
	for {
		onward, err := s.openPass(dir)
		if err != nil || !onward || below == "" {
			return err
		}
		var name string
		name, below, _ = strings.Cut(below, "/")
		dir = filepath.Join(dir, name)
	}
}

// openPass makes one directory passable. onward is false where somebody else than
// the superuser can say what stands below it.
func (s *Store) openPass(dir string) (onward bool, err error) {
	fi, err := s.opt.FS.Lstat(dir)
	if err == nil && dir == s.opt.DataDir {
		fi, err = s.opt.FS.Stat(dir) // it may be a link, which the operator has made
	}
	if err != nil {
		return false, ignore(err, fs.ErrNotExist)
	}
	of, known := fsys.OwnerOf(fi)
	if !known || !of.Self() || !fi.IsDir() {
		return false, nil
	}
	if perm := fi.Mode().Perm(); perm&0o001 == 0 {
		s.opt.Logger.Info("opened a directory for users to pass through: what is in it is closed by its own mode alone", "path", dir)
		if err := s.opt.FS.Chmod(dir, fi.Mode()|0o011); err != nil {
			return false, err
		}
	}
	return fi.Mode().Perm()&0o022 == 0, nil
}
