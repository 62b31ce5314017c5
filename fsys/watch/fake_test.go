package watch

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// A world is a file system and a kernel that the test moves by hand, so that
// what depends on time can be tested without waiting.
type world struct {
	mu     sync.Mutex
	files  map[string]state
	far    map[string]bool
	clock  int64 // the file system's, ticked by hand
	inodes uint64

	openErr error // for the next opens
	kernel  *fakeKernel
	log     bytes.Buffer
}

func newWorld(dirs ...string) *world {
	x := &world{files: make(map[string]state), far: make(map[string]bool), clock: 1000}
	for _, d := range dirs {
		x.make(d, true)
	}
	return x
}

func (x *world) make(path string, dir bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.inodes++
	x.files[path] = state{dev: 1, ino: x.inodes, mtime: x.clock, there: true, dir: dir}
}

func (x *world) remove(path string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.files, path)
}

// change sets the mtime of path; with tick the clock goes on before.
func (x *world) change(path string, tick bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if tick {
		x.clock++
	}
	s := x.files[path]
	s.mtime = x.clock
	x.files[path] = s
}

func (x *world) look(path string) state {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.files[path]
}

func (x *world) remote(path string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.far[path]
}

func (x *world) open() (kernel, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.openErr != nil {
		return nil, x.openErr
	}
	x.kernel = &fakeKernel{world: x, ids: make(map[uint64]int32), max: 1 << 30,
		events: make(chan []event, 1<<15), woken: make(chan struct{}, 1), broken: make(chan error, 1)}
	return x.kernel, nil
}

// watcher returns a Watcher in x that is closed with the test.
func (x *world) watcher(t *testing.T, o Options) *Watcher {
	o.Logger = slog.New(slog.NewTextHandler(&lockedWriter{w: &x.log, mu: &x.mu}, nil))
	w := New(o)
	w.open, w.look, w.remote = x.open, x.look, x.remote
	t.Cleanup(func() {
		_ = w.Close()
		time.Sleep(soon) // the loop may be settling
	})
	return w
}

// logged counts the lines of the log with text.
func (x *world) logged(text string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Count(x.log.String(), text)
}

type lockedWriter struct {
	w  *bytes.Buffer
	mu *sync.Mutex
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// fakeKernel tells what the test sends.
type fakeKernel struct {
	world  *world
	events chan []event
	woken  chan struct{}
	broken chan error
	hang   chan struct{}               // while set, add of "/hung" waits for it to return
	onAdd  func(path string, wd int32) // runs between the answer and its return

	// Guarded by world.mu:
	ids    map[uint64]int32 // by inode
	next   int32
	max    int
	reads  int
	closed bool
}

func (k *fakeKernel) add(path string, dir bool) (int32, error) {
	wd, err := k.number(path, dir)
	if k.onAdd != nil && err == nil {
		k.onAdd(path, wd)
	}
	return wd, err
}

func (k *fakeKernel) number(path string, dir bool) (int32, error) {
	if k.hang != nil && path == "/hung" {
		defer func() { <-k.hang }()
	}
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	s := k.world.files[path]
	switch wd, known := k.ids[s.ino]; {
	case k.closed:
		return 0, os.ErrClosed
	case !s.there:
		return 0, &fs.PathError{Op: "add", Path: path, Err: unix.ENOENT}
	case dir && !s.dir:
		return 0, &fs.PathError{Op: "add", Path: path, Err: unix.ENOTDIR}
	case known:
		return wd, nil
	case len(k.ids) >= k.max:
		return 0, &fs.PathError{Op: "add", Path: path, Err: unix.ENOSPC}
	}
	k.next++
	k.ids[s.ino] = k.next
	return k.next, nil
}

func (k *fakeKernel) remove(wd int32) {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	for ino, id := range k.ids {
		if id == wd {
			delete(k.ids, ino)
		}
	}
}

func (k *fakeKernel) setMax(n int) {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	k.max = n
}

func (k *fakeKernel) readCount() int {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	return k.reads
}

// refuse has the next opens fail with err.
func (x *world) refuse(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.openErr = err
}

func (k *fakeKernel) isClosed() bool {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	return k.closed
}

// now is the kernel that was opened last, nil when none was.
func (x *world) now() *fakeKernel {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.kernel
}

func (k *fakeKernel) watched() int {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	return len(k.ids)
}

// tell sends an event of what is at path now; name is the entry or "".
func (k *fakeKernel) tell(path, name string, kind eventKind) {
	k.world.mu.Lock()
	wd, ok := k.ids[k.world.files[path].ino]
	k.world.mu.Unlock()
	if ok {
		k.events <- []event{{wd: wd, kind: kind, name: []byte(name)}}
	}
}

func (k *fakeKernel) read(wait bool) ([]event, error) {
	k.world.mu.Lock()
	k.reads++
	k.world.mu.Unlock()
	if !wait {
		select {
		case e := <-k.events:
			return k.batch(e), nil
		default:
			return nil, nil
		}
	}
	select {
	case e := <-k.events:
		return k.batch(e), nil
	case err := <-k.broken:
		return nil, err
	case <-k.woken:
		return nil, nil
	}
}

func (k *fakeKernel) wake() {
	select {
	case k.woken <- struct{}{}:
	default:
	}
}

func (k *fakeKernel) close() error {
	k.world.mu.Lock()
	k.closed = true
	k.world.mu.Unlock()
	k.wake()
	return nil
}

// batch returns e and what more there is, as much as the smallest real buffer holds.
func (k *fakeKernel) batch(e []event) []event {
	for len(e) < 100 {
		select {
		case more := <-k.events:
			e = append(e, more...)
		default:
			return e
		}
	}
	return e
}

// soon is when a call has come that is due.
const soon = DefaultSettle + DefaultSpacing

// A counter counts its calls.
type counter struct{ n atomic.Int64 }

func (c *counter) call() { c.n.Add(1) }

// take returns the calls since the last take, after all that is due is done.
func (c *counter) take() int {
	synctest.Wait()
	return int(c.n.Swap(0))
}

// expect fails unless there was a call since the last take (want) or none.
func (c *counter) expect(t *testing.T, want bool, why string) {
	t.Helper()
	if n := c.take(); (n > 0) != want {
		t.Fatalf("%d calls: %s", n, why)
	}
}

// rest lets the echo of a beginning pass.
func rest(c *counter) {
	time.Sleep(echoAfter + 2*DefaultPollInterval)
	c.take()
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
