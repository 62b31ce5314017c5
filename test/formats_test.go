package test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"restante/auth"
	"restante/certs"
	"restante/fsys"
	"restante/fsys/watch"
	"restante/imapd"
	"restante/imapd/imaptest"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/mbox"
	"restante/mailstore/shared"
)

var (
	randomTime     = flag.Duration("random.time", 0, "how long the random dialogues run on each format")
	randomSessions = flag.Int("random.sessions", 2, "how many sessions they have")
	resyncSteps    = flag.Int("resync.steps", 100, "steps of TestResync, over each format")
	randomSeed     = flag.Uint64("random.seed", 0, "what they do; 0 means something else each time")
)

// format is a storage format with mail below a directory.
type format struct {
	name string
	open func(ctx context.Context, dir string, log *slog.Logger) (mailstore.Account, error)
}

var formats = []format{
	{"maildir", func(ctx context.Context, dir string, log *slog.Logger) (mailstore.Account, error) {
		return maildir.Open(ctx, maildir.Options{Root: dir, Logger: log, Watcher: watcher(ctx)})
	}},
	{"maildir-fs", func(ctx context.Context, dir string, log *slog.Logger) (mailstore.Account, error) {
		return maildir.Open(ctx, maildir.Options{Root: dir, Layout: maildir.FS, Logger: log, Watcher: watcher(ctx)})
	}},
	{"mbox", func(ctx context.Context, dir string, log *slog.Logger) (mailstore.Account, error) {
		return mbox.Open(ctx, mbox.Options{FS: fsys.OS{}, Root: dir, Inbox: filepath.Join(dir, "inbox"), Logger: log, Watcher: watcher(ctx)})
	}},
}

// watcher tells of changes to files until ctx ends.
func watcher(ctx context.Context) *watch.Watcher {
	w := watch.New(watch.Options{})
	context.AfterFunc(ctx, func() { _ = w.Close() })
	return w
}

// oneAccount is a store with one account, which is opened once.
type oneAccount struct{ mailstore.Account }

func (s oneAccount) OpenAccount(_ context.Context, user mailstore.User) (mailstore.Account, error) {
	if l, ok := s.Account.(mailstore.Limiter); ok {
		l.LimitTo(user.Quota)
	}
	return kept(s), nil
}

// kept is an account as a session has it: closing it closes nothing.
type kept struct{ mailstore.Account }

func (kept) Close() error { return nil }

// accounts is a store with an account for each user, which is opened once.
type accounts struct {
	format format
	dir    string
	log    *slog.Logger

	mu   sync.Mutex
	open map[string]mailstore.Account
}

func (s *accounts) OpenAccount(ctx context.Context, user mailstore.User) (mailstore.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.open[user.Name]
	if a == nil {
		var err error
		if a, err = s.format.open(context.WithoutCancel(ctx), filepath.Join(s.dir, user.Name), s.log); err != nil {
			return nil, err
		}
		s.open[user.Name] = a
	}
	return oneAccount{a}.OpenAccount(ctx, user)
}

func (s *accounts) Close() error {
	var errs []error
	for _, a := range s.open {
		errs = append(errs, a.Close())
	}
	return errors.Join(errs...)
}

type anyone struct{}

func (anyone) Authenticate(_ context.Context, _ net.Addr, name, pass string) (auth.User, error) {
	if pass != "pass" && pass != recordPass {
		return auth.User{}, auth.ErrCredentials
	}
	return auth.User{Name: name, Quota: imaptest.QuotaOf(name)}, nil
}

// Lookup makes anyone a user who may share mailboxes.
func (anyone) Lookup(name string) (auth.User, bool) {
	return auth.User{Name: name, Quota: imaptest.QuotaOf(name)}, true
}

// Canonical is the name as users of the table have it.
func (anyone) Canonical(name string) (string, error) {
	name = auth.Normalize(name)
	return name, auth.CheckName(name)
}

// serve serves IMAP over empty accounts of the format until the test ends.
func (f format) serve(t *testing.T) imaptest.Server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	store := &accounts{format: f, dir: t.TempDir(), log: log, open: make(map[string]mailstore.Account)}
	user, err := store.OpenAccount(t.Context(), mailstore.User{Name: "user"})
	if err != nil {
		t.Fatal(err)
	}
	return serveStore(t, shared.New(shared.Options{Store: store, Users: anyone{}, Logger: log}), user.Delimiter(), store.Close, log)
}

// serveAccount serves IMAP over an account until the test ends, and closes it.
func serveAccount(t *testing.T, account mailstore.Account, log *slog.Logger) imaptest.Server {
	t.Helper()
	return serveStore(t, oneAccount{account}, account.Delimiter(), account.Close, log)
}

// serveStore serves IMAP over a store until the test ends, and then closes.
func serveStore(t *testing.T, store mailstore.Store, delimiter rune, end func() error, log *slog.Logger) imaptest.Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	keys, err := certs.Open(certs.Options{Dir: t.TempDir(), Hostname: "test.example", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	srv := imapd.New(imapd.Options{
		Store: store, Auth: anyone{}, Logger: log, Hostname: "test.example", Version: "0.1", TLS: keys.TLSConfig(),
		AllowPlaintext: func(net.Addr) bool { return true },
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sessions sync.WaitGroup
	sessions.Go(func() { // one of them, or Wait could be done before a session is counted
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { srv.ServeConn(ctx, c, false) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		sessions.Wait()
		if err := end(); err != nil {
			t.Errorf("closing the mail: %v", err)
		}
	})
	return imaptest.Server{
		Name: "restante", User: "user", Pass: "pass", Delimiter: string(delimiter),
		Dial: func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) },
	}
}

// TestDialogues plays the scripts of the IMAP service over every format on disk.
func TestDialogues(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			imaptest.RunScripts(t, os.DirFS(filepath.Join("..", "imapd", "testdata", "dialogue")), "*.txt", f.serve)
		})
	}
}

// TestRandom lets two sessions do random things with one mailbox of every
// format; what each was told must be what there is.
func TestRandom(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			imaptest.Random(t, f.serve(t), imaptest.RandomOptions{
				Sessions: *randomSessions, Duration: max(*randomTime, time.Second), Seed: seed, Parallel: true,
			})
		})
	}
}

// TestResync lets a client come and go that brings itself up to date by QRESYNC,
// over every format.
func TestResync(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			imaptest.Resync(t, f.serve(t), imaptest.ResyncOptions{Steps: *resyncSteps, Seed: seed})
		})
	}
}
