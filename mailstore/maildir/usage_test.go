package maildir_test

import (
	"path/filepath"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestLimitsOfMaildirSize: where nothing is said, the limits that another program
// keeps in maildirsize hold, by its rules.
func TestLimitsOfMaildirSize(t *testing.T) {
	const n = int64(len("From: a@example.org\r\nSubject: x\r\n\r\nThis is x.\r\n"))
	limit := mailstore.Amount{Octets: 100000, Messages: 50}
	for _, c := range []struct {
		why, file string
		set       mailstore.Amount
		want      mailstore.Quota
	}{
		{"no file", "", mailstore.Amount{}, mailstore.Quota{}},
		{"Dovecot counts everything", dovecotSize, mailstore.Amount{}, mailstore.Quota{Limit: limit, Used: mailstore.Amount{Octets: 4 * n, Messages: 4}}},
		{"Courier all but Trash and \\Deleted", courierSize, mailstore.Amount{}, mailstore.Quota{Limit: limit, Used: mailstore.Amount{Octets: 2 * n, Messages: 2}}},
		{"what is said counts, and our rules", courierSize, mailstore.Amount{Messages: 9},
			mailstore.Quota{Limit: mailstore.Amount{Messages: 9}, Used: mailstore.Amount{Octets: 4 * n, Messages: 4}}},
		{"no limit is said", courierSize, mailstore.Amount{Octets: mailstore.NoLimit}, mailstore.Quota{}},
		{"one limit, in the other order", "7C\n0 0\n", mailstore.Amount{}, mailstore.Quota{Limit: mailstore.Amount{Messages: 7}, Used: mailstore.Amount{Octets: 4 * n, Messages: 4}}},
		{"what is no limit", "NOQUOTA,-1S,xC,,99999999999999999999S\n0 0\n", mailstore.Amount{}, mailstore.Quota{}},
		{"an empty file", "\n", mailstore.Amount{}, mailstore.Quota{}},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := t.TempDir()
			deliver(t, root, "cur/1.a:2,", "x") // whose size does not stand in its name
			acct := openAccount(t, maildir.Options{Root: root})
			if err := acct.Create(t.Context(), "Trash"); err != nil {
				t.Fatal(err)
			}
			inbox, trash := openBox(t, acct, "INBOX"), openBox(t, acct, "Trash")
			inbox.add(mailstore.Flags{}, "y")
			inbox.add(mailstore.NewFlags(mailstore.Deleted), "y")
			trash.add(mailstore.Flags{}, "y")
			if c.file != "" {
				write(t, filepath.Join(root, "maildirsize"), c.file)
			}
			acct.(mailstore.Limiter).LimitTo(c.set)
			got, err := acct.Quota(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			// The file whose name does not tell its size counts as it is stored, with LF.
			if d := c.want.Used.Octets - got.Used.Octets; d < 0 || d > 5 {
				t.Errorf("%d octets are counted, want %d", got.Used.Octets, c.want.Used.Octets)
			}
			got.Used.Octets = c.want.Used.Octets
			if got != c.want {
				t.Errorf("the quota is %+v, want %+v", got, c.want)
			}
		})
	}
}
