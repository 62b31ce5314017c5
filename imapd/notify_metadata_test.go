package imapd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// note sets an entry by another hand; "" removes it.
func note(t *testing.T, hand mailstore.Account, mailbox, entry, value string) {
	t.Helper()
	err := hand.ChangeAnnotations(t.Context(), mailbox, func(notes mailstore.Annotations) error {
		if notes[entry] = value; value == "" {
			delete(notes, entry)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const notifyMetadata = "n NOTIFY SET (personal (MailboxMetadataChange ServerMetadataChange))\r\n"

// TestNotifyMetadata: what is told of annotations that others change, whoever asked.
func TestNotifyMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(t *testing.T, b *bubble, hand mailstore.Account)
		want []string
	}{
		"set, and set to the same": {
			func(t *testing.T, b *bubble, hand mailstore.Account) {
				note(t, hand, "box", "/private/b", "2")
				note(t, hand, "box", "/private/a", "was")
			},
			[]string{`* METADATA "box" /private/b`},
		},
		"set and removed between two looks": {
			func(t *testing.T, b *bubble, hand mailstore.Account) {
				note(t, hand, "box", "/private/b", "2")
				note(t, hand, "box", "/private/b", "")
			},
			nil,
		},
		"all of them are gone": {
			func(t *testing.T, b *bubble, hand mailstore.Account) { note(t, hand, "box", "/private/a", "") },
			[]string{`* METADATA "box" /private/a`},
		},
		"what was noted goes with the mailbox": {
			func(t *testing.T, b *bubble, hand mailstore.Account) {
				if err := hand.Delete(t.Context(), "box"); err != nil {
					t.Fatal(err)
				}
			},
			nil,
		},
		"another mailbox of that name": {
			func(t *testing.T, b *bubble, hand mailstore.Account) {
				if err := errors.Join(hand.Delete(t.Context(), "box"), hand.Create(t.Context(), "box")); err != nil {
					t.Fatal(err)
				}
			},
			[]string{`* METADATA "box" /private/a`},
		},
		"the client, and another one before anything could be told": {
			func(t *testing.T, b *bubble, hand mailstore.Account) {
				b.send("s SETMETADATA box (/private/a mine /private/b mine)\r\n")
				synctest.Wait()
				note(t, hand, "box", "/private/b", "theirs")
			},
			[]string{"s OK Setmetadata completed", `* METADATA "box" /private/b`},
		},
		"of the server": {
			func(t *testing.T, b *bubble, hand mailstore.Account) {
				b.send("s SETMETADATA \"\" (/private/mine v)\r\n")
				note(t, hand, "", "/private/theirs", "v")
			},
			[]string{"s OK Setmetadata completed", `* METADATA "" /private/theirs`},
		},
		"an entry that is no atom": {
			func(t *testing.T, b *bubble, hand mailstore.Account) { note(t, hand, "box", `/private/a "b"`, "v") },
			[]string{`* METADATA "box" "/private/a \"b\""`},
		},
		"messages are no annotations": {
			func(t *testing.T, b *bubble, hand mailstore.Account) { deliver(t, hand, "box") },
			nil,
		},
	} {
		for how, ask := range map[string]string{"NOTIFY": notifyMetadata, "ENABLE": "n ENABLE METADATA\r\n", "both": "e ENABLE METADATA\r\n" + notifyMetadata} {
			t.Run(name+" with "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, _, hand := notifyBubble(t, nil)
					if err := hand.Create(t.Context(), "box"); err != nil {
						t.Fatal(err)
					}
					note(t, hand, "box", "/private/a", "was")
					b.send(ask)
					time.Sleep(time.Second)
					b.said()
					tt.do(t, b, hand)
					time.Sleep(time.Second)
					if said := b.said(); !slices.Equal(said, tt.want) {
						t.Errorf("it says %q, want %q", said, tt.want)
					}
				})
			})
		}
	}
}

// TestNotifyMetadataRetry: annotations that cannot be read are read again later, and
// nothing of what has happened meanwhile is lost.
func TestNotifyMetadataRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, hand := notifyBubble(t, nil)
		note(t, hand, "INBOX", "/private/a", "was")
		b.send(notifyMetadata)
		time.Sleep(time.Second)
		b.said()
		locked := fmt.Errorf("test: %w", mailstore.ErrInUse)
		s.fail.Store(&locked)
		note(t, hand, "INBOX", "/private/b", "v")
		note(t, hand, "", "/private/c", "v")
		time.Sleep(time.Minute)
		if said := b.said(); len(said) != 0 {
			t.Errorf("it says %q of what it cannot read", said)
		}
		s.fail.Store(nil)
		time.Sleep(2 * lookRetry)
		if said := b.said(); !slices.Equal(said, []string{`* METADATA "" /private/c`, `* METADATA INBOX /private/b`}) {
			t.Errorf("it says %q", said)
		}
	})
}

// TestEnableMetadata: ENABLE says METADATA where it can be done, and NOTIFY that was
// given before stays what it is.
func TestEnableMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		before string
		watch  int
		want   string
	}{
		"offered":         {"", 10, "* ENABLED METADATA"},
		"twice":           {"a ENABLE METADATA\r\n", 10, "* ENABLED METADATA"},
		"too many":        {"", 1, "* ENABLED"},
		"NOTIFY NONE":     {"a NOTIFY NONE\r\n", 10, "* ENABLED"},
		"unauthenticated": {"a ENABLE METADATA\r\nb UNAUTHENTICATE\r\nc LOGIN user pass\r\nd NOTIFY NONE\r\n", 10, "* ENABLED"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, s, hand := notifyBubble(t, func(o *Options) { o.Limits.Watched = tt.watch })
				if err := hand.Create(t.Context(), "box"); err != nil {
					t.Fatal(err)
				}
				b.send(tt.before)
				b.said()
				b.send("x ENABLE METADATA\r\n")
				if said := b.said(); len(said) != 2 || said[0] != tt.want || !strings.HasPrefix(said[1], "x OK") {
					t.Errorf("it says %q, want %q", said, tt.want)
				}
				b.send("y UNAUTHENTICATE\r\n")
				b.said()
				if n := s.watches.Load(); n != 0 {
					t.Errorf("%d watches are left", n)
				}
			})
		})
	}
}

// TestEnableMetadataLeavesMessages: who has not given NOTIFY hears of the selected
// mailbox as ever: while a command runs, and all of it.
func TestEnableMetadataLeavesMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, hand := notifyBubble(t, nil)
		b.send("a ENABLE METADATA\r\nb SELECT INBOX\r\n")
		time.Sleep(time.Second)
		b.said()
		deliver(t, hand, "INBOX")
		note(t, hand, "INBOX", "/private/a", "v")
		time.Sleep(time.Second)
		if said := b.said(); !slices.Equal(said, []string{"* METADATA INBOX /private/a"}) {
			t.Errorf("between commands it says %q", said)
		}
		b.send("c NOOP\r\n")
		if said := b.said(); len(said) != 3 || said[0] != "* 1 EXISTS" {
			t.Errorf("to NOOP it says %q", said)
		}
		b.send("d IDLE\r\n")
		b.said()
		deliver(t, hand, "INBOX")
		note(t, hand, "INBOX", "/private/b", "v")
		time.Sleep(time.Second)
		said := b.said()
		slices.Sort(said)
		if !slices.Equal(said, []string{"* 2 EXISTS", "* 2 RECENT", "* METADATA INBOX /private/b"}) {
			t.Errorf("in IDLE it says %q", said)
		}
	})
}

func (a lookedAccount) Annotations(ctx context.Context, name string) (mailstore.Annotations, error) {
	if err := a.s.fail.Load(); err != nil {
		return nil, *err
	}
	return a.Account.Annotations(ctx, name)
}
