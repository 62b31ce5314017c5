package test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// TestIdleStacks: a connection that idles has the smallest stack that its waiting fits
// on. A frame too many between accepting a connection and waiting for its DONE doubles
// what it takes. Of a stack the runtime frees half when less than a quarter is in use.
// It counts spans of 32 KB, a few of which are half empty by chance, so that what each
// takes is known by a few hundred octets only: less than half a doubling is chance.
func TestIdleStacks(t *testing.T) {
	bin, err := quickProgram()
	if err != nil {
		t.Fatal(err)
	}
	for service, most := range map[string]int64{"imap": 4 << 10, "imaps": 8 << 10} {
		t.Run(service, func(t *testing.T) {
			const n = 400
			data := newData(t, "maildir:"+filepath.Join(t.TempDir(), "Maildir"))
			appendFile(t, filepath.Join(data, "restante.toml"), "[limits]\nconnections_per_address = 1000\nconnections_per_user = 1000\n[debug]\npprof = \"127.0.0.1:0\"\n")
			s := startBinary(t, bin, data)
			idle(t, s, service, 10) // the first pay for what all share
			before := stacks(t, s)
			idle(t, s, service, n)
			each := int64(math.MaxInt64)
			for tries := 20; tries > 0 && each > most+most/2; tries-- { // some may be on their way yet
				each = (stacks(t, s) - before) / n
			}
			if each > most+most/2 {
				t.Errorf("%d octets of stack each, more than %d", each, most)
			}
		})
	}
}

// stacks is what the stacks of a server take when they have shrunk.
func stacks(t *testing.T, s *server) int64 {
	t.Helper()
	for range 3 { // each collection halves them
		profile(t, s, "heap?gc=1")
	}
	for line := range strings.Lines(profile(t, s, "heap?debug=1")) {
		var inUse, sys int64
		if n, _ := fmt.Sscanf(line, "# Stack = %d / %d", &inUse, &sys); n == 2 {
			return inUse
		}
	}
	t.Fatal("the profile says nothing of stacks")
	return 0
}
