package mbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/mailstore"
)

const dovecotIMAP = "/usr/lib/dovecot/imap"

// dovecot runs Dovecot's IMAP process over a home directory, without network or
// login.
type dovecot struct {
	*testing.T
	home string
	conf string
	// shared: others change its mailboxes under its hands. With mbox_dirty_syncs,
	// its default, it takes what has grown for grown at the end, says in the log
	// that messages are corrupted when they are not where it thought, and looks
	// again.
	shared bool
}

func newDovecot(t *testing.T) *dovecot {
	t.Helper()
	if _, err := os.Stat(dovecotIMAP); err != nil {
		t.Skipf("no Dovecot at %s", dovecotIMAP)
	}
	dir, err := os.MkdirTemp("", "restante-dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &dovecot{T: t, home: filepath.Join(dir, "home"), conf: filepath.Join(dir, "dovecot.conf")}
	conf := fmt.Sprintf("base_dir = %[1]s/run\nstate_dir = %[1]s/run\nprotocols = imap\nmail_location = mbox:~/mail\nssl = no\n"+
		"default_internal_user = nobody\ndefault_login_user = nobody\ndefault_internal_group = nogroup\nlog_path = /dev/stderr\n", dir)
	for _, err := range []error{os.Chmod(dir, 0o755), os.MkdirAll(filepath.Join(d.home, "mail"), 0o755), os.MkdirAll(filepath.Join(dir, "run"), 0o777), os.WriteFile(d.conf, []byte(conf), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

const nobody = 65534

// imap sends commands and returns everything that comes back.
func (d *dovecot) imap(commands ...string) string {
	d.Helper()
	cmd := exec.Command(dovecotIMAP, "-c", d.conf)
	cmd.Env = []string{"USER=joe", "HOME=" + d.home, "PATH=/usr/bin:/bin", "TZ=UTC"}
	if os.Getuid() == 0 {
		// It refuses to be root.
		d.giveTo(nobody)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		d.Fatal(err)
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.Fatal(err)
	}
	r := bufio.NewReader(out)
	var all strings.Builder
	for i, c := range append(commands, "LOGOUT") {
		tag := fmt.Sprintf("t%d", i)
		if _, err := io.WriteString(in, tag+" "+c+"\r\n"); err != nil {
			d.Fatalf("%v: %s%s", err, &all, &errs)
		}
		for {
			line, err := r.ReadString('\n')
			all.WriteString(line)
			if err != nil {
				d.Fatalf("%s: %v\n%s%s", c, err, &all, &errs)
			}
			if strings.HasPrefix(line, tag+" ") {
				if !strings.HasPrefix(line, tag+" OK") {
					d.Fatalf("%s: %s%s", c, line, &errs)
				}
				break
			}
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		d.Logf("dovecot: %v\n%s", err, &errs)
	}
	if strings.Contains(errs.String(), "Error:") && !d.shared {
		d.Errorf("dovecot says: %s", &errs)
	}
	return all.String()
}

func (d *dovecot) giveTo(uid int) {
	err := filepath.Walk(d.home, func(path string, _ os.FileInfo, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, uid)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil // a lock file
		}
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
}

// forget removes Dovecot's indexes, so that only the mail files tell.
func (d *dovecot) forget() {
	d.Helper()
	found, err := filepath.Glob(filepath.Join(d.home, "mail", ".imap", "*", "dovecot*"))
	if err != nil || len(found) == 0 {
		d.Fatal("no indexes to forget: ", err)
	}
	for _, f := range found {
		if err := os.Remove(f); err != nil {
			d.Fatal(err)
		}
	}
}

var (
	fetched  = regexp.MustCompile(`\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)" RFC822.SIZE (\d+) BODY\[\] \{(\d+)\}\r\n`)
	validity = regexp.MustCompile(`UIDVALIDITY (\d+)`)
	nextUID  = regexp.MustCompile(`UIDNEXT (\d+)`)
)

// clientView is what a client would see of a mailbox.
func (d *dovecot) clientView(name string) (view []string, uidValidity, uidNext string) {
	d.Helper()
	out := d.imap("EXAMINE "+name, "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
	for _, at := range fetched.FindAllStringSubmatchIndex(out, -1) {
		g := func(i int) string { return out[at[2*i]:at[2*i+1]] }
		n, _ := strconv.Atoi(g(5))
		flags := slices.DeleteFunc(strings.Fields(g(2)), func(f string) bool { return f == recent })
		date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", g(3))
		if err != nil {
			d.Fatal(err)
		}
		view = append(view, describe(g(1), flagList(flags), date.Unix(), g(4), out[at[1]:at[1]+n]))
	}
	return view, validity.FindStringSubmatch(out)[1], nextUID.FindStringSubmatch(out)[1]
}

func describe(uid, flags string, date int64, size, text string) string {
	return fmt.Sprintf("%s (%s) %d %s %q", uid, flags, date, size, text)
}

func ourView(t *testing.T, m mailstore.Mailbox) (view []string, uidValidity, uidNext string) {
	t.Helper()
	for _, r := range m.Records(make([]mailstore.Record, 0, 1000), 1) {
		flags := flagText(r.Flags.Without(mailstore.NewFlags(mailstore.Recent)))
		view = append(view, describe(fmt.Sprint(r.UID), flags, r.Date, fmt.Sprint(r.Size), string(readWire(t, m, r.UID))))
	}
	s := m.Status()
	return view, fmt.Sprint(s.UIDValidity), fmt.Sprint(s.UIDNext)
}

func (d *dovecot) compare(when string, m mailstore.Mailbox) {
	d.Helper()
	theirs, v, next := d.clientView("INBOX")
	ours, v2, next2 := ourView(d.T, m)
	if !slices.Equal(theirs, ours) || v != v2 || next != next2 {
		d.Errorf("%s: Dovecot has UIDVALIDITY %s, UIDNEXT %s\n%s\nwe have %s, %s\n%s", when, v, next, strings.Join(theirs, "\n"), v2, next2, strings.Join(ours, "\n"))
	}
}

// TestTakeover goes from Dovecot to us and back, twice, once with and once
// without its indexes: UIDs, UIDVALIDITY, flags, keywords, dates, subscriptions
// and every octet stay.
func TestTakeover(t *testing.T) {
	for _, keepIndex := range []bool{true, false} {
		t.Run(fmt.Sprintf("with its index %v", keepIndex), func(t *testing.T) {
			d := newDovecot(t)
			file := filepath.Join(d.home, "mail", "inbox")
			start := mailOf("a") + mailOf("b", "Status: RO\n") + mailOf("c") + mailOf("d", "Content-Length: 10\n") + mailOf("e")
			if err := os.WriteFile(file, []byte(start), 0o600); err != nil {
				t.Fatal(err)
			}
			d.imap("SELECT INBOX", `STORE 1,3 +FLAGS (\Flagged work $Forwarded)`, `STORE 2 +FLAGS (\Deleted)`, "EXPUNGE", "STORE 4 +FLAGS (\\Answered other)",
				`CREATE "Entw&APw-rfe/Listen"`, `SUBSCRIBE "Entw&APw-rfe/Listen"`, "SUBSCRIBE INBOX")
			acct := openAccount(t, Options{Root: filepath.Join(d.home, "mail"), Zone: time.UTC})
			for round := range 2 {
				if !keepIndex {
					d.forget()
				}
				d.workHere(acct, round)
				d.imap("SELECT INBOX", fmt.Sprintf(`STORE 1 +FLAGS (theirs%d)`, round), fmt.Sprintf("STORE 2 -FLAGS (ours%d)", round), `STORE 3 +FLAGS (\Deleted)`, "EXPUNGE",
					fmt.Sprintf("APPEND INBOX (kw%d \\Flagged) {37+}\r\nSubject: from Dovecot\r\n\r\nFrom me\r\nend\r\n", round))
			}
			d.workHere(acct, 2)
			d.subscriptions(acct)
		})
	}
}

// workHere opens the inbox, checks that it is what Dovecot has, does a bit of
// everything and checks again.
func (d *dovecot) workHere(acct mailstore.Account, round int) {
	d.Helper()
	ctx := d.Context()
	m, err := acct.Open(ctx, mailstore.Inbox)
	if err != nil {
		d.Fatal(err)
	}
	d.compare(fmt.Sprintf("round %d, taken over", round), m)
	if _, err := m.ClaimRecent(ctx); err != nil {
		d.Fatal(err)
	}
	uids, c := m.Follow()
	c.Close()
	// A body must not begin with a From line here: Dovecot 2.3 damages such a
	// message, its own too, when it rewrites the file.
	for i, text := range []string{"Subject: ours\r\n\r\nhello\r\n\r\nFrom a@b.c  Thu Nov 29 22:33:52 2001\r\n\r\nplain\r\n", "Subject: no body\r\n\r\n", "Subject: no line end\r\n\r\nend"} {
		if err := appendText(d.T, m, text); err != nil {
			d.Fatalf("append %d: %v", i, err)
		}
	}
	set := func(op mailstore.FlagOp, f mailstore.Flags, uid mailstore.UID) {
		if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(uid), op, f, mailstore.SetFlagsOptions{}); err != nil {
			d.Fatal(err)
		}
	}
	set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen|mailstore.Draft, fmt.Sprintf("ours%d", round), "both"), uids[1])
	set(mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Flagged, "work"), uids[0])
	if _, err := m.Expunge(ctx, mailstore.NewUIDSet(uids[len(uids)-1]), false); err != nil {
		d.Fatal(err)
	}
	if err := m.Close(); err != nil {
		d.Fatal(err)
	}
	if m, err = acct.Open(ctx, mailstore.Inbox); err != nil {
		d.Fatal(err)
	}
	defer m.Close()
	d.compare(fmt.Sprintf("round %d, given back", round), m)
}

func (d *dovecot) subscriptions(acct mailstore.Account) {
	d.Helper()
	if err := acct.Subscribe(d.Context(), "Entwürfe/Neu", true); err != nil {
		d.Fatal(err)
	}
	list, err := acct.Mailboxes(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	var names []string
	for _, in := range list {
		if in.Subscribed {
			names = append(names, in.Name)
		}
	}
	if want := []string{"INBOX", "Entwürfe/Listen", "Entwürfe/Neu"}; !slices.Equal(names, want) {
		d.Errorf("subscribed to %q, want %q", names, want)
	}
	out := d.imap(`LSUB "" "*"`, `LIST "" "*"`)
	for _, name := range []string{`"Entw&APw-rfe/Listen"`, `"Entw&APw-rfe/Neu"`, "INBOX"} {
		if !strings.Contains(out, name) && !strings.Contains(out, strings.Trim(name, `"`)) {
			d.Errorf("Dovecot does not list %s:\n%s", name, out)
		}
	}
	if strings.Contains(out, "restante") {
		d.Errorf("Dovecot lists our own files:\n%s", out)
	}
}

// TestTakeoverCorpus: every mailbox of the corpus that Dovecot reads gets its
// notes from us, and Dovecot, which has never seen it, finds the same UIDs, flags
// and octets.
func TestTakeoverCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("one run of Dovecot for each mailbox of the corpus")
	}
	dir := corpusDir(t)
	d := newDovecot(t)
	for _, ref := range reference(t, dir) {
		if ref.Error != "" || len(ref.Messages) == 0 || otherDates[ref.Path] != "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, ref.Path))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(d.home); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(d.home, "mail"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.home, "mail", "inbox"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		acct := openAccount(t, Options{Root: filepath.Join(d.home, "mail"), Zone: time.UTC})
		m, err := acct.Open(t.Context(), mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		uids, c := m.Follow()
		c.Close()
		half := mailstore.NewUIDSet(uids[:(len(uids)+1)/2]...)
		for _, step := range []func() error{
			func() error { _, err := m.ClaimRecent(t.Context()); return err },
			func() error {
				_, err := m.SetFlags(t.Context(), half, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "k"), mailstore.SetFlagsOptions{})
				return err
			},
			m.Close,
		} {
			if err := step(); err != nil {
				t.Fatalf("%s: %v", ref.Path, err)
			}
		}
		if m, err = acct.Open(t.Context(), mailstore.Inbox); err != nil {
			t.Fatal(err)
		}
		theirs, v, next := d.clientView("INBOX")
		ours, v2, next2 := ourView(t, m)
		if !slices.Equal(theirs, ours) || v != v2 || next != next2 {
			t.Errorf("%s: Dovecot has UIDVALIDITY %s, UIDNEXT %s, %d messages; we have %s, %s, %d; first difference:\n%s", ref.Path, v, next, len(theirs), v2, next2, len(ours), firstDifference(theirs, ours))
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func firstDifference(a, b []string) string {
	short := func(s string) string { return s[:min(len(s), 400)] }
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			k := 0
			for k < min(len(a[i]), len(b[i])) && a[i][k] == b[i][k] {
				k++
			}
			k = max(0, k-100)
			return short(a[i][k:]) + "\n" + short(b[i][k:])
		}
	}
	return ""
}
