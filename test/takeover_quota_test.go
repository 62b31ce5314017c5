package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMaildirQuota: whoever keeps a quota in maildirsize finds there, after
// restante has changed the mail, what it finds when it counts all of it.
func TestMaildirQuota(t *testing.T) {
	t.Run("Dovecot", func(t *testing.T) {
		needDovecot(t)
		place := newPlace(t)
		const more = "mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n" +
			"plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=1G:messages=1000\n}\n"
		if err := os.WriteFile(filepath.Join(place, "more.conf"), []byte(more), 0o644); err != nil {
			t.Fatal(err)
		}
		location := "maildir:" + filepath.Join(place, "home", "Maildir")
		d := startDovecot(t, place, location)
		quotaMail(d.enter(t), "")
		d.stop()
		quotaChanges(t, place, location)
		checkQuota(t, filepath.Join(place, "home", "Maildir"), func() []string {
			d := startDovecot(t, place, location)
			defer d.stop()
			return d.enter(t).ok("GETQUOTAROOT INBOX")
		})
	})
	t.Run("Courier", func(t *testing.T) {
		place := newPlace(t)
		maildir := filepath.Join(place, "home", "Maildir")
		program := courierProgram(t, filepath.Dir(maildir))
		if program == nil {
			t.Skip("no Courier: .ci/run unpacks it")
		}
		for _, args := range [][]string{{maildir}, {"-q", "1000000000S,1000C", maildir}} {
			if out, err := program("usr/bin/maildirmake.courier", args...).CombinedOutput(); err != nil {
				t.Fatalf("maildirmake.courier: %v\n%s", err, out)
			}
		}
		a := account{who: "Courier", imap: serveEach(t, func() *exec.Cmd { return program("usr/bin/imapd", "Maildir", "Maildir") })}
		quotaMail(a.enter(t), "INBOX.")
		quotaChanges(t, place, "maildir:"+maildir)
		checkQuota(t, maildir, func() []string {
			c := a.enter(t)
			if strings.Contains(read(t, filepath.Join(maildir, "maildirsize")), "\n0 0\n") {
				c.ok("CREATE INBOX.Empty")
				c.ok("DELETE INBOX.Empty") // whereupon Courier counts
			}
			return c.ok("GETQUOTAROOT INBOX")
		})
	})
}

// quotaMail makes mailboxes with mail.
func quotaMail(c *imapConn, prefix string) {
	c.t.Helper()
	for _, name := range []string{"Trash", "Other", "Doomed"} {
		c.ok(fmt.Sprintf("CREATE %s%s", prefix, name))
		for n := range 4 {
			literal(c, prefix+name, fmt.Sprint(name, n))
		}
	}
	for n := range 8 {
		literal(c, "INBOX", fmt.Sprint("inbox", n))
	}
	c.ok("LOGOUT")
}

// literal appends a message to a server that wants to be asked first.
func literal(c *imapConn, box, subject string) {
	c.t.Helper()
	text := crlf(append(plain(subject), strings.Repeat("size matters\n", len(subject)*10)...))
	tag, err := c.send(fmt.Sprintf("APPEND %s {%d}", box, len(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	if _, line, err := c.response(); err != nil || !strings.HasPrefix(line, "+") {
		c.t.Fatalf("APPEND: %q, %v", line, err)
	}
	if _, err := fmt.Fprintf(c.c, "%s\r\n", text); err != nil {
		c.t.Fatal(err)
	}
	if status, err := c.wait(tag, nil); err != nil || !strings.HasPrefix(status, "OK") {
		c.t.Fatalf("APPEND: %s, %v", status, err)
	}
}

// quotaChanges changes the mail through restante.
func quotaChanges(t *testing.T, place, location string) {
	t.Helper()
	s := startAsOwner(t, newSharedData(t, place, location))
	defer s.stop()
	c := s.account().enter(t)
	put(c, "INBOX", "", 1, plain("new"))
	put(c, "INBOX", `\Deleted`, 2, plain("new and deleted"))
	put(c, "Trash", "", 3, plain("new in Trash"))
	for _, command := range []string{
		"SELECT INBOX", "COPY 1:2 Other", "COPY 3 Trash", "MOVE 4 Trash", "MOVE 1 Other",
		`STORE 1:2 +FLAGS (\Deleted)`, `STORE 2 -FLAGS (\Deleted)`, "EXPUNGE", `STORE 1 +FLAGS (\Deleted)`,
		"SELECT Trash", "MOVE 1 INBOX", `STORE 1 +FLAGS (\Deleted)`, "EXPUNGE", "DELETE Doomed", "LOGOUT",
	} {
		c.ok(command)
	}
}

// checkQuota asks a server for the usage as it stands in maildirsize, and again
// when it has to count.
func checkQuota(t *testing.T, maildir string, ask func() []string) {
	t.Helper()
	path := filepath.Join(maildir, "maildirsize")
	before := read(t, path)
	noted := ask()
	limits, _, _ := strings.Cut(before, "\n")
	if err := os.WriteFile(path, []byte(limits+"\n"+strings.Repeat("0 0\n", 1300)), 0o600); err != nil {
		t.Fatal(err)
	}
	giveAway(t, path)
	counted := ask()
	if !slices.Equal(noted, counted) || len(noted) < 2 || !strings.Contains(noted[1], "MESSAGE") {
		t.Errorf("from maildirsize, which is\n%s\nit is %q; counted %q", before, noted, counted)
	}
	if lines := strings.Count(before, "\n"); lines < 10 {
		t.Errorf("only %d lines in maildirsize:\n%s", lines, before)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
