package imaptest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// RunScripts runs all scripts of a directory that match pattern as subtests, and logs
// how much that was; start gives each a server with an empty account.
func RunScripts(t *testing.T, fsys fs.FS, pattern string, start func(t *testing.T) Server) {
	names, err := fs.Glob(fsys, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts match %s: %v", pattern, err)
	}
	var sum Played
	played := 0
	var skipped []string
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".txt")
		t.Run(base, func(t *testing.T) {
			script, err := readScript(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := script.Play(start(t))
			sum.Steps += p.Steps
			sum.Differences = append(sum.Differences, p.Differences...)
			switch {
			case errors.Is(err, ErrSkipped):
				skipped = append(skipped, base)
				t.Skip(err)
			case err != nil:
				t.Error(err)
			}
			played++
		})
	}
	t.Logf("%d scripts with %d steps were played; %d marked differences", played, sum.Steps, len(sum.Differences))
	if len(skipped) > 0 {
		t.Logf("%d scripts are not for this server: %s", len(skipped), strings.Join(skipped, " "))
	}
}

func readScript(fsys fs.FS, name string) (*Script, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ParseScript(name, f)
}

// ErrSkipped is what Play returns when the script is not for this server.
var ErrSkipped = errors.New("not for this server")

// Played tells what was played of a script.
type Played struct {
	// Steps counts lines that send something or await it.
	Steps int
	// Differences are the reasons of what the script marks as different here.
	Differences []string
}

// Play plays the script. The error tells the line, what was expected and what
// came, and what was said before on that connection.
func (s *Script) Play(srv Server) (p Played, err error) {
	if s.only != "" && s.only != srv.Name {
		return p, fmt.Errorf("%w: only for %s", ErrSkipped, s.only)
	}
	r := runner{s: s, srv: srv, conns: make(map[string]*talk), vars: srv.variables()}
	defer r.close()
	if s.asksCapabilities() {
		if err := r.checkNeeds(); err != nil {
			return p, err
		}
	}
	steps := r.choose(&p)
	for i := 0; i < len(steps); i++ {
		st := steps[i]
		last := i
		if st.verb == "S~" {
			for last+1 < len(steps) && steps[last+1].verb == "S~" && steps[last+1].conn == st.conn {
				last++
			}
		}
		if err := r.step(steps[i : last+1]); err != nil {
			return p, fmt.Errorf("%s:%d: %w%s", s.Name, st.line, err, r.transcript(st.conn))
		}
		p.Steps += last + 1 - i
		i = last
	}
	return p, nil
}

func (s *Script) asksCapabilities() bool {
	return len(s.needs) > 0 || slices.ContainsFunc(s.steps, func(st step) bool { return st.when != nil && st.when.capability != "" })
}

// choose gives the steps that are for this server.
func (r *runner) choose(p *Played) (steps []step) {
	var last *condition
	for _, st := range r.s.steps {
		c := st.when
		if c == nil {
			steps = append(steps, st)
			continue
		}
		holds := c.server == r.srv.Name
		if c.capability != "" {
			holds = slices.Contains(r.offered, c.capability)
		}
		if holds == c.otherwise {
			continue
		}
		steps = append(steps, st)
		if holds && c.server != "" && c != last {
			p.Differences = append(p.Differences, c.reason)
		}
		last = c
	}
	return steps
}
