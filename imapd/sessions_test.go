package imapd

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSessions: what is told of sessions while they live, and nothing afterwards.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := testOptions(t)
		b := newBubble(t, opt)
		b.said()
		at := time.Now()
		info := func() SessionInfo {
			synctest.Wait()
			list := b.srv.Sessions()
			if len(list) != 1 {
				t.Fatalf("%+v", list)
			}
			return list[0]
		}
		if got := info(); got.User != "" || got.Session == "" || got.Command != "" || got.TLS || !got.Started.Equal(at) {
			t.Errorf("at the beginning: %+v", got)
		}
		b.send("a ID (\"version\" \"1.2\" \"name\" \"" + strings.Repeat("x", 80) + "\")\r\n")
		b.said()
		if got := info().Client; got != strings.Repeat("x", 60) {
			t.Errorf("the client is %q", got)
		}
		b.login()
		time.Sleep(time.Minute)
		b.send("b ID (\"name\" \"Mail\" \"version\" \"1.2\" \"x\" NIL)\r\nc SELECT INBOX\r\nd IDLE\r\n")
		b.said()
		if got := info(); got.User != "user" || got.Mailbox != "INBOX" || got.Client != "Mail 1.2" || got.Command != "IDLE" || got.Active.Sub(at) != time.Minute {
			t.Errorf("in IDLE: %+v", got)
		}
		b.send("DONE\r\ne UNAUTHENTICATE\r\n")
		b.said()
		if got := info(); got.User != "" || got.Mailbox != "" || got.Command != "" {
			t.Errorf("after UNAUTHENTICATE: %+v", got)
		}
		b.send("f LOGOUT\r\n")
		<-b.done
		if list := b.srv.Sessions(); len(list) != 0 || len(b.srv.sessions.users) != 0 {
			t.Errorf("after the end: %+v", list)
		}
	})
}

// TestPerUser: a user may have so many sessions and no more, another user has his
// own, and each that ends makes room.
func TestPerUser(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = nil
	opt.Limits.PerUser = 2
	dial := listen(t, opt)
	first, second, third := client(t, dial), client(t, dial), dialClient(t, dial)
	login := func(user string) string {
		_, tagged, err := third.Do("LOGIN " + user + " pass")
		if err != nil {
			t.Fatal(err)
		}
		return tagged
	}
	if got := login("user"); !strings.HasPrefix(got, "NO [LIMIT] You have too many connections") {
		t.Error(got)
	}
	if got := login("other"); !strings.HasPrefix(got, "OK") {
		t.Error(got)
	}
	do(t, third, "UNAUTHENTICATE")
	do(t, first, "UNAUTHENTICATE")
	if got := login("user"); !strings.HasPrefix(got, "OK") {
		t.Error(got)
	}
	do(t, second, "LOGOUT")
}
