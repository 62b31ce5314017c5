package imapd

import (
	"slices"
	"testing"

	"restante/imapd/imaptest"
	"restante/mailstore/memory"
	"restante/mailstore/shared"
)

// TestListDetails: what goes with a name goes with those that are selected, and not
// with what is listed for what stands below it or is no mailbox (RFC 5819 section 2,
// RFC 8440 section 4, RFC 9590 section 4).
func TestListDetails(t *testing.T) {
	opt := testOptions(t)
	opt.Store = shared.New(shared.Options{Store: memory.New(memory.Options{}), Users: anyone{}})
	c := client(t, listen(t, opt))
	for _, command := range []string{"CREATE up/down", "CREATE up", "SUBSCRIBE up/down", "SUBSCRIBE nowhere", "SETMETADATA up (/private/x v)"} {
		do(t, c, command)
	}
	const details = " RETURN (STATUS (MESSAGES) MYRIGHTS METADATA (/private/x))"
	up := []string{`* STATUS "up" (MESSAGES 0)`, `* MYRIGHTS "up" lrswipkxteacd`, `* METADATA "up" (/private/x "v")`}
	for command, want := range map[string][]string{
		`LIST "" up`: slices.Concat([]string{`* LIST (\HasChildren) "/" "up"`}, up),
		`LIST (SUBSCRIBED RECURSIVEMATCH) "" %`: {
			`* LIST (\NonExistent \Subscribed) "/" "nowhere"`,
			`* LIST (\HasChildren) "/" "up" ("CHILDINFO" ("SUBSCRIBED"))`,
		},
	} {
		if got := untagged(t, c, command+details); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

// untagged gives the untagged answers to a command that succeeds.
func untagged(t *testing.T, c *imaptest.Client, command string) []string {
	t.Helper()
	lines, tagged, err := c.Do(command)
	if err != nil || len(tagged) < 2 || tagged[:2] != "OK" {
		t.Fatalf("%s: %q, %v", command, tagged, err)
	}
	return lines
}
