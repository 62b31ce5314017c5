package imaptest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// RandomOptions says how random sessions run.
type RandomOptions struct {
	Sessions int           // at the same mailbox; default 3
	Rounds   int           // of Steps commands each, with a comparison behind; default 20
	Steps    int           // commands of one session per round; default 30
	Duration time.Duration // if set, rounds go on for that long
	Seed     uint64
	// Parallel lets the sessions run at once, each in a goroutine of its own.
	// Otherwise they take turns, and the same seed does the same again.
	Parallel bool
	// Foreign servers are not held to what they need not do: give the UID in
	// every FETCH response that comes with the answer to a UID command.
	Foreign bool
}

// Random lets several sessions do random things with one mailbox. Each keeps
// account of what it is told; every response must fit, and at the end of each
// round, when all have said NOOP, each must know what a fresh session sees.
func Random(t testing.TB, srv Server, opt RandomOptions) {
	t.Helper()
	opt.Sessions = max(opt.Sessions, 2)
	if opt.Rounds == 0 {
		opt.Rounds = 20
	}
	if opt.Steps == 0 {
		opt.Steps = 30
	}
	t.Logf("seed %d", opt.Seed)
	crowd := make([]*randomSession, opt.Sessions)
	for i := range crowd {
		s, err := newRandomSession(srv, i, opt.Seed)
		if err != nil {
			t.Fatal(err)
		}
		defer s.c.Close()
		s.foreign = opt.Foreign
		crowd[i] = s
	}
	begin := time.Now()
	for round := 0; round < opt.Rounds || time.Since(begin) < opt.Duration; round++ {
		if err := runRound(crowd, opt); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := compareAll(srv, crowd); err != nil {
			t.Fatalf("after round %d: %v", round, err)
		}
	}
}

func runRound(crowd []*randomSession, opt RandomOptions) error {
	if !opt.Parallel {
		for range opt.Steps {
			for _, s := range crowd {
				if err := s.step(); err != nil {
					return s.failed(err)
				}
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, len(crowd))
	for i, s := range crowd {
		wg.Go(func() {
			for range opt.Steps {
				if err := s.step(); err != nil {
					errs[i] = s.failed(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// compareAll lets all sessions hear the news and compares each with a fresh one.
func compareAll(srv Server, crowd []*randomSession) error {
	for _, s := range crowd {
		if err := s.command("NOOP", situation{}); err != nil {
			return s.failed(err)
		}
	}
	fresh, err := newRandomSession(srv, -1, 0)
	if err != nil {
		return err
	}
	defer fresh.c.Close()
	if err := fresh.command("UID FETCH 1:* FLAGS", situation{needUID: true}); err != nil {
		return fresh.failed(err)
	}
	for _, s := range crowd {
		if err := s.m.compare(&fresh.m); err != nil {
			return s.failed(err)
		}
	}
	return nil
}

// A randomSession is one client of the crowd.
type randomSession struct {
	id   int
	c    *Client
	m    model
	rng  *rand.Rand
	said []string

	foreign   bool
	sorts     bool
	condstore bool // offered, and used in turn with what there is without it
}

const randomBox = "random"

func newRandomSession(srv Server, id int, seed uint64) (*randomSession, error) {
	nc, err := srv.Dial()
	if err != nil {
		return nil, err
	}
	s := &randomSession{id: id, c: NewClient(nc), rng: rand.New(rand.NewPCG(seed, uint64(id)))}
	if _, err := s.c.Response(); err != nil {
		return nil, err
	}
	if _, err := s.c.OK("LOGIN " + srv.User + " " + srv.Pass); err != nil {
		return nil, err
	}
	offered, err := s.c.OK("CAPABILITY")
	if err != nil {
		return nil, err
	}
	s.sorts = strings.Contains(strings.Join(offered, " "), " SORT ") && strings.Contains(strings.Join(offered, " "), "THREAD=REFERENCES")
	s.condstore = id%2 == 1 && strings.Contains(strings.Join(offered, " ")+" ", " CONDSTORE ")
	for _, name := range []string{randomBox, randomBox + "2"} {
		if _, _, err := s.c.Do("CREATE " + name); err != nil { // another session may have done it
			return nil, err
		}
	}
	verb := "SELECT "
	if id < 0 {
		verb = "EXAMINE "
	}
	return s, s.command(verb+randomBox, situation{})
}

// failed adds what was said lately.
func (s *randomSession) failed(err error) error {
	lately := s.said[max(len(s.said)-40, 0):]
	return fmt.Errorf("session %d: %w\n    %s", s.id, err, strings.Join(lately, "\n    "))
}

// command runs a command, takes in what it answers, and wants OK or, where
// messages may have gone, NO.
func (s *randomSession) command(text string, in situation) error {
	s.said = append(s.said, "C: "+strings.ReplaceAll(text, "\r\n", `\r\n`))
	in.needUID = in.needUID && !s.foreign
	untagged, tagged, err := s.c.Do(text)
	for _, line := range untagged {
		s.said = append(s.said, "S: "+line)
		if err := s.m.apply(line, in); err != nil {
			return err
		}
		if err := s.checkSearch(line, in); err != nil {
			return err
		}
	}
	s.said = append(s.said, "S: tagged "+tagged)
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(tagged, "OK"), strings.HasPrefix(tagged, "NO [EXPUNGEISSUED]"),
		strings.HasPrefix(tagged, "NO [MODIFIED ") && strings.Contains(text, "UNCHANGEDSINCE"):
		return nil
	}
	return fmt.Errorf("%s: %s", text, tagged)
}

// checkSearch holds message numbers that were found against what there is.
func (s *randomSession) checkSearch(line string, in situation) error {
	c := searchSet.FindStringSubmatch(line)
	if c == nil || !in.expungeForbidden {
		return nil
	}
	once := make(map[int]bool)
	for _, word := range strings.FieldsFunc(c[1], func(r rune) bool { return r < '0' || r > '9' }) {
		n := number(word)
		if n < 1 || n > len(s.m.msgs) || once[n] {
			return fmt.Errorf("message %s of %d was found, a second time: %v", word, len(s.m.msgs), once[n])
		}
		once[n] = true
	}
	return nil
}
