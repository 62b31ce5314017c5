package imapd

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
	"restante/search"
)

// TestSearchAgain: what was searched for before opens no message again, also after
// another mailbox was selected; what it may find now is found.
//
// QUIRK: iOS Mail asks the same whenever a mailbox is shown.
func TestSearchAgain(t *testing.T) {
	opt := testOptions(t)
	opened := 0
	opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		opened++
		return m, nil
	}}
	with, without := "Subject: with\r\n\r\nthe word\r\n", "Subject: without\r\n\r\nnothing\r\n"
	fill(t, opt.Store, "INBOX", with, without, with)
	c := client(t, listen(t, opt))
	do(t, c, "CREATE other")
	fill(t, opt.Store, "other", without, with)
	for i, tt := range []struct {
		command string
		want    string // the end of the first untagged answer
		opened  int
	}{
		{"SELECT INBOX", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 1 3", 3},
		{"UID SEARCH BODY word", "* SEARCH 1 3", 0},
		{"UID SEARCH RETURN (COUNT) NOT DELETED BODY WORD", " UID COUNT 2", 0},
		{"STORE 1 +FLAGS.SILENT (\\Deleted)", "", 0},
		{"UID SEARCH UNDELETED BODY word", "* SEARCH 3", 0},
		{"SEARCH CHARSET ISO-8859-1 FUZZY BODY word", "* SEARCH 1 3", 0},
		{"SORT (SUBJECT) UTF-8 BODY word", "* SORT 1 3", -1}, // may read subjects
		{"APPEND INBOX {12+}\r\n\r\nmore word\r", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 1 3 4", 1},
		{"EXPUNGE", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 3 4", 0},
		{"SELECT other", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 2", 2},
		{"SELECT INBOX", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 3 4", 0},
		{"ESEARCH IN (mailboxes other) BODY word", " UID ALL 2", 0},
		{"RENAME other moved", "", 0},
		{"CREATE other", "", 0},
		{"SELECT other", "", 0},
		{"UID SEARCH BODY word", "* SEARCH", 0},
		{"APPEND other {12+}\r\n\r\nmore word\r", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 1", 1},
		{"DELETE moved", "", 0},
		{"SELECT INBOX", "", 0},
		{"DELETE other", "", 0},
		{"RENAME INBOX other", "", -1},
		{"SELECT other", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 2 3", 3},
	} {
		opened = 0
		lines := do(t, c, tt.command)
		if tt.opened >= 0 && opened != tt.opened {
			t.Errorf("%d %s opens %d messages, want %d", i, tt.command, opened, tt.opened)
		}
		if tt.want != "" && (len(lines) == 0 || !strings.HasSuffix(lines[0], tt.want)) {
			t.Errorf("%d %s finds %q, want %q", i, tt.command, lines, tt.want)
		}
	}
}

// TestFoundBefore: what another session of the user has found out opens no message, and
// what has changed since then is seen. Of what others found out nothing is known.
func TestFoundBefore(t *testing.T) {
	opt := testOptions(t)
	opened := 0
	opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		opened++
		return m, nil
	}}
	mail := func(id int, refers string) string {
		return fmt.Sprintf("Message-ID: <%d@x>\r\n%sX-A: a\r\n\r\nthe word\r\n", id, refers)
	}
	fill(t, opt.Store, "INBOX", mail(1, ""), mail(2, "References: <1@x>\r\n"), mail(3, ""))
	addr := listen(t, opt)
	first := client(t, addr)
	do(t, first, "SELECT INBOX")
	for _, command := range []string{"SEARCH BODY word", "SEARCH HEADER X-A a", "THREAD REFERENCES UTF-8 ALL"} {
		do(t, first, command)
	}
	do(t, first, "LOGOUT")
	second := client(t, addr)
	do(t, second, "SELECT INBOX")
	for _, tt := range []struct {
		command, want string
		opened        int
	}{
		{"SEARCH BODY word", "* SEARCH 1 2 3", 0},
		{"SEARCH HEADER X-A a", "* SEARCH 1 2 3", 0},
		{"THREAD REFERENCES UTF-8 ALL", "* THREAD (1 2)(3)", 0},
		{"THREAD REFS UTF-8 ALL", "* THREAD (1 2)(3)", 0},
		{"THREAD ORDEREDSUBJECT UTF-8 BODY word", "* THREAD (1 (2)(3))", 0},
		{"STORE 1 +FLAGS.SILENT (\\Deleted)", "", 0},
		{"EXPUNGE", "", 0},
		{"APPEND INBOX {43+}\r\nReferences: <1@x>\r\nX-A: a\r\n\r\nanother word\r\n", "", -1},
		{"SEARCH BODY word", "* SEARCH 1 2 3", 1},
		{"SEARCH HEADER X-A a", "* SEARCH 1 2 3", 1},
		{"UID THREAD REFERENCES UTF-8 ALL", "* THREAD ((2)(4))(3)", -1},
		{"UID THREAD REFERENCES UTF-8 ALL", "* THREAD ((2)(4))(3)", 0},
	} {
		opened = 0
		lines := do(t, second, tt.command)
		if tt.want != "" && (len(lines) == 0 || lines[0] != tt.want) {
			t.Errorf("%s answers %q, want %q", tt.command, lines, tt.want)
		}
		if tt.opened >= 0 && opened != tt.opened {
			t.Errorf("%s opens %d messages, want %d", tt.command, opened, tt.opened)
		}
	}
}

// TestIdleMemories: a memory that nobody holds stays a minute, and one without content
// not at all.
func TestIdleMemories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ms memories
		key := func(name string) memoryKey { return memoryKey{user: "u", id: "F1", name: name, validity: 1} }
		a, b, empty := ms.hold(key("a")), ms.hold(key("b")), ms.hold(key("empty"))
		for _, m := range []*boxMemory{a, b} {
			remember(m)
			ms.weigh(m)
		}
		ms.leave(empty)
		ms.leave(a)
		time.Sleep(memoryIdle / 2)
		ms.leave(b)
		if again := ms.hold(key("b")); again != b {
			t.Error("it is gone at once")
		}
		ms.leave(b)
		for _, tt := range []struct {
			after time.Duration
			names int
		}{{0, 2}, {memoryIdle/2 + time.Second, 1}, {memoryIdle / 2, 0}} {
			time.Sleep(tt.after)
			synctest.Wait()
			ms.mu.Lock()
			if len(ms.kept) != tt.names || (ms.timer != nil) != (tt.names > 0) {
				t.Errorf("after %v there are %d memories, want %d, and a timer as long as there are", tt.after, len(ms.kept), tt.names)
			}
			ms.mu.Unlock()
		}
	})
}

// remember puts something into a memory: a search for what is not there.
func remember(m *boxMemory) {
	q := search.New(search.Body{Text: "word"})
	q.Remember(&m.search)
}

// TestMemoryWeight: when memories are too large in all, those that were used longest ago
// forget.
func TestMemoryWeight(t *testing.T) {
	var ms memories
	var all []*boxMemory
	for i := range 4 {
		m := ms.hold(memoryKey{name: fmt.Sprint(i)})
		remember(m)
		ms.weigh(m)
		all = append(all, m)
	}
	all[1].size, all[2].size = maxMemory/2, maxMemory/2
	ms.weigh(all[0])
	for i, want := range []bool{true, false, true, true} {
		if got := all[i].search.Size() > 0; got != want {
			t.Errorf("memory %d has something: %v", i, got)
		}
	}
}
