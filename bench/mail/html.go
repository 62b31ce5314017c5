package mail

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
)

// htmlPool is markup as newsletters have it, more of it than text.
func htmlPool(w *writer, rng *rand.Rand) pool {
	p := make(pool, 0, poolSize+4000)
	for len(p) < poolSize {
		switch rng.IntN(4) {
		case 0:
			p = fmt.Appendf(p, "<tr><td align=\"left\" valign=\"top\" style=\"padding:0 %dpx;font-family:Arial,Helvetica,sans-serif;font-size:%dpx;line-height:1.4;color:#%06x\">\n", rng.IntN(30), 11+rng.IntN(8), rng.IntN(1<<24))
			p = w.paragraph(p)
			p = append(p, "</td></tr>\n"...)
		case 1:
			p = fmt.Appendf(p, "<a href=\"https://click.example.net/c/%016x/%016x?utm_source=mail&amp;utm_id=%d\" style=\"text-decoration:none\">%s</a><br>\n", rng.Uint64(), rng.Uint64(), rng.IntN(1e6), w.phrase(3))
		case 2:
			p = fmt.Appendf(p, "<img src=\"https://cdn.example.net/i/%08x.png\" width=\"%d\" height=\"%d\" alt=\"%s\">\n", rng.Uint32(), 20+rng.IntN(600), 20+rng.IntN(300), w.phrase(2))
		default:
			p = append(p, "<p class=\"MsoNormal\">"...)
			p = w.paragraph(p)
			p = append(p, "</p>\n"...)
		}
	}
	return p
}

// quoted is the pool in quoted-printable.
func quoted(p pool) pool {
	var b bytes.Buffer
	b.Grow(len(p) * 3 / 2)
	w := quotedprintable.NewWriter(&b)
	_, err := w.Write(p)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return p // a buffer refuses nothing
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
}
