package test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"restante/fsys"
	"restante/imapd/imaptest"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/mbox"
)

// openings counts the messages that are opened in an account.
type openings struct {
	mailstore.Account
	n *atomic.Int64
}

func (a openings) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.Account.Open(ctx, name)
	return countedMailbox{m, a.n}, err
}

type countedMailbox struct {
	mailstore.Mailbox
	n *atomic.Int64
}

func (m countedMailbox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	m.n.Add(1)
	return m.Mailbox.OpenMessage(ctx, uid)
}

// indexedFormats keep an index beside the mail.
var indexedFormats = []format{
	{"maildir", func(ctx context.Context, dir string, log *slog.Logger) (mailstore.Account, error) {
		return maildir.Open(ctx, maildir.Options{Root: filepath.Join(dir, "mail"), IndexDir: filepath.Join(dir, "index"), Logger: log})
	}},
	{"mbox", func(ctx context.Context, dir string, log *slog.Logger) (mailstore.Account, error) {
		return mbox.Open(ctx, mbox.Options{FS: fsys.OS{}, Root: filepath.Join(dir, "mail"), IndexDir: filepath.Join(dir, "index"), Logger: log})
	}},
}

// TestFirstSyncOfKnownMailbox: a client that comes for the first time, to a
// server that has started anew, is told all that it lists without a message being
// opened, when somebody had asked before.
func TestFirstSyncOfKnownMailbox(t *testing.T) {
	for _, f := range indexedFormats {
		t.Run(f.name, func(t *testing.T) {
			dir := t.TempDir()
			var first, again []string
			t.Run("first", func(t *testing.T) { first = listAll(t, f, dir, 200, 200) })
			t.Run("after a restart", func(t *testing.T) { again = listAll(t, f, dir, 0, 0) })
			if !slices.Equal(first, again) {
				t.Errorf("the answers are\n%q\nat first and then\n%q", first, again)
			}
		})
	}
}

// listAll serves the account, with n messages more than before, to one client
// that lists it. So many messages must have been opened for it.
func listAll(t *testing.T, f format, dir string, n, opened int64) []string {
	t.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	account, err := f.open(t.Context(), dir, log)
	if err != nil {
		t.Fatal(err)
	}
	addMessages(t, account, n)
	var count atomic.Int64
	conn, err := serveAccount(t, openings{account, &count}, log).Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := imaptest.NewClient(conn)
	if _, err := c.Response(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, command := range []string{
		"LOGIN user pass", "EXAMINE INBOX",
		"UID FETCH 1:* (RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE PREVIEW)",
		"UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date Message-ID References In-Reply-To Content-Type List-Id)])",
		"FETCH 1:* (BODY ENVELOPE)",
	} {
		answer, tagged, err := c.Do(command)
		if err != nil || !strings.HasPrefix(tagged, "OK") {
			t.Fatalf("%s: %s, %v", command, tagged, err)
		}
		if strings.Contains(command, "FETCH") {
			lines = append(lines, answer...)
		}
	}
	if len(lines) != 3*200 {
		t.Errorf("%d responses", len(lines))
	}
	if got := count.Load(); got != opened {
		t.Errorf("%d messages were opened, want %d", got, opened)
	}
	return lines
}

// addMessages appends n messages to INBOX, every twentieth a large one.
func addMessages(t *testing.T, account mailstore.Account, n int64) {
	t.Helper()
	box, err := account.Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for i := range n {
		a, err := box.NewAppend(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer a.Abort()
		text := fmt.Sprintf("From: a%d@example.org\nSubject: number %[1]d\nReferences: <r@example.org>\n\nHello %[1]d\n", i)
		if i%20 == 0 {
			text += strings.Repeat("a line\n", 40_000)
		}
		if err := a.Add(mailstore.AppendOptions{Date: time.Unix(1_700_000_000+i, 0)}, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
