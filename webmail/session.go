package webmail

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"restante/mailstore"
)

// cookieName has the prefix that binds a cookie to this host, to HTTPS and to the whole site (RFC 6265bis, 4.1.3.2).
const cookieName = "__Host-restante"

// autoHeader is sent by the script when it looks for news by itself: that is no use of the session.
const autoHeader = "Restante-Auto"

// sessions are the people signed in. They live in memory only: a restart signs everybody out.
type sessions struct {
	idle, longest time.Duration
	perUser, all  int
	mark          func(name string) (string, bool)

	mu      sync.Mutex
	byToken map[[sha256.Size]byte]*session // by the hash: a map look-up with the token itself could leak it by its timing
	byID    map[string]*session
}

// A session is one sign-in.
type session struct {
	token   [sha256.Size]byte // hash of what the cookie holds
	id      string            // public name, stands in picture addresses
	key     [32]byte          // signs picture addresses
	user    mailstore.User
	account mailstore.Account
	mark    string // Authenticator.Mark of before the sign-in
	created time.Time

	owner *sessions
	used  time.Time   // under owner.mu
	timer *time.Timer // under owner.mu
	refs  int         // under owner.mu: requests under way, and one while it is signed in
	ended bool        // under owner.mu

	mu     sync.Mutex
	pinned *pin
	counts map[string]count
	flash  *flash
}

func newSessions(opt Options) *sessions {
	return &sessions{idle: opt.IdleTimeout, longest: opt.MaxSession, perUser: opt.SessionsPerUser, all: opt.Sessions, mark: opt.Auth.Mark,
		byToken: make(map[[sha256.Size]byte]*session), byID: make(map[string]*session)}
}

// start begins a session, which takes the account over, and gives the cookie for it.
func (ss *sessions) start(user mailstore.User, account mailstore.Account, mark string, now time.Time) *http.Cookie {
	var token [32]byte
	sess := &session{user: user, account: account, mark: mark, created: now, used: now, owner: ss, refs: 1, id: rand.Text(), counts: make(map[string]count)}
	rand.Read(token[:]) // never fails (crypto/rand)
	rand.Read(sess.key[:])
	value := base64.RawURLEncoding.EncodeToString(token[:])
	sess.token = sha256.Sum256([]byte(value))

	ss.mu.Lock()
	out := ss.makeRoom(user.Name)
	ss.byToken[sess.token], ss.byID[sess.id] = sess, sess
	sess.timer = time.AfterFunc(min(ss.idle, ss.longest), func() { ss.expire(sess) })
	ss.mu.Unlock()
	for _, s := range out {
		s.release()
	}
	return sessionCookie(value)
}

func sessionCookie(value string) *http.Cookie {
	c := &http.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// makeRoom takes out the sessions that are too many once one more is there. The caller has the lock, and releases what is
// returned without it.
func (ss *sessions) makeRoom(name string) []*session {
	var out []*session
	for {
		var oldest, oldestOfUser *session
		mine := 0
		for _, s := range ss.byToken {
			if oldest == nil || s.used.Before(oldest.used) {
				oldest = s
			}
			if s.user.Name != name {
				continue
			}
			mine++
			if oldestOfUser == nil || s.used.Before(oldestOfUser.used) {
				oldestOfUser = s
			}
		}
		switch {
		case mine >= ss.perUser:
			out = append(out, ss.remove(oldestOfUser))
		case len(ss.byToken) >= ss.all:
			out = append(out, ss.remove(oldest))
		default:
			return out
		}
	}
}

// remove takes a session out of the tables. The caller has the lock.
func (ss *sessions) remove(sess *session) *session {
	delete(ss.byToken, sess.token)
	delete(ss.byID, sess.id)
	sess.timer.Stop()
	sess.ended = true
	return sess
}

// find gives the session of a request, or nil. The caller releases it.
func (ss *sessions) find(r *http.Request, now time.Time) *session {
	cookie, err := r.Cookie(cookieName)
	if err != nil || len(cookie.Value) > 100 {
		return nil
	}
	token := sha256.Sum256([]byte(cookie.Value))
	ss.mu.Lock()
	sess := ss.byToken[token]
	if sess == nil || subtle.ConstantTimeCompare(sess.token[:], token[:]) != 1 || ss.over(sess, now) {
		ss.mu.Unlock()
		return nil
	}
	if r.Header.Get(autoHeader) == "" {
		sess.used = now
	}
	sess.refs++
	ss.mu.Unlock()
	return ss.standing(sess)
}

// standing gives a session that was found, or ends it when the user may not have it any more.
func (ss *sessions) standing(sess *session) *session {
	if mark, ok := ss.mark(sess.user.Name); ok && mark == sess.mark {
		return sess
	}
	ss.end(sess)
	sess.release()
	return nil
}

// findID gives the session of a picture address, which is no use of it. The caller checks the signature and releases it.
func (ss *sessions) findID(id string, now time.Time) *session {
	ss.mu.Lock()
	sess := ss.byID[id]
	if sess == nil || ss.over(sess, now) {
		ss.mu.Unlock()
		return nil
	}
	sess.refs++
	ss.mu.Unlock()
	return ss.standing(sess)
}

func (ss *sessions) over(sess *session, now time.Time) bool {
	return now.Sub(sess.used) >= ss.idle || now.Sub(sess.created) >= ss.longest
}

// expire runs when a session's time may be over; use since then has moved it.
func (ss *sessions) expire(sess *session) {
	ss.mu.Lock()
	now := time.Now()
	if sess.ended {
		ss.mu.Unlock()
		return
	}
	if !ss.over(sess, now) {
		left := min(ss.idle-now.Sub(sess.used), ss.longest-now.Sub(sess.created))
		sess.timer.Reset(left)
		ss.mu.Unlock()
		return
	}
	ss.remove(sess)
	ss.mu.Unlock()
	sess.release()
}

// end signs a session out.
func (ss *sessions) end(sess *session) {
	ss.mu.Lock()
	was := sess.ended
	if !was {
		ss.remove(sess)
	}
	ss.mu.Unlock()
	if !was {
		sess.release()
	}
}

func (ss *sessions) closeAll() {
	ss.mu.Lock()
	var all []*session
	for _, s := range ss.byToken {
		all = append(all, ss.remove(s))
	}
	ss.mu.Unlock()
	for _, s := range all {
		s.release()
	}
}

// release gives the session back; the last one to do so after its end closes the account.
func (sess *session) release() {
	sess.owner.mu.Lock()
	sess.refs--
	last := sess.refs == 0
	sess.owner.mu.Unlock()
	if !last {
		return
	}
	sess.unpin()
	sess.account.Close()
}

// A pin keeps the mailbox that the user looks at open between requests, so that its state stays in memory and outside
// changes are folded in as they happen.
type pin struct {
	name string
	box  mailstore.Mailbox
	stop func()
}

// open opens a mailbox for one request and pins it. The caller closes what it gets.
func (sess *session) open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	box, err := sess.account.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.pinned != nil && sess.pinned.name == box.Name() && sess.pinned.box.UIDValidity() == box.UIDValidity() {
		return box, nil
	}
	sess.unpinLocked()
	if again, err := sess.account.Open(ctx, name); err == nil {
		sess.pinned = &pin{name: again.Name(), box: again, stop: again.Watch()}
	}
	return box, nil
}

// unpin lets the mailbox go.
func (sess *session) unpin() {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	sess.unpinLocked()
}

func (sess *session) unpinLocked() {
	if sess.pinned != nil {
		sess.pinned.stop()
		sess.pinned.box.Close()
		sess.pinned = nil
	}
}

// A flash is what the next page tells about what was done, once.
type flash struct {
	Text string
	Undo *undo
}

// undo is the move that takes a move back.
type undo struct {
	From, To    string
	UIDValidity uint32
	UIDs        []mailstore.UID
}

func (sess *session) setFlash(f *flash) {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	sess.flash = f
}

func (sess *session) takeFlash() *flash {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	f := sess.flash
	sess.flash = nil
	return f
}
