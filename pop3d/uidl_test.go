package pop3d

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"restante/mailstore"
)

func TestUIDLFormat(t *testing.T) {
	long := strings.Repeat("x", 80)
	for _, c := range []struct{ why, format, name, want string }{
		{"nothing is Dovecot's default", "", "", "0000000a53b3f5a2"},
		{"Dovecot's default, written out", DefaultUIDL, "", "0000000a53b3f5a2"},
		{"UW-IMAP", "%08Xv%08Xu", "", "53b3f5a20000000a"},
		{"a hyphen", "%v-%u", "", "1404302754-10"},
		{"the file's name", "%f", "1.M2P3.host,S=4", "1.M2P3.host,S=4"},
		{"Cyrus", "%v.%u", "", "1404302754.10"},
		{"popa3d", "%m", "", "0cc175b9c0f1b6a831c399e269772661"},
		{"Dovecot's identities", "%g", "1.M2P3.host", "guid"},
		{"tpop3d", "%Mf", "1.M2P3.host", "01d6a8d2c4c2cc52cdaac0e75bd4b8ba"},
		{"text around it, and a percent sign", "UID%u%%x", "", "UID10%x"},
		{"longer than RFC 1939 allows", "%f", long, string(appendMD5(nil, long))},
	} {
		f, err := UIDLFormat{}, error(nil)
		if c.format != "" {
			f, err = ParseUIDLFormat(c.format)
		}
		if got := string(f.append(nil, 0x53b3f5a2, uidlValues{uid: 10, name: c.name, guid: "guid", hash: "0cc175b9c0f1b6a831c399e269772661"})); err != nil || got != c.want && c.format != "%Mf" || len(got) != len(c.want) {
			t.Errorf("%s: %q gives %q, %v; want %q", c.why, c.format, got, err, c.want)
		}
	}
}

func TestUIDLFormatRefused(t *testing.T) {
	for format, why := range map[string]string{
		"":                        "same id",
		"%v":                      "same id",
		"%x%u":                    "behind %",
		"%u%":                     "behind %",
		"%u%08":                   "behind %",
		"%8u":                     "no spaces",
		"%u x":                    "from ! to ~",
		"%u\xe9":                  "from ! to ~",
		"%071u":                   "70 at most",
		"%099999999999999999999u": "70 at most",
	} {
		if _, err := ParseUIDLFormat(format); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", format, err, why)
		}
	}
}

// savedBox is a mailbox in which another server has written down ids.
type savedBox struct{ mailstore.Mailbox }

func (savedBox) UIDValidity() uint32 { return 7 }
func (savedBox) SavedUIDLs(context.Context) (map[mailstore.UID]string, error) {
	return map[mailstore.UID]string{2: "kept"}, nil
}
func (savedBox) SavedGUIDs(context.Context) (map[mailstore.UID]string, error) {
	return map[mailstore.UID]string{2: "unused", 3: "guid3"}, nil
}
func (savedBox) FileName(uid mailstore.UID) string {
	if uid == 3 {
		return ""
	}
	return fmt.Sprintf("file%d", uid)
}

func TestSavedUIDLs(t *testing.T) {
	for _, c := range []struct {
		format string
		want   map[mailstore.UID]string
	}{
		{"%f-%v", map[mailstore.UID]string{1: "file1-7", 2: "kept", 3: "3-7"}},
		{"%g-%v", map[mailstore.UID]string{1: "file1-7", 2: "kept", 3: "guid3-7"}},
	} {
		f, err := ParseUIDLFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		u, err := newUIDLs(t.Context(), &Options{UIDL: f}, &maildrop{box: savedBox{}})
		if err != nil {
			t.Fatal(err)
		}
		for uid, want := range c.want {
			if got := string(u.append(nil, uid)); got != want {
				t.Errorf("%s: UID %d has the id %q, want %q", c.format, uid, got, want)
			}
		}
	}
}
