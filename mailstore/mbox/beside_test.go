package mbox

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// ledger is which messages were put into a mailbox and which were taken out.
type ledger struct {
	mu      sync.Mutex
	in, out map[string]bool
	uids    map[mailstore.UID]string
}

func (l *ledger) put(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in[id] = true
}

// named notes that a UID named a message, and returns the one it named before.
func (l *ledger) named(uid mailstore.UID, id string) (before string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.uids[uid]
	if before == "" {
		l.uids[uid] = id
		before = id
	}
	return before
}

func (l *ledger) take(ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.out[id] = true
	}
}

// deliver appends as a careful delivery agent does: lock file, fcntl lock, write;
// if the second lock is taken it gives back the first and begins again.
func deliver(ctx context.Context, file, id string) error {
	for {
		done, err := tryDeliver(ctx, file, id)
		if done || err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func tryDeliver(ctx context.Context, file, id string) (done bool, err error) {
	lock, err := fsys.LockDot(ctx, fsys.OS{}, file+".lock", fsys.DotlockOptions{})
	if err != nil {
		return false, err
	}
	defer lock.Unlock()
	f, err := fsys.OS{}.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if ok, err := f.TryLock(true); !ok || err != nil {
		return false, err
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return false, err
	}
	_, err = f.Write([]byte(mailOf(id, "X-Filler: "+filler(id)+"\n")))
	return true, err
}

// filler makes messages differ in size, as real ones do. Dovecot takes an mbox that is as
// large as it was, within the same second, for unchanged: when one message was added and
// another of its size removed, it reads at places where nothing begins, and gives new UIDs.
func filler(id string) string {
	return strings.Repeat("z", int(crc32.ChecksumIEEE([]byte(id))%4001))
}

// TestBesideOthers works on one mailbox together with Dovecot and a delivery
// agent: no message is lost or doubled, and no UID names two.
func TestBesideOthers(t *testing.T) {
	d := newDovecot(t)
	d.shared = true
	file := filepath.Join(d.home, "mail", "inbox")
	// With a UIDVALIDITY: without, whoever is the first to write gives one.
	first := mailOf("first", "X-IMAPbase: 1700000000 0000000001\n", "X-UID: 1\n")
	if err := os.WriteFile(file, []byte(first), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	l := &ledger{in: map[string]bool{"first": true}, out: make(map[string]bool), uids: make(map[mailstore.UID]string)}
	acct := openAccount(t, Options{Root: filepath.Join(d.home, "mail"), Zone: time.UTC, LockTimeout: 30 * time.Second})
	m, err := acct.Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ClaimRecent(t.Context()); err != nil {
		t.Fatal(err)
	}
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	var wg sync.WaitGroup
	work := func(fn func(n int) error) {
		wg.Go(func() {
			for n := range rounds {
				if err := fn(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work(func(n int) error {
		id := fmt.Sprintf("delivered-%d", n)
		l.put(id)
		return deliver(t.Context(), file, id)
	})
	work(func(n int) error {
		id := fmt.Sprintf("ours-%d", n)
		l.put(id)
		if err := appendText(t, m, "Subject: "+id+"\r\n\r\nFrom here\r\n"+filler(id)+"\r\n"); err != nil {
			return err
		}
		return worked(t, m, l, n)
	})
	wg.Go(func() {
		for n := range rounds / 6 {
			id := fmt.Sprintf("theirs-%d", n)
			l.put(id)
			text := "Subject: " + id + "\r\n\r\nhello\r\n" + filler(id) + "\r\n"
			d.imap("SELECT INBOX", fmt.Sprintf("STORE 1:* +FLAGS (k%d)", n), fmt.Sprintf("APPEND INBOX (\\Seen) {%d+}\r\n%s", len(text), text), "NOOP", fmt.Sprintf("STORE 1:* -FLAGS (k%d)", n))
		}
	})
	wg.Wait()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	checkLedger(t, acct, l)
}

// worked changes flags and expunges a message here and there.
func worked(t *testing.T, m mailstore.Mailbox, l *ledger, n int) error {
	ctx := t.Context()
	if err := m.Refresh(ctx); err != nil {
		return err
	}
	uids, c := m.Follow()
	c.Close()
	uid := uids[n*7%len(uids)]
	id, err := subjectOf(ctx, m, uid)
	if err != nil {
		return nil // another program was quicker
	}
	if before := l.named(uid, id); before != id {
		t.Errorf("UID %d named %s and names %s", uid, before, id)
	}
	if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(uid), mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "a-keyword"), mailstore.SetFlagsOptions{}); err != nil {
		return err
	}
	if n%3 != 0 {
		return nil
	}
	gone, err := m.Expunge(ctx, mailstore.NewUIDSet(uid), false)
	if gone.Contains(uid) { // another program may have been quicker, or have given it another UID
		l.take(id)
	}
	return err
}

func subjectOf(ctx context.Context, m mailstore.Mailbox, uid mailstore.UID) (string, error) {
	msg, err := m.OpenMessage(ctx, uid)
	if err != nil {
		return "", err
	}
	defer msg.Close()
	b := make([]byte, min(msg.Len(), 200))
	if _, err := msg.ReadAt(b, 0); err != nil && err != io.EOF {
		return "", err
	}
	_, subject, _ := strings.Cut(string(b), "Subject: ")
	subject, _, _ = strings.Cut(subject, "\n")
	return strings.TrimSuffix(subject, "\r"), nil
}

func checkLedger(t *testing.T, acct mailstore.Account, l *ledger) {
	t.Helper()
	m, err := acct.Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	uids, c := m.Follow()
	c.Close()
	have := make(map[string]int)
	for _, uid := range uids {
		id, err := subjectOf(t.Context(), m, uid)
		if err != nil {
			t.Fatal(err)
		}
		have[id]++
		if before := l.named(uid, id); before != id {
			t.Errorf("UID %d named %s and names %s", uid, before, id)
		}
	}
	for id := range l.in {
		switch n := have[id]; {
		case n > 1:
			t.Errorf("%s is there %d times", id, n)
		case n == 0 && !l.out[id]:
			t.Errorf("%s is lost", id)
		case n == 1 && l.out[id]:
			t.Errorf("%s was expunged and is there", id)
		}
		delete(have, id)
	}
	for id := range have {
		t.Errorf("nobody put %q there", id)
	}
}
