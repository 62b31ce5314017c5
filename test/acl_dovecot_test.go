package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/mailstore"
)

// publicMail is a configuration of Dovecot in which shared.box is nobody's, and
// everybody's rights are those that its list gives.
const publicMail = `mail_max_userip_connections = 100
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile:cache_secs=0
  acl_anyone = allow
}
namespace everybody {
  type = public
  separator = .
  prefix = shared.
  location = maildir:PLACE/home/shared
}
`

// TestACLDovecot has Dovecot read lists of rights, and reads one that Dovecot has
// written: both must find the same rights in them.
func TestACLDovecot(t *testing.T) {
	needDovecot(t)
	if !exists("/usr/lib/dovecot/modules/lib02_imap_acl_plugin.so") {
		t.Skip("Dovecot has no imap_acl")
	}
	place := newPlace(t)
	box := filepath.Join(place, "home", "shared", ".box")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(box, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(place, "more.conf"), []byte(strings.ReplaceAll(publicMail, "PLACE", place)), 0o644); err != nil {
		t.Fatal(err)
	}
	giveAway(t, filepath.Join(place, "home"))
	d := startDovecot(t, place, "maildir:"+filepath.Join(place, "home", "Maildir"))
	for _, text := range []string{
		"anyone lr\n", "authenticated l\nanyone lr\n", "user=fred ri\nanyone lr\n", "user=fred lr\nuser=fred li\n",
		"anyone lrs\n-user=fred s\n", "user=fred lrs\n-anyone s\n", "user=fred lrs\n-anyone s\n-user=fred r\n",
		"anyone lrs\nuser=fred \n", "\"user=fred\" l\n", "anyone lr :custom\n", "anyone lr:custom\n", "# x\n\nanyone lr\n",
		"anyone  lr\n", "anyone lrwstipekxa\n", "user=joe lr\n", "group=fred lr\nuser=fred l\n", "-user=fred l\nanyone lr\n", "",
	} {
		for _, written := range []string{text, string(mailstore.ParseACL([]byte(text)).Bytes())} {
			if err := os.WriteFile(filepath.Join(box, "dovecot-acl"), []byte(written), 0o644); err != nil {
				t.Fatal(err)
			}
			want := mailstore.ParseACL([]byte(text)).RightsOf("fred")
			if got := dovecotRights(t, d); got != want {
				t.Errorf("%q: Dovecot gives %q, we %q", written, got, want)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(box, "dovecot-acl"), []byte("user=fred lra\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	giveAway(t, filepath.Join(place, "home"))
	c := dialIMAP(t, d.imap)
	c.ok("LOGIN fred " + d.pass)
	c.ok(`SETACL shared.box "jane doe" lrs`)
	c.ok(`SETACL shared.box -anyone te`)
	list := mailstore.ParseACL([]byte(read(t, filepath.Join(box, "dovecot-acl"))))
	for who, want := range map[string]string{"jane doe": "lrs", "fred": "lra"} {
		if got := list.RightsOf(who).String(); got != want {
			t.Errorf("Dovecot has written %q, in which %s has %q, not %q", list.Bytes(), who, got, want)
		}
	}
	if r, found := list.Get(mailstore.ACLAnyone, true); !found || r != mailstore.RightDelete|mailstore.RightExpunge {
		t.Errorf("Dovecot has written %q, which takes %v from all", list.Bytes(), r)
	}
}

// dovecotRights asks Dovecot what fred may do.
func dovecotRights(t *testing.T, d *dovecot) (r mailstore.Rights) {
	t.Helper()
	c := dialIMAP(t, d.imap)
	c.ok("LOGIN fred " + d.pass)
	lines, _ := c.cmd("MYRIGHTS shared.box") // NO for who has none
	for _, line := range lines {
		letters, ok := strings.CutPrefix(line, "* MYRIGHTS shared.box ")
		if !ok {
			continue
		}
		if r, ok = mailstore.ParseRights(strings.TrimRight(letters, "cd")); !ok {
			t.Fatal(line)
		}
	}
	return r
}
