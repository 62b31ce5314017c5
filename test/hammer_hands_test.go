package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// need skips the test where a program is not installed.
func (h *hammered) need(name string) {
	h.t.Helper()
	programs := map[string][]string{"procmail": {"procmail"}, "mutt": {"mutt", "script"}}
	for _, p := range programs[name] {
		if _, err := exec.LookPath(p); err != nil {
			h.t.Skipf("%s is not installed", p)
		}
	}
	if name == "Dovecot" {
		needDovecot(h.t)
	}
}

// message is one of a Message-ID, in LF form; with a line that looks like an
// mbox separator, and of any length.
func message(id string) []byte {
	return fmt.Appendf(nil, "From: ana@example.org\nSubject: %s\nMessage-ID: %[1]s\n\nHello\n\nFrom here on\n%s\n", id, strings.Repeat("body\n", rand.IntN(800)))
}

// deliverOne puts a message into the Maildir as Postfix does.
func deliverOne(ctx context.Context, h *hammered, n int) {
	id := fmt.Sprintf("<n-%d@delivery>", n)
	h.ledger.set(id, maybe)
	base := fmt.Sprintf("%d.V1I%xM%d.host", time.Now().Unix(), n, n)
	temp := filepath.Join(h.inbox(), "tmp", base)
	err := os.WriteFile(temp, message(id), 0o600)
	if err == nil && os.Getuid() == 0 {
		err = os.Chown(temp, owner.uid, owner.gid)
	}
	if err == nil {
		err = os.Rename(temp, filepath.Join(h.inbox(), "new", base))
	}
	if err != nil {
		h.t.Errorf("delivery: %v", err)
		return
	}
	h.ledger.set(id, sure)
	pause(ctx, 20)
}

// pause waits up to so many milliseconds.
func pause(ctx context.Context, limit int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(rand.IntN(limit)) * time.Millisecond):
	}
}

// procmailOne has procmail deliver a message.
func procmailOne(ctx context.Context, h *hammered, n int) {
	id := fmt.Sprintf("<n-%d@procmail>", n)
	h.ledger.set(id, maybe)
	cmd := exec.Command("procmail", "-f", "ana@example.org", "-m", filepath.Join(h.place, "home", "procmailrc"))
	cmd.Stdin = strings.NewReader(string(message(id)))
	h.asUser(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Errorf("procmail: %v\n%s", err, out)
		return
	}
	h.ledger.set(id, sure)
	pause(ctx, 20)
}

// asUser makes a program run as the owner of the mail, at home.
func (h *hammered) asUser(cmd *exec.Cmd) {
	home := filepath.Join(h.place, "home")
	cmd.Env = []string{"HOME=" + home, "LOGNAME=nobody", "USER=nobody", "TERM=xterm", "PATH=/usr/bin:/bin", "TMPDIR=/tmp", timeZone}
	cmd.Dir = home
	asOwner(cmd)
}

// muttOne has mutt flag messages and delete some that are there, and look
// whether that was done: it leaves the mailbox as it was when somebody else
// changed it meanwhile.
func muttOne(ctx context.Context, h *hammered, n int) {
	var doomed []string
	for range 3 {
		if id := h.ledger.claim("<n-"); id != "" {
			doomed = append(doomed, id)
		}
	}
	keys := "<tag-pattern>~A<enter><tag-prefix><toggle-new>"
	for _, id := range doomed {
		_, unique, _ := strings.Cut(strings.Trim(id, "<>"), "-")
		keys += "<delete-pattern>~i -" + unique + "<enter>"
	}
	rc := fmt.Sprintf("source muttrc\npush \"%s<sync-mailbox><quit>\"\n", keys)
	if err := os.WriteFile(filepath.Join(h.place, "home", "muttrc.now"), []byte(rc), 0o644); err != nil {
		h.t.Error(err)
		return
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "script", "-qec", "stty rows 30 cols 100; timeout --foreground -k 10 90 mutt -n -F muttrc.now -f "+h.inbox(), "/dev/null")
	h.asUser(cmd)
	typed, err := cmd.StdinPipe()
	if err != nil {
		h.t.Error(err)
		return
	}
	go refuse(typed)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Errorf("mutt: %v\n%s", err, out)
	}
	h.settleDoomed(doomed)
}

// refuse answers what mutt asks, until it has ended. When it has the fcntl lock and
// procmail has the lock file, mutt wants to know whether to remove that, and keeps
// everybody out until it is told. When it then cannot write, it forgets what it was
// to do next, and has to be told to exit.
func refuse(w io.Writer) {
	for {
		if _, err := io.WriteString(w, "\ax"); err != nil { // ^G is no answer to anything
			return
		}
		time.Sleep(time.Second)
	}
}

// settleDoomed finds out which messages are gone. What is there is looked at once
// more: restante may need a second to see what others do.
func (h *hammered) settleDoomed(ids []string) {
	a := h.server.account()
	c, err := h.dial(a)
	if err != nil {
		h.t.Error(err)
		return
	}
	defer c.c.Close()
	for last := false; len(ids) > 0; last = true {
		if last {
			time.Sleep(time.Second)
		}
		list, err := h.list(a.who, c)
		if err != nil {
			h.t.Error(err)
			return
		}
		var there []string
		for _, id := range ids {
			switch {
			case !slices.ContainsFunc(list, func(m numbered) bool { return m.id == id }):
				h.ledger.set(id, gone)
			case last:
				h.ledger.set(id, sure)
			default:
				there = append(there, id)
			}
		}
		ids = there
	}
}

// dial signs in to a server, outside of the test's own goroutine.
func (h *hammered) dial(a account) (*imapConn, error) {
	nc, err := net.Dial("tcp", a.imap)
	if err != nil {
		return nil, err
	}
	c := &imapConn{t: h.t, c: nc, r: bufio.NewReaderSize(nc, 1<<16)}
	if _, _, err := c.response(); err != nil {
		return nil, err
	}
	_, err = try(c, fmt.Sprintf("LOGIN %s %q", user, a.pass))
	for round := 0; err == nil && round < 5; round++ { // others may have the mailbox locked for long
		if _, err = try(c, "SELECT INBOX"); err == nil || !excusable(err) {
			break
		}
		err = nil
	}
	return c, err
}

var errRefused = errors.New("refused")

// try runs a command and returns the status text.
func try(c *imapConn, command string) (lines []string, err error) {
	tag, err := c.send(command)
	if err != nil {
		return nil, err
	}
	status, err := c.wait(tag, func(_ []part, line string) { lines = append(lines, line) })
	if err == nil && !strings.HasPrefix(status, "OK") {
		err = fmt.Errorf("%.60q: %w: %s", command, errRefused, status)
	}
	return append(lines, status), err
}

var validityCode = regexp.MustCompile(`UIDVALIDITY (\d+)`)

// list returns the messages of the mailbox and notes the UIDs that name them.
//
// Of a message whose file another program has just removed, Dovecot gives NIL.
func (h *hammered) list(who string, c *imapConn) (list []numbered, err error) {
	lines, err := try(c, "SELECT INBOX")
	if err != nil {
		return nil, err
	}
	validity := validityCode.FindStringSubmatch(strings.Join(lines, "\n"))
	if validity == nil {
		return nil, fmt.Errorf("no UIDVALIDITY in %q", lines)
	}
	lines, err = try(c, "UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if !strings.Contains(line, " FETCH (") {
			continue
		}
		uid, id := fetchUID.FindStringSubmatch(line), messageID.FindStringSubmatch(line)
		if uid == nil || !strings.Contains(line, "BODY[") {
			continue // news of flags
		}
		if id == nil && who == "Dovecot" && strings.HasSuffix(strings.TrimSpace(line), " NIL)") {
			continue
		}
		if id == nil {
			h.t.Errorf("%s: a message without its header: %q", who, line)
			continue
		}
		h.named(who, "FETCH", validity[1], uid[1], id[1])
		list = append(list, numbered{uid[1], id[1]})
	}
	return list, nil
}

// look returns the messages that a server shows, in the order of their UIDs.
func (h *hammered) look(a account) []numbered {
	h.t.Helper()
	c, err := h.dial(a)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.c.Close()
	list, err := h.list(a.who, c)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// putByIMAP appends a message and notes the UID that it is said to have.
func (h *hammered) putByIMAP(c *imapConn, who, id string) error {
	h.ledger.set(id, maybe)
	lines, err := try(c, appendCommand("INBOX", crlf(message(id))))
	if err != nil {
		return err
	}
	if code := appendUID.FindStringSubmatch(lines[len(lines)-1]); code != nil {
		h.named(who, "APPENDUID", code[1], code[2], id)
	} else {
		h.t.Errorf("%s: no APPENDUID in %q", who, lines)
	}
	h.ledger.set(id, sure)
	return nil
}

// session is a client of a server that appends, flags, looks and expunges.
func (h *hammered) session(ctx context.Context, a account, number int) {
	c, err := h.dial(a)
	if err != nil {
		h.t.Errorf("%s: %v", a.who, err)
		return
	}
	defer func() { c.c.Close() }()
	name := fmt.Sprintf("%s%d", a.who, number)
	for n := 0; ctx.Err() == nil && !h.t.Failed(); n++ {
		err := h.putByIMAP(c, a.who, fmt.Sprintf("<n-%d@%s>", n, name))
		if err == nil {
			err = h.flagSome(c, n)
		}
		if err == nil && n%3 == 1 && (a.who == "restante" || !h.apart) {
			err = h.removeOne(c)
		}
		if err == nil && n%10 == 9 {
			_, err = h.list(a.who, c)
		}
		if a.who == "Dovecot" && errors.Is(err, io.EOF) { // it hangs up when a file has gone that it was to read
			var next *imapConn
			if next, err = h.dial(a); err == nil {
				c.c.Close()
				c = next
			}
		}
		if err != nil && !excusable(err) {
			h.t.Errorf("%s: %v", name, err)
			return
		}
	}
}

// excusable reports that a server did not do something because another program
// was at the mailbox.
func excusable(err error) bool {
	return errors.Is(err, errRefused) && regexp.MustCompile(`\[(?:INUSE|EXPUNGEISSUED)\]`).MatchString(err.Error())
}

var flagChanges = []string{`+FLAGS.SILENT (\Seen)`, `-FLAGS.SILENT (\Seen)`, `+FLAGS (\Flagged $Forwarded)`, `-FLAGS.SILENT (\Flagged)`, `+FLAGS (\Answered)`, `+FLAGS.SILENT (\Draft NonJunk)`}

func (h *hammered) flagSome(c *imapConn, n int) error {
	_, err := try(c, fmt.Sprintf("UID STORE %d:%d %s", 1+rand.IntN(20), 20+rand.IntN(200), flagChanges[n%len(flagChanges)]))
	return err
}

// removeOne expunges one message that is there, of whomever. Another program
// may take away the flag before the message is expunged; then it is set again.
func (h *hammered) removeOne(c *imapConn) error {
	id := h.ledger.claim("<n-")
	if id == "" {
		return nil
	}
	for round := range 20 {
		lines, err := try(c, fmt.Sprintf("UID SEARCH HEADER Message-ID %q", id))
		if err != nil {
			return err // it may be there or not
		}
		uid := searched(lines)
		if uid == "" && round == 0 { // this session has not seen it yet
			h.ledger.set(id, sure)
			return nil
		}
		if uid == "" {
			h.ledger.set(id, gone)
			return nil
		}
		if _, err = try(c, fmt.Sprintf(`UID STORE %s +FLAGS.SILENT (\Deleted)`, uid)); err == nil {
			_, err = try(c, "UID EXPUNGE "+uid)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s cannot be expunged", id)
}

// searched is the one UID in a SEARCH reply, "" for none.
func searched(lines []string) string {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "* SEARCH"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
