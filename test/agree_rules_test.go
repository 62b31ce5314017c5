package test

import (
	"regexp"
	"strings"

	mail "restante/message"
)

// A rule is one of docs/deviations.md: it explains why a message is found, sorted
// or put into a thread otherwise than by Dovecot. query is what the command must
// have in it.
type rule struct {
	name    string
	query   *regexp.Regexp
	applies func(m *corpusMail, command string) bool
}

func inQuery(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

// headerKeys are the fields that a command looks into.
var headerKeys = inQuery(`\b(SUBJECT|FROM|TO|CC|BCC|HEADER (\S+)) ["{]`)

// fieldsOf gives these.
func fieldsOf(command string) (fields []string) {
	for _, k := range headerKeys.FindAllStringSubmatch(command, -1) {
		fields = append(fields, strings.TrimPrefix(k[1], "HEADER "))
	}
	return fields
}

func oddFields(m *corpusMail, command string) bool {
	for _, f := range fieldsOf(command) {
		if m.oddText(f) {
			return true
		}
	}
	return false
}

func oddAddresses(m *corpusMail, command string) bool {
	for _, f := range fieldsOf(command) {
		if m.oddAddress(f) {
			return true
		}
	}
	return false
}

// searchRules explain what is found by one server only.
var searchRules = []rule{
	{"sent-without-date", inQuery(`SENT`), func(m *corpusMail, _ string) bool { return m.noDate() }},
	{"sent-dates", inQuery(`SENT`), func(m *corpusMail, _ string) bool { return m.oddDate() }},
	{"nul-in-field-name", headerKeys, func(m *corpusMail, _ string) bool { return m.hasNUL() }},
	{"search-header-space", inQuery(`SUBJECT " "`), func(*corpusMail, string) bool { return true }},
	{"search-header-space", inQuery(`TEXT "[A-Za-z]+: "`), func(m *corpusMail, _ string) bool { return m.emptyField() }},
	{"search-tab", inQuery(`HEADER \S+ "[^"]* `), func(m *corpusMail, command string) bool { return m.hasTab(fieldsOf(command)[0]) }},
	{"beyond-the-end", inQuery(`(SEARCH|OR|NOT) (1490|4000):\*`), func(m *corpusMail, _ string) bool { return m.last }},
	{"not-modseq", inQuery(`NOT MODSEQ`), func(*corpusMail, string) bool { return true }},
	{"white-space", inQuery(`SUBJECT "  "`), func(*corpusMail, string) bool { return true }},
	{"address-marks", inQuery(`\b(FROM|TO|CC|BCC) "(<|@|\\")"`), func(*corpusMail, string) bool { return true }},
	{"address-composed", inQuery(`\b(FROM|TO|CC|BCC) "`), oddAddresses},
	{"header-charset", headerKeys, oddFields},
	{"header-charset", inQuery(`\bTEXT "`), func(m *corpusMail, _ string) bool { return m.oddHeader() }},
	{"part-structure", inQuery(`\b(BODY|TEXT) "`), func(m *corpusMail, _ string) bool { return m.oddStructure() }},
	{"part-encoding", inQuery(`\b(BODY|TEXT) "`), func(m *corpusMail, _ string) bool { return m.oddEncoding() }},
	{"part-charset", inQuery(`\b(BODY|TEXT) "`), func(m *corpusMail, _ string) bool { return m.oddCharset() }},
}

// orderRules explain why a message stands elsewhere. Those of dates are for every
// order in which a date may decide.
var orderRules = []rule{
	{"sent-dates", inQuery(`^SORT \([^)]*DATE|^THREAD`), func(m *corpusMail, _ string) bool { return m.oddDate() }},
	{"header-charset", inQuery(`^SORT \([^)]*SUBJECT|^THREAD (ORD|REFERENCES)`), func(m *corpusMail, _ string) bool { return m.oddText("Subject") }},
	{"nul-in-field-name", inQuery(`^SORT \([^)]*SUBJECT|^THREAD`), func(m *corpusMail, _ string) bool { return m.hasNUL() }},
	{"thread-ties", inQuery(`^THREAD REFS`), func(m *corpusMail, _ string) bool {
		return m.twin && len(mail.HeaderFields(m.header, "References")) > 0
	}},
	{"address-composed", inQuery(`^SORT \([^)]*FROM`), func(m *corpusMail, _ string) bool { return m.oddFirst("From") }},
	{"address-composed", inQuery(`^SORT \([^)]*TO`), func(m *corpusMail, _ string) bool { return m.oddFirst("To") }},
	{"address-composed", inQuery(`^SORT \([^)]*CC`), func(m *corpusMail, _ string) bool { return m.oddFirst("Cc") }},
}

// rulesFor gives the rules that are for a command.
func rulesFor(rules []rule, command string) (list []rule) {
	for _, r := range rules {
		if r.query.MatchString(command) {
			list = append(list, r)
		}
	}
	return list
}
