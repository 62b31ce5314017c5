package imapd

import (
	"flag"
	"math/rand/v2"
	"testing"

	"restante/imapd/imaptest"
)

var (
	randomTime     = flag.Duration("random.time", 0, "how long TestRandom runs")
	randomSessions = flag.Int("random.sessions", 3, "how many sessions TestRandom has")
	randomSeed     = flag.Uint64("random.seed", 0, "what TestRandom does; 0 means something else each time")
)

// TestRandom lets sessions do random things with one mailbox, in turns and at
// once, and compares what each was told with what there is.
func TestRandom(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, parallel := range []bool{false, true} {
		name := "turns"
		if parallel {
			name = "parallel"
		}
		t.Run(name, func(t *testing.T) {
			imaptest.Random(t, testServer(t), imaptest.RandomOptions{
				Sessions: *randomSessions,
				Duration: *randomTime / 2,
				Seed:     seed,
				Parallel: parallel,
				Foreign:  *dialogueAddr != "",
			})
		})
	}
}
