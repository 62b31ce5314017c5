package message

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var errDate = errors.New("no day, month and year")

// ParseDate reads a date-time of RFC 5322 section 3.3 with the obsolete forms of
// section 4.3, and what else stands in Date fields: without weekday, seconds or
// zone (then UTC), with a time that cannot be (then 0:00), in the order of asctime, with dashes, with the zone in words, or
// as ISO 8601. An error means that day, month and year cannot be told.
func ParseDate(s string) (time.Time, error) {
	var d dateParts
	d.hour = -1
	for _, token := range dateTokens(s) {
		d.token(token)
	}
	if d.day == 0 || d.month == 0 || !d.haveYear {
		return time.Time{}, fmt.Errorf("date %q: %w", s[:min(len(s), 80)], errDate)
	}
	if d.hour < 0 || d.hour > 23 || d.min > 59 || d.sec > 60 {
		d.hour, d.min, d.sec = 0, 0, 0 // RFC 5256 section 2.2
	}
	if d.zone == nil {
		d.zone = time.UTC
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.min, d.sec, 0, d.zone), nil
}

// dateTokens cuts a date into words: at white space and commas, without comments,
// with hh:mm:ss held together.
func dateTokens(s string) []string {
	x := lexer{s: appendUnfolded(nil, []byte(s[:min(len(s), 1000)]))}
	for x.i < len(x.s) {
		if x.at('(') {
			if !x.skipComment() {
				break
			}
			x.out = append(x.out, ' ')
			continue
		}
		x.out = append(x.out, x.s[x.i])
		x.i++
	}
	f := strings.FieldsFunc(string(x.out), func(r rune) bool { return r <= ' ' || r == ',' || r == ';' || r > 0x7e })
	var tokens []string
	for _, t := range f {
		if n := len(tokens); n > 0 && (t[0] == ':' || strings.HasSuffix(tokens[n-1], ":")) {
			tokens[n-1] += t
			continue
		}
		tokens = append(tokens, t)
	}
	return tokens
}

type dateParts struct {
	day, month, year int
	haveYear         bool
	hour, min, sec   int
	zone             *time.Location
}

func (d *dateParts) token(t string) {
	switch c := t[0]; {
	case d.hour >= 0 && (c == '+' || c == '-'):
		d.offset(t)
	case d.isoDate(t):
	case strings.IndexByte(t, ':') > 0 && isDigit(c):
		d.clock(t)
	case strings.IndexByte(t, '-') > 0 || strings.IndexByte(t, '/') > 0:
		for _, part := range strings.FieldsFunc(t, func(r rune) bool { return r == '-' || r == '/' }) {
			d.token(part)
		}
	case isDigit(c):
		d.number(t)
	default:
		d.word(t)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isoDate reads yyyy-mm-dd with what follows behind T.
func (d *dateParts) isoDate(t string) bool {
	if len(t) < 10 || t[4] != '-' || t[7] != '-' || d.day != 0 {
		return false
	}
	date, err := time.Parse(time.DateOnly, t[:10])
	if err != nil {
		return false
	}
	d.year, d.month, d.day, d.haveYear = date.Year(), int(date.Month()), date.Day(), true
	if rest := t[10:]; len(rest) > 1 {
		clock := rest[1:]
		if i := strings.IndexAny(clock, "+-Z"); i >= 0 {
			d.clock(clock[:i])
			d.word(clock[i:])
		} else {
			d.clock(clock)
		}
	}
	return true
}

// clock reads hh:mm[:ss[.fraction]], with AM or PM or a zone directly behind it.
func (d *dateParts) clock(t string) {
	if d.hour >= 0 {
		return
	}
	if i := strings.IndexAny(t, "+-"); i > 0 {
		defer d.offset(t[i:])
		t = t[:i]
	}
	end := strings.TrimLeft(t, "0123456789:.")
	part := strings.SplitN(strings.TrimSuffix(t, end), ":", 3)
	d.hour, d.min = number(part[0]), 0
	if len(part) > 1 {
		d.min = number(part[1])
	}
	if len(part) > 2 {
		seconds, _, _ := strings.Cut(part[2], ".")
		d.sec = number(seconds)
	}
	if end != "" {
		d.word(end)
	}
}

// number is the value of up to four digits; more, or none, are out of any range.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) > 4 {
		return 9999
	}
	return n
}

// number takes a day or a year, whichever is missing.
func (d *dateParts) number(t string) {
	digits := t[:len(t)-len(strings.TrimLeft(t, "0123456789"))]
	n := number(digits)
	switch {
	case d.day == 0 && n >= 1 && n <= 31 && len(digits) <= 2:
		d.day = n
	case !d.haveYear && len(digits) <= 4:
		d.year, d.haveYear = fullYear(n, len(digits)), true
	}
	if rest := t[len(digits):]; rest != "" && rest[0] != '.' {
		d.word(rest)
	}
}

// fullYear completes a year, RFC 5322 section 4.3.
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	}
	return n
}

// word takes the name of a month or a zone; names of days say nothing.
func (d *dateParts) word(t string) {
	t = strings.Trim(t, ".\"'")
	if t == "" {
		return
	}
	upper := strings.ToUpper(t)
	if len(upper) >= 3 && d.month == 0 {
		if i := strings.Index("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", upper[:3]); i >= 0 && i%4 == 0 {
			d.month = i/4 + 1
			return
		}
	}
	switch {
	case upper == "PM" && d.hour >= 0 && d.hour < 12:
		d.hour += 12
	case upper == "AM" && d.hour == 12:
		d.hour = 0
	case upper[0] == '+' || upper[0] == '-':
		d.offset(upper)
	case strings.HasPrefix(upper, "GMT") || strings.HasPrefix(upper, "UTC"):
		d.offset(strings.TrimLeft(upper, "GMTUC"))
		d.setZone(0, upper)
	default:
		if offset, ok := zoneNames[upper]; ok {
			d.setZone(offset*60, upper)
		}
	}
}

// zoneNames holds the offsets in minutes of obs-zone (RFC 5322 section 4.3) and of
// other names that are not ambiguous in mail. Military letters but Z mean nothing
// there, as they were used with either sign.
var zoneNames = map[string]int{
	"Z": 0, "UT": 0, "WET": 0, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
	"PST": -480, "PDT": -420, "CET": 60, "MET": 60, "MEZ": 60, "BST": 60, "WEST": 60, "CEST": 120,
	"MEST": 120, "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180, "MSD": 240, "JST": 540, "KST": 540,
	"HKT": 480, "SGT": 480, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780, "AKST": -540, "AKDT": -480, "HST": -600,
}

// offset takes a zone as (+/-)hhmm or (+/-)hh:mm.
func (d *dateParts) offset(t string) {
	if len(t) < 2 || t[0] != '+' && t[0] != '-' {
		return
	}
	digits := strings.ReplaceAll(t[1:], ":", "")
	end := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
	if digits = digits[:end]; len(digits) == 0 || len(digits) > 4 {
		return
	}
	n := number(digits)
	if len(digits) <= 2 {
		n *= 100
	}
	seconds := n/100*3600 + n%100*60
	if n/100 > 24 || n%100 > 59 {
		seconds = 0 // RFC 5322 section 4.3: what makes no sense is -0000
	}
	if t[0] == '-' {
		seconds = -seconds
	}
	d.setZone(seconds, "")
}

// setZone sets the zone unless it is known.
func (d *dateParts) setZone(seconds int, name string) {
	switch {
	case d.zone != nil:
	case seconds == 0 && name != "":
		d.zone = time.UTC
	default:
		d.zone = time.FixedZone(name, seconds)
	}
}
