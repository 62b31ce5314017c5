package imapd

import (
	"time"

	"restante/imap"
)

// cmdUnauthenticate is UNAUTHENTICATE (RFC 8437): nobody is logged in any more, and
// nothing of the login is left but TLS, DEFLATE and the count of logins that
// failed. Programs that act for many users take one connection for one after the
// other.
func (s *session) cmdUnauthenticate(*imap.Command) (reply, error) {
	s.unselect()
	s.leaveMemories()
	s.endNotify()
	s.closeQuietly("account", s.account.Close)
	s.endRecord()
	s.srv.sessions.enter(s.info, "", 0)
	s.login = login{}
	s.state, s.since = notAuthenticated, time.Now()
	s.r.SetUTF8(false)
	s.w.SetUTF8(false)
	s.r.SetLimits(s.srv.opt.readLimits(false))
	return ok("CAPABILITY "+s.capabilities(), "Nobody is logged in now"), nil
}
