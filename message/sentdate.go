package message

import "time"

// ParseDateUnix is ParseDate in seconds since 1970. Dates that are written as RFC
// 5322 section 3.3 wants them, which is nearly all, cost no allocation.
func ParseDateUnix(value []byte) (sec int64, ok bool) {
	if t, east, ok := plainDate(value); ok {
		return t.Unix() - int64(east)*60, true
	}
	t, err := ParseDate(string(value))
	return t.Unix(), err == nil
}

// ParseDay is the day of ParseDate, in the zone of the date.
func ParseDay(value []byte) (year int, month time.Month, day int, ok bool) {
	t, _, ok := plainDate(value)
	if !ok {
		var err error
		if t, err = ParseDate(string(value)); err != nil {
			return 0, 0, 0, false
		}
	}
	year, month, day = t.Date()
	return year, month, day, true
}

// plainDate reads
//
//	[day-name ","] day month year hour ":" minute [":" second] zone [comment]
//
// with single spaces between, four digits of year, and nothing out of its range:
// the time as it is written, as if it were UTC, and by how many minutes the zone
// is east of that. It is not ok with anything else.
func plainDate(s []byte) (t time.Time, east int, ok bool) {
	d := plainReader{s: s}
	if len(s) > 4 && s[3] == ',' {
		d.name("sunmontuewedthufrisat")
		d.char(',')
		d.space()
	}
	day := d.digits(1, 2)
	d.space()
	month := time.Month(d.name("janfebmaraprmayjunjulaugsepoctnovdec"))
	d.space()
	year := d.digits(4, 4)
	d.space()
	hour := d.digits(2, 2)
	d.char(':')
	minute := d.digits(2, 2)
	second := 0
	if len(d.s) > 0 && d.s[0] == ':' {
		d.char(':')
		second = d.digits(2, 2)
	}
	d.space()
	east = d.zone()
	d.comment()
	if d.bad || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, 0, false
	}
	return time.Date(year, month, day, hour, minute, second, 0, time.UTC), east, true
}

// A plainReader reads from the front of a date, and is bad once something else
// comes than is asked for.
type plainReader struct {
	s   []byte
	bad bool
}

func (d *plainReader) char(c byte) {
	if d.bad || len(d.s) == 0 || d.s[0] != c {
		d.bad = true
		return
	}
	d.s = d.s[1:]
}

func (d *plainReader) space() { d.char(' ') }

func (d *plainReader) digits(least, most int) int {
	n, i := 0, 0
	for i < len(d.s) && i < most && isDigit(d.s[i]) {
		n = n*10 + int(d.s[i]-'0')
		i++
	}
	d.bad = d.bad || i < least
	d.s = d.s[i:]
	return n
}

// name reads one of several names of three letters and gives its place, from 1.
func (d *plainReader) name(names string) int {
	if !d.bad && len(d.s) >= 3 {
		for i := 0; i < len(names); i += 3 {
			if equalFold(d.s[:3], names[i:i+3]) {
				d.s = d.s[3:]
				return i/3 + 1
			}
		}
	}
	d.bad = true
	return 0
}

// zone reads an offset in minutes.
func (d *plainReader) zone() int {
	west := len(d.s) > 0 && d.s[0] == '-'
	if west {
		d.char('-')
	} else {
		d.char('+')
	}
	hours, minutes := d.digits(2, 2), d.digits(2, 2)
	d.bad = d.bad || hours > 14 || minutes > 59
	if west {
		return -hours*60 - minutes
	}
	return hours*60 + minutes
}

// comment passes over the name of a zone in parentheses at the end.
func (d *plainReader) comment() {
	if d.bad || len(d.s) == 0 {
		return
	}
	d.space()
	d.char('(')
	for len(d.s) > 1 && d.s[0] >= ' ' && d.s[0] < 0x7f && d.s[0] != '(' && d.s[0] != ')' && d.s[0] != '\\' {
		d.s = d.s[1:]
	}
	d.char(')')
	d.bad = d.bad || len(d.s) > 0
}
