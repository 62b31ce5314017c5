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

	"restante/bench/mail"
	"restante/bench/workload"
)

// Dovecot is an installed Dovecot in one configuration.
type Dovecot struct {
	Peer      workload.Peer
	Installed Installation
	port      map[workload.Service]string
	reserved  []net.Listener // what keeps the ports from others
}

// NewDovecot is the server that goals call by that name.
func NewDovecot(p workload.Peer, i Installation) *Dovecot { return &Dovecot{Peer: p, Installed: i} }

// Start starts it.
func (d *Dovecot) Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, d, o) }

// dovecotSettings are those that all configurations and versions share. Only what has
// to be otherwise than as packaged is set: places, users, limits that the workloads
// would run into, and login processes as the documentation has them for high
// performance (doc/wiki/LoginProcess.txt), that is as many as there are processors.
const dovecotSettings = `base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/dovecot.log
protocols = imap pop3
listen = HOST
ssl = yes
auth_mechanisms = plain
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
default_client_limit = 100000
default_vsz_limit = 4G
default_internal_user = INTERNALUSER
default_internal_group = INTERNALGROUP
default_login_user = LOGINUSER
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
  SERVICECOUNT = 0
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
  SERVICECOUNT = 0
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

// dovecot23Settings are what version 2.4 calls by other names.
const dovecot23Settings = `disable_plaintext_auth = no
ssl_cert = <CERT
ssl_key = <KEY
mail_location = LOCATION
passdb {
  driver = passwd-file
  args = USERS
}
userdb {
  driver = passwd-file
  args = USERS
}
`

// dovecot24Settings say the same. Its file begins with the version that it is
// written for.
const dovecot24Settings = `auth_allow_cleartext = yes
ssl_server_cert_file = CERT
ssl_server_key_file = KEY
LOCATION
passdb passwd-file {
  passwd_file_path = USERS
}
userdb passwd-file {
  passwd_file_path = USERS
}
`

// dovecotReuse has processes of one uid serve session after session.
const dovecotReuse = `service imap {
  SERVICECOUNT = 1000000
  client_limit = 1
  process_min_avail = 16
}
service pop3 {
  SERVICECOUNT = 1000000
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
	if err := d.reserve(workload.IMAP, workload.IMAPS, workload.POP3, workload.POP3S); err != nil {
		return nil, err
	}
	internal, group, login, err := dovecotUsers()
	if err != nil {
		return nil, err
	}
	text := d.text(o)
	text = strings.NewReplacer("DIR", o.Dir, "HOST", reservedHost, "CERT", o.Certificate.Cert, "KEY", o.Certificate.Key,
		"INTERNALUSER", internal, "INTERNALGROUP", group, "LOGINUSER", login, "USERS", table, "PROCESSORS", fmt.Sprint(runtime.NumCPU()),
		"PORTIMAP", d.port[workload.IMAP], "PORTTLSIMAP", d.port[workload.IMAPS],
		"PORTPOP", d.port[workload.POP3], "PORTTLSPOP", d.port[workload.POP3S]).Replace(text)
	file := filepath.Join(o.Dir, "dovecot.conf")
	return d.Installed.command(o, file), os.WriteFile(file, []byte(text), 0o644)
}

// text is the file of settings in the words of the installed version, with names in
// place of what differs from run to run.
func (d *Dovecot) text(o Options) string {
	text := dovecotSettings
	switch d.Peer {
	case workload.Reused:
		text += dovecotReuse
	case workload.Hibernate:
		text += dovecotHibernate
	}
	if d.Installed.old() {
		return strings.NewReplacer("SERVICECOUNT", "service_count").Replace(text) +
			strings.NewReplacer("LOCATION", location(o.Spec)).Replace(dovecot23Settings)
	}
	where := "mail_driver = maildir\nmail_path = ~/Maildir"
	if o.Spec.Format == mail.Mbox {
		where = "mail_driver = mbox\nmail_path = ~/mail\nmail_inbox_path = ~/mail/inbox"
	}
	release := d.Installed.release()
	return "dovecot_config_version = " + release + "\ndovecot_storage_version = " + release + "\n" +
		strings.NewReplacer("SERVICECOUNT = 0", "restart_request_count = unlimited", "SERVICECOUNT", "restart_request_count").Replace(text) +
		strings.NewReplacer("LOCATION", where).Replace(dovecot24Settings)
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

// reservedHost is the address at which reserved ports are free: nothing else here
// listens at it, and no connection goes out from it.
const reservedHost = "127.0.0.2"

// reserve chooses ports for services and keeps them from others until the next
// start, by listeners on them at 127.0.0.1.
func (d *Dovecot) reserve(services ...workload.Service) error {
	for _, l := range d.reserved {
		_ = l.Close()
	}
	d.reserved, d.port = nil, map[workload.Service]string{}
	for _, svc := range services {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		d.reserved = append(d.reserved, l)
		if _, d.port[svc], err = net.SplitHostPort(l.Addr().String()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dovecot) addresses(Options) (map[workload.Service]string, string, bool) {
	addr := map[workload.Service]string{}
	for svc, port := range d.port {
		addr[svc] = net.JoinHostPort(reservedHost, port)
	}
	return addr, "", true
}
