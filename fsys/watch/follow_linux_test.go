package watch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestFollow holds the law that the package is for: who looks once after Watch
// and again after each call has the right picture in the end, whatever happens
// meanwhile, and nobody else's coming and going disturbs it.
func TestFollow(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { follow(t, seed) })
	}
}

func follow(t *testing.T, seed uint64) {
	root := t.TempDir()
	dirs := []string{root + "/a", root + "/b", root + "/c"}
	for _, d := range dirs {
		must(t, os.Mkdir(d, 0o700))
	}
	w := New(Options{PollInterval: 20 * time.Millisecond, SweepInterval: 24 * time.Hour})
	defer w.Close()
	quit, workers := make(chan struct{}), sync.WaitGroup{}
	background := func(number uint64, work func(r *rand.Rand)) {
		workers.Go(func() {
			for r := rand.New(rand.NewPCG(seed, number)); ; {
				select {
				case <-quit:
					return
				default:
					work(r)
				}
			}
		})
	}
	for i := range uint64(4) { // watches that come and go
		background(i, func(r *rand.Rand) {
			stop := w.Watch([]string{dirs[r.IntN(3)], dirs[r.IntN(3)] + "/box"}, func() {})
			runtime.Gosched()
			stop()
		})
	}
	background(4, func(*rand.Rand) { // and the kernel's queue runs over
		w.take(w.currentKernel(), []event{{wd: -1, kind: eventOverflow}}, nil)
		time.Sleep(5 * time.Millisecond)
	})
	followers := []*follower{}
	for _, d := range dirs {
		followers = append(followers, newFollower(w, d), newFollower(w, d+"/box"))
	}
	r := rand.New(rand.NewPCG(seed, 5))
	for range 2000 {
		disturb(r, dirs[r.IntN(3)])
	}
	close(quit)
	workers.Wait()
	for _, f := range followers {
		eventually(t, "the picture of "+f.path+" is right", func() bool { return f.has(picture(f.path)) })
		f.end()
	}
	if n := kernelWatches(t, w); n != 0 {
		t.Errorf("%d kernel watches without a watch", n)
	}
}

// disturb does something to a directory or to the file box in it.
func disturb(r *rand.Rand, dir string) {
	name := fmt.Sprint(dir, "/", r.IntN(4))
	switch r.IntN(8) {
	case 0, 1:
		_ = os.WriteFile(name, nil, 0o600)
	case 2:
		_ = os.Remove(name)
	case 3:
		_ = os.Rename(name, fmt.Sprint(dir, "/", r.IntN(4)))
	case 4:
		_ = os.WriteFile(dir+"/box", make([]byte, r.IntN(1000)), 0o600)
	case 5:
		_ = os.Rename(name, dir+"/box")
	case 6:
		_ = os.Remove(dir + "/box")
	case 7:
		if r.IntN(10) == 0 {
			_ = os.RemoveAll(dir)
			_ = os.Mkdir(dir, 0o700)
		}
	}
}

// picture is what can be seen of a path.
func picture(path string) string {
	if entries, err := os.ReadDir(path); err == nil {
		return fmt.Sprint(entries)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "nothing"
	}
	return fmt.Sprint(info.Size(), " bytes")
}

// A follower looks when it is told to.
type follower struct {
	path string
	bell bell
	stop func()
	quit chan struct{}
	mu   sync.Mutex
	now  string
}

func newFollower(w *Watcher, path string) *follower {
	f := &follower{path: path, bell: newBell(), quit: make(chan struct{})}
	f.stop = w.Watch([]string{path}, f.bell.ring)
	f.bell.ring() // the look after Watch
	go func() {
		for {
			select {
			case <-f.quit:
				return
			case <-f.bell:
			}
			now := picture(path)
			f.mu.Lock()
			f.now = now
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) has(want string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now == want
}

func (f *follower) end() { f.stop(); close(f.quit) }
