package imap

import "time"

// dateTime:
//
//	date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
//
// A day of one digit is taken without the space before it, too.
func (p *parser) dateTime() time.Time {
	p.expect('"', "a date-time")
	p.accept(' ')
	d := p.dateText()
	p.sp()
	hour := p.digits(2, 2, "an hour of two digits")
	p.expect(':', `":"`)
	minute := p.digits(2, 2, "a minute of two digits")
	p.expect(':', `":"`)
	second := p.digits(2, 2, "a second of two digits")
	p.sp()
	zone := p.zone()
	p.expect('"', "a quote")
	if hour > 23 || minute > 59 || second > 60 {
		p.fail(ErrSyntax, "there is no such time of day")
	}
	if p.err != nil {
		return time.Time{}
	}
	return time.Date(d.Year, d.Month, d.Day, hour, minute, second, 0, zone)
}

// zone:
//
//	zone = ("+" / "-") 4DIGIT
func (p *parser) zone() *time.Location {
	sign := 1
	if p.accept('-') {
		sign = -1
	} else {
		p.expect('+', `"+" or "-"`)
	}
	n := p.digits(4, 4, "a time zone of four digits")
	if n/100 > 23 || n%100 > 59 {
		p.fail(ErrSyntax, "there is no such time zone")
	}
	if n == 0 {
		return time.UTC
	}
	return time.FixedZone("", sign*(n/100*3600+n%100*60))
}
