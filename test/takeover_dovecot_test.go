package test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const dovecotConfig = `base_dir = PLACE/run
state_dir = PLACE/state
log_path = PLACE/dovecot.log
protocols = imap pop3
ssl = no
disable_plaintext_auth = no
default_internal_user = INTERNAL
default_internal_group = INTERNALGROUP
default_login_user = LOGIN
first_valid_uid = 1
first_valid_gid = 1
mail_home = PLACE/home
mail_location = LOCATION
# Debian's order is the other one, with which Dovecot and procmail wait for each other.
mbox_write_locks = dotlock fcntl
auth_mechanisms = plain
passdb {
  driver = static
  args = password=dovecot
}
userdb {
  driver = static
  args = uid=UID gid=GID home=PLACE/home
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    address = HOST
    port = IMAP
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    address = HOST
    port = POP
  }
  inet_listener pop3s {
    port = 0
  }
}
!include_try PLACE/more.conf
namespace inbox {
  inbox = yes
}
`

// dovecot is one running Dovecot.
type dovecot struct {
	account
	t     testing.TB
	place string
	cmd   *exec.Cmd
	done  chan error
}

// needDovecot skips the test where Debian's Dovecot is not installed.
func needDovecot(t testing.TB) {
	t.Helper()
	for _, path := range []string{"/usr/sbin/dovecot", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/pop3"} {
		if !exists(path) {
			t.Skipf("Dovecot is not installed: no %s (dovecot-imapd and dovecot-pop3d of Debian)", path)
		}
	}
}

// startDovecot starts Dovecot on loopback for mail in place.
func startDovecot(t testing.TB, place, location string) *dovecot {
	t.Helper()
	needDovecot(t)
	imap, pop := reservePort(t), reservePort(t)
	d := &dovecot{t: t, place: place, done: make(chan error, 1), account: account{who: "Dovecot", pass: "dovecot",
		imap: net.JoinHostPort(reservedHost, imap), pop3: net.JoinHostPort(reservedHost, pop)}}
	internal, group, login := dovecotUsers(t)
	conf := strings.NewReplacer("LOCATION", location, "PLACE", place, "INTERNALGROUP", group, "INTERNAL", internal, "LOGIN", login,
		"HOST", reservedHost, "UID", fmt.Sprint(owner.uid), "GID", fmt.Sprint(owner.gid), "IMAP", imap, "POP", pop).Replace(dovecotConfig)
	file := filepath.Join(place, "dovecot.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("doveconf", "-c", file, "-h", "mail_location").CombinedOutput(); err != nil {
		t.Skipf("Dovecot does not take a configuration of version 2.3: %s", out)
	}
	d.cmd = exec.Command("/usr/sbin/dovecot", "-F", "-c", file)
	said, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	d.cmd.Stdout, d.cmd.Stderr = said, said // what it says before it opens its log
	d.cmd.Env = append(os.Environ(), timeZone)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.done <- d.cmd.Wait() }()
	t.Cleanup(d.end)
	for _, addr := range []string{d.imap, d.pop3} {
		waitFor(t, "Dovecot", d.done, d.log, func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
	return d
}

// dovecotUsers are whom Dovecot's own processes run as: its users where it is
// started by root, else the one who starts it.
func dovecotUsers(t testing.TB) (internal, group, login string) {
	t.Helper()
	if os.Getuid() == 0 {
		return "dovecot", "dovecot", "dovenull"
	}
	me, err := osuser.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := osuser.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return me.Username, g.Name, me.Username
}

// reservedHost is the address at which a port from reservePort is free: nothing
// else here listens at it, and no connection goes out from it.
const reservedHost = "127.0.0.2"

// reservePort returns a port for a server that cannot choose one by itself. It is
// kept from all others until the test ends, by a listener on it at 127.0.0.1: a
// port that was merely free a moment ago is soon given to someone else, where many
// servers start at once.
func reservePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (d *dovecot) logFile() string { return filepath.Join(d.place, "dovecot.log") }

func (d *dovecot) log() string {
	b, _ := os.ReadFile(d.logFile())
	return string(b)
}

// end stops it.
func (d *dovecot) end() {
	if d.cmd.ProcessState != nil {
		return
	}
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.done:
		d.done <- err
	case <-time.After(30 * time.Second):
		d.cmd.Process.Kill()
		d.t.Error("Dovecot did not end after SIGTERM")
	}
}

var complaint = regexp.MustCompile(`(?m)^.*(?:Error|Warning|Panic|Fatal): .*$`)

// stop ends it and fails the test when it found fault with the mail.
func (d *dovecot) stop() {
	d.t.Helper()
	d.end()
	for _, line := range complaint.FindAllString(d.log(), -1) {
		if !strings.Contains(line, "Warning: Killed with signal 15") {
			d.t.Errorf("Dovecot complains: %s", line)
		}
	}
	os.Remove(d.logFile())
}

// forgetIndexes removes what Dovecot could build anew from the mail: its indexes.
func forgetIndexes(t testing.TB, place string) {
	t.Helper()
	var all []string
	err := filepath.WalkDir(place, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasPrefix(e.Name(), "dovecot.") && strings.Contains(e.Name(), "index") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a session of it may just have ended
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Error("Dovecot has no indexes: nothing was tested")
	}
}
