package maildir_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// foreigner is another program that works on a Maildir as fast as it can.
type foreigner struct {
	t   *testing.T
	dir string
	ops atomic.Int64
}

// try reports a failure that is no race with us.
func (f *foreigner) try(err error) bool {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Error(err)
	}
	f.ops.Add(1)
	return err == nil
}

var flagSets = []string{"", "S", "FS", "FRST"}

// flag renames a message a number of times; its present name is not known.
func (f *foreigner) flag(base string, rnd *rand.Rand, times int) {
	path := func(flags string) string { return filepath.Join(f.dir, "cur", base+":2,"+flags) }
	for _, flags := range flagSets {
		if os.Rename(path(flags), path("")) == nil {
			break
		}
	}
	now := ""
	for range times {
		next := flagSets[rnd.IntN(len(flagSets))]
		if next != now && f.try(os.Rename(path(now), path(next))) {
			now = next
		}
	}
}

// pass delivers messages, moves them to cur/ and removes them, never more than
// a few at a time.
func (f *foreigner) pass(ctx context.Context, id int, kept func(subject string)) {
	for i := 0; ctx.Err() == nil; i++ {
		base := fmt.Sprintf("%d.M%dP%d.foreign", 2_000_000_000+i, i, id)
		temp, inNew, inCur := filepath.Join(f.dir, "tmp", base), filepath.Join(f.dir, "new", base), filepath.Join(f.dir, "cur", base+":2,S")
		subject := fmt.Sprintf("passing-%d-%d", id, i)
		f.try(os.WriteFile(temp, []byte(text(subject)), 0o600))
		f.try(os.Rename(temp, inNew))
		f.try(os.Rename(inNew, inCur))
		if i%50 == 0 {
			kept(subject)
			continue
		}
		f.try(os.Remove(inCur))
	}
}

// TestScanUnderRenames refreshes while other programs rename, deliver and
// remove: no message that is there is ever missed, none is shown twice.
func TestScanUnderRenames(t *testing.T) {
	const steady, rounds = 600, 150
	root := t.TempDir()
	var bases []string
	for i := range steady {
		bases = append(bases, fmt.Sprintf("%d.M%dP1.steady-with-a-rather-long-host-name.example.org", 1_000_000_000+i, i))
		deliver(t, root, "cur/"+bases[i]+":2,", fmt.Sprintf("steady-%d", i))
	}
	acct := openAccount(t, maildir.Options{Root: root})
	inbox := openBox(t, acct, "INBOX")
	_, cursor := inbox.Follow()
	defer cursor.Close()

	ctx, cancel := context.WithCancel(t.Context())
	f := &foreigner{t: t, dir: root}
	var mu sync.Mutex
	kept := make(map[string]bool)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			for ctx.Err() == nil {
				f.flag(bases[i*steady/2+rnd.IntN(steady/2)], rnd, 40)
			}
		})
	}
	wg.Go(func() {
		f.pass(ctx, 1, func(s string) { mu.Lock(); kept[s] = true; mu.Unlock() })
	})
	uids := make(map[string]mailstore.UID)
	for i := range steady {
		uids[fmt.Sprintf("steady-%d", i)] = mailstore.UID(i + 1)
	}
	for round := 0; round < rounds || f.ops.Load() < 5000; round++ {
		inbox.refresh()
		changes, _ := cursor.Next()
		for _, c := range changes {
			if c.Kind == mailstore.Expunged && c.UID <= steady {
				t.Fatalf("message %d was taken for expunged", c.UID)
			}
		}
		if n := inbox.Status().Messages; n < steady {
			t.Fatalf("%d messages are shown of %d and more", n, steady)
		}
	}
	cancel()
	wg.Wait()
	checkAgainstDisk(t, inbox, root)
	seen := make(map[string]bool)
	for _, uid := range uidsOf(inbox) {
		id, err := subject(t, inbox, uid)
		inbox.ok(err)
		if seen[id] {
			t.Errorf("%s is shown twice", id)
		}
		seen[id] = true
		if want, isSteady := uids[id]; isSteady && uid != want {
			t.Errorf("%s has UID %d, had %d", id, uid, want)
		}
	}
	for id := range kept {
		if !seen[id] {
			t.Errorf("%s is lost", id)
		}
	}
}

func uidsOf(m mailstore.Mailbox) []mailstore.UID {
	uids, c := m.Follow()
	c.Close()
	return uids
}

// checkAgainstDisk wants the number of messages and their flags to be those of the
// files, now that nobody changes them any more: not at the first refresh, as what was
// changed in one tick of the clock with our own last change is seen a moment later.
func checkAgainstDisk(t *testing.T, b box, root string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		b.refresh()
		wrong := differences(t, b, root)
		if len(wrong) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(strings.Join(wrong, "; "))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// differences compares the number of messages and their flags with the files.
func differences(t *testing.T, b box, root string) (wrong []string) {
	t.Helper()
	want := files(t, root)
	if n := int(b.Status().Messages); n != len(want) {
		wrong = append(wrong, fmt.Sprintf("%d messages are shown, %d files are there", n, len(want)))
	}
	count := func(letter string, flag mailstore.System) {
		inFiles, shown := 0, 0
		for _, name := range want {
			_, letters, _ := strings.Cut(name, ":2,")
			if strings.Contains(letters, letter) {
				inFiles++
			}
		}
		for _, uid := range uidsOf(b) {
			if r, _ := b.Record(uid); r.Flags.Has(flag) {
				shown++
			}
		}
		if inFiles != shown {
			wrong = append(wrong, fmt.Sprintf("flag %s is on %d messages, and in the names of %d files", letter, shown, inFiles))
		}
	}
	count("S", mailstore.Seen)
	count("F", mailstore.Flagged)
	count("T", mailstore.Deleted)
	return wrong
}

// TestWritesUnderRenames stores flags, moves and expunges while another program
// renames the same files.
func TestWritesUnderRenames(t *testing.T) {
	const count, rounds = 40, 60
	acct, root := newAccount(t, maildir.MaildirPP)
	if err := acct.Create(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	inbox, other := openBox(t, acct, "INBOX"), openBox(t, acct, "other")
	var ids []string
	for i := range count {
		ids = append(ids, fmt.Sprint(i))
	}
	inbox.add(mailstore.NewFlags(mailstore.Seen), ids...)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, dir := range []string{root, filepath.Join(root, ".other")} {
		wg.Go(func() { toggleAll(ctx, t, dir) })
	}
	for i := range rounds {
		from, to := inbox, other
		if i%2 == 1 {
			from, to = other, inbox
		}
		from.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered), uidsOf(from)...)
		all := uidsOf(from)
		res, err := from.Move(ctx, mailstore.NewUIDSet(all[:len(all)/2+1]...), to.Mailbox)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Source) != len(res.Dest) {
			t.Errorf("moved %v to %v", res.Source, res.Dest)
		}
		from.refresh()
		to.refresh()
		if n := from.Status().Messages + to.Status().Messages; n != count {
			t.Fatalf("there are %d messages, want %d", n, count)
		}
	}
	cancel()
	wg.Wait()
	checkAgainstDisk(t, inbox, root)
	checkAgainstDisk(t, other, filepath.Join(root, ".other"))
	var got []string
	for _, b := range []box{inbox, other} {
		for _, uid := range uidsOf(b) {
			id, err := subject(t, b, uid)
			b.ok(err)
			got = append(got, id)
		}
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("after all there are %q", got)
	}
	_, err := inbox.Expunge(t.Context(), mailstore.AllUIDs(), false)
	inbox.ok(err)
	inbox.want()
}

// toggleAll sets and takes \Flagged on whatever is in a directory.
func toggleAll(ctx context.Context, t *testing.T, dir string) {
	for ctx.Err() == nil {
		entries, err := os.ReadDir(filepath.Join(dir, "cur"))
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range entries {
			base, flags, _ := strings.Cut(e.Name(), ":2,")
			next := "F" + flags
			if strings.Contains(flags, "F") {
				next = strings.ReplaceAll(flags, "F", "")
			}
			err := os.Rename(filepath.Join(dir, "cur", e.Name()), filepath.Join(dir, "cur", base+":2,"+next))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	}
}
