package auth

import (
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"restante/fsys"
	"restante/mailstore"
)

// TestTable follows the cases of Dovecot's db-passwd-file.c.
func TestTable(t *testing.T) {
	tests := []struct {
		why, line string
		want      User
	}{
		{"name and password are enough", "amelie:{PLAIN}x", User{Name: "amelie", UID: -1, GID: -1}},
		{"a name alone is a user who cannot log in", "amelie", User{Name: "amelie", UID: -1, GID: -1}},
		{"upper case is lower case", "Amelie@Example.ORG:{PLAIN}x", User{Name: "amelie@example.org", UID: -1, GID: -1}},
		{"all fields", "amelie:{PLAIN}x:1000:100:Amélie,,,:/home/amelie:/bin/false:", User{Name: "amelie", UID: 1000, GID: 100, Home: "/home/amelie"}},
		{"the line of a shadow-less /etc/passwd", "amelie:x:1000:100:Amélie:/home/amelie:/bin/sh", User{Name: "amelie", UID: 1000, GID: 100, Home: "/home/amelie"}},
		{"location", "amelie:{PLAIN}x::::::userdb_mail=maildir:~/Maildir:LAYOUT=fs", User{Name: "amelie", UID: -1, GID: -1, Location: "maildir:~/Maildir:LAYOUT=fs"}},
		{"location without the prefix", "amelie:{PLAIN}x::::::mail=mbox:~/mail:INBOX=/var/mail/%u", User{Name: "amelie", UID: -1, GID: -1, Location: "mbox:~/mail:INBOX=/var/mail/%u"}},
		{"several extra fields; a space ends a value", "amelie:{PLAIN}x::::::nodelay=y  userdb_mail=mbox:/a b=c userdb_quota_rule=*:storage=1G", User{Name: "amelie", UID: -1, GID: -1, Location: "mbox:/a", Quota: mailstore.Amount{Octets: 1 << 30}}},
		{"Dovecot counts storage in KiB and bytes in octets", "a:{PLAIN}x::::::userdb_quota_rule=*:storage=100:messages=7", User{Name: "a", UID: -1, GID: -1, Quota: mailstore.Amount{Octets: 100 << 10, Messages: 7}}},
		{"a rule without a limit ends that of the configuration", "a:{PLAIN}x::::::userdb_quota_rule=*:bytes=0", User{Name: "a", UID: -1, GID: -1, Quota: mailstore.Amount{Octets: mailstore.NoLimit}}},
		{"the words of Dovecot 2.4", "a:{PLAIN}x::::::userdb_quota_storage_size=500MiB userdb_quota_message_count=9", User{Name: "a", UID: -1, GID: -1, Quota: mailstore.Amount{Octets: 500 << 20, Messages: 9}}},
		{"userdb fields override", "amelie:{PLAIN}x:1000:100::/home/amelie::userdb_home=/srv/a userdb_uid=7 userdb_gid=8", User{Name: "amelie", UID: 7, GID: 8, Home: "/srv/a"}},
		{"the old form: an empty field, then the location", "amelie:{PLAIN}x:1000:100::/home/amelie:::maildir:/srv/mail/amelie:INBOX=/x", User{Name: "amelie", UID: 1000, GID: 100, Home: "/home/amelie", Location: "maildir:/srv/mail/amelie:INBOX=/x"}},
		{"a carriage return is no part of the line", "amelie:{PLAIN}x:::::\r", User{Name: "amelie", UID: -1, GID: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			table := ParseTable("users", []byte("# a comment\n\n:no name\n"+tt.line+"\n"))
			if len(table.Problems) > 0 || len(table.Warnings) > 0 {
				t.Fatalf("problems %v, warnings %v", table.Problems, table.Warnings)
			}
			if diff := cmp.Diff([]User{tt.want}, table.Users()); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
			}
			if u, ok := table.Lookup(" " + strings.ToUpper(tt.want.Name) + " "); !ok || u != tt.want {
				t.Errorf("QUIRK: a phone's capitals and spaces: found %v, %v", u, ok)
			}
		})
	}
}

func TestTableIDByName(t *testing.T) {
	u, err := user.Lookup("daemon")
	if err != nil {
		t.Skip("this machine has no user daemon")
	}
	table := ParseTable("users", []byte("amelie:{PLAIN}x:daemon"))
	if got, _ := table.Lookup("amelie"); strconv.Itoa(got.UID) != u.Uid {
		t.Errorf("uid %d, want %s (%v)", got.UID, u.Uid, table.Problems)
	}
}

func TestTableMistakes(t *testing.T) {
	tests := []struct{ why, line, want string }{
		{"a uid that is no user", "amelie:{PLAIN}x:nosuchuser", `users:2: uid: "nosuchuser" is neither a number nor known`},
		{"nobody's mail belongs to root", "amelie:{PLAIN}x:0", `uid: "0" cannot own mail; write a number above 0`},
		{"a gid too large", "amelie:{PLAIN}x:1:4294967296", "gid: \"4294967296\" cannot own mail"},
		{"the same user twice", "AMELIE:{PLAIN}y\nbob:{PLAIN}x", "no problem"},
		{"a name that leads out of the mail directory", "../../etc:{PLAIN}x", `one of / \ : "`},
		{"a hidden directory", "..:{PLAIN}x", "begins with #, . or ~"},
		{"no address", "amelie@:{PLAIN}x", "write name@domain"},
		{"no address", "a@b@c:{PLAIN}x", "write name@domain"},
		{"a space", "a b:{PLAIN}x", "holds a space"},
		{"no scheme", "amelie:secret", "write {PLAIN}"},
		{"no network", "amelie:{PLAIN}x::::::allow_nets=lan", `allow_nets: "lan" is no network`},
		{"a bad userdb_uid", "amelie:{PLAIN}x::::::userdb_uid=0", "userdb_uid: \"0\" cannot own mail"},
		{"not UTF-8", "am\xe9lie:{PLAIN}x", "not UTF-8"},
	}
	for _, tt := range tests {
		table := ParseTable("users", []byte("# first\n"+tt.line+"\n"))
		if tt.want == "no problem" {
			table = ParseTable("users", []byte("amelie:{PLAIN}x\n"+tt.line+"\n"))
			if len(table.Problems) != 1 || !strings.Contains(table.Problems[0].Error(), "users:2: user \"amelie\" stands in line 1 already") || len(table.Users()) != 2 {
				t.Errorf("%s: %v", tt.why, table.Problems)
			}
			continue
		}
		if len(table.Problems) != 1 || !strings.Contains(table.Problems[0].Error(), tt.want) || len(table.Users()) != 0 {
			t.Errorf("%s: problems %v, want %q", tt.why, table.Problems, tt.want)
		}
	}
}

func TestTableWarnings(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"amelie:{CRAM-MD5}8b02", "users:1: user \"amelie\" cannot log in: password scheme {CRAM-MD5}"},
		{"amelie:abi6yrPq6EH9o", "DES"},
		{"amelie:{PLAIN}x::::::proxy=y host=other", "extra field proxy= is not supported"},
		{"amelie:{PLAIN}x::::::userdb_quota_rule=Trash:storage=1G", "userdb_quota_rule=Trash:storage=1G has no effect: write userdb_quota_rule=*:"},
		{"amelie:{PLAIN}x::::::userdb_quota_rule=*:storage=1X", `"1X" is no limit`},
		{"amelie:{PLAIN}x::::::userdb_quota_rule=*:storage=9999999999T", `is no limit`},
		{"amelie:{PLAIN}x::::::userdb_quota_rule=*:messages=1k", `"1k" is no limit`},
		{"amelie:{PLAIN}x::::::userdb_quota_rule2=Trash:storage=+10%%", "userdb_quota_rule2=Trash:storage=+10%% has no effect"},
	} {
		table := ParseTable("users", []byte(tt.line))
		if len(table.Problems) > 0 || len(table.Users()) != 1 || len(table.Warnings) == 0 || !strings.Contains(table.Warnings[0].Error(), tt.want) {
			t.Errorf("%s: problems %v, warnings %v", tt.line, table.Problems, table.Warnings)
		}
	}
}

func TestAllowNets(t *testing.T) {
	table := ParseTable("users", []byte("amelie:{PLAIN}x::::::allow_nets=192.0.2.0/24,2001:db8::1,local"))
	for ip, want := range map[string]bool{
		"192.0.2.77": true, "192.0.3.1": false, "2001:db8::1": true, "2001:db8::2": false,
	} {
		if got := table.accounts["amelie"].allowedFrom(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %v, want %v", ip, got, want)
		}
	}
	if table.accounts["amelie"].allowedFrom(netip.Addr{}) {
		t.Error("an unknown address is allowed")
	}
}

func TestDummyIsOfTheCommonestKind(t *testing.T) {
	table := ParseTable("users", []byte("a:{PLAIN}x\nb:"+vectors[20]+"\nc:"+vectors[20]+"\n"))
	if _, ok := table.dummy.(crypted); !ok {
		t.Errorf("the stand-in for unknown users is %T, want what most users have", table.dummy)
	}
	if ParseTable("users", nil).dummy == nil {
		t.Error("an empty table has no stand-in")
	}
}

func TestReadTable(t *testing.T) {
	if _, err := ReadTable(fsys.OS{}, filepath.Join(t.TempDir(), "users")); !IsMissing(err) {
		t.Errorf("got %v, want a missing file", err)
	}
	big := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxTable+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadTable(fsys.OS{}, big); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

// FuzzTable holds that each line is a user, a problem or nothing, that all
// users can be looked up, and that editing one line leaves the others alone.
func FuzzTable(f *testing.F) {
	f.Add("amelie:{PLAIN}x:1:1::/home/a::userdb_mail=a:b\n#c\n\nbob\r\n:x\namelie:y")
	f.Add("a:{SHA}x:-1:99999999999:::::old")
	f.Fuzz(func(t *testing.T, text string) {
		table := ParseTable("users", []byte(text))
		for _, u := range table.Users() {
			if got, ok := table.Lookup(u.Name); !ok || got != u {
				t.Errorf("%q: found %v, %v", u.Name, got, ok)
			}
			e := &Editor{table: table, lines: splitLines(text)}
			if err := e.SetPassword(u.Name, "{PLAIN}new"); err != nil {
				t.Fatal(err)
			}
			changed := ParseTable("users", joinLines(e.lines))
			if diff := cmp.Diff(table.Users(), changed.Users()); diff != "" {
				t.Errorf("a new password for %q changed the users:\n%s", u.Name, diff)
			}
			if !changed.accounts[u.Name].password.verify("new") && !strings.Contains(text, "nologin") {
				t.Errorf("the new password of %q does not work", u.Name)
			}
		}
	})
}
