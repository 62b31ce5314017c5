package maildir_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// corpusDir is where the collection of real mail should be: $RESTANTE_CORPUS, or
// beside the module.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpus of real mail at %s; set RESTANTE_CORPUS", dir)
	}
	return dir
}

// inCRLF is the form in which clients see a message.
func inCRLF(data []byte) []byte {
	var b bytes.Buffer
	for i, c := range data {
		if c == '\n' && (i == 0 || data[i-1] != '\r') {
			b.WriteByte('\r')
		}
		b.WriteByte(c)
	}
	return b.Bytes()
}

// TestCorpus stores real mail and delivers it as others do; both come back octet
// by octet, with the right size.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(corpusDir(t), "eml", "*", "*.eml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d messages, %v", len(paths), err)
	}
	acct, root := newAccount(t, maildir.MaildirPP)
	m := openBox(t, acct, "INBOX")
	a, err := m.NewAppend(t.Context())
	m.ok(err)
	defer a.Abort()
	for i, path := range paths {
		data := []byte(read(t, path))
		if i%2 == 0 {
			m.ok(a.Add(mailstore.AppendOptions{}, bytes.NewReader(data)))
			continue
		}
		name := strings.ReplaceAll(strings.TrimPrefix(path, filepath.Dir(filepath.Dir(path))), "/", "-")
		write(t, filepath.Join(root, "cur", name+":2,"), string(data))
	}
	_, stored, err := a.Commit(t.Context())
	m.ok(err)
	m.refresh()
	m.ok(m.Fill(t.Context(), mailstore.AllUIDs(), mailstore.AttrSize))
	check := func(uid mailstore.UID, want []byte, path string) {
		t.Helper()
		msg, err := m.OpenMessage(t.Context(), uid)
		m.ok(err)
		got, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
		m.ok(err)
		m.ok(msg.Close())
		if !bytes.Equal(inCRLF(got), want) {
			t.Errorf("%s comes back with other content", path)
		}
		if r, _ := m.Record(uid); r.Size != int64(len(want)) {
			t.Errorf("%s has size %d, want %d", path, r.Size, len(want))
		}
	}
	delivered := make(map[string]int)
	for i, path := range paths {
		want := inCRLF([]byte(read(t, path)))
		if i%2 == 0 {
			check(stored[i/2], want, path)
		} else {
			delivered[string(want)]++
		}
	}
	isStored := mailstore.NewUIDSet(stored...)
	for _, uid := range uidsOf(m) {
		if isStored.Contains(uid) {
			continue
		}
		msg, err := m.OpenMessage(t.Context(), uid)
		m.ok(err)
		got, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
		m.ok(err)
		m.ok(msg.Close())
		want := inCRLF(got)
		if delivered[string(want)]--; delivered[string(want)] < 0 {
			t.Errorf("message %d is none that was delivered", uid)
		}
		check(uid, want, "a delivered message")
	}
	if n := len(uidsOf(m)); n != len(paths) {
		t.Errorf("%d messages, want %d", n, len(paths))
	}
}
