package target

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"

	"restante/bench/workload"
)

var _ workload.Indexer = (*Server)(nil)

// Indexes is whether the server has full-text indexes if asked: restante has.
func (s *Server) Indexes() bool {
	_, ok := s.engine.(Restante)
	return ok
}

// Index stops the server, has an index made, and starts it so that it uses it.
func (s *Server) Index(ctx context.Context, user string) (made workload.Index, err error) {
	r, ok := s.engine.(Restante)
	if !ok {
		return made, fmt.Errorf("%s has no full-text index", s.Name())
	}
	if err := s.end(); err != nil {
		return made, err
	}
	s.o.FullText = true
	if _, err := r.configure(s.o); err != nil {
		return made, err
	}
	if made, err = r.index(ctx, s.o, user); err != nil {
		return made, err
	}
	return made, s.begin(ctx)
}

// NoIndex starts the server anew without the use of indexes.
func (s *Server) NoIndex(ctx context.Context) error {
	s.o.FullText = false
	return s.Restart(ctx)
}

// index runs the command that makes the index of a user's INBOX, and no server
// meanwhile.
func (r Restante) index(ctx context.Context, o Options, user string) (made workload.Index, err error) {
	cmd := exec.CommandContext(ctx, r.Binary, "mailbox", "index", user, "INBOX", "--data", r.data(o), "--config", r.settings(o))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return made, fmt.Errorf("restante mailbox index: %w\n%s", err, out)
	}
	if made.Size, err = indexSize(string(out)); err != nil {
		return made, err
	}
	made.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return made, nil
}

var indexLine = regexp.MustCompile(`(?m)^INBOX: \d+ messages indexed, \d+ of them now, (\d+) KB$`) // constant

// indexSize reads what the command has said.
func indexSize(out string) (int64, error) {
	m := indexLine.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("restante mailbox index says %q", out)
	}
	n, err := strconv.ParseInt(m[1], 10, 54)
	return n << 10, err
}
