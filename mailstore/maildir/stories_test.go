package maildir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestStoriesAtRandom lets a random row of things happen to two mailboxes: our own changes, those of
// a second server and of other programs, failures, kills and losses of power in the middle. What was
// told stays true: no message is lost, no UID names two, no message gets another.
//
// RESTANTE_STORIES is how many there are to be, of which none was told before.
func TestStoriesAtRandom(t *testing.T) {
	first, count := uint64(1), 100
	if s := os.Getenv("RESTANTE_STORIES"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
		first = rand.Uint64N(1e12)
	}
	for seed := first; count > 0; seed, count = seed+1, count-1 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tellStory(t, seed) }) })
	}
}

// mishap is what happens in the middle of something.
type mishap int

const (
	nothing  mishap = iota
	killed9         // the process is killed; what it wrote is in the memory of the system
	powerCut        // what was not synced is lost, or a random part of it
	failure         // one operation fails
)

// told is what is known of a mailbox.
type told struct {
	name     string
	dir      string
	m        mailstore.Mailbox
	names    map[mailstore.UID]string
	next     mailstore.UID
	loose    bool // which others and those who come later need not know of, as it was not given
	validity uint32
	must     map[string]bool      // messages that must be there
	shown    map[string]bool      // those of them of which nobody was told that they would stay
	gone     map[string]bool      // and those that must not
	left     map[string]time.Time // when they were moved to the other mailbox
	answered map[string]bool      // whether they are, where that is known
}

// tale is an account, and what is known of it.
type tale struct {
	*testing.T
	disk    *faultfs.FS
	opt     maildir.Options
	acct    mailstore.Account
	rnd     *rand.Rand
	log     []string
	last    int // number of the last message
	boxes   []*told
	moving  map[string][2]*told // from where to where, when nobody knows whether it was
	tried   map[string]bool     // messages that were to be copied or moved, once
	began   time.Time           // when the last step was
	closed  bool
	crashed bool // and was not opened since
	cut     bool // the power was, at least once
	burnt   bool // UIDs may have been told as the next that no other process knows of
}

func tellStory(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	s := &tale{T: t, disk: faultfs.New(), rnd: rnd, moving: make(map[string][2]*told), tried: make(map[string]bool)}
	s.opt = maildir.Options{FS: s.disk, Root: "/mail", IndexDir: []string{"", "/index"}[rnd.IntN(2)]}
	for _, b := range []told{{name: "INBOX", dir: "/mail"}, {name: "Other", dir: "/mail/.Other"}} {
		b.names, b.must, b.shown, b.gone, b.answered = make(map[mailstore.UID]string), make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool)
		b.left = make(map[string]time.Time)
		s.boxes = append(s.boxes, &b)
	}
	acct, err := maildir.Open(t.Context(), s.opt)
	s.ok(err)
	s.ok(acct.Create(t.Context(), "Other"))
	s.ok(acct.Close())
	s.disk.Settle()
	s.open()
	s.say("index in %q", s.opt.IndexDir)
	if s.oneIn(3) {
		time.Sleep(20 * time.Millisecond)
		s.disk.StampByTicks(4 * time.Millisecond)
		s.say("the clock ticks")
	}
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(s.log, "\n"))
		}
		s.close()
	}()
	for range 5 + rnd.IntN(20) {
		if s.step(); t.Failed() {
			return
		}
	}
}

func (s *tale) ok(err error) {
	s.Helper()
	if err != nil {
		s.say("%v", err)
		s.Errorf("%v", err)
		s.Log(strings.Join(s.log, "\n"))
		s.FailNow()
	}
}

func (s *tale) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *tale) oneIn(n int) bool { return s.rnd.IntN(n) == 0 }

func (s *tale) box() *told { return s.boxes[s.rnd.IntN(len(s.boxes))] }

func (s *tale) open() {
	s.Helper()
	var err error
	s.acct, err = maildir.Open(s.Context(), s.opt)
	s.ok(err)
	for _, b := range s.boxes {
		b.m, err = s.acct.Open(s.Context(), b.name)
		s.ok(err)
		if b.validity == 0 {
			b.validity = b.m.UIDValidity()
		}
	}
}

func (s *tale) close() error {
	var list []error
	for _, b := range s.boxes {
		list = append(list, b.m.Close())
	}
	return errors.Join(append(list, s.acct.Close())...)
}

// step is something that is done here, with or without a mishap, and what others do then.
func (s *tale) step() {
	what := nothing
	s.began = time.Now()
	if s.oneIn(2) {
		what = mishap(s.rnd.IntN(4))
	}
	s.prepare(what, 1+s.rnd.IntN(12))
	err := s.act()
	synctest.Wait()
	if s.oneIn(2) {
		time.Sleep(time.Duration(s.rnd.IntN(3000)) * time.Millisecond) // what is done late
		synctest.Wait()
	}
	switch what {
	case killed9, powerCut:
		s.crash(what)
	case failure:
		s.disk.Inject(nil)
		s.burnt = true
		for _, b := range s.boxes {
			b.loose = b.loose || err != nil
		}
		s.neverLeft()
		s.say("it failed: %v", err)
		if s.lost() {
			s.closed = true
			s.say("close: %v", s.close())
		}
	}
	if s.closed {
		s.say("open")
		s.open()
		s.closed, s.crashed, s.burnt = false, false, false
	} else if s.oneIn(2) {
		s.others()
	}
	if s.oneIn(2) {
		s.look(s.oneIn(2))
	}
}

// prepare lets it happen at the n-th operation.
func (s *tale) prepare(what mishap, n int) {
	switch what {
	case killed9:
		s.say("killed at %d:", n)
		s.disk.Inject(faultfs.FailFrom(n, syscall.EIO))
	case powerCut:
		s.say("power cut at %d:", n)
		s.disk.CutAt(n)
	case failure:
		s.say("failure at %d:", n)
		s.disk.Inject(faultfs.FailAt(n, syscall.EIO))
	}
}

// crash ends the process, now at the latest.
func (s *tale) crash(what mishap) {
	if what == killed9 {
		s.disk.Inject(faultfs.FailFrom(1, syscall.EIO))
	} else {
		s.disk.CutAt(1)
	}
	_ = s.close() // so that nothing is done afterwards
	synctest.Wait()
	if what == killed9 {
		s.disk.Inject(nil)
		s.neverLeft()
	} else {
		s.disk.Crash(s.rnd)
		s.cut = true
		for _, b := range s.boxes {
			clear(b.answered) // flags of the last second may be lost
			for id := range b.shown {
				delete(b.must, id)
			}
			maps.DeleteFunc(b.gone, func(id string, _ bool) bool { return s.justNow(b.left[id]) })
		}
	}
	for _, b := range s.boxes {
		_ = s.disk.Remove(b.dir + "/dovecot-uidlist.lock") // which nobody holds
	}
	s.closed, s.crashed = true, true
	s.say("the process has ended")
	if s.oneIn(2) {
		s.others()
	}
	if s.opt.IndexDir != "" && s.oneIn(4) {
		s.say("the index is removed")
		s.ok(removeAll(s.disk, s.opt.IndexDir))
	}
}

func removeAll(disk *faultfs.FS, path string) error {
	fi, err := disk.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && fi.IsDir() {
		entries, err := disk.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeAll(disk, path+"/"+e.Name); err != nil {
				return err
			}
		}
	}
	return disk.Remove(path)
}

// act is what a client asks for.
func (s *tale) act() error {
	switch b := s.box(); s.rnd.IntN(11) {
	case 0, 1, 2, 3:
		return s.appendSome(b)
	case 4:
		return s.expungeOne(b)
	case 5, 6:
		return s.storeOne(b)
	case 7:
		err := s.close()
		s.say("close: %v", err)
		s.closed = true
		return err
	case 8, 9:
		return s.transfer(b)
	default:
		err := b.m.Refresh(s.Context())
		if err == nil {
			_, err = b.m.ClaimRecent(s.Context())
		}
		s.say("claim %s: %v", b.name, err)
		return err
	}
}

func (s *tale) newID() string { s.last++; return fmt.Sprintf("m%03d.", s.last) }

// appendSome appends one to three messages at once.
func (s *tale) appendSome(b *told) error {
	var ids []string
	for range 1 + s.rnd.IntN(3)/2*s.rnd.IntN(3) {
		ids = append(ids, s.newID())
	}
	uids, err := s.appendThese(b, ids)
	s.say("append to %s %v: %v %v", b.name, ids, uids, err)
	if err != nil {
		return err
	}
	for i, id := range ids {
		b.must[id] = true
		s.tell(b, uids[i], id)
	}
	return nil
}

func (s *tale) appendThese(b *told, ids []string) ([]mailstore.UID, error) {
	a, err := b.m.NewAppend(s.Context())
	if err != nil {
		return nil, err
	}
	defer a.Abort()
	for _, id := range ids {
		if err := a.Add(mailstore.AppendOptions{}, strings.NewReader("Subject: "+id+"\n\n"+id+"\n")); err != nil {
			return nil, err
		}
	}
	_, uids, err := a.Commit(s.Context())
	return uids, err
}

// pick is one of the messages that are known, if it is still there.
func (s *tale) pick(b *told) (mailstore.UID, string) {
	uids, c := b.m.Follow()
	c.Close()
	if len(uids) == 0 {
		return 0, ""
	}
	uid := uids[s.rnd.IntN(len(uids))]
	return uid, s.subject(b, uid)
}

func (s *tale) subject(b *told, uid mailstore.UID) string {
	msg, err := b.m.OpenMessage(s.Context(), uid)
	if err != nil {
		return ""
	}
	defer msg.Close()
	text := make([]byte, msg.Len())
	if _, err := msg.ReadAt(text, 0); err != nil && len(text) == 0 {
		return ""
	}
	_, id, _ := strings.Cut(string(text), "Subject: ")
	id, _, _ = strings.Cut(id, "\n")
	return strings.TrimSuffix(id, "\r")
}

func (s *tale) expungeOne(b *told) error {
	uid, id := s.pick(b)
	if id == "" {
		return nil
	}
	_, err := b.m.Expunge(s.Context(), mailstore.NewUIDSet(uid), false)
	s.say("expunge in %s %d %s: %v", b.name, uid, id, err)
	delete(s.moving, id)
	delete(b.must, id)
	if err == nil {
		b.gone[id] = true
	}
	return err
}

func (s *tale) storeOne(b *told) error {
	uid, id := s.pick(b)
	if id == "" {
		return nil
	}
	op := mailstore.AddFlags
	if s.oneIn(3) {
		op = mailstore.RemoveFlags
	}
	delete(b.answered, id)
	_, err := b.m.SetFlags(s.Context(), mailstore.NewUIDSet(uid), op, mailstore.NewFlags(mailstore.Answered), mailstore.SetFlagsOptions{})
	s.say("store in %s %d %s %v: %v", b.name, uid, id, op == mailstore.AddFlags, err)
	if err == nil {
		b.answered[id] = op == mailstore.AddFlags
	}
	return err
}

// transfer copies or moves one to the other mailbox.
func (s *tale) transfer(b *told) error {
	dest := s.boxes[0]
	if b == dest {
		dest = s.boxes[1]
	}
	uid, id := s.pick(b)
	if id == "" || s.tried[id] {
		return nil
	}
	s.tried[id] = true
	if s.oneIn(2) {
		c, err := b.m.Copy(s.Context(), mailstore.NewUIDSet(uid), dest.m)
		s.say("copy from %s %d %s: %v %v", b.name, uid, id, c, err)
		if err == nil && len(c.Dest) == 1 {
			dest.must[id] = true
			s.tell(dest, c.Dest[0], id)
		}
		return err
	}
	c, err := b.m.Move(s.Context(), mailstore.NewUIDSet(uid), dest.m)
	s.say("move from %s %d %s: %v %v", b.name, uid, id, c, err)
	had := b.must[id] && !b.shown[id]
	delete(b.must, id)
	switch {
	case err == nil && len(c.Dest) == 1:
		dest.must[id], b.gone[id], b.left[id] = true, true, time.Now()
		s.tell(dest, c.Dest[0], id)
	case had:
		s.moving[id] = [2]*told{b, dest}
	}
	return err
}

// others is what other programs do.
func (s *tale) others() {
	for range 1 + s.rnd.IntN(2) {
		time.Sleep(time.Microsecond) // a clock that counts nanoseconds has moved on
		b := s.box()
		switch s.rnd.IntN(6) {
		case 0, 1, 2:
			id := s.newID()
			s.say("others deliver to %s %s", b.name, id)
			s.deliver(b, id)
			b.must[id] = true
		case 3:
			if id := s.oneThere(b); id != "" {
				s.say("others remove from %s %s", b.name, id)
				s.remove(b, id)
				delete(b.must, id)
				delete(s.moving, id)
				b.gone[id] = true
			}
		case 4:
			if id := s.oneThere(b); id != "" {
				s.say("others read in %s %s", b.name, id)
				s.read(b, id)
				delete(b.answered, id)
			}
		case 5:
			if !s.crashed && !s.burnt {
				s.second()
			}
		}
	}
}

func (s *tale) oneThere(b *told) string {
	ids := slices.Sorted(maps.Keys(b.must))
	if len(ids) == 0 {
		return ""
	}
	return ids[s.rnd.IntN(len(ids))]
}

func (s *tale) deliver(b *told, id string) {
	f, err := s.disk.OpenFile(b.dir+"/tmp/"+id+"host", os.O_RDWR|os.O_CREATE, 0o600)
	s.ok(err)
	_, err = f.WriteAt([]byte("Subject: "+id+"\n\n"+id+"\n"), 0)
	s.ok(errors.Join(err, f.Sync(), f.Close()))
	s.ok(s.disk.Rename(b.dir+"/tmp/"+id+"host", b.dir+"/new/"+id+"host"))
	s.ok(s.disk.SyncDir(b.dir + "/new"))
}

// neverLeft: nobody is going to sync what was moved a moment ago.
func (s *tale) neverLeft() {
	for _, b := range s.boxes {
		for id, at := range b.left {
			if s.justNow(at) {
				b.left[id] = at.AddDate(1, 0, 0)
			}
		}
	}
}

// lost says whether a mailbox must be opened again, as its index could not be read.
func (s *tale) lost() bool {
	return slices.ContainsFunc(s.boxes, func(b *told) bool { return errors.Is(b.m.Refresh(s.Context()), mailstore.ErrGone) })
}

func (s *tale) justNow(at time.Time) bool { return at.After(s.began.Add(-fsys.LateAfter)) }

// files are where a message is.
func (s *tale) files(b *told, id string) (list []string) {
	for _, sub := range []string{"/new", "/cur"} {
		entries, err := s.disk.ReadDir(b.dir + sub)
		s.ok(err)
		for _, e := range entries {
			text, err := fsys.ReadFile(s.disk, b.dir+sub+"/"+e.Name, 1<<20)
			s.ok(err)
			if strings.HasPrefix(string(text), "Subject: "+id+"\n") {
				list = append(list, b.dir+sub+"/"+e.Name)
			}
		}
	}
	return list
}

func (s *tale) remove(b *told, id string) {
	for _, path := range s.files(b, id) {
		s.ok(s.disk.Remove(path))
	}
	s.ok(s.disk.SyncDir(b.dir + "/cur"))
	s.ok(s.disk.SyncDir(b.dir + "/new"))
}

func (s *tale) read(b *told, id string) {
	for _, path := range s.files(b, id) {
		base, flags, _ := strings.Cut(path[strings.LastIndex(path, "/")+1:], ":2,")
		if !strings.Contains(flags, "S") {
			flags += "S"
		}
		s.ok(s.disk.Rename(path, b.dir+"/cur/"+base+":2,"+flags))
	}
	s.ok(s.disk.SyncDir(b.dir + "/cur"))
	s.ok(s.disk.SyncDir(b.dir + "/new"))
}

// second is another server of ours, which does something while this one is there.
func (s *tale) second() {
	s.say("another server:")
	var ms []mailstore.Mailbox
	var nexts []mailstore.UID
	acct := s.acct
	for _, b := range s.boxes {
		ms, nexts = append(ms, b.m), append(nexts, b.next)
	}
	s.open()
	for range 1 + s.rnd.IntN(3) {
		b := s.box()
		switch s.rnd.IntN(4) {
		case 0:
			s.ok(s.appendSome(b))
		case 1:
			s.ok(s.expungeOne(b))
		case 2:
			s.look(true)
		case 3:
			s.ok(s.transfer(b))
		}
	}
	s.ok(s.close())
	s.acct = acct
	for i, b := range s.boxes {
		b.m, b.next = ms[i], nexts[i]
	}
	s.say("it ends")
}

// tell notes that a UID names a message.
func (s *tale) tell(b *told, uid mailstore.UID, id string) {
	if had := b.names[uid]; had != "" && had != id {
		s.Errorf("%s: UID %d names %q and named %q", b.name, uid, id, had)
	}
	for u, i := range b.names {
		if i == id && u != uid {
			s.Errorf("%s: %q has UID %d and had %d", b.name, id, uid, u)
		}
	}
	b.loose = b.loose && uid < b.next
	b.names[uid] = id
}

// look compares the mailboxes with what was told.
func (s *tale) look(claim bool) {
	time.Sleep(1150 * time.Millisecond) // what changes in one tick is seen later
	for _, b := range s.boxes {
		s.lookAt(b, claim)
	}
	for id, from := range s.moving {
		if !from[0].must[id] && !from[1].must[id] {
			s.Errorf("%q, which was to be moved from %s, is missing", id, from[0].name)
		}
		delete(s.moving, id)
	}
}

// lookForGhost: one that nobody had synced is not there after a loss of power, and the index may still tell
// of it if the time of its directory was on the disk without it, until somebody wants it.
func (s *tale) lookForGhost(b *told, uid mailstore.UID) {
	s.ok(b.m.Refresh(s.Context()))
	if _, there := b.m.Record(uid); there || !s.cut {
		s.Errorf("%s: %d cannot be read", b.name, uid)
	}
}

func (s *tale) lookAt(b *told, claim bool) {
	s.ok(b.m.Refresh(s.Context()))
	if claim {
		_, err := b.m.ClaimRecent(s.Context())
		s.ok(err)
	}
	if got := b.m.UIDValidity(); got != b.validity {
		s.Errorf("%s: UIDVALIDITY was %d and is %d", b.name, b.validity, got)
	}
	next := b.m.Status().UIDNext
	if next < b.next && !b.loose {
		s.Errorf("%s: UIDNEXT was %d and is %d", b.name, b.next, next)
	}
	b.next = next
	uids, c := b.m.Follow()
	uids = slices.Clone(uids)
	c.Close()
	var list []string
	there := make(map[string]bool)
	for _, uid := range uids {
		id := s.subject(b, uid)
		list = append(list, fmt.Sprint(uid, " ", id))
		if id == "" {
			s.lookForGhost(b, uid)
			continue
		}
		s.tell(b, uid, id)
		if there[id] {
			s.Errorf("%s: %s is there twice", b.name, id)
		}
		there[id] = true
		if b.gone[id] {
			s.Errorf("%s: %s has come back", b.name, id)
		}
		r, known := b.m.Record(uid)
		if !known || uid >= next {
			s.Errorf("%s: %d: there is a record: %v; UIDNEXT is %d", b.name, uid, known, next)
		}
		if answered, known := b.answered[id]; known && answered != r.Flags.Has(mailstore.Answered) {
			s.Errorf("%s: %s: it is said to be answered: %v", b.name, id, !answered)
		}
	}
	s.say("look at %s (claim %v): %q", b.name, claim, list)
	for id := range b.must {
		if !there[id] {
			s.Errorf("%s: %q is missing", b.name, id)
		}
	}
	for id := range there { // one of which nobody was told may be there
		if !b.must[id] {
			b.must[id], b.shown[id] = true, true
		}
	}
}
