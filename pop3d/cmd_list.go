package pop3d

import (
	"fmt"

	"restante/pop3"
)

// find gives the message of a number, unless it is deleted.
func (s *session) find(number int) (*entry, error) {
	if number < 1 || number > len(s.drop.messages) {
		return nil, refuse("", fmt.Sprintf("There is no message %d, there are %d", number, len(s.drop.messages)))
	}
	m := &s.drop.messages[number-1]
	if m.mark&markDeleted != 0 {
		return nil, refuse("", fmt.Sprintf("Message %d is deleted", number))
	}
	return m, nil
}

// cmdStat is STAT (RFC 1939 section 5).
func (s *session) cmdStat(*pop3.Command) error {
	if err := s.drop.fillSizes(s.ctx); err != nil {
		return err
	}
	count, size := s.drop.total()
	s.w.Raw("+OK ").Number(count).Raw(" ").Number(size).CRLF()
	return nil
}

// cmdList is LIST (RFC 1939 section 5).
func (s *session) cmdList(cmd *pop3.Command) error {
	if cmd.Message == 0 {
		return s.listAll()
	}
	m, err := s.find(cmd.Message)
	if err != nil {
		return err
	}
	if err := s.drop.fillSize(s.ctx, m); err != nil {
		return err
	}
	s.w.Raw("+OK ").Number(int64(cmd.Message)).Raw(" ").Number(m.size).CRLF()
	return nil
}

func (s *session) listAll() error {
	if err := s.drop.fillSizes(s.ctx); err != nil {
		return err
	}
	count, size := s.drop.total()
	s.w.Raw("+OK ").Number(count).Raw(" messages (").Number(size).Raw(" octets)").CRLF()
	for i := range s.drop.messages {
		if m := &s.drop.messages[i]; m.mark&markDeleted == 0 {
			s.w.Number(int64(i + 1)).Raw(" ").Number(m.size).CRLF()
		}
	}
	s.w.End()
	return nil
}

// cmdUidl is UIDL (RFC 1939 section 7).
func (s *session) cmdUidl(cmd *pop3.Command) error {
	if s.drop.ids == nil {
		ids, err := newUIDLs(s.ctx, &s.srv.opt, s.drop)
		if err != nil {
			return err
		}
		s.drop.ids = ids
	}
	if cmd.Message == 0 {
		s.w.OK("Here they are")
		for i := range s.drop.messages {
			if m := &s.drop.messages[i]; m.mark&markDeleted == 0 {
				s.writeUIDL(i+1, m)
			}
		}
		s.w.End()
		return nil
	}
	m, err := s.find(cmd.Message)
	if err != nil {
		return err
	}
	s.w.Raw("+OK ")
	s.writeUIDL(cmd.Message, m)
	return nil
}

func (s *session) writeUIDL(number int, m *entry) {
	var uidl [maxUIDL]byte
	s.w.Number(int64(number)).Raw(" ").Raw(string(s.drop.ids.append(uidl[:0], m.uid))).CRLF()
}
