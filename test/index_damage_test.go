package test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var damageRounds = flag.Int("damage.rounds", 4, "how many rounds of TestIndexDamagedUnderLoad, for each format")

// vandal damages files of an index that is in use.
type vandal struct {
	dir  string
	kept map[string][]byte // files as they once were
	done map[string]int
}

// files lists what is there now.
func (v *vandal) files() (list []string) {
	_ = filepath.WalkDir(v.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			list = append(list, path)
		}
		return nil // it goes away under our hands
	})
	return list
}

// strike does one thing to one file, or to more.
func (v *vandal) strike() {
	files := v.files()
	if len(files) == 0 {
		return
	}
	path := files[rand.IntN(len(files))]
	content, err := os.ReadFile(path)
	if err != nil {
		return
	}
	name := ""
	switch rand.IntN(9) {
	case 0:
		name, err = "file removed", os.Remove(path)
	case 1:
		name, err = "mailbox removed", os.RemoveAll(filepath.Dir(path))
	case 2:
		name, err = "all removed", os.RemoveAll(v.dir)
	case 3:
		name, err = "cut", os.Truncate(path, rand.Int64N(int64(len(content))+1))
	case 4:
		for range 1 + rand.IntN(4) {
			if len(content) > 0 {
				content[rand.IntN(len(content))] ^= 1 << rand.IntN(8)
			}
		}
		name, err = "bits turned", os.WriteFile(path, content, 0o600)
	case 5:
		f, openErr := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if openErr != nil {
			return
		}
		_, err = f.WriteString("rubbish behind it")
		name, err = "lengthened", errors.Join(err, f.Close())
	case 6:
		other, readErr := os.ReadFile(files[rand.IntN(len(files))])
		if readErr != nil {
			return
		}
		name, err = "another's put there", os.WriteFile(path, other, 0o600)
	case 7:
		v.kept[path] = content
		return
	case 8:
		for old, content := range v.kept {
			name, err = "an old one put back", os.WriteFile(old, content, 0o600)
			break
		}
	}
	if err == nil && name != "" {
		v.done[name]++
	}
}

// rage strikes until the context ends.
func (v *vandal) rage(ctx context.Context) {
	for ctx.Err() == nil {
		v.strike()
		pause(ctx, 10)
	}
}

// TestIndexDamagedUnderLoad removes and damages files of the index at random
// while eight clients work, kills the server, and goes on while another looks at
// everything: nothing is lost, no flag is wrong, no UID names two messages.
func TestIndexDamagedUnderLoad(t *testing.T) {
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			data := newData(t, format+":"+filepath.Join(t.TempDir(), "mail"))
			k := &killed{t: t, told: make(map[string]string), mail: make(map[string]*letter), boxes: make(map[string]bool)}
			v := &vandal{dir: filepath.Join(data, "index"), kept: make(map[string][]byte), done: make(map[string]int)}
			s := start(t, data)
			c := login(t, s)
			for _, name := range []string{"Copies", "Moved"} {
				c.ok("CREATE " + name)
			}
			for round := range *damageRounds {
				if round > 0 {
					s = start(t, data)
				}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { v.rage(ctx); close(ended) }()
				k.work(s, round)
				s = start(t, data)
				k.check(s)
				k.check(s)
				stop()
				<-ended
				s.stop() // it leaves the index closed; now nobody looks
				for range 3 {
					v.strike()
				}
				s = start(t, data)
				k.check(s)
				s.stop()
				if t.Failed() {
					return
				}
			}
			if len(v.done) < 5 {
				t.Errorf("hardly anything was damaged: %v", v.done)
			}
			t.Logf("%d rounds, %d operations were answered, %d messages and %d UIDs looked at; index: %v", *damageRounds, k.done.Load(), len(k.mail), len(k.told), v.done)
		})
	}
}

// TestIndexCutWhileServing cuts the index of a small mailbox at every octet, each
// time with a session that works on it, and every few octets with a new server
// that finds it so.
func TestIndexCutWhileServing(t *testing.T) {
	const restarts = 8
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			data := newData(t, format+":"+filepath.Join(t.TempDir(), "mail"))
			s := start(t, data)
			c := login(t, s)
			c.ok("CREATE small")
			for n := range 3 {
				c.ok(appendCommand("small", crlf(message(fmt.Sprintf("<%d@small>", n)))))
			}
			look := func() string { return smallView(t, s) }
			want := look()
			s.stop()
			index := findIndex(t, data, "small")
			whole, err := os.ReadFile(index)
			if err != nil || len(whole) < 100 {
				t.Fatalf("%d octets, %v", len(whole), err)
			}
			at := rand.Perm(len(whole) + 1)
			s = start(t, data)
			c = login(t, s)
			c.ok("SELECT small")
			for i, size := range at {
				if i%(len(at)/restarts) == 0 {
					s.stop()
					damage(t, index, whole, size)
					s = start(t, data)
					if got := look(); got != want {
						t.Fatalf("with the index cut at %d of %d octets:\n%s\nwant\n%s", size, len(whole), got, want)
					}
					c = login(t, s)
					c.ok("SELECT small")
				}
				damage(t, index, whole, size)
				c.ok(`UID STORE 2 +FLAGS.SILENT (\Flagged)`)
				c.ok(`UID STORE 2 -FLAGS.SILENT (\Flagged)`)
				if got := strings.Join(c.ok("UID FETCH 1:* FLAGS"), "\n"); strings.Count(got, " FETCH (") != 3 || strings.Contains(got, "Flagged") {
					t.Fatalf("with the index cut at %d octets while serving: %s", size, got)
				}
			}
			s.stop()
			s = start(t, data)
			if got := look(); got != want {
				t.Errorf("in the end:\n%s\nwant\n%s", got, want)
			}
			t.Logf("cut at each of %d octets, %d starts", len(at), restarts)
		})
	}
}

// smallView is what a client relies on, without mod-sequences.
func smallView(t *testing.T, s *server) string {
	t.Helper()
	c := login(t, s)
	defer c.c.Close()
	lines := c.ok("EXAMINE small")
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return !strings.Contains(l, "UIDVALIDITY") && !strings.Contains(l, "UIDNEXT") && !strings.Contains(l, "EXISTS")
	})
	for _, line := range c.ok("UID FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)") {
		if strings.Contains(line, " FETCH (") {
			lines = append(lines, strings.ReplaceAll(line, ` \Recent`, ""))
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), `\Recent`, "")
}

// damage leaves so many octets of the index, wherever the server has got with it.
func damage(t *testing.T, path string, whole []byte, size int) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, whole[:size], 0o600)); err != nil {
		t.Fatal(err)
	}
}

// findIndex is the index file of a mailbox.
func findIndex(t *testing.T, data, name string) (path string) {
	t.Helper()
	for _, f := range (&vandal{dir: filepath.Join(data, "index")}).files() {
		if filepath.Base(filepath.Dir(f)) == name && filepath.Base(f) == "index" {
			path = f
		}
	}
	if path == "" {
		t.Fatalf("no index of %s after a clean stop, %v", name, time.Now())
	}
	return path
}
