// Package config turns restante.toml into settings.
//
// It promises three things. No file is needed: Default is a complete, usable
// set of settings. Nothing in a file is ignored: an unknown key is an error
// that shows the file, the line, the text of that line and the key that was
// probably meant. And every mistake of a file is reported at once, each with
// its line and with what to write instead, so that one look at the output of
// "restante check" is enough to repair it.
//
// docs/configuration.md is the reference of all keys.
package config

import (
	"fmt"
	"path/filepath"
	"time"
)

// Config is a complete set of settings. The toml names are the keys of the
// file; docs/configuration.md describes each of them. The value is plain data:
// it may be copied and read from any goroutine.
type Config struct {
	// Hostname is how clients name this machine. Empty means the name that
	// the operating system gives it.
	Hostname string `toml:"hostname"`

	// Admin is a URI by which users reach the administrator.
	Admin string `toml:"admin"`

	IMAP   IMAP   `toml:"imap"`
	POP3   POP3   `toml:"pop3"`
	Web    Web    `toml:"web"`
	Auth   Auth   `toml:"auth"`
	Mail   Mail   `toml:"mail"`
	TLS    TLS    `toml:"tls"`
	Limits Limits `toml:"limits"`
	Log    Log    `toml:"log"`
	Debug  Debug  `toml:"debug"`

	file  string
	lines map[string]int
}

// At says where a key was set, as file:line, or "" for one that keeps its
// default. It is for errors that come to light only when a value is used.
func (c Config) At(key string) string {
	if c.lines[key] == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", c.file, c.lines[key])
}

// IMAP says where and how IMAP is served.
type IMAP struct {
	Listen      Addresses `toml:"listen"`       // clear text, with STARTTLS
	ListenTLS   Addresses `toml:"listen_tls"`   // TLS from the first byte
	IdleTimeout Duration  `toml:"idle_timeout"` // at least 30 minutes (RFC 9051 section 5.4)
}

// POP3 says where and how POP3 is served.
type POP3 struct {
	Listen      Addresses `toml:"listen"`       // clear text, with STLS
	ListenTLS   Addresses `toml:"listen_tls"`   // TLS from the first byte
	IdleTimeout Duration  `toml:"idle_timeout"` // at least 10 minutes (RFC 1939 section 3)
	UIDL        string    `toml:"uidl"`         // how unique ids are made; package pop3d reads it
	ReuseXUIDL  bool      `toml:"reuse_xuidl"`  // ids stand in the field X-UIDL of messages
}

// Web says where the webmail is served.
type Web struct {
	ListenTLS Addresses `toml:"listen_tls"`
}

// Auth says who may log in and how passwords travel.
type Auth struct {
	Users     string    `toml:"users"` // passwd-file, relative to the data directory
	Plaintext Plaintext `toml:"plaintext"`
}

// Mail says where mail stands for a user whose line in the user table does not
// say it.
type Mail struct {
	Location string `toml:"location"`
	Home     string `toml:"home"`  // relative to the data directory
	Index    string `toml:"index"` // directory of the indexes, relative to the data directory; "" keeps none
	// MboxLocks are the locks on mbox files in their order, as words.
	MboxLocks string `toml:"mbox_locks"`
	// FullText says which mailboxes get a full-text index.
	FullText FullText `toml:"fulltext"`
	// What a user may hold; 0 is no limit.
	QuotaMegabytes int `toml:"quota_megabytes"`
	QuotaMessages  int `toml:"quota_messages"`
}

// TLS names the operator's own certificate. Both empty means the local
// authority and leaf in DATA/certs. Paths are relative to the data directory.
type TLS struct {
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
}

// Limits bounds what clients together may take.
type Limits struct {
	Connections           int      `toml:"connections"`             // of all services together
	ConnectionsPerAddress int      `toml:"connections_per_address"` // from one IPv4 address or IPv6 /64
	ConnectionsPerUser    int      `toml:"connections_per_user"`    // of one user, over IMAP
	WatchedMailboxes      int      `toml:"watched_mailboxes"`       // by one IMAP connection (NOTIFY)
	MessageMegabytes      int      `toml:"message_megabytes"`       // of the largest message that a client may store
	CommandKilobytes      int      `toml:"command_kilobytes"`       // of an IMAP command outside of its literals
	LiteralKilobytes      int      `toml:"literal_kilobytes"`       // of its literals together
	Nesting               int      `toml:"nesting"`                 // of parentheses, NOT and OR in an IMAP command
	Mailboxes             int      `toml:"mailboxes"`               // of one user, that mail programs may make
	MailboxName           int      `toml:"mailbox_name"`            // octets of the name of one that they make
	HandshakeTimeout      Duration `toml:"handshake_timeout"`
	ShutdownTimeout       Duration `toml:"shutdown_timeout"`
}

// Log says what is logged.
type Log struct {
	Level       Level  `toml:"level"`
	Transcripts string `toml:"transcripts"` // users whose IMAP sessions are recorded, as words
}

// Debug is for those who look into the running program.
type Debug struct {
	// PProf is where profiles can be fetched over HTTP: an IP address of this
	// machine's loopback with a port, or "" for nowhere.
	PProf string `toml:"pprof"`
}

// Plaintext says where a password may cross a connection without TLS.
type Plaintext string

// The values of auth.plaintext.
const (
	PlaintextNever    Plaintext = "never"    // nowhere
	PlaintextLoopback Plaintext = "loopback" // on connections that stay on this machine
	PlaintextAlways   Plaintext = "always"   // everywhere
)

// FullText says which mailboxes get a full-text index.
type FullText string

// The values of mail.fulltext.
const (
	FullTextOff      FullText = "off"      // none, and none is used
	FullTextSearched FullText = "searched" // those in which somebody looks for text
	FullTextOpened   FullText = "opened"   // all that somebody opens
)

// Level is the least severe level that is logged: debug, info, warn or error.
type Level string

// Addresses lists the addresses of a listener. In a file it is one string or a
// list of strings; the empty string and the empty list turn the listener off.
type Addresses []string

// UnmarshalText takes the form with one string. It never fails: the address is
// checked with the rest of the settings, where the line is known.
func (a *Addresses) UnmarshalText(text []byte) error {
	*a = Addresses{string(text)}
	return nil
}

// Duration is a length of time, written as "30s", "10m" or "1h30m".
type Duration struct{ time.Duration }

const wantDuration = `write a duration with its unit, such as "30s", "10m" or "1h30m"`

// UnmarshalText parses the form of time.ParseDuration. It never fails: what is
// no duration becomes a negative one, which is reported with the rest of the
// settings, where the line is known.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		v = -1
	}
	d.Duration = v
	return nil
}

// Ports are the default ports of the listeners.
type Ports struct{ IMAP, IMAPS, POP3, POP3S, HTTPS string }

// UnprivilegedPorts can be opened by any user and do not collide with a mail
// server that runs already.
func UnprivilegedPorts() Ports {
	return Ports{IMAP: "1143", IMAPS: "1993", POP3: "1110", POP3S: "1995", HTTPS: "8443"}
}

// StandardPorts are those that clients try by themselves (RFC 8314).
func StandardPorts() Ports {
	return Ports{IMAP: "143", IMAPS: "993", POP3: "110", POP3S: "995", HTTPS: "443"}
}

// Default returns the settings that hold without a file: TLS on all addresses,
// clear text on loopback only.
func Default(p Ports) Config {
	return Config{
		IMAP: IMAP{
			Listen:      Addresses{"127.0.0.1:" + p.IMAP},
			ListenTLS:   Addresses{":" + p.IMAPS},
			IdleTimeout: Duration{35 * time.Minute},
		},
		POP3: POP3{
			Listen:      Addresses{"127.0.0.1:" + p.POP3},
			ListenTLS:   Addresses{":" + p.POP3S},
			IdleTimeout: Duration{10 * time.Minute},
			UIDL:        "%08Xu%08Xv",
		},
		Web:  Web{ListenTLS: Addresses{":" + p.HTTPS}},
		Auth: Auth{Users: "users", Plaintext: PlaintextLoopback},
		Mail: Mail{Location: "auto", Home: "mail/%d/%n", Index: "index", MboxLocks: "dotlock fcntl", FullText: FullTextSearched},
		Limits: Limits{
			Connections:           20000,
			ConnectionsPerAddress: 1000,
			ConnectionsPerUser:    500,
			WatchedMailboxes:      1000,
			CommandKilobytes:      256,
			LiteralKilobytes:      128,
			Nesting:               50,
			Mailboxes:             20_000,
			MailboxName:           1000,
			MessageMegabytes:      64,
			HandshakeTimeout:      Duration{30 * time.Second},
			ShutdownTimeout:       Duration{5 * time.Second},
		},
		Log: Log{Level: "info"},
	}
}

// listener is one row of the table of listener keys.
type listener struct {
	key  string
	addr func(*Config) *Addresses
}

func listeners() []listener {
	return []listener{
		{"imap.listen", func(c *Config) *Addresses { return &c.IMAP.Listen }},
		{"imap.listen_tls", func(c *Config) *Addresses { return &c.IMAP.ListenTLS }},
		{"pop3.listen", func(c *Config) *Addresses { return &c.POP3.Listen }},
		{"pop3.listen_tls", func(c *Config) *Addresses { return &c.POP3.ListenTLS }},
		{"web.listen_tls", func(c *Config) *Addresses { return &c.Web.ListenTLS }},
	}
}

// Path resolves a path of the settings against the data directory. The empty
// path stays empty.
func Path(dataDir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dataDir, path)
}
