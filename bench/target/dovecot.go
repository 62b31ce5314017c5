package target

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"restante/bench/workload"
)

// Dovecot is Debian's Dovecot in one configuration.
type Dovecot struct {
	Peer workload.Peer
	port map[workload.Service]string
}

// NewDovecot is the server that goals call by that name.
func NewDovecot(p workload.Peer) *Dovecot { return &Dovecot{Peer: p} }

// Start starts it.
func (d *Dovecot) Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, d, o) }

// master is the program that starts all others of Dovecot.
const master = "/usr/sbin/dovecot"

// MissingDovecot says what has to be installed, or nil. Debian's version 2.3 is
// meant: 2.4 has settings of other names.
func MissingDovecot(ctx context.Context) error {
	for _, c := range []struct{ file, pkg string }{
		{master, "dovecot-core"}, {"/usr/lib/dovecot/imap", "dovecot-imapd"}, {"/usr/lib/dovecot/pop3", "dovecot-pop3d"},
	} {
		if _, err := os.Stat(c.file); err != nil {
			return fmt.Errorf("%w; install Debian's packages dovecot-core, dovecot-imapd and dovecot-pop3d (this one is of %s)", err, c.pkg)
		}
	}
	version, err := DovecotVersion(ctx)
	if err == nil && !strings.HasPrefix(version, "2.3.") {
		err = fmt.Errorf("Dovecot is version %s; the settings here are those of 2.3, which Debian 12 has", version)
	}
	return err
}

// DovecotVersion is what it says about itself.
func DovecotVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, master, "--version").Output()
	return strings.TrimSpace(string(out)), err
}

// dovecotSettings are those that all configurations share. Only what has to be
// otherwise than as packaged is set: places, users, limits that the workloads would
// run into, and login processes as the documentation has them for high performance
// (doc/wiki/LoginProcess.txt), that is as many as there are processors.
const dovecotSettings = `base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <CERT
ssl_key = <KEY
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = LOCATION
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
default_client_limit = 100000
default_vsz_limit = 4G
default_internal_user = INTERNALUSER
default_internal_group = INTERNALGROUP
default_login_user = LOGINUSER
passdb {
  driver = passwd-file
  args = USERS
}
userdb {
  driver = passwd-file
  args = USERS
}
namespace inbox {
  inbox = yes
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = PROCESSORS
  process_limit = PROCESSORS
  inet_listener imap {
    port = PORTIMAP
  }
  inet_listener imaps {
    port = PORTTLSIMAP
  }
}
service imap {
  process_limit = 25000
}
service pop3 {
  process_limit = 1000
}
service pop3-login {
  chroot =
  service_count = 0
  process_min_avail = PROCESSORS
  process_limit = PROCESSORS
  inet_listener pop3 {
    port = PORTPOP
  }
  inet_listener pop3s {
    port = PORTTLSPOP
  }
}
`

// dovecotReuse has processes of one uid serve session after session.
const dovecotReuse = `service imap {
  service_count = 1000000
  client_limit = 1
  process_min_avail = 16
}
service pop3 {
  service_count = 1000000
  client_limit = 1
  process_min_avail = 16
}
`

// dovecotHibernate parks idle connections after HibernateAfter.
const dovecotHibernate = `imap_hibernate_timeout = 1s
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
service imap {
  unix_listener imap-master {
    user = INTERNALUSER
  }
}
`

// HibernateAfter is how long a connection is idle until Dovecot parks it, in the
// configuration that does.
const HibernateAfter = time.Second

func (d *Dovecot) name() string            { return string(d.Peer) }
func (d *Dovecot) logs(o Options) []string { return []string{filepath.Join(o.Dir, "dovecot.log")} }
func (d *Dovecot) forget(Options) error    { return nil } // all stands beside the mail

func (d *Dovecot) configure(o Options) (*exec.Cmd, error) {
	table, err := users(o)
	if err != nil {
		return nil, err
	}
	if d.port, err = freePorts(workload.IMAP, workload.IMAPS, workload.POP3, workload.POP3S); err != nil {
		return nil, err
	}
	internal, group, login, err := dovecotUsers()
	if err != nil {
		return nil, err
	}
	text := dovecotSettings
	switch d.Peer {
	case workload.Reused:
		text += dovecotReuse
	case workload.Hibernate:
		text += dovecotHibernate
	}
	text = strings.NewReplacer("DIR", o.Dir, "CERT", o.Certificate.Cert, "KEY", o.Certificate.Key, "LOCATION", location(o.Spec),
		"INTERNALUSER", internal, "INTERNALGROUP", group, "LOGINUSER", login, "USERS", table, "PROCESSORS", fmt.Sprint(runtime.NumCPU()),
		"PORTIMAP", d.port[workload.IMAP], "PORTTLSIMAP", d.port[workload.IMAPS],
		"PORTPOP", d.port[workload.POP3], "PORTTLSPOP", d.port[workload.POP3S]).Replace(text)
	file := filepath.Join(o.Dir, "dovecot.conf")
	return exec.Command(master, "-F", "-c", file), os.WriteFile(file, []byte(text), 0o644)
}

// dovecotUsers are whom Dovecot's own processes run as: its users where it is
// started by root, else the one who starts it.
func dovecotUsers() (internal, group, login string, err error) {
	if os.Getuid() == 0 {
		return "dovecot", "dovecot", "dovenull", nil
	}
	me, err := osuser.Current()
	if err != nil {
		return "", "", "", err
	}
	g, err := osuser.LookupGroupId(me.Gid)
	if err != nil {
		return "", "", "", err
	}
	return me.Username, g.Name, me.Username, nil
}

// freePorts are ports that nobody has now.
func freePorts(services ...workload.Service) (map[workload.Service]string, error) {
	ports := map[workload.Service]string{}
	for _, svc := range services {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, so that they differ
		if _, ports[svc], err = net.SplitHostPort(l.Addr().String()); err != nil {
			return nil, err
		}
	}
	return ports, nil
}

func (d *Dovecot) addresses(Options) (map[workload.Service]string, string, bool) {
	addr := map[workload.Service]string{}
	for svc, port := range d.port {
		addr[svc] = "127.0.0.1:" + port
	}
	return addr, "", true
}
