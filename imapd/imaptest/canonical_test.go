package imaptest

import "testing"

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ why, line, want string }{
		{"a name as an atom", `* STATUS box (MESSAGES 1)`, `* STATUS "box" (MESSAGES 1)`},
		{"a name as a string", `* STATUS "box" (MESSAGES 1)`, `* STATUS "box" (MESSAGES 1)`},
		{"INBOX stays", `* STATUS INBOX (MESSAGES 1)`, `* STATUS INBOX (MESSAGES 1)`},
		{"LIST", `* LIST (\HasNoChildren) "." a.b`, `* LIST (\HasNoChildren) "." "a.b"`},
		{"LIST with more", `* LIST () "/" a ("CHILDINFO" ("SUBSCRIBED"))`, `* LIST () "/" "a" ("CHILDINFO" ("SUBSCRIBED"))`},
		{"a name as a literal", `* LIST () "/" {3}a"b`, `* LIST () "/" {3}a"b`},
		{"UID, FLAGS and MODSEQ in front", `* 1 FETCH (RFC822.SIZE 5 MODSEQ (7) FLAGS (\Seen x) UID 3)`, `* 1 FETCH (UID 3 FLAGS (\Seen x) MODSEQ (7) RFC822.SIZE 5)`},
		{"one item", `* 1 FETCH (UID 3)`, `* 1 FETCH (UID 3)`},
		{"what is behind a literal stays", `* 1 FETCH (FLAGS () UID 3 BODY[] {7}UID 4 ( UID 5)`, `* 1 FETCH (UID 3 FLAGS () BODY[] {7}UID 4 ( UID 5)`},
		{"nothing to be put in order", `* 1 FETCH (BODY[] NIL FLAGS ())`, `* 1 FETCH (BODY[] NIL FLAGS ())`},
		{"another response", `* 3 EXISTS`, `* 3 EXISTS`},
	} {
		if got := canonical(tt.line); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}
