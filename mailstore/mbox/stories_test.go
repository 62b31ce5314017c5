package mbox

import (
	"fmt"
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

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// TestStoriesAtRandom lets a random row of things happen to a mailbox: our own changes, those of a
// second server and of other programs, failures, kills and losses of power in the middle. What was
// told stays true: no message is lost or comes back, no UID names two, no message gets another.
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

// tale is a mailbox, and what is known of it.
type tale struct {
	*killed
	rnd      *rand.Rand
	log      []string
	last     int             // number of the last message
	must     map[string]bool // messages that must be there
	gone     map[string]bool // and those that must not
	answered map[string]bool // whether they are, where that is known
	size     map[string]int  // of those that were appended
	next     mailstore.UID
	validity uint32
	closed   bool
	crashed  bool // and was not opened since
	acked    bool // what was done before the crash
}

func tellStory(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	s := &tale{killed: newKilled(t, []string{"", "/index"}[rnd.IntN(2)]), rnd: rnd,
		must: map[string]bool{"a": true}, gone: make(map[string]bool), answered: make(map[string]bool), size: make(map[string]int)}
	s.validity = s.m.UIDValidity()
	s.say("index in %q", s.index)
	if s.oneIn(3) {
		time.Sleep(20 * time.Millisecond)
		s.fs.StampByTicks(oddTick)
		s.say("the clock ticks")
	}
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(s.log, "\n"))
		}
		_ = s.m.Close()
	}()
	for range 5 + rnd.IntN(20) {
		if s.step(); t.Failed() {
			return
		}
	}
}

func (s *tale) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *tale) oneIn(n int) bool { return s.rnd.IntN(n) == 0 }

// step is something that is done here, with or without a mishap, and what others do then.
func (s *tale) step() {
	what := nothing
	if s.oneIn(2) {
		what = mishap(s.rnd.IntN(4))
	}
	s.prepare(what, 1+s.rnd.IntN(12))
	err := s.act()
	s.acked = err == nil
	synctest.Wait()
	if s.oneIn(2) {
		time.Sleep(time.Duration(s.rnd.IntN(3000)) * time.Millisecond) // what is done late
		synctest.Wait()
	}
	switch what {
	case killed9, powerCut:
		s.crash(what)
	case failure:
		s.fs.Inject(nil)
		s.say("it failed: %v", err)
	}
	if s.closed {
		s.say("open")
		s.open()
		s.closed, s.crashed = false, false
	} else if s.oneIn(2) {
		s.others()
	}
	if s.oneIn(2) {
		s.ok(s.look(s.oneIn(2)))
	}
}

// prepare lets it happen at the n-th operation.
func (s *tale) prepare(what mishap, n int) {
	switch what {
	case killed9:
		s.say("killed at %d:", n)
		s.fs.Inject(faultfs.FailFrom(n, syscall.EIO))
	case powerCut:
		s.say("power cut at %d:", n)
		s.fs.CutAt(n)
	case failure:
		s.say("failure at %d:", n)
		s.fs.Inject(faultfs.FailAt(n, syscall.EIO))
	}
}

// crash ends the process, now at the latest.
func (s *tale) crash(what mishap) {
	if what == killed9 {
		s.fs.Inject(faultfs.FailFrom(1, syscall.EIO))
	} else {
		s.fs.CutAt(1)
	}
	_ = s.m.Close() // so that nothing is done afterwards
	synctest.Wait()
	if what == killed9 {
		s.fs.Inject(nil)
	} else {
		s.fs.Crash(s.rnd)
		clear(s.answered) // flags of the last second may be lost
	}
	_ = s.fs.Remove("/mail/inbox.lock") // which nobody holds
	s.closed, s.crashed = true, true
	s.say("the process has ended")
	if s.oneIn(2) {
		s.others()
	}
	if s.index != "" && s.oneIn(4) {
		s.say("the index is removed")
		s.ok(removeTree(s.fs, s.index))
	}
}

// act is what a client asks for.
func (s *tale) act() error {
	switch s.rnd.IntN(9) {
	case 0, 1, 2, 3:
		return s.appendSome()
	case 4:
		return s.expungeOne()
	case 5, 6:
		return s.storeOne()
	case 7:
		err := s.m.Close()
		s.say("close: %v", err)
		s.closed = true
		return err
	}
	err := s.m.Refresh(s.Context())
	if err == nil {
		_, err = s.m.ClaimRecent(s.Context())
	}
	s.say("claim: %v", err)
	return err
}

func (s *tale) newID() string { s.last++; return fmt.Sprintf("m%03d.", s.last) }

func (s *tale) body(id string) string { return strings.Repeat(id+" and more of it\n", 1+s.size[id]/20) }

// appendSome appends one to three messages at once.
func (s *tale) appendSome() error {
	var ids []string
	for range 1 + s.rnd.IntN(3)/2*s.rnd.IntN(3) {
		id := s.newID()
		s.size[id] = []int{0, 0, 700, 5000, 40000}[s.rnd.IntN(5)]
		ids = append(ids, id)
	}
	uids, err := s.appendThese(ids)
	s.say("append %v (%d): %v %v", ids, s.size[ids[0]], uids, err)
	if err != nil {
		return err
	}
	for i, id := range ids {
		s.must[id] = true
		s.tell(fmt.Sprint(uids[i]), id)
	}
	return nil
}

func (s *tale) appendThese(ids []string) ([]mailstore.UID, error) {
	a, err := s.m.NewAppend(s.Context())
	if err != nil {
		return nil, err
	}
	defer a.Abort()
	for _, id := range ids {
		if err := a.Add(mailstore.AppendOptions{}, strings.NewReader("Subject: "+id+"\n\n"+s.body(id))); err != nil {
			return nil, err
		}
	}
	_, uids, err := a.Commit(s.Context())
	return uids, err
}

// pick is one of the messages that are known, if it is still there.
func (s *tale) pick() (mailstore.UID, string) {
	uids, c := s.m.Follow()
	c.Close()
	if len(uids) == 0 {
		return 0, ""
	}
	uid := uids[s.rnd.IntN(len(uids))]
	id, err := subjectOf(s.Context(), s.m, uid)
	if err != nil {
		return 0, ""
	}
	return uid, id
}

func (s *tale) expungeOne() error {
	uid, id := s.pick()
	if uid == 0 {
		return nil
	}
	_, err := s.m.Expunge(s.Context(), mailstore.NewUIDSet(uid), false)
	s.say("expunge %d %s: %v", uid, id, err)
	delete(s.must, id)
	if err == nil {
		s.gone[id] = true
	}
	return err
}

func (s *tale) storeOne() error {
	uid, id := s.pick()
	if uid == 0 {
		return nil
	}
	op := mailstore.AddFlags
	if s.oneIn(3) {
		op = mailstore.RemoveFlags
	}
	delete(s.answered, id)
	_, err := s.m.SetFlags(s.Context(), mailstore.NewUIDSet(uid), op, mailstore.NewFlags(mailstore.Answered), mailstore.SetFlagsOptions{})
	s.say("store %d %s %v: %v", uid, id, op == mailstore.AddFlags, err)
	if err == nil {
		s.answered[id] = op == mailstore.AddFlags
	}
	return err
}

// others is what other programs do.
func (s *tale) others() {
	for range 1 + s.rnd.IntN(2) {
		time.Sleep(time.Microsecond) // a clock that counts nanoseconds has moved on
		switch s.rnd.IntN(6) {
		case 0, 1, 2:
			id := s.newID()
			s.say("others deliver %s", id)
			s.deliver(id)
			s.must[id] = true
		case 3:
			if id := s.oneThere(); id != "" && s.mayRewrite() {
				s.say("others remove %s", id)
				s.remove(id)
				delete(s.must, id)
				s.gone[id] = true
			}
		case 4:
			if id := s.oneThere(); id != "" && s.mayRewrite() {
				s.say("others read %s", id)
				s.read(id)
				delete(s.answered, id)
			}
		case 5:
			if !s.crashed {
				s.second()
			}
		}
	}
}

func (s *tale) oneThere() string {
	ids := slices.Sorted(maps.Keys(s.must))
	if len(ids) == 0 {
		return ""
	}
	return ids[s.rnd.IntN(len(ids))]
}

// mayRewrite reports whether who changes the file now does no harm: nobody can put right what is
// moved while a change of ours stands there in part.
func (s *tale) mayRewrite() bool {
	if !s.crashed {
		return true
	}
	if !strings.HasSuffix(string(s.content()), "\n\n") {
		return false
	}
	j, err := openJournal(s.fs, "/mail/.imap/INBOX/restante.journal", false)
	s.ok(err)
	if j == nil {
		return true
	}
	defer j.close()
	return j.h.kind == journalClean || j.h.kind == journalAppend && s.acked
}

// second is another server of ours, which does something while this one is there.
func (s *tale) second() {
	s.say("another server:")
	m, err := openAccount(s.T, Options{FS: s.fs, Root: "/mail", Zone: time.UTC}).Open(s.Context(), mailstore.Inbox)
	s.ok(err)
	mine, next := s.m, s.next
	s.m = m
	for range 1 + s.rnd.IntN(3) {
		switch s.rnd.IntN(3) {
		case 0:
			s.ok(s.appendSome())
		case 1:
			s.ok(s.expungeOne())
		case 2:
			s.ok(s.look(true))
		}
	}
	s.ok(m.Close())
	s.m, s.next = mine, next
	s.say("it ends")
}

// tell notes that a UID names a message.
func (s *tale) tell(uid, id string) {
	if had := s.names[uid]; had != "" && had != id {
		s.Errorf("UID %s names %q and named %q", uid, id, had)
	}
	s.names[uid] = id
}

// look compares the mailbox with what was told.
func (s *tale) look(claim bool) error {
	err := s.m.Refresh(s.Context())
	if err == nil && claim {
		_, err = s.m.ClaimRecent(s.Context())
	}
	if err != nil {
		return err
	}
	list := subjectsOf(s.T, s.m)
	s.say("look (claim %v): %q", claim, list)
	if got := s.m.UIDValidity(); got != s.validity {
		s.Errorf("UIDVALIDITY was %d and is %d", s.validity, got)
	}
	next := s.m.Status().UIDNext
	if next < s.next {
		s.Errorf("UIDNEXT was %d and is %d", s.next, next)
	}
	s.next = next
	for _, line := range list {
		s.check(line)
	}
	s.kept()
	for id := range s.must {
		if !slices.ContainsFunc(list, func(line string) bool { return strings.HasSuffix(line, " "+id) }) {
			s.Errorf("%q is missing", id)
		}
	}
	for _, line := range list { // one of which nobody was told may be there, and then stays
		_, id, _ := strings.Cut(line, " ")
		s.must[id] = true
	}
	return nil
}

// check compares one message with what was told of it.
func (s *tale) check(line string) {
	uid, id, _ := strings.Cut(line, " ")
	s.tell(uid, id)
	if s.gone[id] {
		s.Errorf("%s has come back", line)
	}
	n, err := strconv.Atoi(uid)
	s.ok(err)
	r, there := s.m.Record(mailstore.UID(n))
	if !there || r.UID >= s.next {
		s.Errorf("%s: there is a record: %v; UIDNEXT is %d", line, there, s.next)
	}
	if answered, known := s.answered[id]; known && answered != r.Flags.Has(mailstore.Answered) {
		s.Errorf("%s: it is said to be answered: %v", line, !answered)
	}
	if _, ours := s.size[id]; ours && s.must[id] {
		if n := strings.Count(string(s.content()), s.body(id)); n != 1 {
			s.Errorf("%s: its text is there %d times", line, n)
		}
	}
}
