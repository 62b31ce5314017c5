package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

// memoryInbox is an empty inbox in memory.
func memoryInbox(t *testing.T) *faultfs.FS {
	t.Helper()
	fsx := faultfs.New()
	if err := fsys.MkdirAll(fsx, "/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsys.WriteFile(fsx, "/mail/inbox", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fsx.Settle()
	return fsx
}

func openInbox(t *testing.T, fsx fsys.FS) *Mailbox {
	t.Helper()
	m, err := openAccount(t, Options{FS: fsx, Root: "/mail", Zone: time.UTC}).Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Mailbox)
}

// TestGroupCommit: appends that wait for the same mailbox are written together.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsx := memoryInbox(t)
		m := openInbox(t, fsx)
		if err := m.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if err := appendText(t, m, fmt.Sprintf("Subject: %d\n\nx\n", i)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		fsx.Inject(nil)
		m.end()
		wg.Wait()
		synctest.Wait()
		syncs := 0
		for _, op := range fsx.Trace() {
			if strings.Contains(op, " sync ") && !strings.Contains(op, "restante.uids") {
				syncs++
			}
		}
		if syncs > 3 {
			t.Errorf("16 appends cost %d syncs\n%s", syncs, strings.Join(fsx.Trace(), "\n"))
		}
		if n := m.Status().Messages; n != 16 {
			t.Errorf("%d messages", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAppendGivenUp: an append whose client goes while others have the mailbox is
// not made, and the others are.
func TestAppendGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := openInbox(t, memoryInbox(t))
		if err := m.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				a, err := m.NewAppend(t.Context())
				if err == nil {
					err = a.Add(mailstore.AppendOptions{}, strings.NewReader("Subject: x\n\nx\n"))
				}
				if err != nil {
					t.Error(err)
					return
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i == 1 {
					time.AfterFunc(time.Second, cancel)
				}
				if _, _, err = a.Commit(ctx); (i == 1) != errors.Is(err, context.Canceled) {
					t.Errorf("append %d: %v", i, err)
				}
			})
		}
		time.Sleep(2 * time.Second)
		m.end()
		wg.Wait()
		synctest.Wait()
		if n := m.Status().Messages; n != 2 {
			t.Errorf("%d messages", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// quota is a file system that is full when the inbox has max octets.
type quota struct {
	fsys.FS
	max int64
}

type quotaFile struct {
	fsys.File
	max int64
}

func (q *quota) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	f, err := q.FS.OpenFile(name, flag, perm)
	if err != nil || !strings.HasSuffix(name, "/inbox") {
		return f, err
	}
	return quotaFile{f, q.max}, nil
}

func (f quotaFile) WriteAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.max {
		n, err := f.File.WriteAt(b[:max(0, f.max-off)], off)
		return n, errors.Join(err, &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.EDQUOT})
	}
	return f.File.WriteAt(b, off)
}

// TestGroupWithoutRoom: one that is too large for the disk fails, and those who
// came together with it do not.
func TestGroupWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := openInbox(t, &quota{memoryInbox(t), 10_000})
		if err := m.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				size := 10
				if i == 1 {
					size = 20_000
				}
				err := appendText(t, m, fmt.Sprintf("Subject: %d\n\n%s\n", i, strings.Repeat("x", size)))
				if i == 1 && !errors.Is(err, mailstore.ErrOverQuota) || i != 1 && err != nil {
					t.Errorf("append of %d octets: %v", size, err)
				}
			})
		}
		synctest.Wait()
		m.end()
		wg.Wait()
		synctest.Wait()
		if n := m.Status().Messages; n != 3 {
			t.Errorf("%d messages", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGroupPowerCut cuts the power at every operation while several append:
// what was acknowledged is there, and what is there is whole.
func TestGroupPowerCut(t *testing.T) {
	for n := 1; ; n++ {
		done := false
		for seed := range uint64(3) {
			synctest.Test(t, func(t *testing.T) {
				done = cutGroup(t, n, seed)
			})
		}
		if done {
			t.Logf("the power was cut at %d operations", n-1)
			return
		}
	}
}

func cutGroup(t *testing.T, n int, seed uint64) (done bool) {
	fsx := memoryInbox(t)
	m := openInbox(t, fsx)
	fsx.CutAt(n)
	var mu sync.Mutex
	told := make(map[mailstore.UID]string)
	var failed atomic.Bool
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := range 3 {
				text := fmt.Sprintf("Subject: %d-%d\r\n\r\n%s\r\n", w, i, strings.Repeat("text ", 200*(i+1)))
				a, err := m.NewAppend(t.Context())
				if err == nil {
					err = a.Add(mailstore.AppendOptions{Date: time.Unix(1e9, 0)}, strings.NewReader(text))
				}
				if err == nil {
					var uids []mailstore.UID
					if _, uids, err = a.Commit(t.Context()); err == nil {
						mu.Lock()
						told[uids[0]] = text
						mu.Unlock()
					}
				}
				if err != nil {
					failed.Store(true)
					return
				}
			}
		})
	}
	wg.Wait()
	synctest.Wait()
	var rnd *rand.Rand
	if seed > 0 {
		rnd = rand.New(rand.NewPCG(seed, uint64(n)))
	}
	fsx.Crash(rnd)
	_ = fsx.Remove("/mail/inbox.lock")
	again := openInbox(t, fsx)
	for uid, text := range told {
		if _, there := again.Record(uid); !there {
			t.Fatalf("cut at %d (seed %d): message %d was acknowledged and is lost", n, seed, uid)
		}
		if got := string(readWire(t, again, uid)); got != text {
			t.Fatalf("cut at %d (seed %d): message %d reads %q", n, seed, uid, got)
		}
	}
	for _, r := range again.Records(make([]mailstore.Record, 0, 20), 1) {
		if text := string(readWire(t, again, r.UID)); !strings.HasSuffix(text, "text \r\n") || !strings.HasPrefix(text, "Subject: ") {
			t.Fatalf("cut at %d (seed %d): message %d is a part: %q", n, seed, r.UID, text)
		}
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	return !failed.Load()
}

// TestUnlistedFailsAlone: an append whose UIDs cannot be listed does not let those fail that
// wait with it.
func TestUnlistedFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsx := memoryInbox(t)
		m := openInbox(t, fsx)
		if err := appendText(t, m, "Subject: a\n\nx\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := m.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		var large, small error
		var wg sync.WaitGroup
		wg.Go(func() { large = appendText(t, m, "Subject: b\n\n"+strings.Repeat("large\n", maxAppendData/5)) })
		wg.Go(func() { small = appendText(t, m, "Subject: c\n\nx\n") })
		synctest.Wait()
		fsx.Inject(func(_ int, op faultfs.Op, path string) error {
			if op == faultfs.Write && strings.HasSuffix(path, "/restante.uids") {
				return syscall.ENOSPC
			}
			return nil
		})
		m.end()
		wg.Wait()
		fsx.Inject(nil)
		if large == nil || small != nil {
			t.Errorf("the one that cannot be listed: %v; the other: %v", large, small)
		}
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
