package maildir_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// dovecotIMAP is Dovecot's IMAP process, which speaks on its standard input and
// output, already logged in.
const dovecotIMAP = "/usr/lib/dovecot/imap"

// nobody owns the files where the test runs as root, whom Dovecot refuses.
const nobody = 65534

// dovecot is Dovecot on a Maildir.
type dovecot struct {
	t    *testing.T
	root string // its home; the mail is in root/Maildir
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	tag  int
}

func newDovecot(t *testing.T, layout maildir.Layout) *dovecot {
	t.Helper()
	if _, err := os.Stat(dovecotIMAP); err != nil {
		t.Skipf("Dovecot 2.3 is not installed: %v", err)
	}
	d := &dovecot{t: t, root: t.TempDir()}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = nobody, nobody
		if err := os.Chmod(filepath.Dir(d.root), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	location := "maildir:" + filepath.Join(d.root, "Maildir")
	if layout == maildir.FS {
		location += ":LAYOUT=fs"
	}
	write(t, d.path("dovecot.conf"), fmt.Sprintf(`base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
mail_home = %[1]s
mail_location = %[2]s
mail_uid = %[3]d
mail_gid = %[4]d
first_valid_uid = 0
protocols = imap
ssl = no
namespace inbox {
  inbox = yes
}
`, d.root, location, uid, gid))
	if out, err := exec.Command("doveconf", "-c", d.path("dovecot.conf"), "-h", "mail_location").CombinedOutput(); err != nil {
		t.Skipf("Dovecot does not take a configuration of version 2.3: %s", out)
	}
	return d
}

func (d *dovecot) path(name string) string { return filepath.Join(d.root, name) }

// start runs Dovecot.
func (d *dovecot) start() {
	d.t.Helper()
	d.giveAway()
	d.cmd = exec.Command(dovecotIMAP, "-c", d.path("dovecot.conf"))
	d.cmd.Env = []string{"USER=jane", "HOME=" + d.root, "PATH=/usr/bin:/bin"}
	stderr, err := os.OpenFile(d.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		d.t.Fatal(err)
	}
	defer stderr.Close()
	d.cmd.Stderr = stderr
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		d.t.Fatal(err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	d.out = bufio.NewReader(out)
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	if line, err := d.out.ReadString('\n'); err != nil || !strings.HasPrefix(line, "* PREAUTH") {
		d.t.Fatalf("Dovecot says %q, %v\n%s", line, err, d.log())
	}
}

// giveAway makes what we wrote as root Dovecot's.
func (d *dovecot) giveAway() {
	d.t.Helper()
	if os.Getuid() != 0 {
		return
	}
	err := filepath.WalkDir(d.root, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a lock file or the like, gone meanwhile
		}
		if err == nil {
			err = os.Lchown(path, nobody, nobody)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// do sends a command and returns the untagged replies.
func (d *dovecot) do(format string, args ...any) string {
	d.t.Helper()
	d.tag++
	tag := fmt.Sprintf("t%d ", d.tag)
	if _, err := fmt.Fprintf(d.in, tag+format+"\r\n", args...); err != nil {
		d.t.Fatal(err)
	}
	var replies strings.Builder
	for {
		line, err := d.out.ReadString('\n')
		if err != nil {
			d.t.Fatalf("%s: %v after %q\n%s", format, err, replies.String(), d.log())
		}
		if status, tagged := strings.CutPrefix(line, tag); tagged {
			if !strings.HasPrefix(status, "OK") {
				d.t.Fatalf("%s: %s", fmt.Sprintf(format, args...), status)
			}
			return replies.String()
		}
		replies.WriteString(line)
	}
}

func (d *dovecot) append(box, flags, id string) {
	d.t.Helper()
	msg := strings.ReplaceAll(text(id), "\n", "\r\n")
	d.do("APPEND %q (%s) \"01-Feb-2003 04:05:06 +0000\" {%d+}\r\n%s", box, flags, len(msg), msg)
}

// stop ends it and looks at what it logged.
func (d *dovecot) stop() {
	d.t.Helper()
	d.do("LOGOUT")
	if err := d.cmd.Wait(); err != nil {
		d.t.Error(err)
	}
	if log := d.log(); regexp.MustCompile(`(?i)(error|warning|panic|fatal|corrupt)`).MatchString(log) {
		d.t.Errorf("Dovecot complains:\n%s", log)
	}
}

func (d *dovecot) log() string {
	data, _ := os.ReadFile(d.path("log"))
	return string(data)
}

// TestDovecotTakeover: Dovecot serves a Maildir, we take it over, Dovecot gets it
// back, with and without its own index files.
func TestDovecotTakeover(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			d := newDovecot(t, l.layout)
			delim := map[maildir.Layout]string{maildir.MaildirPP: ".", maildir.FS: "/"}[l.layout]
			d.start()
			for _, box := range []string{"Sent", "Entw&APw-rfe", "a" + delim + "b", "a" + delim + "b" + delim + "c", "doomed"} {
				d.do("CREATE %q", box)
				d.do("SUBSCRIBE %q", box)
			}
			d.append("INBOX", `\Seen foo`, "one")
			d.append("INBOX", "", "two")
			d.append("INBOX", `\Flagged $Forwarded foo bar`, "three")
			d.append("INBOX", `\Deleted`, "four")
			d.append("Entw&APw-rfe", `\Draft`, "draft")
			d.do("SELECT INBOX")
			d.do("EXPUNGE")
			d.do("COPY 1:2 %q", "a"+delim+"b")
			d.append("INBOX", `\Seen`, "five")
			d.do("UNSUBSCRIBE Sent")
			theirs := d.state()
			d.stop()

			acct := openAccount(t, maildir.Options{Root: d.path("Maildir"), Layout: l.layout})
			compareStates(t, "taken over", theirs, ourState(t, acct))
			changeAll(t, acct, delim)
			ours := ourState(t, acct)
			if err := acct.Close(); err != nil {
				t.Fatal(err)
			}
			d.start()
			compareStates(t, "given back", d.state(), ours)
			d.append("INBOX", `\Seen`, "six")
			d.do("SELECT INBOX")
			d.do("UID STORE 1:* +FLAGS (late)")
			theirs = d.state()
			d.stop()
			acct = openAccount(t, maildir.Options{Root: d.path("Maildir"), Layout: l.layout})
			compareStates(t, "taken over again", theirs, ourState(t, acct))
			if err := acct.Close(); err != nil {
				t.Fatal(err)
			}
			d.removeIndexes()
			d.start()
			compareStates(t, "given back without indexes", d.state(), theirs)
			d.stop()
		})
	}
}

// removeIndexes leaves Dovecot with the Maildir alone.
func (d *dovecot) removeIndexes() {
	d.t.Helper()
	err := filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), "dovecot.") && strings.Contains(e.Name(), "index") {
			err = os.Remove(path)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// changeAll uses every operation once.
func changeAll(t *testing.T, acct mailstore.Account, delim string) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	inbox, b := openBox(t, acct, "INBOX"), openBox(t, acct, "a"+delim+"b")
	_, err := inbox.ClaimRecent(t.Context())
	ok(err)
	inbox.add(mailstore.NewFlags(mailstore.Seen, "bar", "ours"), "seven")
	inbox.add(mailstore.Flags{}, "eight", "nine")
	inbox.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered, "another"), 1, 3)
	inbox.set(mailstore.RemoveFlags, mailstore.NewFlags(0, "foo"), 1)
	_, err = inbox.Expunge(t.Context(), mailstore.NewUIDSet(2), false)
	ok(err)
	_, err = inbox.Move(t.Context(), mailstore.NewUIDSet(3), b.Mailbox)
	ok(err)
	_, err = b.Copy(t.Context(), mailstore.NewUIDSet(1), inbox.Mailbox)
	ok(err)
	ok(acct.Create(t.Context(), "Müll"))
	ok(acct.Subscribe(t.Context(), "Müll", true))
	ok(acct.Rename(t.Context(), "Entwürfe", "renamed"))
	ok(acct.Delete(t.Context(), "doomed"))
	ok(acct.Subscribe(t.Context(), "doomed", false))
	ok(acct.Subscribe(t.Context(), "Entwürfe", false))
	ok(acct.Create(t.Context(), "doomed"))
	openBox(t, acct, "Müll").add(mailstore.NewFlags(0, "ours"), "ten")
}

// TestDovecotAtOnce: both serve the same mailbox at the same time, both with
// sessions open.
func TestDovecotAtOnce(t *testing.T) {
	d := newDovecot(t, maildir.MaildirPP)
	d.start()
	d.append("INBOX", `\Seen`, "first")
	acct := openAccount(t, maildir.Options{Root: d.path("Maildir")})
	defer acct.Close()
	inbox, cur := openBox(t, acct, "INBOX"), d.path("Maildir/cur")
	for i := range 25 {
		inbox.add(mailstore.NewFlags(mailstore.Flagged, fmt.Sprintf("ours%d", i%5)), fmt.Sprintf("ours-%d", i))
		d.giveAway()
		d.append("INBOX", fmt.Sprintf(`\Draft theirs%d`, i%5), fmt.Sprintf("theirs-%d", i))
		d.do("SELECT INBOX")
		d.do("UID STORE 1:* +FLAGS.SILENT (\\Answered both%d)", i%3)
		later(t, cur)
		inbox.refresh()
		all := uidsOf(inbox)
		inbox.set(mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Answered, fmt.Sprintf("both%d", i%3)), all[len(all)/2:]...)
		if _, err := inbox.Expunge(t.Context(), mailstore.NewUIDSet(all[i%len(all)]), false); err != nil {
			t.Fatal(err)
		}
		d.giveAway()
		d.do("NOOP")
		d.do("UID STORE %d +FLAGS.SILENT (\\Deleted)", all[len(all)-1])
		d.do("EXPUNGE")
		later(t, cur)
		inbox.refresh()
		if want, got := d.box("INBOX"), ourBox(t, acct, "INBOX"); !slices.Equal(got, want) {
			t.Fatalf("round %d: INBOX is for Dovecot\n  %s\nand for us\n  %s", i, strings.Join(want, "\n  "), strings.Join(got, "\n  "))
		}
	}
	d.stop()
}
