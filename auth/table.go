package auth

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"restante/fsys"
	"restante/mailstore"
)

// User is who logged in and where his mail stands. Home and Location are as the
// table gives them, unexpanded, and may be empty.
type User = mailstore.User

// Normalize returns the form in which user names are compared: without spaces
// around it and in lower case, domain and local part alike, as Dovecot's
// auth_username_format does by default.
//
// QUIRK: keyboards of phones put a space behind a completed word and begin
// words with a capital.
func Normalize(name string) string {
	return strings.ToLower(strings.TrimSpace(name))
}

// A Table is a user table that has been read: a passwd-file as Dovecot defines
// it (https://doc.dovecot.org/main/core/config/auth/databases/passwd_file.html).
// It does not change.
type Table struct {
	File string
	// Problems are lines that cannot be understood. Their users do not exist.
	Problems []LineError
	// Warnings are lines whose users exist and cannot log in, or not as the
	// line says.
	Warnings []LineError

	accounts map[string]*account
	order    []string // names as the file lists them
	dummy    verifier // verified for users that do not exist
}

// An account is a line of the table.
type account struct {
	User
	line     int
	password verifier       // nil: nobody can log in
	stored   string         // the password field
	nets     []netip.Prefix // where logins may come from; nil: anywhere
}

// A LineError is a mistake in one line of a user table.
type LineError struct {
	File    string
	Line    int
	Message string
}

// Error returns file:line: message.
func (e LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// Users returns all users in the order of the file.
func (t *Table) Users() []User {
	list := make([]User, len(t.order))
	for i, name := range t.order {
		list[i] = t.accounts[name].User
	}
	return list
}

// Lookup finds a user by name.
func (t *Table) Lookup(name string) (User, bool) {
	a, ok := t.accounts[Normalize(name)]
	if !ok {
		return User{}, false
	}
	return a.User, true
}

// At says where a user stands in the table, as file:line.
func (t *Table) At(name string) string {
	if a, ok := t.accounts[Normalize(name)]; ok {
		return fmt.Sprintf("%s:%d", t.File, a.line)
	}
	return t.File
}

// maxTable bounds a user table; a larger file is something else.
const maxTable = 64 << 20

// ReadTable reads a user table. Mistakes in single lines are in the result; an
// error means that there is no table.
func ReadTable(f fsys.FS, file string) (*Table, error) {
	data, err := fsys.ReadFile(f, file, maxTable)
	if err != nil {
		return nil, err
	}
	return ParseTable(file, data), nil
}

// ParseTable reads a table that is in memory; file stands for it in errors.
func ParseTable(file string, data []byte) *Table {
	t := &Table{File: file, accounts: map[string]*account{}}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		t.add(number, string(bytes.TrimRight(line, "\r\n")))
	}
	t.dummy = t.commonest()
	return t
}

// skipped is whether a line holds no user: Dovecot skips empty lines, comments
// and lines without a name.
func skipped(line string) bool {
	return line == "" || line[0] == '#' || line[0] == ':'
}

func (t *Table) add(number int, line string) {
	if skipped(line) {
		return
	}
	a := &account{line: number}
	if err := t.parse(a, line); err != nil {
		t.Problems = append(t.Problems, LineError{t.File, number, err.Error()})
		return
	}
	t.accounts[a.Name] = a
	t.order = append(t.order, a.Name)
}

func (t *Table) warn(line int, format string, args ...any) {
	t.Warnings = append(t.Warnings, LineError{t.File, line, fmt.Sprintf(format, args...)})
}

// parse reads user:password:uid:gid:gecos:home:shell:extra.
func (t *Table) parse(a *account, line string) error {
	if !utf8.ValidString(line) {
		return errors.New("not UTF-8; write the file in UTF-8")
	}
	field := strings.SplitN(line, ":", 8)
	field = append(field, make([]string, 8-len(field))...)
	a.Name, a.stored, a.Home = Normalize(field[0]), field[1], field[5]
	if err := CheckName(a.Name); err != nil {
		return err
	}
	if other, ok := t.accounts[a.Name]; ok {
		return fmt.Errorf("user %q stands in line %d already; remove one of the two lines (upper and lower case are the same)", a.Name, other.line)
	}
	var err error
	if a.UID, err = id("uid", field[2], lookupUser); err != nil {
		return err
	}
	if a.GID, err = id("gid", field[3], lookupGroup); err != nil {
		return err
	}
	if a.password, err = verifierFor(a.stored); errors.Is(err, errUnsupported) {
		t.warn(a.line, "user %q cannot log in: %v", a.Name, err)
	} else if err != nil {
		return err
	}
	return t.extras(a, field[7])
}

// extras reads the last field: names with values, separated by spaces; a value
// therefore holds none. In the old form it is empty and the mail location
// follows behind a colon.
func (t *Table) extras(a *account, field string) error {
	if location, old := strings.CutPrefix(field, ":"); old {
		a.Location = location
		return nil
	}
	var userdb [][2]string
	for _, item := range strings.Fields(field) {
		name, value, _ := strings.Cut(item, "=")
		if u, ok := strings.CutPrefix(name, "userdb_"); ok {
			userdb = append(userdb, [2]string{u, value})
			continue
		}
		if err := t.extra(a, name, value); err != nil {
			return err
		}
	}
	return t.userdb(a, userdb)
}

// extra is a field of the password database. Of those that we do not have,
// fields that decide who may log in and where to are reported.
func (t *Table) extra(a *account, name, value string) error {
	switch name {
	case "mail":
		a.Location = value
	case "nologin":
		a.password = nil
	case "allow_nets":
		nets, err := parseNets(value)
		if err != nil {
			return err
		}
		a.nets = nets
	case "nopassword", "user", "login_user", "proxy", "proxy_maybe", "host", "master", "pass":
		t.warn(a.line, "user %q: the extra field %s= is not supported and has no effect", a.Name, name)
	}
	return nil
}

// userdb applies the fields that override those at the front of the line.
func (t *Table) userdb(a *account, fields [][2]string) (err error) {
	for _, field := range fields {
		name, value := field[0], field[1]
		switch name {
		case "mail":
			a.Location = value
		case "home":
			a.Home = value
		case "uid":
			if a.UID, err = id("userdb_uid", value, lookupUser); err != nil {
				return err
			}
		case "gid":
			if a.GID, err = id("userdb_gid", value, lookupGroup); err != nil {
				return err
			}
		default:
			t.quota(a, name, value)
		}
	}
	return nil
}

// parseNets reads 192.0.2.0/24,2001:db8::/32,local and addresses without a mask.
func parseNets(value string) ([]netip.Prefix, error) {
	list := []netip.Prefix{}
	for _, item := range strings.Split(value, ",") {
		if p, err := netip.ParsePrefix(item); err == nil {
			list = append(list, p.Masked())
		} else if ip, err := netip.ParseAddr(item); err == nil {
			list = append(list, netip.PrefixFrom(ip, ip.BitLen()))
		} else if item != "local" && item != "" { // "local" is a UNIX socket, of which we have none
			return nil, fmt.Errorf("allow_nets: %q is no network; write 192.0.2.0/24 or 2001:db8::/32, separated by commas", item)
		}
	}
	return list, nil
}

func (a *account) allowedFrom(remote netip.Addr) bool {
	return a.nets == nil || slices.ContainsFunc(a.nets, func(p netip.Prefix) bool { return p.Contains(remote) })
}

// CheckName says why a name, in its normal form, cannot name a user, or nil. A
// name becomes part of paths and of lines in several formats.
func CheckName(name string) error {
	bad := func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`/\:"`, r)
	}
	local, domain, at := strings.Cut(name, "@")
	switch {
	case name == "":
		return errors.New("the user name is empty")
	case len(name) > 255:
		return errors.New("the user name is longer than 255 bytes")
	case strings.ContainsFunc(name, bad):
		return fmt.Errorf(`the user name %q holds a space, a control character or one of / \ : "`, name)
	case strings.HasPrefix(name, "#") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~"):
		return fmt.Errorf("the user name %q begins with #, . or ~; begin it with a letter or a digit", name)
	case at && (local == "" || domain == "" || strings.HasPrefix(domain, ".") || strings.Contains(domain, "@")):
		return fmt.Errorf("the user name %q is no address; write name@domain", name)
	}
	return nil
}

// id reads a uid or gid: a number, a name of the system, or nothing (-1).
func id(field, value string, lookup func(string) (string, error)) (int, error) {
	if value == "" {
		return -1, nil
	}
	number := value
	if strings.Trim(value, "0123456789") != "" {
		found, err := lookup(value)
		if err != nil {
			return 0, fmt.Errorf("%s: %q is neither a number nor known to this machine; write the number, or leave the field empty", field, value)
		}
		number = found
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 || n == math.MaxUint32 {
		return 0, fmt.Errorf("%s: %q cannot own mail; write a number above 0, or leave the field empty", field, value)
	}
	return int(n), nil
}

func lookupUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func lookupGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// commonest returns a password of the scheme that most users have. Verifying it
// takes the time that verifying most users' passwords takes.
func (t *Table) commonest() verifier {
	count := map[string]int{}
	var best *account
	for _, name := range t.order {
		a := t.accounts[name]
		if a.password == nil {
			continue
		}
		k := kindOf(a.stored)
		if count[k]++; best == nil || count[k] > count[kindOf(best.stored)] {
			best = a
		}
	}
	if best == nil {
		return plain("no such password")
	}
	return best.password
}

// kindOf returns the scheme of a stored password with its cost.
func kindOf(stored string) string {
	if i := strings.LastIndexByte(stored, '$'); i > 0 {
		if j := strings.LastIndexByte(stored[:i], '$'); j > 0 {
			return stored[:j]
		}
	}
	scheme, _, _ := strings.Cut(stored, "}")
	return scheme
}
