package imapd

import (
	"strings"
	"testing"

	"restante/imapd/imaptest"
	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/mailstore/shared"
)

// aclCommands are all commands that work on a mailbox, with the rights that they need
// there (RFC 4314 section 4). %s is the mailbox, which is selected before if a command
// begins with "selected ", and then r is needed too.
var aclCommands = []struct{ command, needs string }{
	{`SELECT %s`, "r"},
	{`EXAMINE %s`, "r"},
	{`STATUS %s (MESSAGES UIDNEXT)`, "r"},
	{`CREATE "Other Users/user/box/new"`, "k"},
	{`DELETE %s`, "x"},
	{`RENAME "Other Users/user/box/sub" "Other Users/user/box/bus"`, "xk"},
	{`MYRIGHTS %s`, "l"},
	{`GETACL %s`, "a"},
	{`SETACL %s anyone lr`, "a"},
	{`DELETEACL %s anyone`, "a"},
	{`LISTRIGHTS %s anyone`, "a"},
	{"APPEND %s {14+}\r\nSubject: x\r\n\r\n", "i"},
	{`mine COPY 1 %s`, "i"},
	{`mine MOVE 1 %s`, "i"},
	{"mine REPLACE 1 %s {14+}\r\nSubject: x\r\n\r\n", "i"},
	{`ESEARCH IN (mailboxes %s) ALL`, ""},
	{`selected FETCH 1 (FLAGS BODY[])`, "r"},
	{`selected SEARCH ALL`, "r"},
	{`selected STORE 1 +FLAGS (\Seen)`, "rs"},
	{`selected STORE 1 -FLAGS (\Deleted)`, "rt"},
	{`selected STORE 1 +FLAGS (\Flagged)`, "rw"},
	{`selected STORE 1 +FLAGS (k)`, "rw"},
	{`selected UID STORE 1 +FLAGS.SILENT (\Seen)`, "rs"},
	{`selected EXPUNGE`, "re"},
	{`selected UID EXPUNGE 1`, "re"},
	{`selected COPY 1 INBOX`, "r"},
	{`selected MOVE 1 INBOX`, "rte"},
	{`selected COPY 1 %s`, "ri"},
	{"selected REPLACE 1 INBOX {14+}\r\nSubject: x\r\n\r\n", "rte"},
}

// aclServer is one on which user's box, and box/sub, has a message and gives guest
// these rights.
func aclServer(t *testing.T, rights mailstore.Rights) (guest *imaptest.Client) {
	opt := testOptions(t)
	opt.Store = shared.New(shared.Options{Store: memory.New(memory.Options{}), Users: anyone{}})
	dial := listen(t, opt)
	owner := client(t, dial)
	for _, command := range []string{"CREATE box", "SETACL box guest " + quoted(rights.String()), "CREATE box/sub", "SETACL INBOX guest l"} {
		do(t, owner, command)
	}
	guest = dialClient(t, dial)
	do(t, guest, "LOGIN guest pass")
	for c, box := range map[*imaptest.Client]string{owner: "box", guest: "INBOX"} {
		do(t, c, "APPEND "+box+" (\\Deleted) {14+}\r\nSubject: x\r\n\r\n")
	}
	return guest
}

func quoted(s string) string { return `"` + s + `"` }

// aclTry gives one command to a guest with these rights and returns the answer,
// without the name of the mailbox. Others are there that make SELECT possible.
func aclTry(t *testing.T, command, box, rights string) string {
	t.Helper()
	r, ok := mailstore.ParseRights(rights)
	if !ok {
		t.Fatal(rights)
	}
	c := aclServer(t, r)
	command, mine := strings.CutPrefix(command, "mine ")
	command, selected := strings.CutPrefix(command, "selected ")
	switch {
	case mine:
		do(t, c, "SELECT INBOX")
	case selected:
		if _, tagged, err := c.Do("SELECT " + box); err != nil || !strings.HasPrefix(tagged, "OK") {
			return tagged
		}
	}
	_, tagged, err := c.Do(strings.ReplaceAll(command, "%s", box))
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return tagged
}

// TestACLCommands gives every command with the rights that it needs, without each of
// them, and on what may not be seen, which must be answered as what is not there.
func TestACLCommands(t *testing.T) {
	const box = `"Other Users/user/box"`
	for _, test := range aclCommands {
		if got := aclTry(t, test.command, box, test.needs); !strings.HasPrefix(got, "OK") {
			t.Errorf("%q with %q: %s", test.command, test.needs, got)
		}
		for _, letter := range test.needs {
			rights := strings.ReplaceAll("lrswipkxtea", string(letter), "")
			want := "NO [NOPERM] "
			if letter == 'l' {
				rights, want = "swpte", "NO [NONEXISTENT] "
			}
			if got := aclTry(t, test.command, box, rights); !strings.HasPrefix(got, want) {
				t.Errorf("%q with %q: %s", test.command, rights, got)
			}
		}
		there := aclTry(t, test.command, box, "")
		for _, name := range []string{"user/nothing", "nobody/box", "user@elsewhere.example/box", "guest/INBOX", "/", "user/../user/box", "user"} {
			if !strings.Contains(test.command, "%s") && !strings.HasPrefix(test.command, "selected") {
				break
			}
			if got := aclTry(t, test.command, `"Other Users/`+name+`"`, ""); got != there {
				t.Errorf("%q is answered with %s for %s, and with %s for what may not be seen", test.command, got, name, there)
			}
		}
	}
}
