package mbox

import (
	"testing"
	"time"

	"restante/mailstore"
)

func TestParseFrom(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	at := func(y int, m time.Month, d, h, min, s, offset int) int64 {
		return time.Date(y, m, d, h, min, s, 0, time.FixedZone("", offset)).Unix()
	}
	for _, c := range []struct {
		why  string
		line string
		kind fromKind
		date int64
	}{
		{"asctime, as everybody writes it", "From a@b.c  Thu Nov 29 22:33:52 2001", fromDated, at(2001, 11, 29, 22, 33, 52, 3600)},
		{"one space, day of one digit", "From a@b.c Thu Nov  9 22:33:52 2001", fromDated, at(2001, 11, 9, 22, 33, 52, 3600)},
		{"day of one digit without padding", "From a@b.c Thu Nov 9 22:33:52 2001", fromDated, at(2001, 11, 9, 22, 33, 52, 3600)},
		{"day with zero", "From a@b.c Thu Nov 09 22:33:52 2001", fromDated, at(2001, 11, 9, 22, 33, 52, 3600)},
		{"no seconds, zone by name in front of the year", "From a@b.c Sat Sep  1 20:58 EDT 2001", fromDated, at(2001, 9, 1, 20, 58, 0, 3600)},
		{"zone by name behind the year", "From a@b.c Tue Jul  7 20:33:03 1998 WETDST", fromDated, at(1998, 7, 7, 20, 33, 3, 3600)},
		{"numeric zone behind the year", "From a@b.c Thu Sep 13 12:30:05 2001 -0400", fromDated, at(2001, 9, 13, 12, 30, 5, -4*3600)},
		{"numeric zone in front of the year (Gmail)", "From 1600633127964915529@xxx Wed May 16 14:58:24 +0530 2018", fromDated, at(2018, 5, 16, 14, 58, 24, 19800)},
		{"RFC 2822 (KMail, Exim)", "From a@b.c Wed, 08 Sep 2010 17:02:52 +0200", fromDated, at(2010, 9, 8, 17, 2, 52, 7200)},
		{"RFC 2822 without zone", "From a@b.c Wed, 8 Sep 2010 17:02:52", fromDated, at(2010, 9, 8, 17, 2, 52, 3600)},
		{"quoted sender with spaces", `From "a b"@c Thu Nov 29 22:33:52 2001`, fromDated, at(2001, 11, 29, 22, 33, 52, 3600)},
		{"quoted sender with a quote", `From "a \" b"@c Thu Nov 29 22:33:52 2001`, fromDated, at(2001, 11, 29, 22, 33, 52, 3600)},
		{"dash for a sender (Thunderbird)", "From - Fri Aug 24 11:55:47 2018", fromDated, at(2018, 8, 24, 11, 55, 47, 3600)},
		{"no sender", "From  Fri Aug 24 11:55:47 2018", fromDated, at(2018, 8, 24, 11, 55, 47, 3600)},
		{"CRLF", "From a@b.c  Thu Nov 29 22:33:52 2001\r\n", fromDated, at(2001, 11, 29, 22, 33, 52, 3600)},
		{"remote from (UUCP)", "From a@b.c Thu Nov 29 22:33:52 2001 remote from host", fromDated, at(2001, 11, 29, 22, 33, 52, 3600)},
		{"a year that nobody means", "From a@b.c  Mon Jan 00 00:00:00 0000", fromDated, mailstore.Unknown},
		{"sender of several words (pipermail)", "From user at host.org  Wed Feb  1 19:06:04 2006", fromSpaced, at(2006, 2, 1, 19, 6, 4, 3600)},
		{"Netscape without date", "From -\n", fromDash, mailstore.Unknown},
		{"the same with a space", "From - \r\n", fromDash, mailstore.Unknown},
		{"Gmail without date", "From 1844347792267117879@xxx\n", fromID, mailstore.Unknown},
		{"nothing", "From \n", fromBare, mailstore.Unknown},
		{"prose", "From Russia with love\n", fromNone, mailstore.Unknown},
		{"prose with a time", "From 12:30 on Thu we met\n", fromNone, mailstore.Unknown},
		{"prose with a colon", "From here: on\n", fromNone, mailstore.Unknown},
		{"a header field", "From: a@b.c Thu Nov 29 22:33:52 2001\n", fromNone, mailstore.Unknown},
		{"quoted", ">From a@b.c Thu Nov 29 22:33:52 2001\n", fromNone, mailstore.Unknown},
		{"other month", "From a@b.c Thu Foo 29 22:33:52 2001\n", fromNone, mailstore.Unknown},
		{"year of two digits", "From a@b.c Thu Nov 29 22:33:52 01\n", fromNone, mailstore.Unknown},
	} {
		if kind, date := parseFrom([]byte(c.line), berlin); kind != c.kind || date != c.date {
			t.Errorf("%s: %q is of kind %d, date %d; want %d, %d", c.why, c.line, kind, date, c.kind, c.date)
		}
	}
}

// TestFromLineRoundTrip: the date of a From line that we write reads as the
// same moment, also in the hour that summer time repeats.
func TestFromLineRoundTrip(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Skipf("no time zones here: %v", err)
		}
		start := time.Date(2024, 10, 26, 22, 0, 0, 0, time.UTC)
		for i := range 24 * 6 {
			want := start.Add(time.Duration(i) * 10 * time.Minute).Unix()
			line := appendFromLine(nil, "a@b.c", want, zone)
			if kind, got := parseFrom(line, zone); kind != fromDated || got != want {
				t.Errorf("%s: %q reads as kind %d, %d; want %d", name, line, kind, got, want)
			}
		}
	}
}

func TestCleanSender(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" <a@b.c>\r\n", "a@b.c"}, {"a@b.c", "a@b.c"}, {"<>", defaultSender}, {"", defaultSender},
		{"<a b@c>", defaultSender}, {"Joe <joe@x>", "joe@x"}, {"<a\x00@b>", defaultSender}, {"<\xff@b>", defaultSender},
	} {
		if got := cleanSender(c.in); got != c.want {
			t.Errorf("%q gives %q, want %q", c.in, got, c.want)
		}
	}
}
