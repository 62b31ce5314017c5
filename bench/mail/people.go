package mail

import (
	"fmt"
	"math/rand/v2"
	"mime"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// person is a sender or recipient.
type person struct {
	name string // as it stands in a header field, encoded if it has to be
	addr string
	host string
}

// newPeople makes four hundred, of all languages.
func newPeople(rng *rand.Rand, writers []*writer) []person {
	first := strings.Fields("Ana Bruno Chloé Dmitrij Émile Fatma Gustav Håkon Ines José Käthe Łukasz Márta Nadia Óscar Pavel Quentin Renée Søren Tomáš Ulla Véra Wim Xenia Yusuf Zoë")
	list := make([]person, 400)
	for i := range list {
		w := writers[rng.IntN(len(writers))]
		name := first[rng.IntN(len(first))] + " " + w.phrase(1)
		host := fmt.Sprintf("mx%d.example.%s", rng.IntN(60), []string{"org", "com", "net"}[rng.IntN(3)])
		list[i] = person{name: encodedName(name, i), addr: fmt.Sprintf("p%d.%s@%s", i, []string{"ana", "bruno", "info", "sales"}[rng.IntN(4)], host), host: host}
	}
	return list
}

func encodedName(name string, i int) string {
	switch {
	case isASCII(name) && i%3 == 0:
		return `"` + name + `"`
	case isASCII(name):
		return name
	case i%2 == 0:
		return mime.BEncoding.Encode("utf-8", name)
	}
	return encodedWord("iso-8859-1", name)
}

// encodedWord is text as it stands in a header field: in Latin-1 if that is asked
// for and it fits, else in UTF-8, and as it is if it is ASCII.
func encodedWord(charset, s string) string {
	if isASCII(s) {
		return s
	}
	if charset == "iso-8859-1" {
		if latin, err := charmap.ISO8859_1.NewEncoder().String(s); err == nil && len(latin) < 24 {
			return mime.QEncoding.Encode(charset, latin)
		}
	}
	if charset == "base64" || charset == "koi8-r" || charset == "iso-2022-jp" {
		return mime.BEncoding.Encode("utf-8", s)
	}
	return mime.QEncoding.Encode("utf-8", s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
