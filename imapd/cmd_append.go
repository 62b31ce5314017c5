package imapd

import (
	"errors"
	"io"
	"strconv"

	"restante/imap"
	"restante/mailstore"
)

// cmdAppend is APPEND (RFC 9051 section 6.3.12). The message goes from the
// connection into the mailbox as it arrives. A literal that is refused is
// dropped by the reader, never read as commands.
func (s *session) cmdAppend(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Append)
	box, err := s.openTarget(args.Mailbox)
	if err != nil {
		return reply{}, err
	}
	defer s.closeQuietly("mailbox", box.Close)
	app, err := box.NewAppend(s.ctx)
	if err != nil {
		return reply{}, err
	}
	defer app.Abort()
	if err := s.receive(args, app); err != nil {
		return reply{}, err
	}
	validity, uids, err := app.Commit(s.ctx)
	if err != nil {
		return reply{}, err
	}
	code := append(strconv.AppendUint([]byte("APPENDUID "), uint64(validity), 10), ' ')
	return ok(string(numSet(uids).AppendTo(code)), "Append completed"), nil
}

// openTarget opens the mailbox that messages shall go to.
func (s *session) openTarget(name string) (mailstore.Mailbox, error) {
	box, err := s.open(name)
	if errors.Is(err, mailstore.ErrNotFound) {
		return nil, no("TRYCREATE", "Mailbox does not exist; create it first")
	}
	return box, err
}

// receive takes the command's message.
func (s *session) receive(args *imap.Append, app mailstore.Append) error {
	m, err := args.Next()
	if err != nil {
		return appendSyntax(err)
	}
	opt := mailstore.AppendOptions{Date: m.InternalDate}
	if opt.Flags, err = parseFlags(m.Flags); err != nil {
		return err
	}
	switch {
	case m.UTF8:
		return bad("UTF8 literals are not offered here")
	case m.Size == 0:
		return no("CANNOT", "A message cannot be empty")
	}
	s.conn.bulk = true
	defer func() { s.conn.bulk = false }()
	r, err := m.Accept()
	if err != nil {
		return &lost{err}
	}
	src := &literalSource{r: r}
	if err := app.Add(opt, src); err != nil {
		if src.err != nil {
			return &lost{src.err}
		}
		return err
	}
	switch _, err := args.Next(); {
	case err == nil:
		return bad("Only one message can be appended at once")
	case !errors.Is(err, io.EOF):
		return appendSyntax(err)
	}
	return nil
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

// literalSource tells failures of the connection from those of the mailbox.
type literalSource struct {
	r   io.Reader
	err error
}

func (l *literalSource) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// numSet makes a set to be written from rising UIDs.
func numSet(uids []mailstore.UID) imap.NumSet {
	var set imap.NumSet
	for _, u := range uids {
		set.AddNum(uint32(u))
	}
	return set
}
