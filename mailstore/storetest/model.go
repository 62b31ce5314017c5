package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"restante/mailstore"
)

// SeedVar names the environment variable that repeats one run of RunModel: it
// holds the seed that a failure printed.
const SeedVar = "STORETEST_SEED"

// RunModel does random sequences of operations on the format and on a model of
// the plainest kind, and compares the two after each. A sequence that fails is
// made as short as it can be before it is reported.
func RunModel(t *testing.T, open func(t *testing.T) Harness) {
	seeds := []uint64{1, 2, 3} // the same every time, and some new ones
	for range rounds(12) {
		seeds = append(seeds, rand.Uint64())
	}
	if s := os.Getenv(SeedVar); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s=%s: %v", SeedVar, s, err)
		}
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			ops := randomOps(seed)
			run := func(ops []op) ([]string, error) {
				r := newRunner(t, open(t))
				defer r.close()
				return r.trace, r.runAll(ops)
			}
			if _, err := run(ops); err == nil {
				return
			}
			ops = shrink(ops, func(ops []op) bool {
				_, err := run(ops)
				return err != nil
			})
			r := newRunner(t, open(t))
			defer r.close()
			err := r.runAll(ops)
			t.Errorf("%s=%d: %v\nafter:\n%s", SeedVar, seed, err, strings.Join(r.trace, "\n"))
		})
	}
}

// op is one operation: its kind and random numbers that the runner turns into
// mailboxes and messages of the moment.
type op struct {
	kind int
	n    [6]uint32
}

func randomOps(seed uint64) []op {
	rnd := rand.New(rand.NewPCG(seed, 1))
	ops := make([]op, 20+rnd.IntN(100))
	for i := range ops {
		ops[i].kind = rnd.IntN(len(kinds))
		for j := range ops[i].n {
			ops[i].n[j] = rnd.Uint32()
		}
	}
	return ops
}

// shrink leaves out operations, first many at a time, as long as it still fails.
func shrink(ops []op, fails func([]op) bool) []op {
	for size := len(ops) / 2; size > 0; size /= 2 {
		for i := 0; i+size <= len(ops); {
			fewer := slices.Concat(ops[:i], ops[i+size:])
			if fails(fewer) {
				ops = fewer
			} else {
				i += size
			}
		}
	}
	return ops
}

// The model: what an account must hold.
type modelAccount struct {
	boxes      map[string]*modelBox
	subscribed map[string]bool
}

type modelBox struct {
	validity uint32
	lastUID  mailstore.UID
	modSeq   uint64
	messages []*modelMessage
}

type modelMessage struct {
	uid    mailstore.UID
	body   string
	flags  mailstore.Flags // without Recent
	date   int64
	recent tristate
	modSeq uint64
}

// tristate is for Recent, which another process may or may not find.
type tristate int

const (
	no tristate = iota
	yes
	maybe
)

// in returns the messages of the set.
func (b *modelBox) in(set mailstore.UIDSet) []*modelMessage {
	var list []*modelMessage
	for _, m := range b.messages {
		if set.Contains(m.uid) {
			list = append(list, m)
		}
	}
	return list
}

// add adds a new message under the UID that the format has given it.
func (b *modelBox) add(m modelMessage) error {
	if m.uid <= b.lastUID {
		return fmt.Errorf("UID %d was given after %d", m.uid, b.lastUID)
	}
	b.lastUID = m.uid
	m.recent = yes
	m.modSeq = 0
	b.messages = append(b.messages, &m)
	return nil
}

func (b *modelBox) remove(list []*modelMessage) {
	b.messages = slices.DeleteFunc(b.messages, func(m *modelMessage) bool { return slices.Contains(list, m) })
}

func (a *modelAccount) names() []string { return slices.Sorted(maps.Keys(a.boxes)) }

func (a *modelAccount) hasChildren(name, delim string) bool {
	for other := range a.boxes {
		if strings.HasPrefix(other, name+delim) {
			return true
		}
	}
	return false
}
