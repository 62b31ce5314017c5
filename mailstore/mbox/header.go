package mbox

import (
	"bytes"
	"strconv"
	"strings"

	"restante/mailstore"
)

// fieldKind tells apart the header fields that an mbox keeps for itself, and a
// few that the parser looks at.
type fieldKind uint8

const (
	fieldOther fieldKind = iota
	fieldStatus
	fieldXStatus
	fieldXKeywords
	fieldXUID
	fieldIMAPbase
	fieldIMAP
	fieldContentLength
	fieldLines
	fieldReceived
	fieldDate
	fieldSubject
	// fieldEscaped is a line of a message that could not stand in the mbox as it
	// is, behind escapePrefix; only the prefix is hidden.
	fieldEscaped
	// fieldCut is the same with cutPrefix: the line end is not the message's.
	fieldCut
	fieldKinds
)

// fieldNamed is what a name in lower case stands for.
func fieldNamed(name []byte) fieldKind {
	switch string(name) {
	case "status":
		return fieldStatus
	case "x-status":
		return fieldXStatus
	case "x-keywords":
		return fieldXKeywords
	case "x-uid":
		return fieldXUID
	case "x-imapbase":
		return fieldIMAPbase
	case "x-imap":
		return fieldIMAP
	case "content-length":
		return fieldContentLength
	case "lines":
		return fieldLines
	case "received":
		return fieldReceived
	case "date":
		return fieldDate
	case "subject":
		return fieldSubject
	}
	return fieldOther
}

const longestFieldName = len("content-length")

// hidden reports whether clients never see fields of this kind. Dovecot hides
// the same ones.
func (k fieldKind) hidden() bool { return k >= fieldStatus && k <= fieldContentLength }

// The prefixes behind which stand lines of appended messages that would mean
// something to a reader of the mbox: From lines and the fields above. A message
// comes back with the line as it was; no delivered field can forge a UID.
var (
	escapePrefix = []byte("X-Restante-Line: ")
	cutPrefix    = []byte("X-Restante-Cut: ")
)

// plain reports whether lines of this kind are shown as they stand, and belong to what
// a message is recognized by.
func (k fieldKind) plain() bool {
	return k == fieldOther || k >= fieldReceived && k <= fieldSubject
}

// kindOf classifies a header line that is no continuation.
func kindOf(line []byte) fieldKind {
	if line[0] == 'X' {
		switch {
		case bytes.HasPrefix(line, cutPrefix):
			return fieldCut
		case bytes.HasPrefix(line, escapePrefix) && needsEscape(line[len(escapePrefix):]):
			return fieldEscaped
		}
	}
	switch line[0] | 0x20 {
	case 's', 'x', 'c', 'l', 'r', 'd': // as all these names begin
	default:
		return fieldOther
	}
	var name [longestFieldName]byte
	n := 0
	for ; n < len(line) && line[n] != ':' && line[n] != ' ' && line[n] != '\t'; n++ {
		if n == len(name) {
			return fieldOther
		}
		c := line[n]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		name[n] = c
	}
	kind := fieldNamed(name[:n])
	if kind == fieldOther || !bytes.HasPrefix(bytes.TrimLeft(line[n:], " \t"), []byte(":")) {
		return fieldOther
	}
	return kind
}

// needsEscape reports whether a header line of a message cannot stand in an
// mbox as it is.
func needsEscape(line []byte) bool {
	return len(line) > 0 && (bytes.HasPrefix(line, fromPrefix) ||
		bytes.HasPrefix(line, escapePrefix) || bytes.HasPrefix(line, cutPrefix) || kindOf(line).hidden())
}

// hiddenPrefix is how many octets at the start of such a line are hidden.
func (k fieldKind) hiddenPrefix() int {
	switch k {
	case fieldEscaped:
		return len(escapePrefix)
	case fieldCut:
		return len(cutPrefix)
	}
	return 0
}

func isBlank(line []byte) bool {
	return len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}

func isContinuation(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// looksLikeField reports whether a line begins like a header field.
func looksLikeField(line []byte) bool {
	i := bytes.IndexByte(line[:min(len(line), 100)], ':')
	if i <= 0 {
		return false
	}
	for _, c := range line[:i] {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// fieldValue is what stands behind the colon.
func fieldValue(field []byte) []byte {
	_, v, _ := bytes.Cut(field, []byte(":"))
	return bytes.TrimSpace(v)
}

// statusFlags reads Status: R is \Seen, O says that the message is not recent.
func statusFlags(v []byte) (sys mailstore.System, old bool) {
	if bytes.IndexByte(v, 'R') >= 0 {
		sys = mailstore.Seen
	}
	return sys, bytes.IndexByte(v, 'O') >= 0
}

// xStatusLetters are the flags of X-Status in the order in which they are written.
var xStatusLetters = []struct {
	letter byte
	flag   mailstore.System
}{{'A', mailstore.Answered}, {'F', mailstore.Flagged}, {'D', mailstore.Deleted}, {'T', mailstore.Draft}}

func xStatusFlags(v []byte) (sys mailstore.System) {
	for _, l := range xStatusLetters {
		if bytes.IndexByte(v, l.letter) >= 0 {
			sys |= l.flag
		}
	}
	return sys
}

// keywordWords returns the words of X-Keywords that can be IMAP keywords.
func keywordWords(v []byte) []string {
	var words []string
	for _, w := range strings.Fields(string(v)) {
		if isAtom(w) {
			words = append(words, w)
		}
	}
	return words
}

// isAtom checks the grammar of RFC 9051 section 9, atom.
func isAtom(w string) bool {
	for i := range len(w) {
		if c := w[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return w != ""
}

func parseUID(v []byte) mailstore.UID {
	n, err := strconv.ParseUint(string(v), 10, 32)
	if err != nil || mailstore.UID(n) >= mailstore.MaxUID {
		return 0
	}
	return mailstore.UID(n)
}

// base is what X-IMAPbase, or X-IMAP of UW's pseudo message, says.
type base struct {
	found    bool
	pseudo   bool // it stands in UW's pseudo message
	validity uint32
	last     mailstore.UID
	keywords []string
}

// maxBaseLast bounds what is believed of a last UID: with fewer UIDs left the
// number is damaged, or a delivered message lies.
const maxBaseLast = mailstore.MaxUID - 1<<20

func parseBase(v []byte) (base, bool) {
	words := strings.Fields(string(v))
	if len(words) < 2 {
		return base{}, false
	}
	validity, err1 := strconv.ParseUint(words[0], 10, 32)
	last, err2 := strconv.ParseUint(words[1], 10, 32)
	if err1 != nil || err2 != nil || validity == 0 || mailstore.UID(last) > maxBaseLast {
		return base{}, false
	}
	b := base{found: true, validity: uint32(validity), last: mailstore.UID(last)}
	for _, w := range words[2:] {
		if isAtom(w) {
			b.keywords = append(b.keywords, w)
		}
	}
	return b, true
}
