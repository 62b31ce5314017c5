package pop3d

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
)

// TestCorpus takes every message of the corpus over POP3 and compares it octet by octet.
func TestCorpus(t *testing.T) {
	files := corpusFiles(t)
	o := newOffice(t)
	var wire []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o.deliver(string(text))
		wire = append(wire, slowWire(string(text)))
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, t.Context(), o)
		p.login()
		for i, want := range wire {
			compareMessage(t, p, i+1, want, files[i])
		}
		p.say("QUIT")
		p.expect("+OK")
		<-p.done
	})
}

func corpusFiles(t *testing.T) []string {
	root := os.Getenv("RESTANTE_CORPUS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "corpus")
	}
	files, err := filepath.Glob(filepath.Join(root, "eml", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no corpus in %s; RESTANTE_CORPUS names another place", root)
	}
	sort.Strings(files)
	return files
}

// slowWire is a message as it has to arrive, written down without haste: lines end with CRLF, NUL is 0x80.
func slowWire(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch {
		case text[i] == '\n' && (i == 0 || text[i-1] != '\r'):
			b.WriteString("\r\n")
		case text[i] == 0:
			b.WriteByte(0x80)
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// compareMessage compares LIST, RETR and TOP with the message.
func compareMessage(t *testing.T, p *pipe, number int, wire, file string) {
	t.Helper()
	p.say(fmt.Sprintf("LIST %d", number))
	p.expect(fmt.Sprintf("+OK %d %d\r\n", number, len(wire)))
	whole := wire
	if whole != "" && !strings.HasSuffix(whole, "\n") {
		whole += "\r\n"
	}
	p.say(fmt.Sprintf("RETR %d", number))
	p.expect(fmt.Sprintf("+OK %d octets\r\n", len(wire)))
	if got := p.message(); got != whole {
		t.Errorf("%s: RETR gives %d octets, want %d", file, len(got), len(whole))
	}
	if !strings.HasPrefix(whole, "\r\n") && !strings.Contains(whole, "\n\r\n") {
		whole += "\r\n" // TOP ends the header
	}
	p.say(fmt.Sprintf("TOP %d 5", number))
	p.expect("+OK")
	if got, want := p.message(), slowTop(whole, 5); got != want {
		t.Errorf("%s: TOP gives %q, want %q", file, got, want)
	}
}

// message reads the lines of an answer as a client does.
func (p *pipe) message() string {
	p.t.Helper()
	var b bytes.Buffer
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			p.t.Fatal(err)
		}
		if line == ".\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// slowTop is the header, the blank line and so many lines.
func slowTop(wire string, lines int) string {
	header, body, _ := strings.Cut("\n"+wire, "\n\r\n")
	kept := strings.SplitAfter(body, "\n")
	return (header + "\n\r\n" + strings.Join(kept[:min(lines, len(kept))], ""))[1:]
}
