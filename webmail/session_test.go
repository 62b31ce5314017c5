package webmail_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"restante/webmail"
)

func TestSessionIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, webmail.Options{IdleTimeout: 30 * time.Minute, MaxSession: 2 * time.Hour})
		s.signIn()
		for range 3 {
			time.Sleep(29 * time.Minute)
			s.get("/m/INBOX").want(http.StatusOK)
		}
		time.Sleep(30 * time.Minute)
		s.get("/m/INBOX").want(http.StatusSeeOther)
	})
}

func TestSessionLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, webmail.Options{IdleTimeout: 30 * time.Minute, MaxSession: 2 * time.Hour})
		s.signIn()
		for range 11 {
			time.Sleep(10 * time.Minute)
			s.get("/m/INBOX").want(http.StatusOK)
		}
		time.Sleep(10 * time.Minute)
		s.get("/m/INBOX").want(http.StatusSeeOther)
	})
}

// TestSessionAuto: the page that looks for news by itself keeps no session alive.
func TestSessionAuto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, webmail.Options{IdleTimeout: 30 * time.Minute})
		s.signIn()
		s.header.Set("Restante-Auto", "1")
		for range 29 {
			time.Sleep(time.Minute)
			s.get("/m/INBOX").want(http.StatusOK)
		}
		time.Sleep(time.Minute)
		s.get("/m/INBOX").want(http.StatusSeeOther)
	})
}

// TestSessionsPerUser: one more ends the one that was longest out of use.
func TestSessionsPerUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, webmail.Options{SessionsPerUser: 3})
		var tokens []map[string]*http.Cookie
		for range 4 {
			s.cookies = make(map[string]*http.Cookie)
			s.signIn()
			tokens = append(tokens, s.cookies)
			time.Sleep(time.Second)
			s.cookies = tokens[0]
			if len(tokens) < 4 {
				s.get("/m/INBOX").want(http.StatusOK) // the first is used all the time, the second is not
				time.Sleep(time.Second)
			}
		}
		for i, want := range []int{http.StatusOK, http.StatusSeeOther, http.StatusOK, http.StatusOK} {
			s.cookies = tokens[i]
			if got := s.get("/m/INBOX").Code; got != want {
				t.Errorf("session %d: status %d, want %d", i, got, want)
			}
		}
	})
}

func TestSessionsBound(t *testing.T) {
	s := newSite(t, webmail.Options{Sessions: 2, SessionsPerUser: 100})
	var tokens []map[string]*http.Cookie
	for range 5 {
		s.cookies = make(map[string]*http.Cookie)
		s.signIn()
		tokens = append(tokens, s.cookies)
	}
	alive := 0
	for _, c := range tokens {
		if s.cookies = c; s.get("/m/INBOX").Code == http.StatusOK {
			alive++
		}
	}
	if alive != 2 {
		t.Errorf("%d sessions are alive, want 2", alive)
	}
}

func TestClose(t *testing.T) {
	s := signedIn(t)
	s.srv.Close()
	s.get("/m/INBOX").want(http.StatusSeeOther)
}

// TestSignOutEnds: the token of a session that was signed out is worth nothing.
func TestSignOutEnds(t *testing.T) {
	s := signedIn(t)
	kept := *s.cookies["__Host-restante"]
	s.post("/logout", nil).want(http.StatusSeeOther)
	s.cookies[kept.Name] = &kept
	s.get("/m/INBOX").want(http.StatusSeeOther)
}

// changing is oneUser whose line in the table can change.
type changing struct {
	oneUser
	mark string
	gone bool
}

func (c *changing) Mark(string) (string, bool) { return c.mark, !c.gone }

// TestStanding: whoever changes a password or removes a user ends the sessions of before.
func TestStanding(t *testing.T) {
	for why, change := range map[string]func(*changing){
		"another password":    func(c *changing) { c.mark = "other" },
		"the user is removed": func(c *changing) { c.gone = true },
	} {
		c := &changing{mark: "first"}
		s := newSite(t, webmail.Options{Auth: c})
		s.signIn()
		s.get("/m/INBOX").want(http.StatusOK)
		change(c)
		s.get("/m/INBOX").want(http.StatusSeeOther)
		c.mark, c.gone = "first", false
		if got := s.get("/m/INBOX").Code; got != http.StatusSeeOther {
			t.Errorf("%s: the session came back: %d", why, got)
		}
	}
}
