package crashtest

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/index"
)

const dir = "/index/box"

type codec struct{}

func (codec) Encode(dst []byte, s string) []byte { return append(dst, s...) }
func (codec) Decode(s string) (string, error)    { return s, nil }
func (codec) Recent(string) bool                 { return false }

func open(fs *faultfs.FS, epoch uint64) (*index.Store[string], *index.Index[string]) {
	return index.NewStore(index.Options[string]{FS: fs, Dir: dir, Codec: codec{}}), index.New[string](1, epoch)
}

// mail plays the mail files: what is durable in them whatever happens to the
// index. A client has been told all of it, and what was told it knows by heart.
type mail struct {
	version int // the stamp: changes with every change
	flags   map[mailstore.UID]mailstore.Flags
	next    mailstore.UID
	told    map[mailstore.UID]mailstore.Flags // by the client, at toldSeq
	toldSeq uint64
}

func (m *mail) stamp() []byte { return fmt.Append(nil, m.version) }

func (m *mail) judge(stamp []byte, _ bool) index.Verdict {
	if string(stamp) == string(m.stamp()) {
		return index.Current
	}
	return index.Behind
}

// tell lets the client know all there is.
func (m *mail) tell(x *index.Index[string]) {
	m.toldSeq, m.told = x.HighestModSeq(), make(map[mailstore.UID]mailstore.Flags)
	for uid, f := range m.flags {
		m.told[uid] = f
	}
}

var (
	seen  = mailstore.NewFlags(mailstore.Seen)
	draft = mailstore.NewFlags(mailstore.Draft, "word")
)

// do changes the mail files first and then the index, as every format does.
func (m *mail) set(x *index.Index[string], uid mailstore.UID, f mailstore.Flags) {
	m.flags[uid] = f
	m.version++
	x.Update(func(tx *index.Tx[string]) { tx.SetFlags(uid, f) })
}

func (m *mail) add(x *index.Index[string]) mailstore.UID {
	uid := m.next
	m.next++
	m.flags[uid] = mailstore.Flags{}
	m.version++
	x.Learn(func(tx *index.Tx[string]) { tx.Add(mailstore.Record{UID: uid}, name(uid)) })
	return uid
}

func (m *mail) expunge(x *index.Index[string], uid mailstore.UID) {
	delete(m.flags, uid)
	m.version++
	x.Update(func(tx *index.Tx[string]) { tx.Expunge(uid) })
}

func name(uid mailstore.UID) string { return fmt.Sprintf("file-%d", uid) }

// fold brings a loaded index up to date with the files.
func (m *mail) fold(x *index.Index[string]) {
	x.Update(func(tx *index.Tx[string]) {
		var gone []mailstore.UID
		for r := range tx.All(mailstore.AllUIDs()) {
			if f, there := m.flags[r.UID]; !there {
				gone = append(gone, r.UID)
			} else if f != r.Flags {
				defer tx.SetFlags(r.UID, f)
			}
		}
		for _, uid := range gone {
			tx.Expunge(uid)
		}
		uids := make([]mailstore.UID, 0, len(m.flags))
		for uid := range m.flags {
			uids = append(uids, uid)
		}
		slices.Sort(uids)
		for _, uid := range uids {
			if uid >= tx.UIDNext() {
				tx.Add(mailstore.Record{UID: uid, Flags: m.flags[uid]}, name(uid))
			}
		}
		tx.SetUIDNext(m.next)
	})
}

// reopen loads what is left and checks that the client who knows the state of
// the mailbox at toldSeq learns all that is different now.
func (m *mail) reopen(t *testing.T, fs *faultfs.FS, epoch uint64) {
	t.Helper()
	s, x := open(fs, epoch)
	if s.Load(x, m.judge) != index.Current {
		m.fold(x)
	}
	defer s.Close(m.stamp())
	m.check(t, s, x)
	if x.HighestModSeq() < m.toldSeq {
		t.Errorf("HIGHESTMODSEQ %d, but %d was told", x.HighestModSeq(), m.toldSeq)
	}
	changed := make(map[mailstore.UID]bool)
	for _, r := range x.ChangedSince(make([]mailstore.Record, 0, 1000), m.toldSeq, 1) {
		changed[r.UID] = true
	}
	vanished, complete := x.Vanished(m.toldSeq)
	for uid, f := range m.told {
		now, there := m.flags[uid]
		switch {
		case !there && complete && !vanished.Contains(uid):
			t.Errorf("the client never learns that UID %d has gone", uid)
		case there && now != f && !changed[uid]:
			t.Errorf("the client never learns the flags of UID %d", uid)
		}
	}
	for uid := range m.flags {
		if _, known := m.told[uid]; !known && !changed[uid] {
			t.Errorf("the client never learns of UID %d", uid)
		}
		if vanished.Contains(uid) {
			t.Errorf("UID %d is told as vanished", uid)
		}
	}
}

// check compares the index with the files, and all summaries that it gives.
func (m *mail) check(t *testing.T, s *index.Store[string], x *index.Index[string]) {
	t.Helper()
	n := 0
	x.View(func(records iter.Seq2[mailstore.Record, string]) {
		for r, data := range records {
			n++
			if f, there := m.flags[r.UID]; !there || f != r.Flags || data != name(r.UID) {
				t.Errorf("UID %d: %v %q, in the files %v %v", r.UID, r.Flags, data, f, there)
			}
		}
	})
	if n != len(m.flags) || x.UIDNext() < m.next {
		t.Errorf("%d messages and UIDNEXT %d, want %d and %d", n, x.UIDNext(), len(m.flags), m.next)
	}
	r := s.Summaries()
	for uid := range m.flags {
		if b, ok := r.Get(uid); ok && string(b) != summary(uid) {
			t.Errorf("UID %d has the summary %.30q", uid, b)
		}
	}
}

func summary(uid mailstore.UID) string {
	return fmt.Sprintf("of %d %s", uid, strings.Repeat("s", 300))
}

// day is some of everything, with a client that is told and leaves at its end
// but for the last change, which takes back what it was told. It ends when the
// power does: from then on no mail file changes and nobody is told anything.
func (m *mail) day(fs *faultfs.FS, epoch uint64) {
	s, x := open(fs, epoch)
	if s.Load(x, m.judge) != index.Current {
		m.fold(x)
	}
	put := func(uid mailstore.UID) { s.PutSummary(uid, []byte(summary(uid))) }
	var first, brief mailstore.UID
	for _, step := range []func(){
		func() { put(m.add(x)) },
		func() { s.Save(m.stamp()) },
		func() { first = m.add(x); put(first) },
		func() {
			for uid := range m.flags {
				put(uid)
			}
		},
		func() { m.set(x, first, seen) },
		func() { brief = m.add(x) },
		func() { m.tell(x) }, // and the client leaves
		func() { m.set(x, first, mailstore.Flags{}) },
		func() { m.expunge(x, brief) },
		func() { s.Save(m.stamp()) },
		func() {
			for range 3 {
				m.set(x, m.add(x), draft)
			}
		},
	} {
		if powerless(fs) {
			break
		}
		step()
	}
	s.Close(m.stamp())
}

// powerless reports whether the power has been cut.
func powerless(fs *faultfs.FS) bool {
	_, err := fs.Stat("/")
	return err != nil
}

func newMail() *mail { return &mail{flags: make(map[mailstore.UID]mailstore.Flags), next: 1} }

// clone copies the mail files.
func (m *mail) clone() *mail {
	c := *m
	c.flags = make(map[mailstore.UID]mailstore.Flags)
	for uid, f := range m.flags {
		c.flags[uid] = f
	}
	return &c
}

// scenario is a day after days days that ended well.
func scenario(days int) (faultfs.Scenario, *mail) {
	before, now := newMail(), newMail()
	return faultfs.Scenario{
		Prepare: func(t *testing.T, fs *faultfs.FS) {
			for i := range days {
				before.day(fs, uint64(1000*(i+1)))
			}
		},
		Run: func(_ *testing.T, fs *faultfs.FS) error {
			*now = *before.clone()
			now.day(fs, 100_000)
			return nil // nothing that happens to an index is an error
		},
		Check: func(t *testing.T, fs *faultfs.FS, _ error) {
			now := now.clone()
			now.reopen(t, fs, 200_000)
			now.reopen(t, fs, 300_000)
		},
	}, now
}

// TestPowerCut cuts the power before each operation of a day.
func TestPowerCut(t *testing.T) {
	for _, days := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("after %d days", days), func(t *testing.T) {
			s, _ := scenario(days)
			s.EachCut(t, 12)
		})
	}
}

// TestFaults lets each operation of a day fail.
func TestFaults(t *testing.T) {
	for _, days := range []int{0, 2} {
		t.Run(fmt.Sprintf("after %d days", days), func(t *testing.T) {
			s, _ := scenario(days)
			s.EachFault(t)
		})
	}
}

// TestFullDisk: from some operation on nothing can be written.
func TestFullDisk(t *testing.T) {
	s, m := scenario(1)
	fs := faultfs.New()
	s.Prepare(t, fs)
	for n := 1; ; n++ {
		full := fs.Clone()
		full.Inject(faultfs.FailFrom(n, fmt.Errorf("full"), faultfs.Create, faultfs.Write, faultfs.Mkdir))
		if err := s.Run(t, full); err != nil {
			t.Fatal(err)
		}
		done := full.Ops() < n
		full.Inject(nil)
		m.clone().reopen(t, full, 200_000)
		if done {
			return
		}
	}
}

// TestMarkIsSynced: a loss of power right after a change that takes another
// back. Without the mark the old state would be believed.
func TestMarkIsSynced(t *testing.T) {
	fs := faultfs.New()
	m := newMail()
	s, x := open(fs, 1000)
	s.Load(x, m.judge)
	uid := m.add(x)
	s.Close(m.stamp())
	fs.Settle()

	s, x = open(fs, 2000)
	if s.Load(x, m.judge) != index.Current {
		t.Fatal("not loaded")
	}
	m.set(x, uid, seen)
	m.tell(x)
	m.set(x, uid, mailstore.Flags{})
	s.Close(m.stamp())
	fs.Crash(nil)
	m.reopen(t, fs, 3000)
}

// TestCostOfAMark: one sync for the first change after a load, none for those
// that follow, none for new mail and none for reading.
func TestCostOfAMark(t *testing.T) {
	fs := faultfs.New()
	m := newMail()
	s, x := open(fs, 1000)
	s.Load(x, m.judge)
	uid := m.add(x)
	s.Close(m.stamp())

	s, x = open(fs, 2000)
	fs.Inject(nil)
	s.Load(x, m.judge)
	s.Save(m.stamp())
	if n := fs.Ops(); n != 0 {
		t.Errorf("reading made %d operations: %v", n, fs.Trace())
	}
	m.add(x)
	s.Save(m.stamp())
	if n := syncs(fs); n != 0 {
		t.Errorf("new mail made %d syncs", n)
	}
	for range 5 {
		m.set(x, uid, seen)
		m.set(x, uid, draft)
		s.Save(m.stamp())
	}
	s.Close(m.stamp())
	if n := syncs(fs); n != 1 {
		t.Errorf("changes made %d syncs: %v", n, fs.Trace())
	}
}

func syncs(fs *faultfs.FS) (n int) {
	for _, line := range fs.Trace() {
		if strings.Contains(line, "sync") {
			n++
		}
	}
	return n
}
