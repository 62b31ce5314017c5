package message

import (
	"strings"
	"testing"
)

func TestEnvelope(t *testing.T) {
	for _, c := range []struct{ why, header, want string }{
		{"nothing", "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"RFC 9051 section 7.5.2: Sender and Reply-To default to From",
			"Date: d|From: a@b|", `("d" NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)`},
		{"also when they are empty", "From: a@b|Sender: |Reply-To: |", `(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)`},
		{"empty text is no NIL", "Subject:|Message-ID: |", `(NIL "" NIL NIL NIL NIL NIL NIL NIL "")`},
		{"all fields, any case, space before the colon",
			"DATE: 1|subject : 2|from: 3@x|sender: 4@x|reply-TO: 5@x|to: 6@x|cc: 7@x|bcc: 8@x|in-reply-to: <9>|message-id: <10>|",
			`("1" "2" ((NIL NIL "3" "x")) ((NIL NIL "4" "x")) ((NIL NIL "5" "x")) ((NIL NIL "6" "x")) ((NIL NIL "7" "x")) ((NIL NIL "8" "x")) "<9>" "<10>")`},
		{"of repeated text the last, of addresses all", "Subject: a|Subject: b|To: x@y|To: z@y|",
			`(NIL "b" NIL NIL NIL ((NIL NIL "x" "y")(NIL NIL "z" "y")) NIL NIL NIL NIL)`},
		{"unfolded, not decoded", "Subject: =?utf-8?q?a?=\r\n\tb|", `(NIL "=?utf-8?q?a?=` + "\t" + `b" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"quoted specials", `Subject: "a\b"|`, `(NIL "\"a\\b\"" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"8-bit octets go out as they are, in a literal", "Subject: \xe4|", "(NIL {1}\r\n\xe4 NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"bare CR", "Subject: a\rb|", "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"NUL becomes U+FFFD", "Subject: a\x00b|", "(NIL {5}\r\na\uFFFDb NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"the body is no header", "|Subject: a|", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"a From_ line is passed over", "From a@b Tue Nov 10 10:00:00 2026|Subject: a|", `(NIL "a" NIL NIL NIL NIL NIL NIL NIL NIL)`},
	} {
		if got := string(AppendEnvelope([]byte("x"), []byte(strings.ReplaceAll(c.header, "|", "\n")))); got != "x"+c.want {
			t.Errorf("%s: %q gives\n%s, want\n%s", c.why, c.header, got, c.want)
		}
	}
}

func TestEnvelopeAddresses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`user@domain`, `(NIL NIL "user" "domain")`},
		{`"user name"@domain`, `(NIL NIL "user name" "domain")`},
		{`""@domain`, `(NIL NIL "" "domain")`},
		{`<user@domain>`, `(NIL NIL "user" "domain")`},
		{`Name <user@domain>`, `("Name" NIL "user" "domain")`},
		{`"Na\"me, X" <user@domain>`, `("Na\"me, X" NIL "user" "domain")`},
		{`A. B "C" D <user@domain>`, `("A. B C D" NIL "user" "domain")`},
		{`user@domain (Name)`, `("Name" NIL "user" "domain")`},
		{`user@domain (Na (x) \)me)`, `("Na (x) )me" NIL "user" "domain")`},
		{`user . name @ domain . org`, `(NIL NIL "user.name" "domain.org")`},
		{`.a..b.@domain`, `(NIL NIL ".a..b." "domain")`},
		{`user@[192.0.2.1]`, `(NIL NIL "user" "[192.0.2.1]")`},
		{`<@a,@b:user@domain>`, `(NIL "@a,@b" "user" "domain")`},
		{"a@b, c@d,\n e@f", `(NIL NIL "a" "b")(NIL NIL "c" "d")(NIL NIL "e" "f")`},
		{`g: a@b, C <c@d>;`, `(NIL NIL "g" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL)`},
		{`undisclosed-recipients:;`, `(NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)`},
		{`g: a@b`, `(NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)`}, // a group always ends
		{`:;`, `(NIL NIL "" NIL)(NIL NIL NIL NIL)`},
		{`user`, `(NIL NIL "user" "MISSING_DOMAIN")`},
		{`Name <user>`, `("Name" NIL "user" "MISSING_DOMAIN")`},
		{`Two Words`, `("Two Words" NIL "MISSING_MAILBOX" "MISSING_DOMAIN")`},
		{`"Name"`, `("Name" NIL "MISSING_MAILBOX" "MISSING_DOMAIN")`},
		{`<>`, `(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")`},
		{`@domain`, `(NIL NIL "MISSING_MAILBOX" "domain")`},
		{`a@b, , c@d`, `(NIL NIL "a" "b")(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")(NIL NIL "c" "d")`},
		{`<user@domain`, `(NIL NIL "user" "SYNTAX_ERROR")`},
		{`Name <a b@c>`, `("Name" NIL "a" "SYNTAX_ERROR")`},
		{`<@@:user@domain>`, `(NIL "INVALID_ROUTE" "MISSING_MAILBOX" "SYNTAX_ERROR")`},
		{`=?utf-8?q?J=C3=BCrgen?= X <a@b>`, `("=?utf-8?q?J=C3=BCrgen?= X" NIL "a" "b")`},
		{"J\xfcrgen <a@b>", "({6}\r\nJ\xfcrgen NIL \"a\" \"b\")"},
		{"(only a comment)", ``},
		{" \n ", ``},
	} {
		want := "(" + c.want + ")"
		if c.want == "" {
			want = "NIL"
		}
		got := string(AppendEnvelope(nil, []byte("To: "+c.in+"\n\n")))
		if got != "(NIL NIL NIL NIL NIL "+want+" NIL NIL NIL NIL)" {
			t.Errorf("%q gives\n%s, want\n%s", c.in, got, want)
		}
	}
}

func TestBodyStructure(t *testing.T) {
	for _, c := range []struct{ why, in, body, extended string }{
		{"the default, RFC 2045 section 5.2", "Subject: x||a|b|", `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 2)`,
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 2 NIL NIL NIL NIL)`},
		{"RFC 9051 section 7.5.2: no lines for what is no text", "Content-Type: image/gif||a|", `("image" "gif" NIL NIL NIL "7bit" 3)`,
			`("image" "gif" NIL NIL NIL "7bit" 3 NIL NIL NIL NIL)`},
		{"all fields", `Content-Type: a/b; n="v\"\\"|Content-ID: <i>|Content-Description: d|Content-Transfer-Encoding: base64|` +
			`Content-MD5: m|Content-Disposition: inline; f=g|Content-Language: de, en|Content-Location: l||`,
			`("a" "b" ("n" "v\"\\") "<i>" "d" "base64" 0)`,
			`("a" "b" ("n" "v\"\\") "<i>" "d" "base64" 0 "m" ("inline" ("f" "g")) ("de" "en") "l")`},
		{"QUIRK: no space between the parts of a multipart, encodings in lower case (Outlook)",
			"Content-Type: multipart/mixed; boundary=B||--B|Content-Transfer-Encoding: BASE64||x|--B||y|--B--|",
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "base64" 1 0)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0) "mixed")`,
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "base64" 1 0 NIL NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL) "mixed" ("boundary" "B") NIL NIL NIL)`},
		{"QUIRK: parameter values byte for byte, the case of a boundary above all (iOS)",
			`Content-Type: multipart/Mixed; BOUNDARY="----=_aBc D"||x`,
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "Mixed")`,
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "Mixed" ("BOUNDARY" "----=_aBc D") NIL NIL NIL)`},
		{"QUIRK: the empty string is never a literal (iOS)", "Content-Type: a/b; c=|Content-ID:||", `("a" "b" ("c" "") "" NIL "7bit" 0)`,
			`("a" "b" ("c" "") "" NIL "7bit" 0 NIL NIL NIL NIL)`},
		{"an embedded message", "Content-Type: MESSAGE/RFC822||Subject: s||b|",
			`("message" "rfc822" NIL NIL NIL "7bit" 17 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1) 3)`,
			`("message" "rfc822" NIL NIL NIL "7bit" 17 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)`},
		{"raw 8-bit and NUL", "Content-Type: a/b; c=\"\xe4\x00\"||", "(\"a\" \"b\" (\"c\" {4}\r\n\xe4\uFFFD) NIL NIL \"7bit\" 0)",
			"(\"a\" \"b\" (\"c\" {4}\r\n\xe4\uFFFD) NIL NIL \"7bit\" 0 NIL NIL NIL NIL)"},
		{"a disposition without type keeps its file name", "Content-Disposition: ; filename=f|MIME-Version: 1.0||",
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`,
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL ("" ("filename" "f")) NIL NIL)`},
	} {
		root, _ := scan(t, c.in)
		if got := string(AppendBodyStructure(nil, root, false)); got != c.body {
			t.Errorf("%s: BODY is\n%s, want\n%s", c.why, got, c.body)
		}
		if got := string(AppendBodyStructure(nil, root, true)); got != c.extended {
			t.Errorf("%s: BODYSTRUCTURE is\n%s, want\n%s", c.why, got, c.extended)
		}
	}
}
