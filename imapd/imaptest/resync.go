package imaptest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ResyncOptions says how Resync runs.
type ResyncOptions struct {
	Steps int // of the client that comes and goes; default 300
	Seed  uint64
	// Restart, if set, is called now and then while nobody is connected: the server
	// may be another afterwards, and is reached by the same Dial.
	Restart func(rng *rand.Rand)
}

// Resync lets a client that knows QRESYNC (RFC 7162) come and go while two others
// change its mailbox. It keeps what it was told from one connection to the next;
// whenever the others rest, that is what a fresh session sees.
func Resync(t testing.TB, srv Server, opt ResyncOptions) {
	t.Helper()
	if opt.Steps == 0 {
		opt.Steps = 300
	}
	t.Logf("seed %d", opt.Seed)
	others := make([]*randomSession, 2)
	begin := func() {
		for i := range others {
			s, err := newRandomSession(srv, i, opt.Seed)
			if err != nil {
				t.Fatal(err)
			}
			others[i] = s
		}
	}
	end := func() {
		for _, s := range others {
			s.c.Close()
		}
	}
	begin()
	defer end()
	restarts := 0
	c := &resyncClient{srv: srv, rng: rand.New(rand.NewPCG(opt.Seed, 99)), flags: make(map[uint32]string)}
	defer func() { c.drop() }()
	for c.steps < opt.Steps {
		if err := c.round(others); err != nil {
			t.Fatalf("after %d steps: %v\n    %s", c.steps, err, strings.Join(c.said[max(len(c.said)-60, 0):], "\n    "))
		}
		if opt.Restart != nil && c.rng.IntN(5) == 0 {
			restarts++
			c.drop()
			end()
			opt.Restart(c.rng)
			opt.Seed++ // or they would do the same again
			begin()
		}
	}
	t.Logf("%d restarts, %d steps, %d times resynchronised, %d messages vanished, %d told as changed", restarts, c.steps, c.resyncs, c.vanished, c.changed)
	if c.resyncs == 0 || c.vanished == 0 || c.changed == 0 {
		t.Error("there was nothing to be resynchronised")
	}
}

// A resyncClient is a client with a cache of one mailbox.
type resyncClient struct {
	srv  Server
	rng  *rand.Rand
	c    *Client // nil while it is not connected
	said []string

	// The cache.
	validity string
	modSeq   uint64
	flags    map[uint32]string
	fetched  uint32 // all messages up to this UID are in it

	heard uint64 // the highest mod-sequence in a FETCH response

	steps, resyncs, vanished, changed int
}

// round lets all work, and then compares.
func (c *resyncClient) round(others []*randomSession) error {
	var wg sync.WaitGroup
	errs := make([]error, len(others))
	for i, s := range others {
		wg.Go(func() {
			for range 1 + s.rng.IntN(12) {
				if err := s.step(); err != nil {
					errs[i] = s.failed(err)
					return
				}
			}
		})
	}
	var err error
	for range c.rng.IntN(8) {
		if err = c.step(); err != nil {
			break
		}
	}
	wg.Wait()
	for _, e := range append(errs, err) {
		if e != nil {
			return e
		}
	}
	if c.c == nil || c.rng.IntN(2) == 0 {
		c.drop()
		if err := c.connect(); err != nil {
			return err
		}
	} else if err := c.noop(); err != nil {
		return err
	}
	return c.compare()
}

// step does one thing that such a client does.
func (c *resyncClient) step() error {
	c.steps++
	if c.c == nil {
		return c.connect()
	}
	switch c.rng.IntN(6) {
	case 0:
		c.drop()
		return nil
	case 1:
		return c.selectAgain()
	case 2:
		return c.store()
	case 3:
		return c.expunge()
	case 4:
		return c.do(fmt.Sprintf("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)", c.modSeq))
	}
	return c.noop()
}

// drop breaks the connection off without a word.
func (c *resyncClient) drop() {
	if c.c != nil {
		c.c.Close()
		c.c = nil
		c.say("the connection is broken off")
	}
}

func (c *resyncClient) say(line string) { c.said = append(c.said, line) }

func (c *resyncClient) connect() error {
	nc, err := c.srv.Dial()
	if err != nil {
		return err
	}
	c.c = NewClient(nc)
	if _, err := c.c.Response(); err != nil {
		return err
	}
	for _, command := range []string{"LOGIN " + c.srv.User + " " + c.srv.Pass, "ENABLE QRESYNC"} {
		if _, err := c.c.OK(command); err != nil {
			return err
		}
	}
	return c.selectAgain()
}

// selectAgain selects the mailbox and is brought up to date.
func (c *resyncClient) selectAgain() error {
	command := "SELECT " + randomBox
	if c.validity != "" {
		c.resyncs++
		command += fmt.Sprintf(" (QRESYNC (%s %d%s))", c.validity, c.modSeq, c.details())
	}
	c.heard = 0
	lines, err := c.run(command)
	if err != nil {
		return err
	}
	highest := ""
	for _, line := range lines {
		if m := validityLine.FindStringSubmatch(line); m != nil {
			if c.validity != "" && c.validity != m[1] {
				return fmt.Errorf("UIDVALIDITY was %s and is %s", c.validity, m[1])
			}
			c.validity = m[1]
		}
		if m := modSeqCode.FindStringSubmatch(line); m != nil {
			highest = m[1]
		}
	}
	if highest == "" {
		return fmt.Errorf("no HIGHESTMODSEQ in the answer to %s", command)
	}
	// What is new has to be fetched, unless all that changed was asked for.
	if err := c.fetchNew(); err != nil {
		return err
	}
	c.modSeq, err = strconv.ParseUint(highest, 10, 64)
	return err
}

// details are the optional arguments of QRESYNC, as often as not.
func (c *resyncClient) details() string {
	uids := slices.Sorted(maps.Keys(c.flags))
	if len(uids) == 0 {
		return ""
	}
	text := ""
	if c.rng.IntN(2) == 0 {
		text += " " + numberList(uids)
	}
	if c.rng.IntN(2) == 0 {
		var nums, same []uint32
		for i := 0; i < len(uids); i += 1 + c.rng.IntN(4) {
			nums, same = append(nums, uint32(i+1)), append(same, uids[i])
		}
		text += " (" + numberList(nums) + " " + numberList(same) + ")"
	}
	return text
}

func numberList(list []uint32) string {
	var b []byte
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return string(b)
}

// fetchNew fetches what was announced and not fetched yet. Responses that nobody
// asked for may have told of messages behind those.
func (c *resyncClient) fetchNew() error {
	if err := c.do(fmt.Sprintf("UID FETCH %d:* (FLAGS)", c.fetched+1)); err != nil {
		return err
	}
	for uid := range c.flags {
		c.fetched = max(c.fetched, uid)
	}
	return nil
}

func (c *resyncClient) any() string {
	uids := slices.Sorted(maps.Keys(c.flags))
	if len(uids) == 0 {
		return "1"
	}
	return strconv.FormatUint(uint64(uids[c.rng.IntN(len(uids))]), 10)
}

// noop hears all there is. Then, and only then, the client takes the highest
// mod-sequence it has heard for what it is up to date with.
func (c *resyncClient) noop() error {
	if err := c.do("NOOP"); err != nil {
		return err
	}
	if err := c.fetchNew(); err != nil {
		return err
	}
	if err := c.do("NOOP"); err != nil {
		return err
	}
	c.modSeq = max(c.modSeq, c.heard)
	return nil
}

func (c *resyncClient) store() error {
	condition := ""
	if c.rng.IntN(3) == 0 {
		condition = fmt.Sprintf(" (UNCHANGEDSINCE %d)", c.modSeq)
	}
	op := []string{"+FLAGS", "-FLAGS", "FLAGS"}[c.rng.IntN(3)]
	return c.do(fmt.Sprintf("UID STORE %s%s %s (%s)", c.any(), condition, op, randomFlags[c.rng.IntN(len(randomFlags))]))
}

func (c *resyncClient) expunge() error {
	uid := c.any()
	if err := c.do("UID STORE " + uid + ` +FLAGS.SILENT (\Deleted)`); err != nil {
		return err
	}
	return c.do("UID EXPUNGE " + uid)
}

// do runs a command that has to succeed.
func (c *resyncClient) do(command string) error {
	_, err := c.run(command)
	return err
}

// run does so, takes in what was told and returns it.
func (c *resyncClient) run(command string) ([]string, error) {
	c.say("C: " + command)
	untagged, tagged, err := c.c.Do(command)
	for _, line := range untagged {
		c.say("S: " + line)
		if err := c.apply(line); err != nil {
			return nil, err
		}
	}
	c.say("S: tagged " + tagged)
	if err == nil && !strings.HasPrefix(tagged, "OK") {
		err = fmt.Errorf("%s: %s", command, tagged)
	}
	return untagged, err
}

var (
	vanishedLine = regexp.MustCompile(`^\* VANISHED (\(EARLIER\) )?([\d,:]+)$`)
	validityLine = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
	modSeqCode   = regexp.MustCompile(`\[HIGHESTMODSEQ (\d+)\]`)
	modSeqItem   = regexp.MustCompile(`MODSEQ \((\d+)\)`)
)

func (c *resyncClient) apply(line string) error {
	if m := vanishedLine.FindStringSubmatch(line); m != nil {
		for _, r := range strings.Split(m[2], ",") {
			first, last, ranged := strings.Cut(r, ":")
			if !ranged {
				last = first
			}
			for uid := uint32(number(first)); uid <= uint32(number(last)); uid++ {
				if _, had := c.flags[uid]; had {
					c.vanished++
				} else if m[1] == "" {
					// It may be new, and gone before its flags were fetched.
					continue
				}
				delete(c.flags, uid)
			}
		}
		return nil
	}
	m := fetchLine.FindStringSubmatch(line)
	switch {
	case countLine.MatchString(line) && strings.HasSuffix(line, "EXPUNGE"):
		return fmt.Errorf("EXPUNGE after ENABLE QRESYNC: %s", line)
	case m == nil:
		return nil
	}
	uid, flags, modSeq := uidItem.FindStringSubmatch(m[2]), flagsItem.FindStringSubmatch(m[2]), modSeqItem.FindStringSubmatch(m[2])
	if uid == nil {
		return fmt.Errorf("FETCH without UID after ENABLE QRESYNC: %s", line)
	}
	if modSeq != nil {
		n, err := strconv.ParseUint(modSeq[1], 10, 63)
		if err != nil {
			return err
		}
		c.heard = max(c.heard, n)
	}
	if flags != nil {
		key, now := uint32(number(uid[1])), strings.Join(parseFlags(flags[1]), " ")
		if c.flags[key] != now {
			c.changed++
		}
		c.flags[key] = now
	}
	return nil
}

// compare holds the cache against what a fresh session sees.
func (c *resyncClient) compare() error {
	fresh, err := newRandomSession(c.srv, -1, 0)
	if err != nil {
		return err
	}
	defer fresh.c.Close()
	if err := fresh.command("UID FETCH 1:* FLAGS", situation{needUID: true}); err != nil {
		return fresh.failed(err)
	}
	if len(fresh.m.msgs) != len(c.flags) {
		err = fmt.Errorf("the client knows %d messages, there are %d", len(c.flags), len(fresh.m.msgs))
	}
	for _, k := range fresh.m.msgs {
		flags, known := c.flags[k.uid]
		if now := strings.Join(k.flags, " "); !known || flags != now {
			return fmt.Errorf("UID %d: the client knows it: %v, with flags %q; it has %q", k.uid, known, flags, now)
		}
	}
	return err
}
