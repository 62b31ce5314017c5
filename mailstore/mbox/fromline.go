package mbox

import (
	"bytes"
	"fmt"
	"time"

	"restante/mailstore"
)

// fromKind is a form of From line. A dated line separates messages in every
// mbox. The other forms do so only in a file whose first line has that form:
// Dovecot refuses such files, and in all others body text that happens to look
// like one of them must not split a message.
type fromKind uint8

const (
	fromNone fromKind = iota
	// fromDated is `From SENDER DATE` with the date of asctime(3) or of RFC 2822,
	// the grammar of Dovecot's mbox_from_parse: zones before or after the year,
	// by name or number, seconds or none.
	fromDated
	// fromSpaced is the same with a sender of several words, as in the archives
	// of pipermail: `From user at host  DATE`.
	fromSpaced
	// fromDash is `From -`, of Netscape and its children when they knew no date.
	fromDash
	// fromID is `From TOKEN@TOKEN` without a date, of Gmail's exports.
	fromID
	// fromBare is `From ` and nothing else.
	fromBare
)

// maxFromLine bounds a From line. Longer ones are text.
const maxFromLine = 4096

// minYear is the first year that a From line is believed. Programs that know
// no date write the year 0.
//
// QUIRK: Outlook asks for ever for a message with an internal date of that year.
const minYear = 1900

var fromPrefix = []byte("From ")

// parseFrom tells what kind of From line this is, and the time it names in
// seconds since 1970, or mailstore.Unknown. A line without a zone is local time.
func parseFrom(line []byte, zone *time.Location) (fromKind, int64) {
	if !bytes.HasPrefix(line, fromPrefix) || len(line) > maxFromLine {
		return fromNone, mailstore.Unknown
	}
	rest := bytes.TrimRight(line[len(fromPrefix):], "\r\n")
	if t, ok := parseStamp(afterSender(rest), zone); ok {
		return fromDated, t
	}
	text := bytes.TrimRight(rest, " \t")
	switch {
	case len(text) == 0:
		return fromBare, mailstore.Unknown
	case string(text) == "-":
		return fromDash, mailstore.Unknown
	case isToken(text):
		return fromID, mailstore.Unknown
	}
	if t, ok := parseSpaced(rest, zone); ok {
		return fromSpaced, t
	}
	return fromNone, mailstore.Unknown
}

// afterSender skips the sender, whose quoted part may hold spaces.
func afterSender(b []byte) []byte {
	i := 0
	if len(b) > 0 && b[0] == '"' {
		for i = 1; i < len(b) && b[i] != '"'; i++ {
			if b[i] == '\\' {
				i++
			}
		}
	}
	if i >= len(b) {
		return nil
	}
	sp := bytes.IndexByte(b[i:], ' ')
	if sp < 0 {
		return nil
	}
	return bytes.TrimLeft(b[i+sp:], " ")
}

// isToken reports whether b is one word with an @ inside.
func isToken(b []byte) bool {
	at := bytes.IndexByte(b, '@')
	return at > 0 && at < len(b)-1 && !bytes.ContainsAny(b, " \t:<>\"")
}

// parseSpaced looks for a date behind a sender of several words.
func parseSpaced(b []byte, zone *time.Location) (int64, bool) {
	for i := 1; i+20 <= len(b); i++ {
		if b[i-1] == ' ' && isWeekday(b[i:]) {
			if t, ok := parseStamp(b[i:], zone); ok {
				return t, true
			}
		}
	}
	return mailstore.Unknown, false
}

const (
	weekdays = "SunMonTueWedThuFriSat"
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

func isWeekday(b []byte) bool {
	return len(b) > 3 && (b[3] == ' ' || b[3] == ',') && nameIndex(weekdays, b) >= 0
}

// nameIndex finds the first three octets of b in a list of names of three
// letters, in any case.
func nameIndex(names string, b []byte) int {
	for i := 0; i+3 <= len(names) && len(b) >= 3; i += 3 {
		if bytes.EqualFold([]byte(names[i:i+3]), b[:3]) {
			return i / 3
		}
	}
	return -1
}

// stamp is what a date line says.
type stamp struct {
	b                                []byte // what is left to read
	year, month, day, hour, min, sec int
	offset                           int // seconds east of Greenwich
	zoned                            bool
}

// parseStamp reads `Www Mmm dd hh:mm[:ss] [zone] yyyy [+hhmm]` or
// `Www, dd Mmm yyyy hh:mm[:ss] [+hhmm]`. The four octets of the weekday may be
// anything, as Dovecot has it: both must find the same messages in a file.
func parseStamp(b []byte, zone *time.Location) (int64, bool) {
	if len(b) < 20 {
		return mailstore.Unknown, false
	}
	s := stamp{b: b[4:]}
	ok := false
	if s.monthName() {
		ok = s.unixDay() && s.clock(true) && s.zoneAndYear()
	} else {
		s.b = s.b[1:]
		ok = s.mailDay() && s.clock(false)
		s.numericZone()
	}
	if !ok {
		return mailstore.Unknown, false
	}
	return s.unix(zone), true
}

func (s *stamp) unix(zone *time.Location) int64 {
	if s.year < minYear {
		return mailstore.Unknown
	}
	if s.zoned {
		zone = time.UTC
	}
	t := time.Date(s.year, time.Month(s.month), max(s.day, 1), s.hour, s.min, s.sec, 0, zone)
	return t.Unix() - int64(s.offset)
}

func (s *stamp) monthName() bool {
	if len(s.b) < 4 || s.b[3] != ' ' {
		return false
	}
	i := nameIndex(months, s.b)
	if i < 0 && string(s.b[:3]) == "???" {
		i = 0 // accepted because Dovecot does
	}
	if i < 0 {
		return false
	}
	s.month = i + 1
	s.b = s.b[4:]
	return true
}

// number reads between lo and hi digits.
func (s *stamp) number(lo, hi int, to *int) bool {
	n, i := 0, 0
	for i < hi && i < len(s.b) && isDigit(s.b[i]) {
		n = n*10 + int(s.b[i]-'0')
		i++
	}
	if i < lo {
		return false
	}
	*to = n
	s.b = s.b[i:]
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *stamp) skip(c byte) bool {
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

// unixDay is ` 9 ` or `09 ` or `9 `.
func (s *stamp) unixDay() bool {
	s.skip(' ')
	return s.number(1, 2, &s.day) && s.skip(' ')
}

// mailDay is `9 Nov 2002 `.
func (s *stamp) mailDay() bool {
	return s.number(1, 2, &s.day) && s.skip(' ') && s.monthName() && s.number(4, 4, &s.year) && s.skip(' ')
}

func (s *stamp) clock(more bool) bool {
	if !s.number(2, 2, &s.hour) || !s.skip(':') || !s.number(2, 2, &s.min) {
		return false
	}
	seconds := s.skip(':')
	if seconds && !s.number(2, 2, &s.sec) {
		return false
	}
	return s.skip(' ') || seconds && !more
}

// zoneAndYear is `2001`, `2001 +0300`, `EDT 2001` or `+0300 2001`. Zones by name
// mean nothing certain and are passed over, as in Dovecot.
func (s *stamp) zoneAndYear() bool {
	if !s.number(4, 4, &s.year) {
		s.numericZone()
		i := bytes.IndexByte(s.b, ' ')
		if i < 0 {
			return false
		}
		s.b = s.b[i+1:]
		if !s.number(4, 4, &s.year) {
			return false
		}
	}
	if !s.zoned && s.skip(' ') {
		s.numericZone()
	}
	return true
}

func (s *stamp) numericZone() {
	if len(s.b) < 5 || s.b[0] != '+' && s.b[0] != '-' {
		return
	}
	sign := 1
	if s.b[0] == '-' {
		sign = -1
	}
	z := stamp{b: s.b[1:]}
	var n int
	if !z.number(4, 4, &n) {
		return
	}
	s.offset, s.zoned = sign*(n/100*3600+n%100*60), true
	s.b = z.b
}

// appendFromLine writes a From line as Dovecot and the delivery agents do. The
// zone is added only where local time alone would be read as another moment, as
// in the hour that summer time repeats.
func appendFromLine(dst []byte, sender string, date int64, zone *time.Location) []byte {
	t := time.Unix(date, 0).In(zone)
	if y := t.Year(); y < minYear || y > 9999 {
		t = time.Unix(0, 0).In(zone)
	}
	const asctime = "Mon Jan _2 15:04:05 2006"
	dst = fmt.Appendf(dst, "From %s  %s", sender, t.Format(asctime))
	if again, err := time.ParseInLocation(asctime, t.Format(asctime), zone); err != nil || again.Unix() != t.Unix() {
		dst = append(dst, t.Format(" -0700")...)
	}
	return append(dst, '\n')
}

// defaultSender stands where the envelope is not known.
const defaultSender = "MAILER-DAEMON"

// cleanSender makes a word for the From line of the value of a Return-Path.
func cleanSender(returnPath string) string {
	b := bytes.TrimSpace([]byte(returnPath))
	if i := bytes.LastIndexByte(b, '<'); i >= 0 {
		b, _, _ = bytes.Cut(b[i+1:], []byte(">"))
	}
	if len(b) == 0 || len(b) > 320 {
		return defaultSender
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '"' {
			return defaultSender
		}
	}
	return string(b)
}
