package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// corpusDir finds the corpus of real mail, or skips the test.
func corpusDir(t testing.TB) string {
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "eml")); err != nil {
		t.Skipf("no corpus of real mail at %s (set RESTANTE_CORPUS)", dir)
	}
	return dir
}

// An answer is what Dovecot says of one message.
type answer struct {
	Path          string
	Size          int64 `json:"size.virtual"`
	Envelope      string
	BodyStructure string
	Latin1        []string
}

// dovecotAnswers reads the reference.
func dovecotAnswers(t testing.TB, dir string) []answer {
	f, err := os.Open(filepath.Join(dir, "reference", "dovecot.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []answer
	in := bufio.NewScanner(f)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var a answer
		if err := json.Unmarshal(in.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		for _, field := range a.Latin1 {
			switch field {
			case "envelope":
				a.Envelope = latin1(a.Envelope)
			case "bodystructure":
				a.BodyStructure = latin1(a.BodyStructure)
			}
		}
		all = append(all, a)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// latin1 turns code points back into the octets they stand for.
func latin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// TestCorpusAgainstDovecot compares what we say of every message of the corpus with
// what Dovecot says. Sizes must be equal. Envelope and body structure must agree for
// 95 of 100 messages at least, and every difference must follow one of the rules in
// dovecotRules, which docs/deviations.md explains.
func TestCorpusAgainstDovecot(t *testing.T) {
	dir := corpusDir(t)
	doc, err := os.ReadFile(filepath.Join("..", "docs", "deviations.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := dovecotAnswers(t, dir)
	seen := map[string]int{}
	envelopes, bodies := 0, 0
	for _, a := range all {
		raw, err := os.ReadFile(filepath.Join(dir, a.Path))
		if err != nil {
			t.Fatal(err)
		}
		root, err := Scan(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", a.Path, err)
		}
		if root.Size() != a.Size {
			t.Errorf("%s: size %d, Dovecot has %d", a.Path, root.Size(), a.Size)
		}
		var env, body comparison
		env.envelope(wireValue(t, a.Path, string(AppendEnvelope(nil, root.RawHeader))), wireValue(t, a.Path, a.Envelope), false)
		body.body(wireValue(t, a.Path, string(AppendBodyStructure(nil, root, true))), wireValue(t, a.Path, a.BodyStructure), root)
		if env.agrees() {
			envelopes++
		}
		if body.agrees() {
			bodies++
		}
		for _, c := range []*comparison{&env, &body} {
			for _, u := range c.unknown {
				t.Errorf("%s: difference without a rule: %s", a.Path, u)
			}
			for rule := range c.rules {
				seen[rule]++
			}
		}
	}
	t.Logf("of %d messages %d envelopes and %d body structures agree; rules: %v", len(all), envelopes, bodies, seen)
	if envelopes*100 < len(all)*95 || bodies*100 < len(all)*95 {
		t.Errorf("too few agree")
	}
	for _, rule := range dovecotRules {
		if seen[rule.name] == 0 {
			t.Errorf("rule %s explains nothing in this corpus", rule.name)
		}
		if !bytes.Contains(doc, []byte("`"+rule.name+"`")) {
			t.Errorf("docs/deviations.md does not explain rule %s", rule.name)
		}
	}
}

func wireValue(t *testing.T, path, wire string) imapValue {
	v, err := parseIMAP(wire)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return v
}

// TestCorpusLaws holds the laws of FuzzScan for all messages, and for whole mailbox
// files taken as one message each.
func TestCorpusLaws(t *testing.T) {
	dir := corpusDir(t)
	n := 0
	for _, sub := range []string{"eml", "mbox"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			n++
			t.Run(d.Name(), func(t *testing.T) {
				checkLaws(t, raw)
				checkSummary(t, raw)
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 1000 {
		t.Errorf("only %d files", n)
	}
}
