package mbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

// delivered is an inbox that an MTA has filled.
const delivered = dated + "Subject: one\n\nfirst\n\n" + dated + "Subject: two\nStatus: RO\n\nsecond\n\n" + dated + "Subject: three\n\nthird\n\n"

// story is a life of two mailboxes on a file system that fails.
type story struct {
	t          testing.TB
	fs         *faultfs.FS
	disk       *fullDisk // around fs
	acct       mailstore.Account
	inbox, sub mailstore.Mailbox
}

func newStory(t testing.TB) *story {
	time.Sleep(123457) // a file of a whole second looks like one of a file system that counts no nanoseconds
	s := &story{t: t, fs: faultfs.New()}
	if err := fsys.MkdirAll(s.fs, "/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsys.WriteFile(s.fs, "/mail/inbox", []byte(delivered), 0o600); err != nil {
		t.Fatal(err)
	}
	s.fs.Settle()
	s.disk = &fullDisk{FS: s.fs}
	return s
}

func (s *story) open() error {
	ctx := context.Background()
	acct, err := Open(ctx, Options{FS: s.disk, Root: "/mail", LockTimeout: 5 * time.Millisecond, Zone: time.UTC, IndexDir: "/index"})
	if err != nil {
		return err
	}
	s.acct = acct
	s.inbox, err = acct.Open(ctx, "INBOX")
	return err
}

func (s *story) append(m mailstore.Mailbox, flags mailstore.Flags, bodies ...string) error {
	ctx := context.Background()
	a, err := m.NewAppend(ctx)
	if err != nil {
		return err
	}
	defer a.Abort()
	for _, b := range bodies {
		if err := a.Add(mailstore.AppendOptions{Flags: flags, Date: time.Unix(1e9, 0)}, strings.NewReader("Subject: "+b+"\r\n\r\n"+b+"\r\n")); err != nil {
			return err
		}
	}
	_, _, err = a.Commit(ctx)
	return err
}

func (s *story) flags(m mailstore.Mailbox, op mailstore.FlagOp, f mailstore.Flags, uids ...mailstore.UID) error {
	_, err := m.SetFlags(context.Background(), mailstore.NewUIDSet(uids...), op, f, mailstore.SetFlagsOptions{})
	return err
}

// removeLocks removes lock files that were left behind; for that of an unknown
// process everybody would have to wait for minutes.
func (s *story) removeLocks() {
	for _, lock := range []string{"/mail/inbox.lock", "/mail/lists/sub.lock"} {
		_ = s.fs.Remove(lock)
	}
}

// steps are what happens. Each can be done again after it has failed.
var steps = []struct {
	name string
	do   func(s *story) error
}{
	{"open", func(s *story) error {
		if s.acct != nil && s.inbox != nil {
			return nil
		}
		return s.open()
	}},
	{"claim", func(s *story) error { _, err := s.inbox.ClaimRecent(context.Background()); return err }},
	{"set flags of an unstamped message", func(s *story) error {
		return s.flags(s.inbox, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), 2)
	}},
	{"append two", func(s *story) error {
		return s.append(s.inbox, mailstore.NewFlags(mailstore.Seen, "k"), "four", "five, which is longer")
	}},
	{"set one flag", func(s *story) error {
		return s.flags(s.inbox, mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered), 4)
	}},
	{"set keywords", func(s *story) error {
		return s.flags(s.inbox, mailstore.AddFlags, mailstore.NewFlags(0, "later", "a-new-word"), 1, 3, 5)
	}},
	{"expunge in the middle", func(s *story) error {
		_, err := s.inbox.Expunge(context.Background(), mailstore.NewUIDSet(1, 3), false)
		return err
	}},
	{"create", func(s *story) error {
		err := s.acct.Create(context.Background(), "lists/sub")
		if errors.Is(err, mailstore.ErrExists) {
			err = nil // the failure came behind the creation
		}
		return err
	}},
	{"open the new one", func(s *story) (err error) {
		if s.sub == nil {
			s.sub, err = s.acct.Open(context.Background(), "lists/sub")
		}
		return err
	}},
	{"copy", func(s *story) error {
		_, err := s.inbox.Copy(context.Background(), mailstore.NewUIDSet(2, 4), s.sub)
		return err
	}},
	{"move", func(s *story) error {
		_, err := s.inbox.Move(context.Background(), mailstore.NewUIDSet(5), s.sub)
		return err
	}},
	{"expunge the last", func(s *story) error {
		_, err := s.inbox.Expunge(context.Background(), mailstore.NewUIDSet(4), false)
		return err
	}},
	{"expunge all", func(s *story) error {
		_, err := s.inbox.Expunge(context.Background(), mailstore.AllUIDs(), false)
		return err
	}},
	{"append to the empty one", func(s *story) error { return s.append(s.inbox, mailstore.Flags{}, "six") }},
	{"close", func(s *story) error {
		if s.sub != nil {
			err := s.sub.Close()
			s.sub = nil
			return err
		}
		return nil
	}},
	{"close INBOX", func(s *story) error {
		if s.inbox != nil {
			err := s.inbox.Close()
			s.inbox = nil
			return err
		}
		return nil
	}},
}

// look describes an account: what clients would see of it, which must be the
// same with and without its index.
func look(t testing.TB, fsx *faultfs.FS) string {
	t.Helper()
	without := lookWith(t, fsx.Clone(), "")
	got := lookWith(t, fsx, "/index")
	if got != without {
		t.Fatalf("with the index there is\n%s\nand without it\n%s", got, without)
	}
	return got
}

func lookWith(t testing.TB, fsx fsys.FS, index string) string {
	t.Helper()
	ctx := context.Background()
	acct, err := Open(ctx, Options{FS: fsx, Root: "/mail", LockTimeout: 5 * time.Millisecond, Zone: time.UTC, IndexDir: index})
	if err != nil {
		t.Fatalf("opening again: %v", err)
	}
	var b strings.Builder
	list, err := acct.Mailboxes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		if in.NoSelect {
			continue
		}
		m, err := acct.Open(ctx, in.Name)
		if err != nil {
			t.Fatalf("opening %s again: %v", in.Name, err)
		}
		fmt.Fprintf(&b, "%s:", in.Name)
		for _, r := range m.Records(make([]mailstore.Record, 0, 100), 1) {
			text := strings.ReplaceAll(string(readWire(t, m, r.UID)), "\r\n", "|")
			fmt.Fprintf(&b, " %d(%s)%q", r.UID, flagText(r.Flags.Without(mailstore.NewFlags(mailstore.Recent))), text)
		}
		fmt.Fprintln(&b)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// goldens are the states after each step when nothing fails, and before the first.
func goldens(t testing.TB) []string {
	t.Helper()
	s := newStory(t)
	states := []string{look(t, s.fs.Clone())}
	for _, step := range steps {
		if err := step.do(s); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		synctest.Wait()
		states = append(states, look(t, s.fs.Clone()))
	}
	return states
}

// halfMoved is the state between the two halves of the move.
func halfMoved(before, after string) string {
	inbox, _, _ := strings.Cut(before, "\n")
	_, rest, _ := strings.Cut(after, "\n")
	return inbox + "\n" + rest
}

func TestStoryPowerCut(t *testing.T) { synctest.Test(t, storyPowerCut) }

func storyPowerCut(t *testing.T) {
	states := goldens(t)
	for n := 1; ; n++ {
		for _, seed := range []uint64{0, 1, 2} {
			s := newStory(t)
			s.fs.CutAt(n)
			at, err := 0, error(nil)
			for at < len(steps) && err == nil {
				err = steps[at].do(s)
				synctest.Wait() // what an append does after it was acknowledged
				if err == nil {
					at++
				}
			}
			if err == nil {
				t.Logf("the power was cut at %d operations", n-1)
				return
			}
			var rnd *rand.Rand
			if seed > 0 {
				rnd = rand.New(rand.NewPCG(seed, uint64(n)))
			}
			s.fs.Crash(rnd)
			s.removeLocks()
			got := look(t, s.fs)
			want := []string{states[at], states[at+1]}
			if steps[at].name == "move" {
				want = append(want, halfMoved(states[at], states[at+1]))
			}
			if !slices.Contains(want, got) {
				t.Fatalf("cut at %d (seed %d) in %q: after it there is\n%s\nbefore the step there was\n%s\nand after it there should be\n%s\n%s",
					n, seed, steps[at].name, got, states[at], states[at+1], strings.Join(s.fs.Trace(), "\n"))
			}
			s2 := &story{t: t, fs: s.fs, disk: s.disk}
			if err := s2.open(); err != nil {
				t.Fatal(err)
			}
			checkNextUID(t, fmt.Sprintf("cut at %d (seed %d) in %q", n, seed, steps[at].name), s2, states[:at+1])
		}
	}
}

var uidInState = regexp.MustCompile(` \d+\(`)

// withoutUIDs is for states in which something was copied twice.
func withoutUIDs(state string) string { return uidInState.ReplaceAllString(state, " (") }

// checkNextUID appends a message: its UID must be above all that were ever told.
func checkNextUID(t *testing.T, what string, s *story, told []string) {
	t.Helper()
	if err := s.append(s.inbox, mailstore.Flags{}, "probe"); err != nil {
		t.Fatalf("%s: append: %v", what, err)
	}
	uids, c := s.inbox.Follow()
	c.Close()
	last := uids[len(uids)-1]
	for _, state := range told {
		line, _, _ := strings.Cut(state, "\n")
		for _, word := range strings.Fields(line)[1:] {
			var uid mailstore.UID
			if n, _ := fmt.Sscanf(word, "%d(", &uid); n == 1 && uid >= last {
				t.Fatalf("%s: UID %d is given again", what, last)
			}
		}
	}
	if err := s.inbox.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStoryFailures lets each operation fail, once or as on a full disk: the
// step fails and has changed nothing, or succeeds; done again it succeeds.
func TestStoryFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(s *story, n int)
	}{
		{"once", func(s *story, n int) { s.fs.Inject(faultfs.FailAt(n, syscall.EIO)) }},
		{"nothing can be written", func(s *story, n int) {
			s.fs.Inject(faultfs.FailFrom(n, syscall.ENOSPC, faultfs.Write, faultfs.Create, faultfs.Mkdir))
		}},
		{"full disk", func(s *story, n int) { s.fs.Inject(nil); s.disk.from = n }},
		{"everything", func(s *story, n int) { s.fs.Inject(faultfs.FailFrom(n, syscall.EIO)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { storyFailures(t, c.name, c.begin) })
		})
	}
}

func storyFailures(t *testing.T, name string, begin func(s *story, n int)) {
	states := goldens(t)
	for n := 1; ; n++ {
		s := newStory(t)
		begin(s, n)
		hit, doubled := false, false
		for i, step := range steps {
			err := step.do(s)
			synctest.Wait()
			hit = hit || s.fs.Ops() >= n
			if err == nil {
				continue
			}
			trace := strings.Join(s.fs.Trace(), "\n")
			checkFull(t, fmt.Sprintf("full at %d in %q", n, step.name), s, err)
			s.repair()
			s.removeLocks()
			doubled = checkFailed(t, fmt.Sprintf("%s at %d in %q (%v)", name, n, step.name, err), s, err, states[i:i+2], trace) || doubled
			err = step.do(s)
			synctest.Wait()
			if err != nil {
				t.Fatalf("%s at %d: %q again: %v\n%s", name, n, step.name, err, trace)
			}
		}
		s.repair()
		s.removeLocks()
		if got := look(t, s.fs.Clone()); !doubled && withoutUIDs(got) != withoutUIDs(states[len(states)-1]) {
			t.Fatalf("%s at %d: in the end there is\n%s\nwant\n%s", name, n, got, states[len(states)-1])
		}
		if !hit {
			t.Logf("%s: %d operations", name, n-1)
			return
		}
	}
}

// repair ends all faults.
func (s *story) repair() {
	s.disk.from = 0
	s.fs.Inject(nil)
}

// checkFull checks a step that has failed on a full disk: the error says why,
// and what makes room is not among what fails, once there is a journal.
func checkFull(t *testing.T, what string, s *story, err error) {
	t.Helper()
	if s.disk.from == 0 {
		return
	}
	if !errors.Is(err, mailstore.ErrOverQuota) {
		t.Fatalf("%s: %v is not told as a lack of room", what, err)
	}
	fi, missing := s.fs.Stat("/mail/.imap/INBOX/restante.journal")
	if strings.Contains(what, "expunge") && missing == nil && fi.Size() >= journalRoom {
		t.Fatalf("%s: %v, though there is a journal", what, err)
	}
}

// checkFailed checks the state after a step that failed. doubled says that a
// move was interrupted between its halves, and what should have ended it too.
func checkFailed(t *testing.T, what string, s *story, err error, states []string, trace string) (doubled bool) {
	t.Helper()
	got := look(t, s.fs.Clone())
	if got == states[0] || got == states[1] && strings.Contains(what, "create") {
		return false
	}
	if strings.Contains(what, `"move"`) && withoutUIDs(got) == withoutUIDs(halfMoved(states[0], states[1])) {
		return true
	}
	if withoutUIDs(got) == withoutUIDs(states[0]) && strings.Contains(what, `"move"`) {
		return false
	}
	if errors.Is(err, errHalfDone) && got == states[1] {
		return false // what could not be finished was finished by whoever looked
	}
	t.Fatalf("%s: there is\n%s\nwant\n%s\n%s", what, got, states[0], trace)
	return false
}
