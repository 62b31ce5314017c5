package imaptest

import (
	"regexp"
	"strings"
)

// canonical gives a response as the scripts write it, where a server has the choice: a mailbox
// name as a quoted string, but for INBOX; and of what stands in front in a FETCH response first
// UID, then FLAGS, then MODSEQ.
func canonical(line string) string {
	if m := nameForm.FindStringSubmatch(line); m != nil && m[2] != "INBOX" {
		return m[1] + `"` + m[2] + `"` + m[3]
	}
	if m := fetchForm.FindStringSubmatch(line); m != nil {
		return m[1] + inOrder(m[2])
	}
	return line
}

var (
	nameForm  = regexp.MustCompile(`^(\* STATUS |\* (?:LIST|LSUB) \([^)]*\) (?:"."|NIL) )([^" {]+)(.*)$`)
	fetchForm = regexp.MustCompile(`^(\* \d+ FETCH \()(.*)$`)
	plainItem = regexp.MustCompile(`^(UID|FLAGS|MODSEQ|RFC822\.SIZE|INTERNALDATE) (?:\d+|\([^)]*\)|"[^"]*")`)
)

// inOrder puts the items of a FETCH response in order that stand in front of the first that may
// have a literal.
func inOrder(items string) string {
	front := make(map[string]string)
	var list []string
	for {
		m := plainItem.FindStringSubmatch(items)
		if m == nil {
			break
		}
		switch m[1] {
		case "UID", "FLAGS", "MODSEQ":
			front[m[1]] = m[0]
		default:
			list = append(list, m[0])
		}
		rest, more := strings.CutPrefix(items[len(m[0]):], " ")
		items = rest
		if !more {
			break
		}
	}
	var all []string
	for _, name := range []string{"UID", "FLAGS", "MODSEQ"} {
		if front[name] != "" {
			all = append(all, front[name])
		}
	}
	all = append(all, list...)
	text := strings.Join(all, " ")
	if text != "" && items != "" && !strings.HasPrefix(items, ")") {
		text += " "
	}
	return text + items
}
