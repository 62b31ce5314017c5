package imap

import (
	"strconv"
	"strings"
	"time"
)

// This file has the words of the grammar as they are written; command printers and Writer share them.

// appendAString appends an astring: an atom where that is possible.
func appendAString(b []byte, s string) []byte {
	if isAString(s) {
		return append(b, s...)
	}
	return appendString(b, s)
}

func isAString(s string) bool {
	for i := range len(s) {
		if !isAStringChar(s[i]) {
			return false
		}
	}
	return s != ""
}

// appendString appends a string as a client sends it: quoted where that is possible, else as a
// non-synchronizing literal.
func appendString(b []byte, s string) []byte {
	if isQuotable(s, false) {
		return appendQuoted(b, s)
	}
	b = append(b, '{')
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, "+}\r\n"...)
	return append(b, s...)
}

// isQuotable reports whether s may be a quoted string: TEXT-CHARs, and with eightBit octets above 127.
func isQuotable(s string, eightBit bool) bool {
	for i := range len(s) {
		c := s[i]
		if c == 0 || c == '\r' || c == '\n' || (c >= 0x80 && !eightBit) {
			return false
		}
	}
	return true
}

// appendQuoted appends a quoted string; s must be quotable.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		b = append(b, s[:i]...)
		b = append(b, '\\', s[i])
		s = s[i+1:]
	}
	b = append(b, s...)
	return append(b, '"')
}

// appendMailbox appends a mailbox name in modified UTF-7, as an astring.
func appendMailbox(b []byte, name string) []byte {
	return appendAString(b, EncodeMailboxName(name))
}

// appendFlags appends a flag-list.
func appendFlags(b []byte, flags []string) []byte {
	b = append(b, '(')
	for i, f := range flags {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, f...)
	}
	return append(b, ')')
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

func monthName(m time.Month) string { return monthNames[3*(m-1) : 3*m] }

// appendDateTime appends a date-time, quotes included:
//
//	date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
//
// QUIRK: a null INTERNALDATE sends Outlook round in circles, so a time without a four-digit year becomes
// the first second of 1970.
func appendDateTime(b []byte, t time.Time) []byte {
	if y := t.Year(); y < 1 || y > 9999 || t.IsZero() {
		t = time.Unix(0, 0).UTC()
	}
	b = append(b, '"')
	year, month, day := t.Date()
	b = appendPadded(b, day, 2, ' ')
	b = append(b, '-')
	b = append(b, monthName(month)...)
	b = append(b, '-')
	b = appendPadded(b, year, 4, '0')
	b = append(b, ' ')
	hour, minute, second := t.Clock()
	b = appendPadded(b, hour, 2, '0')
	b = append(b, ':')
	b = appendPadded(b, minute, 2, '0')
	b = append(b, ':')
	b = appendPadded(b, second, 2, '0')
	b = append(b, ' ')
	b = appendZone(b, t)
	return append(b, '"')
}

func appendZone(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	minutes := offset / 60
	return appendPadded(append(b, sign), minutes/60*100+minutes%60, 4, '0')
}

// appendPadded appends a number that is padded to width.
func appendPadded(b []byte, n, width int, pad byte) []byte {
	for digits := countDigits(n); digits < width; digits++ {
		b = append(b, pad)
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func countDigits(n int) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// appendDate appends a date as SEARCH has it.
func appendDate(b []byte, d Date) []byte {
	b = strconv.AppendInt(b, int64(d.Day), 10)
	b = append(b, '-')
	b = append(b, monthName(d.Month)...)
	b = append(b, '-')
	return appendPadded(b, d.Year, 4, '0')
}

// appendParams appends params in parentheses, with a space before; nothing when there are none.
func appendParams(b []byte, params []Param) []byte {
	if len(params) == 0 {
		return b
	}
	sep := " ("
	for _, p := range params {
		b = append(b, sep...)
		b = append(b, p.Name...)
		if !p.Value.IsZero() {
			b = append(b, ' ')
			b = p.Value.appendTo(b)
		}
		sep = " "
	}
	return append(b, ')')
}

func (v Value) appendTo(b []byte) []byte {
	if v.List == nil {
		return appendValueWord(b, v.Text)
	}
	b = append(b, '(')
	for i, e := range v.List {
		if i > 0 {
			b = append(b, ' ')
		}
		b = e.appendTo(b)
	}
	return append(b, ')')
}

// appendValueWord appends a word of a value: a number, a set, a flag or an astring.
func appendValueWord(b []byte, s string) []byte {
	if isValueWord(s) {
		return append(b, s...)
	}
	return appendString(b, s)
}

func isValueWord(s string) bool {
	for i := range len(s) {
		if !isValueChar(s[i]) {
			return false
		}
	}
	return s != ""
}
