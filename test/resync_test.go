package test

import (
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"

	"restante/imapd/imaptest"
)

// TestResyncAfterRestarts is TestResync with a server that is stopped or killed
// between, and whose index is damaged now and then.
func TestResyncAfterRestarts(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			place := t.TempDir()
			data := newData(t, l.at(place))
			v := &vandal{dir: filepath.Join(data, "index"), kept: make(map[string][]byte), done: make(map[string]int)}
			s := start(t, data)
			srv := imaptest.Server{Name: "restante", User: user, Pass: `"` + password + `"`, Delimiter: l.delim}
			srv.Dial = func() (net.Conn, error) { return net.Dial("tcp", s.addr["imap"]) }
			imaptest.Resync(t, srv, imaptest.ResyncOptions{Steps: *resyncSteps, Seed: seed, Restart: func(rng *rand.Rand) {
				if rng.IntN(2) == 0 {
					s.kill()
				} else {
					s.stop()
				}
				if rng.IntN(4) == 0 {
					v.strike()
				}
				s = start(t, data)
			}})
			t.Logf("index: %v", v.done)
		})
	}
}
