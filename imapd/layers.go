package imapd

import (
	"io"
	"log/slog"

	"restante/imap/deflate"
)

// Between the connection, which has TLS in it, and reader and writer there may be
// DEFLATE. A transcript is told by the reader what the client says, as it is
// understood, and by a layer below the writer what the server says.

// compress begins DEFLATE. What waits to be sent must have been flushed.
func (s *session) compress() {
	s.zip = deflate.NewWriter(s.conn, &s.srv.deflaters)
	s.r.Reset(deflate.NewReader(s.conn, s.r.TakeBuffered()))
	s.resetWriter()
}

// resetWriter puts the writer on top of the layers.
func (s *session) resetWriter() {
	var w io.Writer = s.conn
	if s.zip != nil {
		w = s.zip
	}
	if s.transcript != nil {
		w = tapWriter{w, s.transcript}
	}
	s.w.Reset(w)
}

// record begins a transcript if this user's sessions are recorded.
func (s *session) record() {
	open := s.srv.opt.Transcript
	if open == nil {
		return
	}
	dst, err := open(s.user.Name, s.id)
	if err != nil {
		s.log().Error("no transcript can be made", slog.Any("err", err))
	}
	if err != nil || dst == nil {
		return
	}
	s.log().Info("session is recorded")
	s.flush()
	s.transcript = newTranscript(dst)
	s.r.SetTrace(s.transcript)
	s.resetWriter()
}

// endRecord ends the transcript, if there is one, before the session goes on
// without.
func (s *session) endRecord() {
	if s.transcript == nil {
		return
	}
	s.flush()
	s.r.SetTrace(nil)
	s.closeTranscript()
	s.resetWriter()
}

func (s *session) closeTranscript() {
	if s.transcript != nil {
		s.closeQuietly("transcript", s.transcript.close)
		s.transcript = nil
	}
}
