package imapd

import (
	"context"

	"restante/imap"
	"restante/mailstore"
)

// quotaRoot is the name of the one quota root that an account has when it is
// limited: Dovecot's, so that clients find the one that they know.
const quotaRoot = "User quota"

// cmdGetQuotaRoot is GETQUOTAROOT (RFC 9208 section 4.1.2). The mailbox need not
// exist: all that an account may have are under the same limits.
func (s *session) cmdGetQuotaRoot(cmd *imap.Command) (reply, error) {
	name := s.name(cmd.Args.(*imap.Mailbox).Name)
	if s.foreign(name) { // under limits that are the owner's affair
		s.w.Untagged().Raw("QUOTAROOT ").Mailbox(name).CRLF()
		return reply{}, nil
	}
	quota, err := s.quota()
	if err != nil {
		return reply{}, err
	}
	s.w.Untagged().Raw("QUOTAROOT ").Mailbox(name)
	if !limited(&quota) {
		s.w.CRLF()
		return reply{}, nil
	}
	s.w.SP().String(quotaRoot).CRLF()
	s.sendQuota(&quota)
	return reply{}, nil
}

// cmdGetQuota is GETQUOTA (RFC 9208 section 4.1.1).
func (s *session) cmdGetQuota(cmd *imap.Command) (reply, error) {
	if cmd.Args.(*imap.GetQuota).Root != quotaRoot {
		return reply{}, errNoRoot
	}
	quota, err := s.quota()
	if err != nil {
		return reply{}, err
	}
	if !limited(&quota) {
		return reply{}, errNoRoot
	}
	s.sendQuota(&quota)
	return reply{}, nil
}

var errNoRoot = no("NONEXISTENT", "There is no such quota root; GETQUOTAROOT tells which there are")

// cmdSetQuota is SETQUOTA (RFC 9208 section 4.1.3), for which nobody has the right:
// limits are the administrator's, in the user table and the configuration. So
// QUOTASET is not offered.
func (s *session) cmdSetQuota(*imap.Command) (reply, error) {
	return reply{}, no("NOPERM", "Limits are set by the administrator only")
}

func (s *session) quota() (quota mailstore.Quota, err error) {
	err = s.long(func(ctx context.Context) (err error) {
		quota, err = s.account.Quota(ctx)
		return err
	})
	return quota, err
}

func limited(q *mailstore.Quota) bool { return q.Limit.Octets > 0 || q.Limit.Messages > 0 }

// sendQuota sends one untagged QUOTA with the resources that are limited. STORAGE
// is told in units of 1024 octets, the limit and what is begun of it.
func (s *session) sendQuota(q *mailstore.Quota) {
	s.w.Untagged().Raw("QUOTA ").String(quotaRoot)
	open := " ("
	resource := func(name string, used, limit int64) {
		s.w.Raw(open).Raw(name).SP().Number(uint64(max(used, 0))).SP().Number(uint64(limit))
		open = " "
	}
	if q.Limit.Octets > 0 {
		resource("STORAGE", kibibytes(q.Used.Octets), kibibytes(q.Limit.Octets))
	}
	if q.Limit.Messages > 0 {
		resource("MESSAGE", q.Used.Messages, q.Limit.Messages)
	}
	s.w.Raw(")").CRLF()
}

// kibibytes rounds up.
func kibibytes(octets int64) int64 { return octets/1024 + (octets%1024+1023)/1024 }
