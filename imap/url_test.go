package imap

import (
	"math"
	"reflect"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct {
		why, in string
		want    URL
	}{
		{"RFC 4469 section 3", "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
			URL{Mailbox: "Drafts", UIDValidity: 385759045, UID: 20, Section: Section{Specifier: SectionHeader}}},
		{"a part", "/Drafts;UIDVALIDITY=385759045/;UID=30/;section=1.MIME", URL{Mailbox: "Drafts", UIDValidity: 385759045, UID: 30,
			Section: Section{Path: []int{1}, Specifier: SectionMIME}}},
		{"the whole message", "/inbox/;UID=1", URL{Mailbox: "INBOX", UID: 1}},
		{"absolute, with a way to authenticate", "IMAP://ann%40example.org;AUTH=*@mail.example.org:143/a/b%2Fc/;uid=7",
			URL{User: "ann@example.org", Host: "mail.example.org:143", Mailbox: "a/b/c", UID: 7}},
		{"network path", "//mail.example.org/x/;UID=7", URL{Host: "mail.example.org", Mailbox: "x", UID: 7}},
		{"relative to the account", "x;UIDVALIDITY=3/;UID=7", URL{Mailbox: "x", UIDValidity: 3, UID: 7}},
		{"relative to the selected mailbox", ";UID=20/;SECTION=1.2", URL{UID: 20, Section: Section{Path: []int{1, 2}}}},
		{"partial", "/;UID=20/;PARTIAL=0.1024", URL{UID: 20, Section: Section{Partial: &Partial{0, 1024}}}},
		{"partial to the end", "/x/;UID=20/;SECTION=TEXT/;PARTIAL=5",
			URL{Mailbox: "x", UID: 20, Section: Section{Specifier: SectionText, Partial: &Partial{5, math.MaxInt64}}}},
		{"names in UTF-8, fields", "/Entw%C3%BCrfe/;UID=1/;SECTION=HEADER.FIELDS%20(Subject%20%22a%20b%22)",
			URL{Mailbox: "Entwürfe", UID: 1, Section: Section{Specifier: SectionHeaderFields, Fields: []string{"Subject", "a b"}}}},
		{"what looks like a URL within a name", "/a%3BUID=3/;UID=4", URL{Mailbox: "a;UID=3", UID: 4}},
	} {
		got, err := ParseURL(tt.in)
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %s gives %+v, %v", tt.why, tt.in, got, err)
			continue
		}
		checkURL(t, got)
	}
	for why, in := range map[string]string{
		"empty": "", "no message": "/INBOX", "a search": "/INBOX?SUBJECT%20x", "another scheme": "https://x/;UID=1",
		"no path": "imap://host", "no mailbox": "imap://host/;UID=1", "a path with no root": "imap:/x/;UID=1", "no host": "///x/;UID=1",
		"UID 0": "/x/;UID=0", "a sign": "/x/;UID=+1", "too large": "/x/;UID=4294967296", "bad escape": "/x%zz/;UID=1",
		"not UTF-8": "/%ff/;UID=1", "NUL": "/a%00/;UID=1", "bad section": "/x/;UID=1/;SECTION=BODY", "section behind": "/x/;UID=1/;SECTION=1%5D%3C0.1%3E",
		"empty section": "/x/;UID=1/;SECTION=", "a literal": "/x/;UID=1/;SECTION=HEADER.FIELDS%20(%7B1%7D%0D%0Aa)", "no length": "/x/;UID=1/;PARTIAL=0.0",
		"authorized": "/x/;UID=1;URLAUTH=submit+ann:internal:91354a473744909de610943775f92038", "no validity": "/x;UIDVALIDITY=0/;UID=1", "glued": "/x;UID=1",
	} {
		if got, err := ParseURL(in); err == nil {
			t.Errorf("%s: %q gives %+v", why, in, got)
		}
	}
}

// checkURL holds the law: a URL prints as what parses to the same.
func checkURL(t *testing.T, u *URL) {
	t.Helper()
	again, err := ParseURL(u.String())
	if err != nil || !reflect.DeepEqual(again, u) {
		t.Fatalf("%+v prints as %s, which gives %+v, %v", u, u, again, err)
	}
}

func FuzzURL(f *testing.F) {
	f.Add("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER.FIELDS.NOT%20(a)/;partial=1.2")
	f.Add("imap://a;AUTH=*@b/c%2Fd/;UID=1")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			if u != nil {
				t.Fatal("both a URL and an error")
			}
			return
		}
		checkURL(t, u)
	})
}
