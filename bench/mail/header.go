package mail

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const rfc5322 = "Mon, 02 Jan 2006 15:04:05 -0700"

// parent is the message that message i answers, -1 for one that begins a thread.
func (m *Maker) parent(i int) int {
	h := mix(m.seed, uint64(i), 'p')
	if h%100 >= 55 {
		return -1
	}
	return max(i-1-int(h>>8%40), -1)
}

// root is the first message of the thread.
func (m *Maker) root(i int) int {
	for p := m.parent(i); p >= 0; p = m.parent(i) {
		i = p
	}
	return i
}

// from is who wrote message i: a few write most.
func (m *Maker) from(i int) person {
	h := mix(m.seed, uint64(i), 'w')
	n := uint64(len(m.people))
	return m.people[(h%n)*(h>>20%n)/n]
}

// id is the Message-ID.
func (m *Maker) id(i int) string {
	h := mix(m.seed, uint64(i), 'm')
	return fmt.Sprintf("<%x.%d@%s>", h, i, m.from(i).host)
}

// Subject is what the thread of message i is about, as text.
func (m *Maker) Subject(i int) string {
	root := m.root(i)
	topics := m.topics[m.lang(root)]
	s := topics[mix(m.seed, uint64(root), 's')%uint64(len(topics))]
	if root%3 == 0 {
		s = fmt.Sprintf("%s [%d]", s, root)
	}
	if m.parent(i) >= 0 {
		s = "Re: " + s
	}
	return s
}

// header appends the fields up to those of MIME. Short messages have few.
func (m *Maker) header(dst []byte, i, size int, t text, rng *rand.Rand) []byte {
	from, sent := m.from(i), m.Date(i)
	dst = fmt.Appendf(dst, "Return-Path: <%s>\nDelivered-To: %s@example.com\n", from.addr, User(0))
	for hop := range min(1+size/3000+rng.IntN(2), 5) {
		dst = fmt.Appendf(dst, "Received: from %s (%s [192.0.2.%d])\n\tby relay%d.example.com (Postfix) with ESMTPS id %010X\n\tfor <%s@example.com>; %s\n",
			from.host, from.host, rng.IntN(256), hop, rng.Uint32(), User(0), sent.Add(time.Duration(9-hop)*time.Second).Format(rfc5322))
	}
	if size > 2500 && rng.IntN(10) < 7 {
		dst = m.signature(dst, from, rng)
	}
	dst = m.addresses(dst, from, rng)
	dst = fmt.Appendf(dst, "Subject: %s\nDate: %s\nMessage-ID: %s\n", fold(encodedWord(t.charset, m.Subject(i))), sent.In(zone(rng)).Format(rfc5322), m.id(i))
	dst = m.references(dst, i)
	if rng.IntN(6) == 0 {
		n := rng.IntN(20)
		dst = fmt.Appendf(dst, "List-Id: Talk of many things <list%d.example.org>\nList-Unsubscribe: <https://lists.example.org/leave/%d>\nPrecedence: list\n", n, n)
	}
	if size > 2500 {
		dst = fmt.Appendf(dst, "User-Agent: %s\nX-Spam-Status: No, score=-%d.%d required=5.0\n\ttests=BAYES_00,DKIM_SIGNED,DKIM_VALID,SPF_PASS\n",
			[]string{"Mozilla Thunderbird", "Apple Mail (2.3774)", "Mutt/2.2.12", "Roundcube Webmail/1.6"}[rng.IntN(4)], rng.IntN(5), rng.IntN(10))
	}
	return append(dst, "MIME-Version: 1.0\n"...)
}

// signature is what DKIM adds.
func (m *Maker) signature(dst []byte, from person, rng *rand.Rand) []byte {
	dst = fmt.Appendf(dst, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=s%d;\n\th=from:to:subject:date:message-id:mime-version:content-type;\n\tb=", from.host, rng.IntN(9))
	for n, line := range [][]byte{m.data.piece(rng, 70), m.data.piece(rng, 70), m.data.piece(rng, 70), m.data.piece(rng, 70)} {
		if n > 0 {
			dst = append(dst, "\t "...)
		}
		dst = append(dst, line...)
	}
	return fmt.Appendf(dst, "Authentication-Results: mail.example.com;\n\tdkim=pass header.d=%s; spf=pass smtp.mailfrom=%s\n", from.host, from.addr)
}

func (m *Maker) addresses(dst []byte, from person, rng *rand.Rand) []byte {
	dst = fmt.Appendf(dst, "From: %s <%s>\nTo: Ana <%s@example.com>", from.name, from.addr, User(0))
	someone := func() person { return m.people[rng.IntN(len(m.people))] }
	if rng.IntN(3) == 0 {
		for range 1 + rng.IntN(4) {
			p := someone()
			dst = fmt.Appendf(dst, ",\n %s <%s>", p.name, p.addr)
		}
	}
	dst = append(dst, '\n')
	if rng.IntN(4) == 0 {
		p := someone()
		dst = fmt.Appendf(dst, "Cc: %s <%s>\n", p.name, p.addr)
	}
	if rng.IntN(8) == 0 {
		dst = fmt.Appendf(dst, "Reply-To: %s\n", someone().addr)
	}
	return dst
}

// references names the messages above message i in its thread, the nearest last.
func (m *Maker) references(dst []byte, i int) []byte {
	p := m.parent(i)
	if p < 0 {
		return dst
	}
	dst = fmt.Appendf(dst, "In-Reply-To: %s\nReferences:", m.id(p))
	var above []int
	for ; p >= 0 && len(above) < 20; p = m.parent(p) {
		above = append(above, p)
	}
	for n := len(above) - 1; n >= 0; n-- {
		dst = fmt.Appendf(dst, "%s%s", []string{"\n ", " "}[(len(above)-n)%2], m.id(above[n]))
	}
	return append(dst, '\n')
}

// fold breaks a long value into lines, as those who send do.
func fold(s string) string {
	if len(s) < 68 {
		return s
	}
	i := strings.LastIndexByte(s[:68], ' ')
	if i <= 0 {
		return s
	}
	return s[:i] + "\n" + s[i:]
}

// zone is one of those that people live in.
func zone(rng *rand.Rand) *time.Location {
	return time.FixedZone("", []int{0, 1, 2, -5, -8, 9, 3}[rng.IntN(7)]*3600)
}
