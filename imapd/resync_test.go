package imapd

import (
	"flag"
	"math/rand/v2"
	"testing"

	"restante/imapd/imaptest"
)

var resyncSteps = flag.Int("resync.steps", 300, "steps of TestResync")

// TestResync lets a client come and go that brings itself up to date by QRESYNC.
func TestResync(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	imaptest.Resync(t, testServer(t), imaptest.ResyncOptions{Steps: *resyncSteps, Seed: seed})
}
