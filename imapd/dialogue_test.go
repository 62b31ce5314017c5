package imapd

import (
	"flag"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"restante/imapd/imaptest"
)

var (
	dialogueAddr = flag.String("dialogue.addr", "", "run the dialogues against the IMAP server at this `address`")
	dialogueName = flag.String("dialogue.name", "other", "what \"only\" in dialogues calls that server")
	dialogueUser = flag.String("dialogue.user", "user", "the user there, whose account is emptied; # stands for a number, another for each script")
	dialoguePass = flag.String("dialogue.pass", "pass", "and the password")
)

// TestDialogues plays the scripts of testdata/dialogue over the memory format
// or, with -dialogue.addr, against another server.
func TestDialogues(t *testing.T) {
	imaptest.RunScripts(t, os.DirFS("testdata/dialogue"), "*.txt", testServer)
}

// testServer is a server of ours over memory, or the one of the flags.
func testServer(t *testing.T) imaptest.Server {
	if *dialogueAddr != "" {
		return otherServer(t)
	}
	return memoryServer(t)
}

// users counts the users that scripts had.
var users int

func otherServer(t *testing.T) imaptest.Server {
	users++
	srv := imaptest.Server{
		Name: *dialogueName,
		Dial: func() (net.Conn, error) { return net.Dial("tcp", *dialogueAddr) },
		User: strings.ReplaceAll(*dialogueUser, "#", strconv.Itoa(users)),
		Pass: *dialoguePass,
	}
	if err := imaptest.Empty(srv); err != nil {
		t.Fatal(err)
	}
	return srv
}
