package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"restante/bench/result"
	"restante/bench/workload"
)

// TestRun measures one row on this tree's server with little mail: it is made, copied
// and served, the table and the file have what was found, a profile is stored, and
// nothing but made mail is left.
func TestRun(t *testing.T) {
	work, err := os.MkdirTemp("", "peers-") // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	place := t.TempDir()
	opt := options{work: work, quick: true, size: 200, only: regexp.MustCompile("^STATUS$"), repeat: 2, timeout: time.Minute,
		json: filepath.Join(place, "found.json"), profile: filepath.Join(place, "profiles"), servers: map[string]bool{"restante": true}}
	var out, said bytes.Buffer
	r, err := newRunner(t.Context(), opt, &out, &said)
	if err != nil {
		t.Fatal(err)
	}
	sizes, _ := opt.sizes()
	if err := r.all(t.Context(), opt.rows(workload.Rows(sizes))); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	found, err := result.Read(opt.json)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Rows) != 1 || len(found.Rows[0].Servers) != 1 || len(found.Rows[0].Servers[0].Runs) != opt.repeat || found.Full {
		t.Errorf("the file has %+v", found)
	}
	if text := out.String(); !strings.Contains(text, "STATUS") || !strings.Contains(text, "1 rows: 0 at must") {
		t.Errorf("the table is\n%s", text)
	}
	var again bytes.Buffer
	if err := show(&again, []string{opt.json}); err != nil || !strings.Contains(again.String(), "1 rows: 0 at must") {
		t.Errorf("the table of the file: %v\n%s", err, again.String())
	}
	profile, err := os.ReadFile(filepath.Join(opt.profile, "STATUS-1.pprof"))
	if err != nil || !bytes.HasPrefix(profile, []byte{0x1f, 0x8b}) {
		t.Errorf("no profile: %v, %d octets\n%s", err, len(profile), said.String())
	}
	for _, dir := range []string{"run", "copy"} {
		if left, err := os.ReadDir(filepath.Join(work, dir)); err == nil && len(left) > 0 {
			t.Errorf("%s: %v is left", dir, left)
		}
	}
	if _, err := newRunner(t.Context(), opt, &out, &said); err == nil || !strings.Contains(err.Error(), "another run has it") {
		t.Errorf("a second run in the directory: %v", err)
	}
}
