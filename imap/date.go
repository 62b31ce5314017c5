package imap

import (
	"strconv"
	"strings"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// valid reports whether the calendar has the date, in the years 1 to 9999.
func (d Date) valid() bool {
	t := d.Time(time.UTC)
	return d.Year >= 1 && d.Year <= 9999 && d.Day >= 1 && t.Day() == d.Day && t.Month() == d.Month
}

// Time gives the first moment of the day in a time zone.
func (d Date) Time(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// Compare gives -1, 0 or 1 as d is before, the same as or after e.
func (d Date) Compare(e Date) int { return d.Time(time.UTC).Compare(e.Time(time.UTC)) }

// DateOf gives the date of t in its own time zone.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// dateMonth:
//
//	date-month = "Jan" / "Feb" / ... / "Dec"
func (p *parser) dateMonth() time.Month {
	name := string(p.keywordLetters())
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(monthName(m), name) {
			return m
		}
	}
	p.expected("a month such as Jan")
	return time.January
}

// keywordLetters reads letters only: a month is followed by "-", which a keyword may have.
func (p *parser) keywordLetters() []byte {
	return p.take(func(c byte) bool { c = upper(c); return c >= 'A' && c <= 'Z' })
}

// date:
//
//	date      = date-text / DQUOTE date-text DQUOTE
//	date-text = date-day "-" date-month "-" date-year
func (p *parser) date() Date {
	quoted := p.accept('"')
	d := p.dateText()
	if quoted {
		p.expect('"', "a quote")
	}
	return d
}

func (p *parser) dateText() Date {
	var d Date
	d.Day = p.digits(1, 2, "a day")
	p.expect('-', `"-"`)
	d.Month = p.dateMonth()
	p.expect('-', `"-"`)
	d.Year = p.digits(4, 4, "a year of four digits")
	if p.err == nil && !d.valid() {
		p.fail(ErrSyntax, "there is no such date before octet "+itoa(p.line+1))
	}
	return d
}

// digits reads a number of so many digits.
func (p *parser) digits(least, most int, what string) int {
	n, count := 0, 0
	for c := p.peek(); isDigit(c) && count < most && p.err == nil; c = p.peek() {
		n = n*10 + int(c-'0')
		count++
		p.next()
	}
	if count < least {
		p.expected(what)
	}
	return n
}
