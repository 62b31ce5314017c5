package mbox

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"restante/mailstore"
)

// TestServersAtOnce: two servers of ours work on one mailbox at the same time, together with a
// delivery agent: no message is lost or doubled, and no UID names two.
func TestServersAtOnce(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "inbox")
	if err := os.WriteFile(file, []byte(mailOf("first")), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &ledger{in: map[string]bool{"first": true}, out: make(map[string]bool), uids: make(map[mailstore.UID]string)}
	var wg sync.WaitGroup
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	var boxes []mailstore.Mailbox
	opt := Options{Root: root, Zone: time.UTC, LockTimeout: 30 * time.Second}
	for range 2 {
		m, err := openAccount(t, opt).Open(t.Context(), mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		boxes = append(boxes, m)
	}
	for i, m := range boxes {
		wg.Go(func() {
			for n := range rounds {
				id := fmt.Sprintf("server%d-%d", i, n)
				l.put(id)
				if err := appendText(t, m, "Subject: "+id+"\r\n\r\nFrom here\r\n"); err != nil {
					t.Error(err)
					return
				}
				if _, err := m.ClaimRecent(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if err := worked(t, m, l, n+i); err != nil {
					t.Error(err)
					return
				}
				noteAll(t, m, l)
			}
		})
	}
	wg.Go(func() {
		for n := range rounds {
			id := fmt.Sprintf("delivered-%d", n)
			l.put(id)
			if err := deliver(t.Context(), file, id); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	for _, m := range boxes {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	checkLedger(t, openAccount(t, opt), l)
}

// noteAll looks at all messages.
func noteAll(t *testing.T, m mailstore.Mailbox, l *ledger) {
	uids, c := m.Follow()
	c.Close()
	for _, uid := range uids {
		id, err := subjectOf(t.Context(), m, uid)
		if err != nil {
			continue // the other one was quicker
		}
		if before := l.named(uid, id); before != id {
			t.Errorf("UID %d named %s and names %s", uid, before, id)
		}
	}
}
