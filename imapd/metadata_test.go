package imapd

import (
	"fmt"
	"strings"
	"testing"

	"restante/mailstore"
)

// TestMetadataLimits: what is too long or too much is refused with the codes of
// RFC 5464 section 4.3, and nothing of it is kept.
func TestMetadataLimits(t *testing.T) {
	opt := testOptions(t)
	opt.Admin = "mailto:postmaster@test.example"
	c := client(t, listen(t, opt))
	ask := func(command string, want ...string) {
		t.Helper()
		lines, tagged, err := c.Do(command)
		got := append(lines, tagged)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%.60q: %q, %v; want %q", command, got, err, want)
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%.60q: %.100q, want %q", command, got[i], want[i])
			}
		}
	}
	literal := func(n int) string { return fmt.Sprintf("{%d+}\r\n%s", n, strings.Repeat("v", n)) }
	ask("SETMETADATA INBOX (/private/a "+literal(mailstore.MaxAnnotation+1)+")", "NO [METADATA MAXSIZE 65536]")
	var many strings.Builder
	for i := range mailstore.MaxAnnotations + 1 {
		fmt.Fprintf(&many, " /private/x%d v", i)
	}
	ask("SETMETADATA INBOX ("+many.String()[1:]+")", "NO [METADATA TOOMANY]")
	ask("SETMETADATA INBOX (/private/"+strings.Repeat("n", 2000)+" v)", "NO [CANNOT]")
	ask("GETMETADATA (DEPTH infinity) INBOX /private", "OK")
	ask("SETMETADATA INBOX (/private/a "+literal(mailstore.MaxAnnotation)+")", "OK")
	ask("GETMETADATA (MAXSIZE 10) INBOX /private/a", "OK [METADATA LONGENTRIES 65536]")
	ask(`GETMETADATA "" /shared/admin`, `* METADATA "" (/shared/admin "mailto:postmaster@test.example")`, "OK")
	ask(`GETMETADATA (DEPTH 1) "" /shared`, `* METADATA "" (/shared/admin "mailto:postmaster@test.example")`, "OK")
}
