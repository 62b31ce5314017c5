// Package auth decides who may log in.
//
// It promises that the user table is the truth: it is read again when it
// changes, and a change takes effect with the next login. That a stranger learns
// nothing: a user who does not exist costs the same time as a wrong password,
// guessing becomes slow per user and per network, and the work of verifying
// passwords is bounded however many connections ask for it. And that an honest
// client pays little: a password that was right a moment ago is not hashed
// again and waits for nobody who is guessing.
//
// docs/design/accounts.md explains the table, the delays and the cache.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"restante/fsys"
)

// The errors of Authenticate, for errors.Is. Any other error is that of the
// context.
var (
	// ErrCredentials: no such user, a wrong password, or an account that
	// cannot log in (from there). Which of them it is, is not told.
	ErrCredentials = errors.New("wrong user name or password")
	// ErrUnavailable: the question could not be answered now; the client may
	// ask again later.
	ErrUnavailable = errors.New("login is not possible at the moment")
)

// Options are what an Authenticator uses.
type Options struct {
	// File is the user table.
	File string
	// Logger hears of tables that cannot be used. May be nil.
	Logger *slog.Logger
	// FS is the file system; nil is the machine's.
	FS fsys.FS
}

// An Authenticator answers for one user table. Its methods may be called from
// any goroutine.
type Authenticator struct {
	o       Options
	log     *slog.Logger
	secret  []byte        // keys the cache of verified passwords; never leaves the process
	slots   chan struct{} // one for each verification at a time
	users   *throttle
	nets    *throttle
	table   atomic.Pointer[cachedTable]
	reading sync.Mutex
}

// cachedTable is a table with the logins that were verified against it: a new
// table begins without any.
type cachedTable struct {
	*Table
	state    fileState
	mu       sync.Mutex
	verified map[string]proof
}

// A proof is that a password was right: a keyed hash of it and of what it was
// verified against.
type proof struct {
	mac     [sha256.Size]byte
	expires time.Time
}

const (
	// proofLife is how long a verified password is remembered: longer than
	// the ten minutes between two polls of a common client.
	proofLife = 15 * time.Minute
	// answerTime is the grid on which logins that fail are answered. It is
	// longer than a verification takes, so that neither the scheme of a
	// user's password nor the user's existence shows in the time.
	answerTime = 150 * time.Millisecond
)

// New reads the user table. Lines with mistakes are logged and left out; a
// table that cannot be read is an error.
func New(o Options) (*Authenticator, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = fsys.OS{}
	}
	a := &Authenticator{
		o: o, log: o.Logger, secret: make([]byte, 32),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		users: newThrottle(userPatience), nets: newThrottle(netPatience),
	}
	_, _ = rand.Read(a.secret) // never fails (crypto/rand)
	state := stateOf(o.FS, o.File)
	t, err := ReadTable(o.FS, o.File)
	if err != nil {
		return nil, fmt.Errorf("user table: %w", err)
	}
	a.report(t)
	a.table.Store(&cachedTable{Table: t, state: state, verified: map[string]proof{}})
	return a, nil
}

func (a *Authenticator) report(t *Table) {
	for _, p := range t.Problems {
		a.log.Error("user table: a line cannot be used", "err", p)
	}
	for _, w := range t.Warnings {
		a.log.Warn("user table", "err", w)
	}
}

// Reload reads the table again. When it cannot be read, or a line of it cannot
// be understood, the old one stays in use and the mistakes are returned.
func (a *Authenticator) Reload() error {
	a.reading.Lock()
	defer a.reading.Unlock()
	return a.reload(stateOf(a.o.FS, a.o.File))
}

func (a *Authenticator) reload(state fileState) error {
	old := a.table.Load()
	t, err := ReadTable(a.o.FS, a.o.File)
	if err == nil && len(t.Problems) > 0 {
		errs := make([]error, len(t.Problems))
		for i, p := range t.Problems {
			errs[i] = p
		}
		err = errors.Join(errs...)
	}
	if err != nil {
		// The same bytes need not be read and reported at each login.
		old.mu.Lock()
		old.state = state
		old.mu.Unlock()
		return err
	}
	for _, w := range t.Warnings {
		a.log.Warn("user table", "err", w)
	}
	a.table.Store(&cachedTable{Table: t, state: state, verified: map[string]proof{}})
	return nil
}

// fresh returns the table, after reading it again when the file has changed.
func (a *Authenticator) fresh() *cachedTable {
	if t := a.table.Load(); t.isFresh(stateOf(a.o.FS, a.o.File)) {
		return t
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	state := stateOf(a.o.FS, a.o.File)
	if t := a.table.Load(); t.isFresh(state) {
		return t
	}
	if err := a.reload(state); err != nil {
		a.log.Error("the user table has changed and cannot be used; the old one stays in use", "err", err)
	} else {
		a.log.Info("user table read again", "file", a.o.File, "users", len(a.table.Load().order))
	}
	return a.table.Load()
}

// fileState is what tells that a file has been replaced or rewritten.
type fileState struct {
	size, inode int64
	mtime       time.Time
	// settled is false for a file that was written a moment before the look:
	// a second write in the same tick of the file system's clock would leave
	// no trace, so it is looked at once more.
	settled bool
}

// tick is more than the resolution of any file system's times.
const tick = 2 * time.Second

func stateOf(f fsys.FS, name string) fileState {
	info, err := f.Stat(name)
	if err != nil {
		return fileState{size: -1, settled: true}
	}
	s := fileState{size: info.Size(), mtime: info.ModTime(), settled: time.Since(info.ModTime()) > tick}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = int64(st.Ino)
	}
	return s
}

func (t *cachedTable) isFresh(now fileState) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	same := t.state.size == now.size && t.state.inode == now.inode && t.state.mtime.Equal(now.mtime)
	return same && (t.state.settled || !now.settled)
}

// Lookup finds a user by name, without a password.
func (a *Authenticator) Lookup(name string) (User, bool) { return a.fresh().Table.Lookup(name) }

// Users returns all users of the table.
func (a *Authenticator) Users() []User { return a.fresh().Table.Users() }

// Mark stands for what the table says of a user at the moment: it changes when
// the password, the place of the mail or the owner does, and gives none of them
// away. It is false for a user who is not there any more or cannot log in.
// Whoever keeps somebody logged in for long compares it with that of the login.
func (a *Authenticator) Mark(name string) (mark string, ok bool) {
	acct := a.fresh().accounts[Normalize(name)]
	if acct == nil || acct.password == nil {
		return "", false
	}
	sum := a.mac(acct.stored, fmt.Sprintf("%q %d %d %q %q", acct.Name, acct.UID, acct.GID, acct.Home, acct.Location))
	return string(sum[:]), true
}

// Authenticate returns the user of that name and password. It takes its time
// after failures from the same network or for the same user, and ends early
// with the context's error when that ends. The errors are ErrCredentials and
// ErrUnavailable, perhaps wrapped.
func (a *Authenticator) Authenticate(ctx context.Context, remote net.Addr, name, password string) (User, error) {
	t, name := a.fresh(), Normalize(name)
	acct, ip := t.accounts[name], addrOf(remote)
	possible := acct != nil && acct.password != nil && acct.allowedFrom(ip)
	if len(password) > maxPassword {
		possible, password = false, ""
	}
	guess := a.mac(name, password)
	if possible && t.proven(acct, guess) {
		return acct.User, nil
	}
	begin := time.Now()
	userKey, netKey := name, networkOf(ip)
	if err := a.wait(ctx, userKey, netKey); err != nil {
		return User{}, err
	}
	ok, err := a.verify(ctx, t, acct, possible, password)
	if err != nil {
		return User{}, err
	}
	if ok {
		a.users.success(userKey)
		t.prove(acct, guess)
		return acct.User, nil
	}
	if a.users.failure(userKey, guess) && netKey != "" {
		a.nets.failure(netKey, guess)
	}
	if err := pad(ctx, begin); err != nil {
		return User{}, err
	}
	return User{}, ErrCredentials
}

// verify does the work of one verification, in every case the same.
func (a *Authenticator) verify(ctx context.Context, t *cachedTable, acct *account, possible bool, password string) (bool, error) {
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-a.slots }()
	if !possible {
		_ = t.dummy.verify(password)
		return false, nil
	}
	return acct.password.verify(password), nil
}

// wait lets the delays of the user and of the network pass.
func (a *Authenticator) wait(ctx context.Context, userKey, netKey string) error {
	now := time.Now()
	d, ok := a.users.reserve(userKey, now)
	if netKey != "" {
		nd, nok := a.nets.reserve(netKey, now)
		d, ok = max(d, nd), ok && nok
	}
	if !ok {
		return fmt.Errorf("%w: too many wrong passwords; try again in a minute", ErrUnavailable)
	}
	return sleep(ctx, d)
}

// pad waits until a multiple of answerTime has passed.
func pad(ctx context.Context, begin time.Time) error {
	return sleep(ctx, answerTime-time.Since(begin)%answerTime)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mac stands for a name and password without giving them away.
func (a *Authenticator) mac(name, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.secret)
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(password))
	copy(sum[:], h.Sum(nil))
	return sum
}

// proven is whether the same password was right a moment ago.
func (t *cachedTable) proven(a *account, guess [sha256.Size]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.verified[a.Name]
	return ok && time.Now().Before(p.expires) && hmac.Equal(p.mac[:], guess[:])
}

func (t *cachedTable) prove(a *account, guess [sha256.Size]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.verified[a.Name] = proof{mac: guess, expires: time.Now().Add(proofLife)}
}

func addrOf(remote net.Addr) netip.Addr {
	if tcp, ok := remote.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// networkOf returns what shares its failures: an IPv4 /24 or an IPv6 /64. The
// machine itself has none, because a webmail or proxy on it stands for many.
func networkOf(ip netip.Addr) string {
	if !ip.IsValid() || ip.IsLoopback() {
		return ""
	}
	bits := 64
	if ip.Is4() {
		bits = 24
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// IsMissing is whether err says that there is no user table yet.
func IsMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
