package imaptest

import (
	"fmt"
	"regexp"
)

var listLine = regexp.MustCompile(`^\* LIST \(([^)]*)\) (?:"[^"]*"|NIL) (.*)$`)

// Empty deletes all mailboxes of the account and all messages of its INBOX, so
// that a script can run on a server that is not made anew for it.
func Empty(srv Server) error {
	nc, err := srv.Dial()
	if err != nil {
		return err
	}
	c := NewClient(nc)
	defer c.Close()
	if _, err := c.Response(); err != nil {
		return err
	}
	if _, err := c.OK("LOGIN " + srv.User + " " + srv.Pass); err != nil {
		return err
	}
	lines, err := c.OK(`LIST "" *`)
	if err != nil {
		return err
	}
	for i := len(lines) - 1; i >= 0; i-- { // what is below comes first
		m := listLine.FindStringSubmatch(lines[i])
		if m == nil || m[2] == "INBOX" {
			continue
		}
		if _, _, err := c.Do("DELETE " + m[2]); err != nil { // a name that only leads to others may refuse
			return err
		}
	}
	if lines, err = c.OK("LSUB \"\" *"); err != nil {
		return err
	}
	for _, line := range lines {
		if m := regexp.MustCompile(`^\* LSUB \([^)]*\) \S+ (.*)$`).FindStringSubmatch(line); m != nil {
			if _, _, err := c.Do("UNSUBSCRIBE " + m[1]); err != nil {
				return err
			}
		}
	}
	for _, command := range []string{"SELECT INBOX", `UID STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "LOGOUT"} {
		if _, err := c.OK(command); err != nil {
			return fmt.Errorf("emptying the account: %w", err)
		}
	}
	return nil
}
