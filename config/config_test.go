package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDefaultsWithoutFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "restante.toml")
	c, err := Load(file, false, UnprivilegedPorts())
	if err != nil {
		t.Fatal(err)
	}
	if c.Hostname == "" {
		t.Error("the hostname is empty; it is the machine's own name when nothing else is said")
	}
	want := Default(UnprivilegedPorts())
	want.Hostname = c.Hostname
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("settings without a file (-want +got):\n%s", diff)
	}
	if _, err := Load(file, true, UnprivilegedPorts()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was named and is missing: %v, want fs.ErrNotExist", err)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	for _, ports := range []Ports{UnprivilegedPorts(), StandardPorts()} {
		if _, err := Parse("empty", nil, Default(ports)); err != nil {
			t.Errorf("the defaults are refused: %v", err)
		}
	}
}

func TestParse(t *testing.T) {
	base := Default(UnprivilegedPorts())
	tests := []struct {
		why  string
		text string
		edit func(*Config) // what differs from the defaults
	}{
		{"an empty file changes nothing", "", func(*Config) {}},
		{"a file without listeners keeps the default ones", "hostname = \"mail.example.org\"", func(c *Config) {
			c.Hostname = "mail.example.org"
		}},
		{"one listener key sets them all: those left out are off", "[imap]\nlisten_tls = \":993\"", func(c *Config) {
			c.IMAP.Listen, c.IMAP.ListenTLS = nil, Addresses{":993"}
			c.POP3.Listen, c.POP3.ListenTLS, c.Web.ListenTLS = nil, nil, nil
		}},
		{"another key of a table turns no listener off", "[imap]\nidle_timeout = \"45m\"", func(c *Config) {
			c.IMAP.IdleTimeout = Duration{45 * time.Minute}
		}},
		{"the empty string is off, lists are allowed", "[imap]\nlisten = \"\"\nlisten_tls = [\"127.0.0.1:1\", \"[::1]:1\"]", func(c *Config) {
			c.IMAP.Listen, c.IMAP.ListenTLS = nil, Addresses{"127.0.0.1:1", "[::1]:1"}
			c.POP3.Listen, c.POP3.ListenTLS, c.Web.ListenTLS = nil, nil, nil
		}},
		{"port 0 may be taken any number of times", "[imap]\nlisten = \"127.0.0.1:0\"\nlisten_tls = \"127.0.0.1:0\"", func(c *Config) {
			c.IMAP.Listen, c.IMAP.ListenTLS = Addresses{"127.0.0.1:0"}, Addresses{"127.0.0.1:0"}
			c.POP3.Listen, c.POP3.ListenTLS, c.Web.ListenTLS = nil, nil, nil
		}},
		{"inline tables and dotted keys are TOML too", "imap = { listen = \"localhost:143\" }\nauth.plaintext = \"always\"", func(c *Config) {
			c.IMAP.Listen, c.IMAP.ListenTLS = Addresses{"localhost:143"}, nil
			c.POP3.Listen, c.POP3.ListenTLS, c.Web.ListenTLS = nil, nil, nil
			c.Auth.Plaintext = PlaintextAlways
		}},
		{"everything else", `
[auth]
users = "/etc/dovecot/users"
plaintext = "never"
[mail]
location = "maildir:~/Maildir"
home = "/var/vmail/%d/%n"
index = "/var/cache/restante"
mbox_locks = "fcntl"
fulltext = "opened"
[tls]
cert = "cert.pem"
key = "key.pem"
[pop3]
uidl = "%v-%u"
reuse_xuidl = true
[limits]
connections = 5
connections_per_address = 2
connections_per_user = 3
watched_mailboxes = 6
command_kilobytes = 9
literal_kilobytes = 8
nesting = 11
mailboxes = 12
mailbox_name = 60
message_megabytes = 4
handshake_timeout = "7s"
shutdown_timeout = "0s"
[log]
level = "debug"
[debug]
pprof = "[::1]:6060"
`, func(c *Config) {
			c.Auth = Auth{Users: "/etc/dovecot/users", Plaintext: PlaintextNever}
			c.Mail = Mail{Location: "maildir:~/Maildir", Home: "/var/vmail/%d/%n", Index: "/var/cache/restante", MboxLocks: "fcntl", FullText: FullTextOpened}
			c.POP3.UIDL, c.POP3.ReuseXUIDL = "%v-%u", true
			c.TLS = TLS{Cert: "cert.pem", Key: "key.pem"}
			c.Limits = Limits{Connections: 5, ConnectionsPerAddress: 2, ConnectionsPerUser: 3, WatchedMailboxes: 6, MessageMegabytes: 4,
				CommandKilobytes: 9, LiteralKilobytes: 8, Nesting: 11, Mailboxes: 12, MailboxName: 60, HandshakeTimeout: Duration{7 * time.Second}}
			c.Log.Level = "debug"
			c.Debug.PProf = "[::1]:6060"
		}},
		{"profiles are no listener: they turn none off", "[debug]\npprof = \"127.0.0.1:0\"", func(c *Config) { c.Debug.PProf = "127.0.0.1:0" }},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			got, err := Parse("restante.toml", []byte(tt.text), base)
			if err != nil {
				t.Fatal(err)
			}
			want := base
			tt.edit(&want)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMistakes pins what the operator reads: the line, what is wrong, what to
// write.
func TestMistakes(t *testing.T) {
	tests := []struct{ text, want string }{
		{"[imap]\nlisen = \":143\"\n", "f:2: unknown key \"imap.lisen\"; did you mean \"imap.listen\"?\n    2 | lisen = \":143\""},
		{"\n[impa]\nlisten = \":143\"\n", "f:2: unknown key \"impa\"; did you mean \"imap\"?\n    2 | [impa]"},
		{"spam.filter = \"x\"", "f:1: unknown key \"spam.filter\"; docs"},
		{"imap.listn = \":1\"", "f:1: unknown key \"imap.listn\"; did you mean \"imap.listen\"?"},
		{"imap = {listn = \":1\"}", "f:1: unknown key \"imap.listn\"; did you mean \"imap.listen\"?"},
		{"[imap.listener]\nport = 1", "f:1: unknown key \"imap.listener\"; did you mean \"imap.listen\"?"},
		{"listen_tls = \":993\"\n", "did you mean \"imap.listen_tls\"?"},
		{"[web]\nlisten = \":80\"", "f:2: unknown key \"web.listen\"; did you mean"},
		{"[antispam]\nx = 1", "f:1: unknown key \"antispam\"; docs/configuration.md lists all keys"},
		{"[imap]\nlisten = \"143\"", `f:2: imap.listen: "143" is a port alone; write ":143" for all addresses or "127.0.0.1:143" for this machine only`},
		{"[pop3]\nreuse_xuidl = \"yes\"", "f:2: pop3.reuse_xuidl: write true or false, without quotes"},
		{"[pop3]\nuidl = true", "f:2: pop3.uidl: write a text in double quotes"},
		{"[imap]\nlisten = 143", "f:2: imap.listen: write an address"},
		{"[imap]\nlisten = [143]", "f:2: imap.listen: write an address"},
		{"[imap]\nlisten = {a = \":143\"}", "f:2: imap.listen: write an address"},
		{"[imap.listen]\na = \":143\"", "f:1: imap.listen: write an address"},
		{"[imap]\nlisten = \"mail.example.org\"", "is no address with a port"},
		{"[imap]\nlisten = \"::1:143\"", "is no address with a port"},
		{"[imap]\nlisten = \":imap\"", "has no port between 0 and 65535"},
		{"[imap]\nlisten = \":65536\"", "has no port between 0 and 65535"},
		{"[imap]\nlisten = \":0143\"", "leading zeros; write 143"},
		{"[imap]\nlisten = \"http://x:1\"", "is no address with a port"},
		{"[imap]\nlisten = \"a b:1\"", "names no host"},
		{"[imap]\nlisten = \":1\"\n[pop3]\nlisten = \":1\"", "f:4: pop3.listen: \":1\" is taken by imap.listen already"},
		{"[imap]\nidle_timeout = \"29\"", "f:2: imap.idle_timeout: write a duration with its unit"},
		{"[imap]\nidle_timeout = 29", "f:2: imap.idle_timeout: write a duration with its unit"},
		{"[imap]\nidle_timeout = \"1s\"", `f:2: imap.idle_timeout: "1s" is out of range; write a duration between "30m" and "24h"`},
		{"[limits]\nconnections = 0", "f:2: limits.connections: 0 is out of range; write a number between 1 and 1000000"},
		{"[limits]\nconnections = \"many\"", "f:2: limits.connections: write a whole number"},
		{"[auth]\nplaintext = \"lan\"", `f:2: auth.plaintext: "lan" is unknown; write one of never, loopback, always`},
		{"[auth]\nusers = \"\"", "f:2: auth.users: name the user table"},
		{"[mail]\nhome = \"\"", `the default is "mail/%d/%n"`},
		{"[mail]\nlocation = \"dbox:~/x\"", `mail.location: location "dbox:~/x" is unknown; write "auto", "maildir:PATH" or "mbox:PATH"`},
		{"[tls]\ncert = \"c.pem\"", "f:2: tls.cert stands without tls.key; set both"},
		{"[log]\nlevel = \"loud\"", `f:2: log.level: "loud" is unknown; write one of debug, info, warn, error`},
		{"hostname = \"mail.example.org:143\"", "f:1: hostname: \"mail.example.org:143\" is no host name"},
		{"[debug]\npprof = \":6060\"", `f:2: debug.pprof: ":6060" is not on this machine's loopback`},
		{"[debug]\npprof = \"192.0.2.1:6060\"", "is not on this machine's loopback"},
		{"[debug]\npprof = \"localhost:6060\"", `write "127.0.0.1:6060" or "[::1]:6060"`},
		{"[debug]\npprof = \"6060\"", "debug.pprof: \"6060\" is a port alone"},
		{"hostname = 7", "f:1: hostname: write a text in double quotes"},
		{"imap = \":143\"", "f:1: imap is a table: write [imap] and below it its keys, such as listen"},
		{"[imap\nlisten = 1", "f:1: not valid TOML: "},
		{"hostname = \"a\"\nhostname = \"b\"", "f:2: "},
	}
	for _, tt := range tests {
		_, err := Parse("f", []byte(tt.text), Default(UnprivilegedPorts()))
		var errs Errors
		if !errors.As(err, &errs) {
			t.Errorf("%q: error is %v, want Errors", tt.text, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q:\n got %v\nwant %v", tt.text, err, tt.want)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Parse("f", []byte("[log]\nlevel = 3\n[auth]\nplaintext = false\nuser = 1\n[limits]\nconnections = \"many\"\n"), Default(UnprivilegedPorts()))
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != 4 || errs[0].Line != 2 || errs[1].Line != 4 || errs[2].Line != 5 || errs[3].Line != 7 {
		t.Fatalf("got %v, want the mistakes of lines 2, 4, 5 and 7", err)
	}
	_, err = Parse("f", []byte("[log]\nlevel = \"loud\"\nfile = \"x\"\n[limits]\nshutdown_timeout = \"5\""), Default(UnprivilegedPorts()))
	if !errors.As(err, &errs) || len(errs) != 3 || errs[0].Line != 2 || errs[1].Line != 3 || errs[2].Line != 5 {
		t.Fatalf("got %v, want the mistakes of lines 2, 3 and 5", err)
	}
	var one *Error
	if !errors.As(err, &one) || one.Key != "log.level" {
		t.Errorf("errors.As gives %v, want the mistake of log.level", one)
	}
}

func TestFileTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mbox")
	if err := os.WriteFile(file, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, true, UnprivilegedPorts()); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("got %v, want an error that names --config", err)
	}
}

func TestPath(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"users", "/data/users"},
		{"/etc/users", "/etc/users"},
		{"", ""},
	} {
		if got := Path("/data", tt.path); got != tt.want {
			t.Errorf("Path(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

// TestReference holds that every key stands in the reference, with its default.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		if !strings.Contains(string(text), "| `"+key+"` |") {
			t.Errorf("docs/configuration.md has no row for %s", key)
		}
	}
	for _, row := range strings.Split(string(text), "\n") {
		key, _, ok := strings.Cut(strings.TrimPrefix(row, "| `"), "` |")
		if ok && strings.HasPrefix(row, "| `") && !strings.Contains(strings.Join(Keys(), " ")+" ", key+" ") {
			t.Errorf("docs/configuration.md explains %s, which is no key", key)
		}
	}
}

// TestReferenceExample holds that the example in the reference can be used.
func TestReferenceExample(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```toml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/configuration.md has no example")
	}
	got, err := Parse("example", []byte(example), Default(UnprivilegedPorts()))
	if err != nil {
		t.Fatal(err)
	}
	want := Default(UnprivilegedPorts())
	want.Hostname = "mail.example.org"
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("the example shows the defaults (-want +got):\n%s", diff)
	}
}

// FuzzParse holds that no input makes the parser fail other than by Errors,
// each with a line inside the file, and that an accepted file is accepted
// again over its own result.
func FuzzParse(f *testing.F) {
	f.Add([]byte("[imap]\nlisten = [\":1\", \":2\"]\n"))
	f.Add([]byte("imap = { listen = \"\" }\n"))
	f.Add([]byte("[[imap]]\nlisten = 1\n"))
	f.Add([]byte("imap.listen.x = 1\n\"\\u0000\" = {}\n"))
	f.Add([]byte("[limits]\nhandshake_timeout = 1979-05-27\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data, Default(UnprivilegedPorts()))
		if err == nil {
			if _, err := Parse("f", data, c); err != nil {
				t.Errorf("accepted once, refused over its own result: %v", err)
			}
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("error is %#v, want Errors", err)
		}
		for _, e := range errs {
			if e.Line < 0 || e.Line > strings.Count(string(data), "\n")+1 {
				t.Errorf("line %d of %d", e.Line, strings.Count(string(data), "\n")+1)
			}
		}
	})
}

// TestRules: what another package finds wrong stands at its line with the rest.
func TestRules(t *testing.T) {
	rules := []Rule{
		{"mail.home", func(c Config) error {
			if c.Mail.Home == "bad" {
				return errors.New("write another one")
			}
			return nil
		}},
		{"hostname", func(Config) error { return errors.New("never asked for a value that is wrong already") }},
	}
	_, err := Parse("f", []byte("hostname = \"a b\"\n[mail]\nhome = \"bad\"\n"), Default(UnprivilegedPorts()), rules...)
	text := fmt.Sprint(err)
	if !strings.Contains(text, "f:3: mail.home: write another one\n    3 | home = \"bad\"") || strings.Contains(text, "never") {
		t.Errorf("got %s", text)
	}
}

// TestAt: a key is found again.
func TestAt(t *testing.T) {
	c, err := Parse("f", []byte("\n[tls]\ncert = \"c\"\nkey = \"k\"\n"), Default(UnprivilegedPorts()))
	if err != nil || c.At("tls.cert") != "f:3" || c.At("hostname") != "" {
		t.Errorf("%q %q %v", c.At("tls.cert"), c.At("hostname"), err)
	}
}
