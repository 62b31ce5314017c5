package fulltext

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/search"
)

// library is a mailbox of n messages of about 2 KB, in words of which some are rare. One
// message has the word xylograph.
func library(b *testing.B, n int) (box mailstore.Mailbox, octets int64) {
	b.Helper()
	rnd := rand.New(rand.NewPCG(1, 1))
	words := make([]string, 20_000)
	for i := range words {
		for range 2 + rnd.IntN(3) {
			words[i] += syllables[rnd.IntN(len(syllables))]
		}
	}
	texts := make([]string, n)
	for i := range texts {
		var t strings.Builder
		fmt.Fprintf(&t, "Message-ID: <%x.%d@example.org>\nFrom: %s <%s@example.org>\nSubject: %s %s\n\n", rnd.Uint64(), i, words[rnd.IntN(100)], words[rnd.IntN(100)], words[rnd.IntN(2000)], words[rnd.IntN(20_000)])
		for range 200 {
			t.WriteString(words[rnd.IntN(1+rnd.IntN(len(words)))])
			t.WriteByte(' ')
		}
		if i == n/3 {
			t.WriteString("xylograph")
		}
		texts[i] = t.String()
		octets += int64(t.Len())
	}
	return inMemory(b, texts), octets
}

// BenchmarkUpdate makes an index; octets/s are of mail, and index/mail is how large it is.
func BenchmarkUpdate(b *testing.B) {
	box, octets := library(b, 5000)
	b.SetBytes(octets)
	b.ReportAllocs()
	size := int64(0)
	for b.Loop() {
		names, _ := box.Blobs().List()
		for _, name := range names {
			_ = box.Blobs().Remove(name)
		}
		r, err := Update(b.Context(), box, UpdateOptions{Whole: true})
		if err != nil || r.Added != 5000 {
			b.Fatal(r, err)
		}
		size = r.Octets
	}
	b.ReportMetric(float64(size)/float64(octets), "index/mail")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/5000, "µs/message")
}

// BenchmarkSearch looks for a word that one of many messages has, and verifies it, as a
// service does.
func BenchmarkSearch(b *testing.B) {
	const n = 20_000
	box, _ := library(b, n)
	if _, err := Update(b.Context(), box, UpdateOptions{Whole: true}); err != nil {
		b.Fatal(err)
	}
	for name, x := range map[string]search.Expr{
		"body": search.Body{Text: "xylograph"}, "text": search.Text{Text: "xylograph"}, "none": search.Text{Text: "xylogrqph"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ix := Open(box)
				if found := find(b, box, x, ix); len(found) > 1 {
					b.Fatal(found)
				}
				ix.Close()
			}
		})
	}
}
