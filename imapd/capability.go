package imapd

import "strconv"

// What a server offers depends on the state of the connection (RFC 9051 section
// 7.2.2). IMAP4rev2 includes most of the second list; IMAP4rev1 clients look for
// the names.
const (
	alwaysOffered   = "IMAP4rev1 IMAP4rev2 LITERAL+ ENABLE ID SASL-IR"
	offeredLoggedIn = "IDLE NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE ESEARCH SEARCHRES" +
		" LIST-EXTENDED LIST-STATUS SPECIAL-USE STATUS=SIZE PREVIEW CONDSTORE QRESYNC" +
		" CREATE-SPECIAL-USE UNAUTHENTICATE MULTIAPPEND BINARY CATENATE URL-PARTIAL REPLACE UTF8=ACCEPT" +
		" SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS WITHIN PARTIAL OBJECTID I18NLEVEL=1 INPROGRESS" +
		" MULTISEARCH CONTEXT=SEARCH CONTEXT=SORT NOTIFY QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE SAVEDATE METADATA LIST-METADATA"
)

// capabilities is the list as it is now, beginning with IMAP4rev1.
func (s *session) capabilities() string {
	if s.state != notAuthenticated {
		limit := strconv.FormatInt(s.srv.opt.Limits.Append, 10)
		list := alwaysOffered + " " + offeredLoggedIn + " APPENDLIMIT=" + limit
		if s.zip == nil {
			list += " COMPRESS=DEFLATE"
		}
		if s.sharer() != nil {
			list += " ACL RIGHTS=texk LIST-MYRIGHTS"
		}
		if s.mayUIDOnly() {
			list += " UIDONLY"
		}
		return list
	}
	list := alwaysOffered
	if s.mayStartTLS() {
		list += " STARTTLS"
	}
	if !s.mayLogin() {
		return list + " LOGINDISABLED"
	}
	return list + " AUTH=PLAIN AUTH=LOGIN"
}

func (s *session) mayStartTLS() bool { return s.srv.opt.TLS != nil && !s.secure && s.zip == nil }

// mayLogin reports whether a password may be sent as things are.
func (s *session) mayLogin() bool {
	return s.secure || s.srv.opt.AllowPlaintext(s.conn.RemoteAddr())
}
