package order

import (
	"strings"
	"testing"

	"restante/mailstore"
)

func TestSort(t *testing.T) {
	b := box{
		"Date: nonsense|Subject: \xe4pfel|From: =?iso-8859-1?q?=C4lbert?= <dan@example.org>",
		"Date: Mon, 7 Feb 1994 21:52:25 -0800|Subject: Re: [list] apples|From: Zoe <ann@example.org>|To: =?utf-8?q?=C3=89va?= <x@y>",
		"Date: Tue, 8 Feb 1994 05:52:24 +0000|Subject: BANANAS|From: bob@example.org (Albert)|To: friends: eve@y;|Cc: q@y",
		"Subject: apples (fwd)|From: \"\" <Carol@example.org>|To: eva@y",
		"Date: Tue, 8 Feb 1994 05:52:25 +0000|From:",
	}
	for _, c := range []struct {
		criteria []Criterion
		want     string
		why      string
	}{
		{nil, "1 2 3 4 5", "the order of the mailbox"},
		{[]Criterion{{Key: Arrival}}, "1 2 3 4 5", ""},
		{[]Criterion{{Arrival, true}}, "5 4 3 2 1", ""},
		{[]Criterion{{Key: Date}}, "1 4 3 2 5", "time zones count; without a date that of arrival"},
		{[]Criterion{{Date, true}}, "2 5 3 4 1", "what is equal stays in order: REVERSE is of the key"},
		{[]Criterion{{Key: Subject}}, "5 2 4 1 3", "none first; apples twice; A with an accent is behind A; bananas"},
		{[]Criterion{{Key: Subject}, {Date, true}}, "5 2 4 1 3", ""},
		{[]Criterion{{Key: Subject}, {Arrival, true}}, "5 4 2 1 3", "the second key decides"},
		{[]Criterion{{Subject, true}, {Arrival, true}, {Key: Subject}}, "3 1 4 2 5", "the same key again says nothing"},
		{[]Criterion{{Key: From}}, "5 2 3 4 1", "ann bob Carol dan"},
		{[]Criterion{{Key: To}}, "1 5 4 3 2", "eva, the group friends, x"},
		{[]Criterion{{Key: Cc}}, "1 2 4 5 3", ""},
		{[]Criterion{{Key: DisplayFrom}}, "5 3 1 4 2", "Albert, Älbert: the same with an accent; no name: the address; Zoe"},
		{[]Criterion{{Key: DisplayTo}}, "1 5 4 2 3", "eva@y is before E with an accent; the name of the group"},
		{[]Criterion{{Key: Size}}, "5 4 1 3 2", ""},
	} {
		if got := b.sort(c.criteria...); got != c.want {
			t.Errorf("%v: %s, want %s (%s)", c.criteria, got, c.want, c.why)
		}
	}
}

// TestNeeds: nothing is asked for that is not needed.
func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		key    Key
		attrs  mailstore.Attrs
		header bool
	}{
		{Arrival, mailstore.AttrDate, false},
		{Size, mailstore.AttrSize, false},
		{Date, mailstore.AttrDate, true},
		{Subject, 0, true},
	} {
		s := NewSorter([]Criterion{{Key: c.key}})
		if s.Attrs() != c.attrs || s.NeedsHeader() != c.header {
			t.Errorf("key %d needs %v and header %v", c.key, s.Attrs(), s.NeedsHeader())
		}
	}
}

// TestUnreadable: a message without header and dates has its place.
func TestUnreadable(t *testing.T) {
	unknown := &mailstore.Record{UID: 9, Date: mailstore.Unknown, Size: mailstore.Unknown}
	for key := Arrival; key <= DisplayTo; key++ {
		s := NewSorter([]Criterion{{Key: key}})
		box{"Subject: x|From: x@y|To: x@y|Cc: x@y"}.each(s.Add)
		s.Add(unknown, nil)
		if got := s.Sorted(); got[0] != 9 {
			t.Errorf("by key %d: %v", key, got)
		}
	}
}

// TestLongText: what is kept of a header has its bound.
func TestLongText(t *testing.T) {
	s := NewSorter([]Criterion{{Key: Subject}})
	box{"Subject: " + strings.Repeat("x", 100_000)}.each(s.Add)
	if got := len(s.columns[0].text); got != maxText {
		t.Errorf("%d octets are kept", got)
	}
}

// ordinary is a header as most are.
const ordinary = "Return-Path: <list@example.org>|Delivered-To: me@example.net|Date: Tue, 10 Nov 2026 10:00:00 +0100|From: Ann Other <ann@example.org>|" +
	"To: The list <list@example.org>, Bob <bob@example.org>|Subject: Re: [list] a subject of ordinary length|Message-ID: <1234567890.abc@example.org>|" +
	"In-Reply-To: <987654321.xyz@example.org>|References: <1@example.org> <2@example.org> <987654321.xyz@example.org>|MIME-Version: 1.0"

// TestAllocations: what is kept of a message grows by appending; besides, only
// texts cost something.
func TestAllocations(t *testing.T) {
	header := []byte(strings.ReplaceAll(ordinary, "|", "\r\n") + "\r\n\r\n")
	rec := &mailstore.Record{UID: 1}
	for _, c := range []struct {
		name string
		add  func(*mailstore.Record, []byte)
		most float64
	}{
		{"date", NewSorter([]Criterion{{Key: Date}}).Add, 0},
		{"subject", NewSorter([]Criterion{{Key: Subject}}).Add, 1},
		{"from", NewSorter([]Criterion{{Key: From}}).Add, 7},
		{"references", NewThreader(References).Add, 1},
	} {
		for range 5000 {
			c.add(rec, header)
		}
		if n := testing.AllocsPerRun(1000, func() { c.add(rec, header) }); n > c.most {
			t.Errorf("%s: %v allocations for a message, want %v", c.name, n, c.most)
		}
	}
}

func BenchmarkSort(b *testing.B) {
	const messages = 100_000
	header := []byte(strings.ReplaceAll(ordinary, "|", "\r\n") + "\r\n\r\n")
	for name, key := range map[string]Key{"Date": Date, "Subject": Subject, "DisplayFrom": DisplayFrom} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := NewSorter([]Criterion{{key, true}})
				rec := mailstore.Record{}
				for i := range messages {
					rec.UID = mailstore.UID(i + 1)
					s.Add(&rec, header)
				}
				s.Sorted()
			}
		})
	}
}
