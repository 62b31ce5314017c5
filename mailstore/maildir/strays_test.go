package maildir_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestStrays: what procmail leaves where a recipe lacks the slash is found out, and
// told once.
func TestStrays(t *testing.T) {
	const beside, again = "messages lie beside a mailbox", "a message has a name that another one will have"
	for _, tt := range []struct {
		why, box string
		file     string // in the mailbox's directory
		want     string // what the log says
		messages uint32 // that the mailbox has
	}{
		{"procmail: Maildir", "INBOX", "msg.JRWB", beside, 0},
		{"procmail: Maildir/.", "INBOX", "1", beside, 0},
		{"procmail: Maildir/.box", "box", "msg.-_9aZ", beside, 0},
		{"procmail: Maildir/.box/.", "box", "17", beside, 0},
		{"procmail: Maildir/new", "INBOX", "new/msg.JRWB", again, 1},
		{"procmail: Maildir/.box/new/.", "box", "new/2", again, 1},
		{"one that was read since", "box", "cur/msg.JRWB:2,S", again, 1},
		{"procmail: Maildir/", "INBOX", "new/1104537600.1234_0.host", "", 1},
		{"MH's, and others' notes", "INBOX", ".mh_sequences", "", 0},
		{"Dovecot's", "box", "maildirfolder", "", 0},
		{"something of the user's", "INBOX", "msg.from.ana", "", 0},
		{"a name that only begins so", "box", "2024-notes", "", 0},
		{"ours", "box", "new/1104537600.M1P2.host", "", 1},
	} {
		t.Run(tt.why, func(t *testing.T) {
			var log bytes.Buffer
			root := t.TempDir()
			opt := maildir.Options{Root: root, Logger: slog.New(slog.NewTextHandler(&log, nil)), Warned: new(maildir.Warned), IndexDir: t.TempDir()}
			dir := root
			if tt.box != mailstore.Inbox {
				dir = filepath.Join(root, "."+tt.box)
			}
			reopen := func() mailstore.Status {
				acct, err := maildir.Open(t.Context(), opt)
				if err != nil {
					t.Fatal(err)
				}
				defer acct.Close()
				if err := acct.Create(t.Context(), "box"); err != nil && !errors.Is(err, mailstore.ErrExists) {
					t.Fatal(err)
				}
				m, err := acct.Open(t.Context(), tt.box)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				return m.Status()
			}
			reopen() // so that there is an index, which is right
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(text("a")), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if st := reopen(); st.Messages != tt.messages {
					t.Errorf("there are %d messages, want %d", st.Messages, tt.messages)
				}
			}
			said := log.String()
			if tt.want == "" {
				if strings.Contains(said, "WARN") {
					t.Errorf("the log says %s", said)
				}
				return
			}
			if strings.Count(said, tt.want) != 1 || strings.Count(said, "WARN") != 1 || !strings.Contains(said, filepath.Join(dir, tt.file)) {
				t.Errorf("the log says %s", said)
			}
		})
	}
}
