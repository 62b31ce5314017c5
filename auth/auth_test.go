package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newAuth(t *testing.T, table string) (*Authenticator, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	write(t, file, table)
	a, err := New(Options{File: file})
	must(t, err)
	return a, file
}

func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }

// try authenticates and returns how long that took.
func try(t *testing.T, a *Authenticator, ip, name, password string) (time.Duration, error) {
	t.Helper()
	begin := time.Now()
	u, err := a.Authenticate(t.Context(), from(ip), name, password)
	if err == nil && u.Name != Normalize(name) {
		t.Errorf("authenticated %q as %q", name, u.Name)
	}
	return time.Since(begin), err
}

const family = "amelie:{PLAIN}right::::/home/a::userdb_mail=maildir:~/Maildir\nbruno:{PLAIN}right\nlocked:!\nnowhere:{PLAIN}right::::::nologin\nlocal:{PLAIN}right::::::allow_nets=127.0.0.0/8\n"

func TestAuthenticate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		for _, tt := range []struct {
			why, ip, name, password string
			want                    error
		}{
			{"right", "192.0.2.1", "amelie", "right", nil},
			{"QUIRK: a phone's capital and space", "192.0.2.1", "Amelie ", "right", nil},
			{"wrong", "192.0.2.1", "amelie", "wrong", ErrCredentials},
			{"passwords are not trimmed", "192.0.2.1", "amelie", "right ", ErrCredentials},
			{"empty", "192.0.2.1", "amelie", "", ErrCredentials},
			{"unknown", "192.0.2.1", "nobody", "right", ErrCredentials},
			{"locked", "192.0.2.1", "locked", "!", ErrCredentials},
			{"nologin", "192.0.2.1", "nowhere", "right", ErrCredentials},
			{"allow_nets, from elsewhere", "192.0.2.1", "local", "right", ErrCredentials},
			{"allow_nets", "127.0.0.1", "local", "right", nil},
			{"too long to be hashed", "198.51.100.1", "bruno", strings.Repeat("x", 1<<20), ErrCredentials},
		} {
			if _, err := try(t, a, tt.ip, tt.name, tt.password); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
			}
		}
		u, err := a.Authenticate(t.Context(), from("127.0.0.1"), "amelie", "right")
		if want := (User{Name: "amelie", UID: -1, GID: -1, Home: "/home/a", Location: "maildir:~/Maildir"}); err != nil || u != want {
			t.Errorf("got %+v, %v", u, err)
		}
	})
}

// TestFailuresTakeTheSameTime holds that neither the existence of a user nor
// the kind of his password shows in the time of a refusal.
func TestFailuresTakeTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family+"slow:"+vectors[21]+"\n")
		for i, name := range []string{"amelie", "slow", "nobody", "locked", "nowhere", "local"} {
			took, err := try(t, a, fmt.Sprintf("192.0.%d.1", i), name, "wrong")
			if !errors.Is(err, ErrCredentials) || took != answerTime {
				t.Errorf("%s: refused after %v with %v, want %v", name, took, err, answerTime)
			}
		}
	})
}

func TestGuessingBecomesSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		var delays []time.Duration
		for i := range 8 {
			took, err := try(t, a, fmt.Sprintf("10.%d.0.1", i), "amelie", fmt.Sprint("guess", i)) // as many networks as guesses
			if !errors.Is(err, ErrCredentials) {
				t.Fatal(err)
			}
			delays = append(delays, took.Truncate(time.Second))
		}
		want := []time.Duration{0, 0, 1e9, 2e9, 4e9, 8e9, 15e9, 15e9}
		if fmt.Sprint(delays) != fmt.Sprint(want) {
			t.Errorf("one user from many networks waits %v, want %v", delays, want)
		}
		if took, err := try(t, a, "10.99.0.1", "bruno", "right"); err != nil || took != 0 {
			t.Errorf("another user waits %v (%v)", took, err)
		}

		delays = nil
		for i := range 13 {
			took, err := try(t, a, fmt.Sprint("192.0.2.", i), fmt.Sprint("user", i), "guess") // as many users as guesses
			if !errors.Is(err, ErrCredentials) {
				t.Fatal(err)
			}
			delays = append(delays, took.Truncate(time.Second))
		}
		want = []time.Duration{0, 0, 0, 0, 0, 0, 0, 0, 0, 1e9, 2e9, 4e9, 8e9}
		if fmt.Sprint(delays) != fmt.Sprint(want) {
			t.Errorf("one network with many users waits %v, want %v", delays, want)
		}
		time.Sleep(time.Hour)
		if took, err := try(t, a, "192.0.2.1", "user1", "guess2"); !errors.Is(err, ErrCredentials) || took != answerTime {
			t.Errorf("after an hour: %v after %v, want no delay any more", err, took)
		}
	})
}

// TestVerifiedPasswordsWaitForNobody: an attack on a name does not lock out the
// devices of its owner, who was there a moment ago.
func TestVerifiedPasswordsWaitForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, file := newAuth(t, family)
		if _, err := try(t, a, "192.0.2.1", "amelie", "right"); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			_, _ = try(t, a, "192.0.2.1", "amelie", fmt.Sprint("guess", i))
		}
		if took, err := try(t, a, "192.0.2.1", "amelie", "right"); err != nil || took != 0 {
			t.Errorf("the owner waits %v (%v)", took, err)
		}
		write(t, file, strings.Replace(family, "right", "changed", 1))
		if _, err := try(t, a, "192.0.2.1", "amelie", "right"); !errors.Is(err, ErrCredentials) {
			t.Errorf("the old password after a change: %v, want refusal at once", err)
		}
	})
}

func TestProofsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		if _, err := try(t, a, "192.0.2.1", "amelie", "right"); err != nil {
			t.Fatal(err)
		}
		guess := a.mac("amelie", "right")
		table := a.table.Load()
		acct := table.accounts["amelie"]
		time.Sleep(proofLife - time.Second)
		if !table.proven(acct, guess) || table.proven(acct, a.mac("amelie", "other")) || table.proven(table.accounts["bruno"], guess) {
			t.Error("within its life a proof holds for its password and user, and no other")
		}
		time.Sleep(time.Second)
		if table.proven(acct, guess) {
			t.Error("a proof outlives its time")
		}
	})
}

// TestOldDevice: a phone that has not learnt the new password asks every few
// minutes, with the same wrong one. That is no guessing and slows nobody down.
func TestOldDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		for range 100 {
			if took, err := try(t, a, "192.0.2.1", "amelie", "old"); !errors.Is(err, ErrCredentials) || took != answerTime {
				t.Fatalf("%v after %v", err, took)
			}
		}
		if took, err := try(t, a, "192.0.2.1", "amelie", "right"); err != nil || took != 0 {
			t.Errorf("the owner waits %v (%v)", took, err)
		}
	})
}

// TestParallelGuessing: opening many connections makes guessing no faster, and
// those who would wait too long are sent away.
func TestParallelGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		for i := range 4 {
			_, _ = try(t, a, "192.0.2.1", "amelie", fmt.Sprint("guess", i))
		}
		begin := time.Now()
		var mu sync.Mutex
		count := map[string]int{}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				_, err := a.Authenticate(t.Context(), from("192.0.2.1"), "amelie", fmt.Sprint("parallel", i))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, ErrUnavailable):
					count["sent away"]++
				case errors.Is(err, ErrCredentials):
					count["verified"]++
				}
			})
		}
		wg.Wait()
		if count["verified"] != 15 || count["sent away"] != 85 || time.Since(begin) > time.Minute+answerTime {
			t.Errorf("%v in %v; want one guess each 4 seconds of the first minute", count, time.Since(begin))
		}
	})
}

func TestLoopbackIsNoNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		for i := range 30 {
			if took, err := try(t, a, "127.0.0.1", fmt.Sprint("user", i), "x"); took != answerTime {
				t.Fatalf("attempt %d behind a proxy of this machine: %v after %v", i, err, took)
			}
		}
	})
}

func TestContextEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuth(t, family)
		for i := range 6 {
			_, _ = try(t, a, "192.0.2.1", "amelie", fmt.Sprint("guess", i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Authenticate(ctx, from("192.0.2.1"), "amelie", "right"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		for range cap(a.slots) {
			a.slots <- struct{}{}
		}
		if _, err := a.Authenticate(ctx, from("198.51.100.1"), "bruno", "right"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no verification slot: %v, want the context's error", err)
		}
	})
}

// TestTableChanges covers what happens to the table of a running server.
func TestTableChanges(t *testing.T) {
	var log bytes.Buffer
	file := filepath.Join(t.TempDir(), "users")
	write(t, file, family+"broken:secret\n")
	a, err := New(Options{File: file, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	if !strings.Contains(log.String(), "users:6: ") || len(a.Users()) != 5 {
		t.Errorf("at start the mistake is logged and the others are served: %d users, %s", len(a.Users()), log.String())
	}

	write(t, file, family+"carl:{PLAIN}right\n")
	if _, ok := a.Lookup("carl"); !ok {
		t.Error("a new line takes no effect")
	}

	log.Reset()
	write(t, file, "amelie:{PLAIN}right\ncarl:half-saved\n")
	if _, ok := a.Lookup("bruno"); !ok {
		t.Error("a table with a mistake has replaced the old one")
	}
	_, _ = a.Lookup("bruno")
	if n := strings.Count(log.String(), "users:2: "); n != 1 {
		t.Errorf("the mistake is logged %d times, want once:\n%s", n, log.String())
	}
	if err := a.Reload(); err == nil || !strings.Contains(err.Error(), "users:2: ") {
		t.Errorf("Reload: %v, want the mistake", err)
	}

	must(t, os.Remove(file))
	if _, ok := a.Lookup("bruno"); !ok {
		t.Error("removing the file has removed the users")
	}
	write(t, file, "dora:{PLAIN}right\n")
	if _, ok := a.Lookup("dora"); !ok {
		t.Error("the file that came back takes no effect")
	}
	if _, ok := a.Lookup("bruno"); ok {
		t.Error("a removed user is still there")
	}
}

// TestRacyChange: two writes within one tick of the file system's clock, the
// second of the same length.
func TestRacyChange(t *testing.T) {
	a, file := newAuth(t, "a:{PLAIN}1\n")
	info, err := os.Stat(file)
	must(t, err)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("b:{PLAIN}1\n"), 0)
	must(t, err)
	must(t, f.Close())
	must(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
	if _, ok := a.Lookup("a"); !ok {
		t.Fatal("the change shows already; the test proves nothing")
	}
	old := time.Now().Add(-time.Minute)
	table := a.table.Load()
	table.mu.Lock()
	table.state.mtime = old // as if a minute had passed since both writes
	table.mu.Unlock()
	must(t, os.Chtimes(file, old, old))
	if _, ok := a.Lookup("b"); !ok {
		t.Error("a change without a trace in size, time and inode is never seen")
	}
}

func TestNewWithoutTable(t *testing.T) {
	if _, err := New(Options{File: filepath.Join(t.TempDir(), "users")}); !IsMissing(err) {
		t.Errorf("got %v", err)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	th := newThrottle(userPatience)
	for i := range maxKeys + 500 {
		th.failure(fmt.Sprint(i), [32]byte{1})
	}
	if len(th.keys) != maxKeys || th.order.Len() != maxKeys {
		t.Errorf("%d keys, %d in order, want %d", len(th.keys), th.order.Len(), maxKeys)
	}
	if _, ok := th.keys["0"]; ok {
		t.Error("the oldest key is kept")
	}
	if _, ok := th.keys[fmt.Sprint(maxKeys+499)]; !ok {
		t.Error("the newest key is gone")
	}
}

func TestNetworkOf(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"127.0.0.1": "", "::1": "", "::ffff:192.0.2.77": "192.0.2.0/24",
	} {
		if got := networkOf(addrOf(from(ip))); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
	if got := networkOf(addrOf(&net.UnixAddr{})); got != "" {
		t.Errorf("a UNIX socket: %q", got)
	}
}

func BenchmarkProvenLogin(b *testing.B) {
	file := filepath.Join(b.TempDir(), "users")
	if err := os.WriteFile(file, []byte(family), 0o600); err != nil {
		b.Fatal(err)
	}
	a, err := New(Options{File: file})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), from("127.0.0.1"), "amelie", "right"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMark: a login holds until the user's line says something else.
func TestMark(t *testing.T) {
	a, file := newAuth(t, family)
	before, ok := a.Mark("Amelie ")
	if !ok {
		t.Fatal("no mark")
	}
	for _, tt := range []struct {
		why, table string
		same, ok   bool
	}{
		{"another user comes", family + "new:{PLAIN}x\n", true, true},
		{"another password", strings.Replace(family, "right", "other", 1), false, true},
		{"other mail", strings.Replace(family, "~/Maildir", "~/Other", 1), false, true},
		{"locked", strings.Replace(family, "{PLAIN}right", "!", 1), false, false},
		{"removed", "bruno:{PLAIN}right\n", false, false},
	} {
		write(t, file, tt.table)
		if after, ok := a.Mark("amelie"); (after == before) != tt.same || ok != tt.ok {
			t.Errorf("%s: same %v, ok %v", tt.why, after == before, ok)
		}
	}
}
