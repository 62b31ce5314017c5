package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

func TestDiff(t *testing.T) {
	dir := corpusDir(t)
	n, ne, nb := 0, 0, 0
	for _, a := range dovecotAnswers(t, dir) {
		raw, _ := os.ReadFile(filepath.Join(dir, a.Path))
		root, _ := Scan(bytes.NewReader(raw))
		if root.Size() != a.Size {
			t.Errorf("%s size %d want %d", a.Path, root.Size(), a.Size)
		}
		n++
		ours, err := parseIMAP(string(AppendEnvelope(nil, root.RawHeader)))
		if err != nil {
			t.Error(err)
		}
		theirs, err := parseIMAP(a.Envelope)
		if err != nil {
			t.Error(a.Path, err)
		}
		if !reflect.DeepEqual(ours, theirs) {
			ne++
			t.Logf("ENV %s\n %s", a.Path, strings.Join(diffs(ours, theirs, ""), "\n "))
		}
		ours, err = parseIMAP(string(AppendBodyStructure(nil, root, true)))
		if err != nil {
			t.Error(err)
		}
		theirs, err = parseIMAP(a.BodyStructure)
		if err != nil {
			t.Error(a.Path, err)
		}
		if !reflect.DeepEqual(ours, theirs) {
			nb++
			t.Logf("BODY %s\n %s", a.Path, strings.Join(diffs(ours, theirs, ""), "\n "))
		}
	}
	t.Log(n, ne, nb)
}

func diffs(a, b imapValue, at string) (out []string) {
	la, ok1 := a.([]imapValue)
	lb, ok2 := b.([]imapValue)
	if ok1 && ok2 && len(la) == len(lb) {
		for i := range la {
			out = append(out, diffs(la[i], lb[i], at+"."+string(rune('0'+i)))...)
		}
		return
	}
	if !reflect.DeepEqual(a, b) {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		out = append(out, at+": "+string(x[:min(len(x), 600)])+"  |THEIRS|  "+string(y[:min(600, len(y))]))
	}
	return
}

var _ = slices.Sort[[]int]
