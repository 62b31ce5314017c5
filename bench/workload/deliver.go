package workload

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"restante/bench/load"
	"restante/bench/mail"
)

// deliveries are what another program puts into a user's INBOX, which is a Maildir.
type deliveries struct {
	env    *Env
	user   int
	dir    string
	before int // messages
	count  int
	last   time.Time // when the last was there to be seen
}

// deliveries begins them.
func (e *Env) deliveries(ctx context.Context, user int) (*deliveries, error) {
	b, err := e.login(ctx, IMAP, user, load.Options{})
	if err != nil {
		return nil, err
	}
	if err := b.all("SELECT INBOX"); err != nil {
		return nil, err
	}
	d := &deliveries{env: e, user: user, dir: e.Target.Path(mail.User(user), "INBOX"), before: b.exists}
	return d, b.LogOut()
}

// sample is the message that is delivered and appended: of common size.
var sample = sync.OnceValue(func() []byte { return mail.NewMaker(mail.Seed).AppendSized(nil, 1, 8000) })

// deliver does what delivery agents do: it writes a file in tmp and moves it to new.
func (d *deliveries) deliver() error {
	d.count++
	now := time.Now()
	name := fmt.Sprintf("%d.M%dP%dQ%dU%d.bench", now.Unix(), now.Nanosecond(), os.Getpid(), d.count, d.user)
	tmp := filepath.Join(d.dir, "tmp", name)
	if err := os.WriteFile(tmp, sample(), 0o600); err != nil {
		return err
	}
	if err := sameOwner(d.dir, tmp); err != nil {
		return err
	}
	d.last = time.Now()
	return os.Rename(tmp, filepath.Join(d.dir, "new", name))
}

// sameOwner gives a file to whom the mail belongs.
func sameOwner(dir, file string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	return os.Chown(file, int(st.Uid), int(st.Gid))
}

// undo removes what was delivered.
func (d *deliveries) undo(ctx context.Context) error {
	b, err := d.env.login(ctx, IMAP, d.user, load.Options{})
	if err != nil {
		return err
	}
	if err := b.all("SELECT INBOX"); err != nil {
		return err
	}
	if b.exists > d.before {
		if err := b.expungeFrom(d.before + 1); err != nil {
			return err
		}
	}
	return b.LogOut()
}

// expungeFrom removes all messages from number n on.
func (b *box) expungeFrom(n int) error {
	return b.all(fmt.Sprintf(`STORE %d:* +FLAGS.SILENT (\Deleted)`, n), "EXPUNGE")
}
