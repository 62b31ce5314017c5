package imap

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMailboxName(t *testing.T) {
	tests := []struct{ name, wire string }{
		{"INBOX", "INBOX"},
		{"", ""},
		{"Entwürfe", "Entw&APw-rfe"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, // RFC 3501 section 5.1.3
		{"R&D", "R&-D"},
		{"&é&", "&-&AOk-&-"},
		{"😀", "&2D3eAA-"},
		{"a\tb", "a&AAk-b"},
		{"Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"},
	}
	for _, tt := range tests {
		if got := EncodeMailboxName(tt.name); got != tt.wire {
			t.Errorf("%q encodes to %q, want %q", tt.name, got, tt.wire)
		}
		if got, err := DecodeMailboxName(tt.wire); got != tt.name || err != nil {
			t.Errorf("%q decodes to %q, %v", tt.wire, got, err)
		}
	}
	for _, wire := range []string{
		"é",                    // not ASCII
		"a\tb",                 // not printable
		"a&b",                  // no end
		"R&D-x",                // half an octet
		"&AOl-",                // bits left over
		"&AOkA-",               // octets left over
		"&AOk=-",               // padding
		"&AO/-",                // "," is the last letter
		"&AGE-",                // needs no encoding
		"&U,BTFw-&ZeVnLIqe-",   // a superfluous shift
		"&2D0-",                // half a surrogate pair
		"&2D0AYQ-", "&3gDYPQ-", // surrogates out of order
	} {
		if got, err := DecodeMailboxName(wire); err == nil {
			t.Errorf("%q decodes to %q", wire, got)
		}
	}
}

func TestReadMailboxName(t *testing.T) {
	tests := []struct {
		wire  string
		utf8  bool
		want  string
		wrong bool
		why   string
	}{
		{wire: "inBOX", want: "INBOX", why: "case-insensitive"},
		{wire: "inBOX", utf8: true, want: "INBOX", why: "case-insensitive"},
		{wire: "inboxes", want: "inboxes", why: "another name"},
		{wire: "Entw&APw-rfe", want: "Entwürfe", why: "modified UTF-7"},
		{wire: "Entw&APw-rfe", utf8: true, want: "Entw&APw-rfe", why: "after ENABLE there is no escape"},
		{wire: "Entwürfe & Co", want: "Entwürfe & Co", why: "raw UTF-8 without ENABLE"},
		{wire: "R&D", want: "R&D", why: "unescaped ampersand"},
		{wire: "&U,BTFw-&ZeVnLIqe-", want: "台北日本語", why: "superfluous shift, meaning clear"},
		{wire: "\xff", wrong: true, why: "no UTF-8"},
		{wire: "&AAA-", wrong: true, why: "NUL"},
	}
	for _, tt := range tests {
		if got, ok := ReadMailboxName(tt.wire, tt.utf8); ok == tt.wrong || (ok && got != tt.want) {
			t.Errorf("%q (%s): got %q, %v", tt.wire, tt.why, got, ok)
		}
	}
}

func TestFoldInbox(t *testing.T) {
	for in, want := range map[string]string{
		"inbox": "INBOX", "Inbox/Sent": "INBOX/Sent", "inbox.Sent": "inbox.Sent", "inboxes": "inboxes", "in": "in", "x/inbox": "x/inbox",
	} {
		if got := FoldInbox(in, '/'); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func FuzzMailboxName(f *testing.F) {
	for _, s := range []string{"INBOX", "Entw&APw-rfe", "R&D", "&2D3eAA-", "&AOk-&AOk-", "a\x00", "😀é", "&-&-", "&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wire := EncodeMailboxName(s)
		if !isPrintable(wire) {
			t.Fatalf("%q encodes to %q", s, wire)
		}
		if utf8.ValidString(s) {
			if got, err := DecodeMailboxName(wire); err != nil || got != s {
				t.Fatalf("%q encodes to %q, which decodes to %q, %v", s, wire, got, err)
			}
		}
		if name, err := DecodeMailboxName(s); err == nil && (EncodeMailboxName(name) != s || !utf8.ValidString(name)) {
			t.Fatalf("%q decodes to %q, which encodes to %q", s, name, EncodeMailboxName(name))
		}
		if name, ok := ReadMailboxName(s, false); ok {
			if again, ok := ReadMailboxName(EncodeMailboxName(name), false); !ok || again != name {
				t.Fatalf("%q is read as %q, which does not come back but %q", s, name, again)
			}
		}
	})
}

func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
