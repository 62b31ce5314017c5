package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validate reports values of the right type that cannot work.
func (d *document) validate(c *Config) {
	d.hostname(c.Hostname)
	if u, err := url.Parse(c.Admin); c.Admin != "" && (err != nil || u.Scheme == "" || len(c.Admin) > 1000) {
		d.fail("admin", `admin: %q is no URI; write where users reach you, such as "mailto:postmaster@example.org"`, c.Admin)
	}
	d.addresses(c)
	d.choice("auth.plaintext", string(c.Auth.Plaintext), "never", "loopback", "always")
	d.choice("mail.fulltext", string(c.Mail.FullText), "off", "searched", "opened")
	d.choice("log.level", string(c.Log.Level), "debug", "info", "warn", "error")
	d.duration("imap.idle_timeout", c.IMAP.IdleTimeout, 30*time.Minute, 24*time.Hour)
	d.duration("pop3.idle_timeout", c.POP3.IdleTimeout, 10*time.Minute, 24*time.Hour)
	d.duration("limits.handshake_timeout", c.Limits.HandshakeTimeout, time.Second, 10*time.Minute)
	d.duration("limits.shutdown_timeout", c.Limits.ShutdownTimeout, 0, 10*time.Minute)
	d.number("limits.connections", c.Limits.Connections, 1, 1_000_000)
	d.number("limits.connections_per_address", c.Limits.ConnectionsPerAddress, 1, 1_000_000)
	d.number("limits.connections_per_user", c.Limits.ConnectionsPerUser, 1, 1_000_000)
	d.number("limits.watched_mailboxes", c.Limits.WatchedMailboxes, 1, 1_000_000)
	d.number("limits.message_megabytes", c.Limits.MessageMegabytes, 1, 1_000_000)
	d.number("limits.command_kilobytes", c.Limits.CommandKilobytes, 8, 1_000_000)
	d.number("limits.literal_kilobytes", c.Limits.LiteralKilobytes, 8, 1_000_000)
	d.number("limits.nesting", c.Limits.Nesting, 10, 1000)
	d.number("limits.mailboxes", c.Limits.Mailboxes, 1, 10_000_000)
	d.number("limits.mailbox_name", c.Limits.MailboxName, 50, 10_000)
	d.number("mail.quota_megabytes", c.Mail.QuotaMegabytes, 0, 1_000_000_000)
	d.number("mail.quota_messages", c.Mail.QuotaMessages, 0, 1_000_000_000)
	d.loopback("debug.pprof", c.Debug.PProf)
	d.paths(c)
}

// apply reports what the rules find in keys that have no mistake so far.
func (d *document) apply(rules []Rule, c Config) {
	for _, r := range rules {
		if slices.ContainsFunc(d.errs, func(e *Error) bool { return e.Key == r.Key }) {
			continue
		}
		if err := r.Check(c); err != nil {
			d.fail(r.Key, "%s: %v", r.Key, err)
		}
	}
}

func (d *document) hostname(name string) {
	if name == "" {
		return
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return
	}
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`:/@"\`, r) }
	if len(name) > 253 || strings.ContainsFunc(name, bad) || slices.Contains(strings.Split(name, "."), "") {
		d.fail("hostname", `hostname: %q is no host name; write the name that clients use, such as "mail.example.org", an international one in its xn-- form`, name)
	}
}

// addresses checks every listener address, drops the empty ones (off), and
// refuses two listeners on one address.
func (d *document) addresses(c *Config) {
	taken := map[string]string{}
	for _, l := range listeners() {
		list := l.addr(c)
		*list = slices.DeleteFunc(slices.Clone(*list), func(a string) bool { return a == "" })
		if len(*list) == 0 {
			*list = nil
		}
		for _, address := range *list {
			if problem := badAddress(address); problem != "" {
				d.fail(l.key, "%s: %q %s", l.key, address, problem)
				continue
			}
			if other, ok := taken[address]; ok && !strings.HasSuffix(address, ":0") {
				d.fail(l.key, "%s: %q is taken by %s already; give each listener an address of its own", l.key, address, other)
			}
			taken[address] = l.key
		}
	}
}

// badAddress says what is wrong with a listener address, or "".
func badAddress(address string) string {
	if number(address) {
		return `is a port alone; write ":` + address + `" for all addresses or "127.0.0.1:` + address + `" for this machine only`
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return `is no address with a port; write "127.0.0.1:1143", "[::1]:1143" or ":1143"`
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || !number(port) {
		return "has no port between 0 and 65535; write it as a number after the last colon"
	} else if strconv.FormatUint(n, 10) != port {
		return "has a port with leading zeros; write " + strconv.FormatUint(n, 10)
	}
	if strings.ContainsAny(host, " /@\"") {
		return "names no host; write an IP address, a host name or nothing before the colon"
	}
	return ""
}

// loopback reports an address that others than this machine could reach. A host
// name is refused because what it stands for is decided elsewhere.
func (d *document) loopback(key, address string) {
	if address == "" {
		return
	}
	if problem := badAddress(address); problem != "" {
		d.fail(key, "%s: %q %s", key, address, problem)
		return
	}
	host, _, _ := net.SplitHostPort(address) // badAddress has split it
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		d.fail(key, `%s: %q is not on this machine's loopback; whoever reaches it learns what the server does: write "127.0.0.1:6060" or "[::1]:6060"`, key, address)
	}
}

func number(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func (d *document) choice(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		d.fail(key, "%s: %q is unknown; write one of %s", key, value, strings.Join(allowed, ", "))
	}
}

func (d *document) duration(key string, value Duration, least, most time.Duration) {
	if value.Duration < 0 {
		d.fail(key, "%s: %s", key, wantDuration)
	} else if value.Duration < least || value.Duration > most {
		d.fail(key, `%s: "%v" is out of range; write a duration between "%s" and "%s"`, key, value.Duration, short(least), short(most))
	}
}

// short prints 10m0s as 10m and 24h0m0s as 24h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (d *document) number(key string, value, least, most int) {
	if value < least || value > most {
		d.fail(key, "%s: %d is out of range; write a number between %d and %d", key, value, least, most)
	}
}

// paths checks what names files. Whether the files are there is for "check".
func (d *document) paths(c *Config) {
	if c.Auth.Users == "" {
		d.fail("auth.users", `auth.users: name the user table; the default is "users"`)
	}
	if c.Mail.Home == "" {
		d.fail("mail.home", `mail.home: write where users without a home of their own live; the default is "mail/%%d/%%n"`)
	}
	if err := checkLocation(c.Mail.Location); err != nil {
		d.fail("mail.location", "mail.location: %v", err)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		given, missing := "tls.cert", "tls.key"
		if c.TLS.Cert == "" {
			given, missing = missing, given
		}
		d.fail(given, "%s stands without %s; set both, or neither for a certificate of our own", given, missing)
	}
}

// checkLocation says what is wrong with the form of a mail location, or nil. Its
// parts are read by package mailstore/location.
func checkLocation(location string) error {
	for _, format := range []string{"maildir:", "mbox:"} {
		if path, ok := strings.CutPrefix(location, format); ok && path != "" && path[0] != ':' {
			return nil
		}
	}
	if location == "auto" {
		return nil
	}
	return fmt.Errorf(`location %q is unknown; write "auto", "maildir:PATH" or "mbox:PATH", such as "maildir:~/Maildir"`, location)
}
