package imapd

import "restante/imap"

// cmdCompress is COMPRESS (RFC 4978). It answers by itself, as the answer is the
// last that goes out uncompressed; whatever the client has sent behind the command
// is compressed already. From then on each batch of answers ends with one sync
// flush.
//
// There is no way back, and no STARTTLS later: it is for who is not logged in.
func (s *session) cmdCompress(cmd *imap.Command) (reply, error) {
	if s.zip != nil {
		return reply{}, no("COMPRESSIONACTIVE", "DEFLATE is active already")
	}
	if name := cmd.Args.(*imap.Compress).Algorithm; name != "DEFLATE" {
		return reply{}, bad("There is no compression %s here, only DEFLATE", name)
	}
	s.w.Status(cmd.Tag, imap.OK, "", "DEFLATE active")
	if err := s.w.Flush(); err != nil {
		return reply{}, err
	}
	s.compress()
	return reply{}, errAnswered
}
