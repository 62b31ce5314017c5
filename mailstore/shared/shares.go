package shared

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// The file that says who shares with whom, so that nobody's mail is opened to find
// out that he shares nothing. Its first line is `restante-shares 1`; then there is
// a line for each owner and identifier (mailstore.ACLEntry.Who) with a tab between
// them. It gives nobody any right: that the lists themselves do. What is in it too
// much costs a look.
const (
	sharesHeader = "restante-shares 1\n"
	maxShares    = 64 << 20
)

// shares is that file in memory. Another program may write it anew.
type shares struct {
	fs   fsys.FS
	path string // "" for none
	log  *slog.Logger

	mu      sync.Mutex
	checked time.Time   // when the file was looked at
	info    fs.FileInfo // as it was then; nil for none
	owners  map[string]grantees
	readers map[string][]string // by readerKey: the owners who share, in order
}

// grantees are the identifiers to whom an owner gives rights.
type grantees map[string]bool

// recheck is how long what the file says is taken as it is.
const recheck = time.Second

// with lists the owners who share something with a user, in order.
func (s *shares) with(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.path != "" && now.Sub(s.checked) >= recheck {
		s.checked = now
		s.reload()
	}
	named, all := s.readers[mailstore.ACLUserPrefix+user], s.readers[domainKey(user)]
	if len(named) == 0 && len(all) == 0 {
		return nil
	}
	list := slices.Concat(named, all)
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(owner string) bool { return owner == user })
}

// any reports whether a user shares anything.
func (s *shares) any(owner string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.owners[owner]) > 0
}

// domainKey stands for all users of a domain among the readers.
func domainKey(user string) string { return "*" + domainOf(user) }

// readerKey is who reads what an owner gives to an identifier; "" for nobody.
func readerKey(owner, who string) string {
	if who == mailstore.ACLAnyone || who == mailstore.ACLAuthenticated {
		return domainKey(owner)
	}
	if user, ok := strings.CutPrefix(who, mailstore.ACLUserPrefix); ok && domainOf(user) == domainOf(owner) {
		return who
	}
	return ""
}

// reload reads the file if it is another one; the caller has the lock. A file that
// cannot be read changes nothing.
func (s *shares) reload() {
	info, err := s.fs.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if s.info != nil {
			s.info = nil
			s.use(nil)
		}
		return
	case err == nil && s.info != nil && fsys.SameFile(info, s.info) && info.ModTime().Equal(s.info.ModTime()) && info.Size() == s.info.Size():
		return
	case err == nil:
		err = s.read()
	}
	if err != nil {
		s.log.Error("who shares mailboxes with whom cannot be read", "path", s.path, "err", err)
	}
	s.info = info
}

// read takes what the file says.
func (s *shares) read() error {
	data, err := fsys.ReadFile(s.fs, s.path, maxShares)
	if err != nil {
		return err
	}
	text, ours := strings.CutPrefix(string(data), sharesHeader)
	if !ours {
		return fmt.Errorf("%w: it does not begin with %q; remove it and rebuild it (restante mailbox shares --rebuild)", mailstore.ErrDamaged, strings.TrimSpace(sharesHeader))
	}
	owners := make(map[string]grantees)
	for line := range strings.Lines(text) {
		owner, who, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && owner != "" && who != "" {
			add(owners, owner, who)
		}
	}
	s.use(owners)
	return nil
}

func add(owners map[string]grantees, owner, who string) {
	if owners[owner] == nil {
		owners[owner] = make(grantees)
	}
	owners[owner][who] = true
}

// use takes another state.
func (s *shares) use(owners map[string]grantees) {
	s.owners, s.readers = owners, make(map[string][]string)
	for owner, list := range owners {
		for who := range list {
			if key := readerKey(owner, who); key != "" {
				s.readers[key] = append(s.readers[key], owner)
			}
		}
	}
}

// set makes these the identifiers to whom an owner gives rights, durably. With
// more, those that he has stay.
func (s *shares) set(owner string, list []string, more bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path != "" {
		s.reload()
	}
	owners := maps.Clone(s.owners)
	if owners == nil {
		owners = make(map[string]grantees)
	}
	now := make(grantees)
	if more {
		maps.Copy(now, owners[owner])
	}
	for _, who := range list {
		now[who] = true
	}
	if maps.Equal(now, owners[owner]) {
		return nil
	}
	owners[owner] = now
	if len(now) == 0 {
		delete(owners, owner)
	}
	if err := s.write(owners); err != nil {
		return fmt.Errorf("note who shares with whom: %w", err)
	}
	s.use(owners)
	return nil
}

func (s *shares) write(owners map[string]grantees) error {
	if s.path == "" {
		return nil
	}
	text := []byte(sharesHeader)
	for _, owner := range slices.Sorted(maps.Keys(owners)) {
		for _, who := range slices.Sorted(maps.Keys(owners[owner])) {
			text = append(text, owner+"\t"+who+"\n"...)
		}
	}
	if err := fsys.MkdirAll(s.fs, filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	if err := fsys.WriteFile(s.fs, s.path, text, 0o600); err != nil {
		return err
	}
	s.info, _ = s.fs.Stat(s.path) // nil reads it once more
	return nil
}

// A Share says to whom an owner gives rights in some of his mailboxes.
type Share struct {
	Owner string
	With  []string // users, "anyone", "authenticated"; in order
}

// Shares lists who shares with whom.
func (s *Store) Shares() ([]Share, error) {
	l := &s.shares
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path != "" {
		if err := l.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	var list []Share
	for _, owner := range slices.Sorted(maps.Keys(l.owners)) {
		var with []string
		for _, who := range slices.Sorted(maps.Keys(l.owners[owner])) {
			with = append(with, strings.TrimPrefix(who, mailstore.ACLUserPrefix))
		}
		list = append(list, Share{owner, with})
	}
	return list, nil
}
