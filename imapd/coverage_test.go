package imapd

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"restante/imap"
	"restante/imapd/imaptest"
)

// The dialogues are to show everything that this server does: every command, every response
// code, every capability, and every word of the grammar. What there is, is read from where it
// is made, so that what is added later has no test until a dialogue has it.
//
// elsewhere has what no dialogue can show, as it needs a failure, a clock, or a server with
// other settings: the name as the tests below have it, and the test that shows it instead.
var elsewhere = map[string]string{
	"capability LOGINDISABLED":  "TestPlaintext",
	"code CORRUPTION":           "TestStorageErrors",
	"code INPROGRESS":           "TestProgress",
	"code INUSE":                "TestStorageErrors",
	"code METADATA MAXSIZE":     "TestMetadataLimits", // a line of 64 KB
	"code NOTIFICATIONOVERFLOW": "TestNotifyOverflow",
	"code PRIVACYREQUIRED":      "TestPlaintext",
	"code SERVERBUG":            "TestStorageErrors",
	"code UNAVAILABLE":          "TestStorageErrors",
}

// neverGranted has the commands that are understood and always refused.
var neverGranted = map[string]string{
	"SETQUOTA": "limits are set by the administrator, not by IMAP",
}

// A dialogues is all that the scripts say to this server and await of it.
type dialogues struct {
	sent    []sentCommand
	awaited []imaptest.Line
}

// A sentCommand is a command that the reader understands.
type sentCommand struct {
	*imap.Command
	text string
	// forms are the forms of the messages of APPEND and REPLACE.
	forms []string
	// granted: the script awaits OK.
	granted bool
}

func readDialogues(t *testing.T) *dialogues {
	t.Helper()
	scripts, err := imaptest.ReadScripts(os.DirFS("testdata/dialogue"), "*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		t.Fatal("there are no dialogues")
	}
	d := new(dialogues)
	for _, s := range scripts {
		d.add(s.Lines("restante"))
	}
	return d
}

func (d *dialogues) add(lines []imaptest.Line) {
	for i, line := range lines {
		if !line.Sent {
			d.awaited = append(d.awaited, line)
			continue
		}
		for _, cmd := range readCommands(line.Text) {
			cmd.granted = strings.HasPrefix(answerTo(cmd.Tag, line.Conn, lines[i:]), "OK ")
			d.sent = append(d.sent, cmd)
		}
	}
}

// answerTo gives the tagged answer that is awaited first, without the tag.
func answerTo(tag, conn string, lines []imaptest.Line) string {
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l.Text, tag+" "); ok && !l.Sent && l.Conn == conn {
			return rest
		}
	}
	return ""
}

// readCommands reads what stands in a line. What the reader does not understand is left out: it
// is wrong by intent, or no command but an answer.
func readCommands(text string) (list []sentCommand) {
	r := imap.NewReader(strings.NewReader(text), imap.ReaderOptions{})
	r.SetUTF8(strings.ContainsFunc(text, func(c rune) bool { return c > 0x7f }))
	for {
		cmd, err := r.ReadCommand()
		if err != nil {
			return list
		}
		sent := sentCommand{Command: cmd, text: text}
		if sent.forms, err = appendForms(cmd.Args); err == nil {
			list = append(list, sent)
		}
	}
}

// compare wants each of known to be in shown, or else elsewhere, but not both.
func compare(t *testing.T, what string, known, shown map[string]bool) {
	t.Helper()
	if list := lacking(known, shown); len(list) > 0 {
		t.Errorf("%s that no dialogue in testdata/dialogue has:\n\t%s", what, strings.Join(list, "\n\t"))
	}
	for name := range known {
		if shown[name] && elsewhere[name] != "" {
			t.Errorf("%s is in a dialogue, so it need not be shown by %s", name, elsewhere[name])
		}
	}
}

// lacking gives what is in known and neither in shown nor elsewhere.
func lacking(known, shown map[string]bool) (list []string) {
	for name := range known {
		if !shown[name] && elsewhere[name] == "" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// TestDialoguesHaveCommands: every command is sent, and granted at least once.
func TestDialoguesHaveCommands(t *testing.T) {
	known, shown := make(map[string]bool), make(map[string]bool)
	for name := range commands {
		known["command "+name] = true
	}
	for _, cmd := range readDialogues(t).sent {
		if cmd.granted && neverGranted[cmd.Name] != "" {
			t.Errorf("%s is granted, though %s", cmd.Name, neverGranted[cmd.Name])
		}
		if cmd.granted || neverGranted[cmd.Name] != "" {
			shown["command "+cmd.Name] = true
		}
	}
	compare(t, "commands that are granted", known, shown)
}

// TestDialoguesHaveCodes: every response code is awaited.
func TestDialoguesHaveCodes(t *testing.T) {
	src := parseSources(t, ".")
	known := src.codes()
	if len(src.unclear) > 0 {
		t.Errorf("which response code this is cannot be told by reading:\n\t%s", strings.Join(src.unclear, "\n\t"))
	}
	for _, certain := range []string{"CAPABILITY", "COPYUID", "APPENDUID", "UIDNEXT", "EXPUNGEISSUED", "METADATA TOOMANY", "INPROGRESS"} {
		if !known["code "+certain] {
			t.Errorf("%s was not found among the response codes", certain)
		}
	}
	shown := make(map[string]bool)
	for _, line := range readDialogues(t).awaited {
		m := codeAwaited.FindStringSubmatch(line.Text)
		if m == nil {
			continue
		}
		for name := range known {
			if rest, ok := strings.CutPrefix("code "+m[1], name); ok && (rest == "" || rest[0] == ' ' || rest[0] == '{') {
				shown[name] = true
			}
		}
	}
	compare(t, "response codes", known, shown)
}

var codeAwaited = regexp.MustCompile(`^\S+ (?:OK|NO|BAD|BYE|PREAUTH) \[([^\]]+)`)

// TestDialoguesHaveCapabilities: every capability stands in an answer that tells all of them.
func TestDialoguesHaveCapabilities(t *testing.T) {
	shown := make(map[string]bool)
	for _, line := range readDialogues(t).awaited {
		list, ok := strings.CutPrefix(line.Text, "* CAPABILITY ")
		if !ok {
			continue
		}
		for word := range strings.FieldsSeq(list) {
			shown["capability "+strings.TrimSuffix(word, "{*}")] = true // of APPENDLIMIT={*}
		}
	}
	compare(t, "capabilities", parseSources(t, ".").capabilities(t), shown)
}

// TestElsewhere: what no dialogue shows is shown by the test that is named, which speaks of it,
// and is something that there is.
func TestElsewhere(t *testing.T) {
	src := parseSources(t, ".")
	known := src.codes()
	maps.Copy(known, src.capabilities(t))
	tests := testFunctions(t)
	for name, by := range elsewhere {
		body, ok := tests[by]
		_, what, _ := strings.Cut(name, " ")
		switch {
		case !known[name]:
			t.Errorf("%s is to be shown by %s, and there is no such thing", name, by)
		case !ok:
			t.Errorf("%s is to be shown by %s, and there is no such test", name, by)
		case !strings.Contains(body, what):
			t.Errorf("%s is to be shown by %s, which does not speak of it", name, by)
		}
	}
}

// TestCoverageOfOne: what a dialogue has, and nothing else, counts.
func TestCoverageOfOne(t *testing.T) {
	const text = `only restante
message m
x
end
C1: a UID FETCH {uid} (FLAGS BODY.PEEK[1.MIME]<0.9>)
S1: * 1 FETCH (FLAGS ())
S1: a OK [READ-ONLY] {*}
C1: b SEARCH (OR NOT SEEN UID $) SENTON 1-Jan-2000
S1? b OK {*}
C1: c FETCH 1 (NOSUCH)
S1: c BAD {*}
C1: d APPEND box (x) {literal m} CATENATE (URL /a TEXT {literal+ m})
S1: d NO {*}
differs dovecot: reason
C1: e CHECK
S1: e OK {*}
end
C1> "f NOOP\r\ng FETCH 1 FULL\r\n"
`
	s, err := imaptest.ParseScript("one", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := new(dialogues)
	d.add(s.Lines("restante"))
	var got []string
	for _, cmd := range d.sent {
		name := cmd.Name
		if cmd.granted {
			name += " granted"
		}
		got = append(got, name)
		for _, p := range positions {
			got = append(got, p.words(&cmd)...)
		}
	}
	want := []string{
		"UID FETCH granted", "FLAGS", "BODY[ PEEK", "BODY[1.MIME", "BODY[]<>",
		"SEARCH", "SEEN", "NOT", "UID", "OR", "SENTON",
		"APPEND", "flags", "literal", "several", "CATENATE URL", "CATENATE TEXT",
		"NOOP", "FETCH", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", "FULL",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	known := map[string]bool{"code LIMIT": true, "code INUSE": true, "code NOPERM": true}
	if list := lacking(known, map[string]bool{"code NOPERM": true}); !slices.Equal(list, []string{"code LIMIT"}) {
		t.Errorf("lacking: %q", list)
	}
}

// TestCodesInSources: response codes are found in every way in which they are written, and what
// cannot be told is not passed over.
func TestCodesInSources(t *testing.T) {
	const text = `package x
var table = []struct { is error; code, text string }{{a, "A-ROW", "x"}}
var one = []struct { is error; code string }{{a, "ROW"}, {b, "ROWS (x)"}}
var e = &refusal{reply{cond: NO, code: "FIELD", text: ""}}
func no(code, format string) error { return reply{code: code} }
func f(r reply) error {
	s.w.Status("", OK, made(1), "text")
	s.w.Raw("OK [BY-HAND ").Number(3)
	s.w.Status(tag, r.cond, r.code, r.text)
	s.w.Status("", OK, "", "text")
	account.Status(ctx, "NAME", 3)
	r.code = "ASSIGNED " + word
	code := strconv.AppendUint([]byte("APPENDED "), 3, 10)
	code = append(code, 'x')
	ok(string(numSet(u).AppendTo(code)), "text")
	no(lookup(x), "text")
	no("lower", "text")
	return no(fmt.Sprintf("TWO WORDS %d", 3), "text")
}
func made(n int) string {
	if n > 1 {
		return "MANY " + "X"
	}
	return "MADE"
}
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src := parseSources(t, dir)
	got := slices.Sorted(maps.Keys(src.codes()))
	want := []string{"code A-ROW", "code APPENDED", "code ASSIGNED", "code BY-HAND", "code FIELD", "code MADE", "code MANY", "code ROW", "code ROWS", "code TWO WORDS"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if len(src.unclear) != 2 {
		t.Errorf("unclear are %q, want lookup and lower", src.unclear)
	}
}
