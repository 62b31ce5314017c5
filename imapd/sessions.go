package imapd

import (
	"slices"
	"sync"
	"time"

	"restante/mailstore"
)

// A SessionInfo is what is told of a session that is alive.
type SessionInfo struct {
	// Session is the name that it has in the log.
	Session string `json:"session"`
	Remote  string `json:"remote"`
	// User is "" while nobody is logged in.
	User string `json:"user,omitempty"`
	// Mailbox is the selected one, "" when none is.
	Mailbox string `json:"mailbox,omitempty"`
	// Client is what the client calls itself in ID; it may say anything.
	Client string `json:"client,omitempty"`
	// Command runs at the moment, "" when the session waits for one.
	Command string    `json:"command,omitempty"`
	TLS     bool      `json:"tls"`
	Deflate bool      `json:"deflate"`
	Started time.Time `json:"started"`
	// Active is when the last command began.
	Active time.Time `json:"active"`
}

// sessions are those that are alive, and how many of them each user has.
type sessions struct {
	mu    sync.Mutex
	alive map[*SessionInfo]struct{}
	users map[string]int
}

// Sessions lists the sessions that are alive, the oldest first. It may be called
// by any goroutine.
func (srv *Server) Sessions() []SessionInfo {
	l := &srv.sessions
	l.mu.Lock()
	list := make([]SessionInfo, 0, len(l.alive))
	for info := range l.alive {
		list = append(list, *info)
	}
	l.mu.Unlock()
	slices.SortFunc(list, func(a, b SessionInfo) int { return a.Started.Compare(b.Started) })
	return list
}

// add begins to tell of a session.
func (l *sessions) add(info SessionInfo) *SessionInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alive == nil {
		l.alive, l.users = make(map[*SessionInfo]struct{}), make(map[string]int)
	}
	l.alive[&info] = struct{}{}
	return &info
}

// remove ends that.
func (l *sessions) remove(info *SessionInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setUser(info, "")
	delete(l.alive, info)
}

// enter notes who has logged in, "" for nobody any more. It reports false, and
// notes nothing, when the user has most sessions already.
func (l *sessions) enter(info *SessionInfo, user string, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if user != "" && l.users[user] >= most {
		return false
	}
	l.setUser(info, user)
	return true
}

// setUser changes the user of a session and counts.
func (l *sessions) setUser(info *SessionInfo, user string) {
	if info.User != "" {
		if l.users[info.User]--; l.users[info.User] == 0 {
			delete(l.users, info.User)
		}
	}
	if info.User = user; user != "" {
		l.users[user]++
	}
}

// showRunning tells that a command begins, or with "" that it has ended.
func (s *session) showRunning(command string) {
	var now time.Time
	if command != "" {
		now = time.Now()
	}
	mailbox := s.mailboxName()
	s.srv.sessions.mu.Lock()
	defer s.srv.sessions.mu.Unlock()
	s.info.Command, s.info.Mailbox, s.info.TLS, s.info.Deflate = command, mailbox, s.secure, s.zip != nil
	if command != "" {
		s.info.Active = now
	}
}

// showClient tells what the client calls itself.
func (s *session) showClient(name string) {
	s.srv.sessions.mu.Lock()
	defer s.srv.sessions.mu.Unlock()
	s.info.Client = name
}

// mailboxName is the selected mailbox, "" for none.
func (s *session) mailboxName() string {
	if s.view == nil {
		return ""
	}
	return s.view.box.Name()
}

// errTooMany refuses a login of a user who has too many sessions.
var errTooMany = no("LIMIT", "You have too many connections; close a mail program on one of your devices, or ask the administrator")

// admit counts a login of the user.
func (s *session) admit(user mailstore.User) error {
	if !s.srv.sessions.enter(s.info, user.Name, s.srv.opt.Limits.PerUser) {
		s.log().Warn("login refused: the user has too many connections (limits.connections_per_user)", "user", user.Name)
		return errTooMany
	}
	return nil
}
