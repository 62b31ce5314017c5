package mail

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// Maker makes messages. The same seed and number give the same message, whatever
// else was made. A Maker may be used by several goroutines at once.
type Maker struct {
	seed   uint64
	people []person
	topics [][]string // subjects, by language
	texts  []text     // by language, all the ways in which they are written
	html   []pool     // as it is, in quoted-printable, in German
	data   pool       // base64
}

// text is what messages of a language and a charset take their words from.
type text struct {
	lang     int
	charset  string
	encoding string // Content-Transfer-Encoding
	pool     pool
}

// NewMaker makes what all messages of a seed share; it takes some tenths of a
// second.
func NewMaker(seed uint64) *Maker {
	m := &Maker{seed: seed}
	rng := rand.New(rand.NewPCG(seed, 0x6d61696c))
	writers := make([]*writer, 0, 8)
	pools := make([]pool, 0, 8)
	for _, l := range languages() {
		w := newWriter(l, rng)
		writers, pools = append(writers, w), append(pools, textPool(w))
		topics := make([]string, 400)
		for i := range topics {
			topics[i] = w.phrase(2 + rng.IntN(6))
		}
		m.topics = append(m.topics, topics)
	}
	m.texts = writings(pools)
	plain := htmlPool(writers[english], rng)
	m.html = []pool{plain, quoted(plain), quoted(htmlPool(writers[german], rng))}
	m.data = dataPool(rng)
	m.people = newPeople(rng, writers)
	return m
}

// writings are the charsets and encodings in use.
func writings(pools []pool) []text {
	in := func(e encoding.Encoding, p pool) pool {
		out, err := encoding.ReplaceUnsupported(e.NewEncoder()).Bytes(p)
		if err != nil {
			return p
		}
		return out
	}
	return []text{
		{english, "us-ascii", "7bit", pools[english]},
		{english, "utf-8", "7bit", pools[english+1]},
		{english, "iso-8859-1", "quoted-printable", quoted(pools[english])},
		{german, "utf-8", "8bit", pools[german]},
		{german, "utf-8", "quoted-printable", quoted(pools[german])},
		{german, "iso-8859-1", "quoted-printable", quoted(in(charmap.ISO8859_1, pools[german]))},
		{french, "windows-1252", "8bit", in(charmap.Windows1252, pools[french])},
		{french, "utf-8", "quoted-printable", quoted(pools[french])},
		{polish, "iso-8859-2", "8bit", in(charmap.ISO8859_2, pools[polish])},
		{russian, "koi8-r", "8bit", in(charmap.KOI8R, pools[russian])},
		{russian, "utf-8", "base64", pools[russian]},
		{nihongo, "iso-2022-jp", "7bit", in(japanese.ISO2022JP, pools[nihongo])},
		{nihongo, "utf-8", "base64", pools[nihongo]},
	}
}

// dataPool is what no program can compress, in base64.
func dataPool(rng *rand.Rand) pool {
	raw := make([]byte, 1<<20)
	for i := range raw {
		raw[i] = byte(rng.Uint32())
	}
	return inLines(nil, raw)
}

// inLines appends data in base64, 76 characters in a line.
func inLines(dst, data []byte) []byte {
	for len(data) > 0 {
		n := min(57, len(data))
		dst = append(base64.StdEncoding.AppendEncode(dst, data[:n]), '\n')
		data = data[n:]
	}
	return dst
}

// The sizes that mail has: log-normal, median 8 KB, mean 21 KB.
const (
	median  = 8 << 10
	sigma   = 1.389
	largest = 16 << 20
)

// draw is the source of all that is special to message i.
func (m *Maker) draw(i int) *rand.Rand { return rand.New(rand.NewPCG(m.seed, uint64(i)+1)) }

// Append appends message i with line feeds as line ends, about 1 KB if small.
func (m *Maker) Append(dst []byte, i int, small bool) []byte {
	rng := m.draw(i)
	size := int(min(math.Exp(rng.NormFloat64()*sigma)*median, largest))
	if small {
		size = 700 + rng.IntN(600)
	}
	return m.append(dst, i, size, rng)
}

// AppendSized appends message i with about size octets.
func (m *Maker) AppendSized(dst []byte, i, size int) []byte {
	return m.append(dst, i, size, m.draw(i))
}

func (m *Maker) append(dst []byte, i, size int, rng *rand.Rand) []byte {
	start := len(dst)
	t := m.text(rng, m.root(i))
	dst = m.header(dst, i, size, t, rng)
	rest := max(size-(len(dst)-start), 60)
	b := body{m: m, rng: rng, text: t, token: Token(m.seed, i), boundary: fmt.Sprintf("=_%016x", rng.Uint64())}
	return b.append(dst, rest)
}

// Token is a word that stands in message i of a seed, and in no other.
func Token(seed uint64, i int) string {
	return fmt.Sprintf("%08X-%07d", uint32(mix(seed, uint64(i), 't')), i)
}

// text is the way in which a message is written: most of a thread are in one
// language.
func (m *Maker) text(rng *rand.Rand, root int) text {
	lang := m.lang(root)
	for {
		if t := m.texts[rng.IntN(len(m.texts))]; t.lang == lang || rng.IntN(200) == 0 {
			return t
		}
	}
}

// lang is the language of a thread: English is half of all.
func (m *Maker) lang(root int) int {
	return []int{english, english, english, english, english, english, german, german, french, polish, russian, nihongo}[mix(m.seed, uint64(root), 'l')%12]
}

// epoch is when message 0 was sent; one comes every seven minutes or so.
var epoch = time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC) // constant

// Date is when message i was sent.
func (m *Maker) Date(i int) time.Time {
	return epoch.Add(time.Duration(i)*7*time.Minute + time.Duration(mix(m.seed, uint64(i), 'd')%300)*time.Second)
}

// Arrival is when it came, which is later for a higher number.
func (m *Maker) Arrival(i int) time.Time {
	return epoch.Add(time.Duration(i)*7*time.Minute + 6*time.Minute)
}

// Flags are the letters of message i in a Maildir, in order.
func (m *Maker) Flags(i int) string {
	h := mix(m.seed, uint64(i), 'f')
	var flags []byte
	for _, f := range []struct {
		letter byte
		in1000 uint64
	}{{'F', 40}, {'R', 150}, {'S', 880}} {
		if h%1000 < f.in1000 {
			flags = append(flags, f.letter)
		}
		h = mix(h, uint64(i), 'g')
	}
	return string(flags)
}

// mix is a number that hangs on all of what it is given (splitmix64).
func mix(seed, i, salt uint64) uint64 {
	z := seed + i*0x9e3779b97f4a7c15 + salt<<56
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
