package imapd

import (
	"flag"
	"net"
	"os"
	"testing"

	"restante/imapd/imaptest"
)

var (
	dialogueAddr = flag.String("dialogue.addr", "", "run the dialogues against the IMAP server at this `address`")
	dialogueName = flag.String("dialogue.name", "other", "what \"only\" in dialogues calls that server")
	dialogueUser = flag.String("dialogue.user", "user", "the user there; the account is emptied")
	dialoguePass = flag.String("dialogue.pass", "pass", "and the password")
)

// TestDialogues plays the scripts of testdata/dialogue over the memory format
// or, with -dialogue.addr, against another server.
func TestDialogues(t *testing.T) {
	start := memoryServer
	if *dialogueAddr != "" {
		start = otherServer
	}
	imaptest.RunScripts(t, os.DirFS("testdata/dialogue"), "*.txt", start)
}

func otherServer(t *testing.T) imaptest.Server {
	srv := imaptest.Server{
		Name: *dialogueName,
		Dial: func() (net.Conn, error) { return net.Dial("tcp", *dialogueAddr) },
		User: *dialogueUser,
		Pass: *dialoguePass,
	}
	if err := imaptest.Empty(srv); err != nil {
		t.Fatal(err)
	}
	return srv
}
