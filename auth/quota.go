package auth

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"restante/mailstore"
)

// errQuotaRule is what is wrong with most rules that we do not have.
var errQuotaRule = errors.New("write userdb_quota_rule=*:storage=2G:messages=10000; other rules are not supported")

// parseQuotaRule reads the field quota_rule of Dovecot's user database:
//
//	*:storage=2G:messages=10000
//
// The rule has to be for all mailboxes. storage is in KiB where it has no unit,
// bytes in octets, and 0 is no limit.
func parseQuotaRule(rule string) (mailstore.Amount, error) {
	var limit mailstore.Amount
	mailbox, limits, ok := strings.Cut(rule, ":")
	if !ok || mailbox != "*" {
		return limit, errQuotaRule
	}
	for _, item := range strings.Split(limits, ":") {
		name, value, _ := strings.Cut(item, "=")
		var err error
		switch name {
		case "storage":
			limit.Octets, err = parseLimit(value, 1<<10, true)
		case "bytes":
			limit.Octets, err = parseLimit(value, 1, true)
		case "messages":
			limit.Messages, err = parseLimit(value, 1, false)
		default:
			err = errQuotaRule
		}
		if err != nil {
			return mailstore.Amount{}, err
		}
	}
	return limit, nil
}

// parseLimit reads a number with a unit, of which without one it is worth as much.
func parseLimit(text string, worth int64, units bool) (int64, error) {
	digits := strings.TrimRight(text, "bBkKmMgGtTiI")
	if unit := strings.ToUpper(text[len(digits):]); unit != "" {
		power := strings.Index("BKMGT", unit[:1])
		if rest := unit[1:]; !units || power < 0 || rest != "" && (power == 0 || rest != "B" && rest != "IB" && rest != "I") {
			return 0, fmt.Errorf("%q is no limit; write a number, for octets with a unit such as 500M or 2G", text)
		}
		worth = 1 << (10 * power)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil || n < 0 || n > math.MaxInt64/worth:
		return 0, fmt.Errorf("%q is no limit; write a number, for octets with a unit such as 500M or 2G", text)
	case n == 0:
		return mailstore.NoLimit, nil
	}
	return n * worth, nil
}

// quota applies the fields of a user that limit what he may hold, in the words of
// Dovecot 2.3 and of 2.4. What is not understood limits nothing, and is reported.
func (t *Table) quota(a *account, name, value string) {
	var limit mailstore.Amount
	var err error
	switch {
	case name == "quota_rule":
		limit, err = parseQuotaRule(value)
	case name == "quota_storage_size":
		limit.Octets, err = parseLimit(value, 1, true)
	case name == "quota_message_count":
		limit.Messages, err = parseLimit(value, 1, false)
	case strings.HasPrefix(name, "quota_rule"):
		err = errQuotaRule
	default:
		return
	}
	if err != nil {
		t.warn(a.line, "user %q: userdb_%s=%s has no effect: %v", a.Name, name, value, err)
		return
	}
	a.Quota = limit.Or(a.Quota)
}
