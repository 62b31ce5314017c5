package imapd

import (
	"context"
	"errors"
	"io"
	"math"
	"strconv"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// cmdAppend is APPEND (RFC 9051 section 6.3.12), of several messages (RFC 3502),
// in parts (RFC 4469), and of binary ones (RFC 3516). A message goes from the
// connection into the mailbox as it arrives. A literal that is refused is dropped
// by the reader, never read as commands.
func (s *session) cmdAppend(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Append)
	box, err := s.openTarget(args.Mailbox)
	if err != nil {
		return reply{}, err
	}
	defer s.closeQuietly("mailbox", box.Close)
	app, err := s.newAppend(box, mailstore.Amount{})
	if err != nil {
		return reply{}, err
	}
	defer app.Abort()
	if err := s.receive(args, app, math.MaxInt); err != nil {
		return reply{}, err
	}
	validity, uids, err := s.commit(app)
	if err != nil {
		return reply{}, err
	}
	return ok(appendUID(validity, uids), "Append completed"), nil
}

// appendUID is the response code of RFC 4315 section 3.
func appendUID(validity uint32, uids []mailstore.UID) string {
	code := append(strconv.AppendUint([]byte("APPENDUID "), uint64(validity), 10), ' ')
	return string(numSet(uids).AppendTo(code))
}

// newAppend begins an append. What it replaces is room that it need not claim.
func (s *session) newAppend(box mailstore.Mailbox, replaces mailstore.Amount) (app mailstore.Append, err error) {
	err = s.long(func(ctx context.Context) (err error) {
		app, err = box.NewAppend(mailstore.WithCredit(ctx, replaces))
		return err
	})
	return app, err
}

// commit makes messages durable.
func (s *session) commit(app mailstore.Append) (validity uint32, uids []mailstore.UID, err error) {
	err = s.long(func(ctx context.Context) (err error) {
		validity, uids, err = app.Commit(ctx)
		return err
	})
	return validity, uids, err
}

// openTarget opens the mailbox that messages shall go to.
func (s *session) openTarget(name string) (mailstore.Mailbox, error) {
	box, err := s.openBy(name, func(ctx context.Context, name string) (mailstore.Mailbox, error) {
		return mailstore.OpenTarget(ctx, s.account, name)
	})
	if errors.Is(err, mailstore.ErrNotFound) {
		return nil, no("TRYCREATE", "Mailbox does not exist; create it first")
	}
	return box, err
}

// receive takes the messages of a command, most of them at most: MULTIAPPEND (RFC
// 3502) adds all of them or, when one is refused, none.
func (s *session) receive(args *imap.Append, app mailstore.Append, most int) error {
	s.conn.bulk = true
	defer func() { s.conn.bulk = false }()
	for n := 0; ; n++ {
		m, err := args.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return appendSyntax(err)
		case n == most:
			return bad("Only one message can be given here")
		}
		if err := s.receiveOne(m, app); err != nil {
			return err
		}
	}
}

// receiveOne takes one message. A literal8 may hold parts in their binary form
// (RFC 3516 section 4.4); they are stored in base64, in which they come back as
// they were whatever the format does to line ends.
func (s *session) receiveOne(m *imap.AppendMessage, app mailstore.Append) error {
	flags, err := parseFlags(m.Flags)
	if err != nil {
		return err
	}
	src, err := s.messageSource(m)
	if err != nil {
		return err
	}
	defer src.close()
	octets := io.Reader(src)
	if m.Binary || m.Catenate {
		octets = message.WithoutBinary(src)
	}
	opt := mailstore.AppendOptions{Flags: flags, Date: m.InternalDate}
	if !m.Catenate {
		opt.Size = m.Size
	}
	err = app.Add(opt, octets)
	switch {
	case src.failure() != nil:
		return src.failure()
	case errors.Is(err, message.ErrBinary):
		return no("UNKNOWN-CTE", "There is a NUL outside of a part that is declared as binary")
	}
	return err
}

// A messageSource gives the octets of a message that is coming in.
type messageSource interface {
	io.Reader
	// failure is why there are no more octets, where that is not the mailbox's
	// fault; nil else.
	failure() error
	close()
}

func (s *session) messageSource(m *imap.AppendMessage) (messageSource, error) {
	if m.Catenate {
		return &catSource{s: s, m: m}, nil
	}
	if m.Size == 0 {
		return nil, no("CANNOT", "A message cannot be empty")
	}
	return s.literalSource(&m.Literal)
}

func (s *session) literalSource(l *imap.Literal) (*literalSource, error) {
	if l.UTF8 && !s.utf8 {
		return nil, bad("Enable UTF8=ACCEPT first")
	}
	return &literalSource{l: l}, nil
}

// appendSyntax turns what the reader says of the command into its answer.
func appendSyntax(err error) error {
	var syntax *imap.Error
	if !errors.As(err, &syntax) {
		return &lost{err}
	}
	r := syntaxReply(syntax)
	if r.cond == imap.BYE {
		return &closing{r.text}
	}
	return &refusal{r}
}

// literalSource gives the octets of a literal. It asks the client for them when they
// are wanted: a message for which there is no room is refused before it is sent. It
// tells failures of the connection from those of the mailbox.
type literalSource struct {
	l   *imap.Literal
	r   io.Reader // nil before it has been asked for
	err error
}

func (l *literalSource) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.l.Accept()
		if err != nil {
			l.err = &lost{err}
			return 0, l.err
		}
		l.r = r
	}
	n, err := l.r.Read(p)
	if err != nil && err != io.EOF {
		l.err = &lost{err}
	}
	return n, err
}

func (l *literalSource) failure() error { return l.err }
func (l *literalSource) close()         {}

// numSet makes a set to be written from rising UIDs.
func numSet(uids []mailstore.UID) imap.NumSet {
	var set imap.NumSet
	for _, u := range uids {
		set.AddNum(uint32(u))
	}
	return set
}
