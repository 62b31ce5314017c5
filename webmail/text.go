package webmail

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

// renderText makes HTML of a text/plain body: quotations as nested blocks, links that can be followed, the signature set
// back. flowed and delSp are the parameters of RFC 3676.
func renderText(s string, flowed, delSp bool) template.HTML {
	lines := splitLines(s)
	if flowed {
		lines = unflow(lines, delSp)
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	b.WriteString(`<div class="text">`)
	depth, inSignature, needBreak := 0, false, false
	for _, line := range lines {
		level, rest := line.depth, line.text
		if level != depth {
			for ; depth > level; depth-- {
				b.WriteString("</blockquote>")
			}
			for ; depth < level; depth++ {
				b.WriteString("<blockquote>")
			}
			needBreak = false
		}
		switch {
		case level == 0 && rest == "-- " && !inSignature:
			inSignature = true
			b.WriteString(`</div><div class="text signature">`)
		case needBreak:
			b.WriteByte('\n')
		}
		writeLinked(&b, rest)
		needBreak = true
	}
	for ; depth > 0; depth-- {
		b.WriteString("</blockquote>")
	}
	b.WriteString("</div>")
	return template.HTML(b.String()) // every character of s went through html.EscapeString
}

// textLine is a line without its quotation signs.
type textLine struct {
	depth int
	text  string
}

const maxQuote = 12 // levels shown apart; deeper ones look like this one

func splitLines(s string) []textLine {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.TrimRight(s, "\n")
	lines := make([]textLine, 0, strings.Count(s, "\n")+1)
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, unquote(line))
	}
	return lines
}

// unquote counts the signs in front of a line: ">" with at most one space between and after them. A "From " that a mailbox
// format quoted is none.
func unquote(line string) textLine {
	if strings.HasPrefix(line, ">From ") {
		return textLine{0, line[1:]}
	}
	depth := 0
	rest := line
	for {
		trimmed := strings.TrimPrefix(rest, " ")
		if depth == 0 {
			trimmed = rest
		}
		if !strings.HasPrefix(trimmed, ">") {
			break
		}
		depth++
		rest = trimmed[1:]
	}
	if depth > 0 {
		rest = strings.TrimPrefix(rest, " ")
	}
	return textLine{min(depth, maxQuote), rest}
}

// unflow joins the lines of format=flowed (RFC 3676 section 4): a line that ends in a space goes on in the next one of the
// same depth; a space in front of a line was put there to protect it.
func unflow(lines []textLine, delSp bool) []textLine {
	var out []textLine
	open := false
	for _, line := range lines {
		text := line.text
		if line.depth == 0 {
			text = strings.TrimPrefix(text, " ")
		}
		flows := strings.HasSuffix(text, " ") && text != "-- "
		if flows && delSp {
			text = text[:len(text)-1]
		}
		if open && out[len(out)-1].depth == line.depth && text != "-- " {
			out[len(out)-1].text += text
		} else {
			out = append(out, textLine{line.depth, text})
		}
		open = flows
	}
	return out
}

// linkPattern finds the addresses that may be followed; trimLink cuts off what belongs to the sentence.
var linkPattern = regexp.MustCompile(`(?i)\b(?:https?://|mailto:)[^\s<>"\x{00AB}\x{00BB}\x{201C}\x{201D}\x{200B}\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]+`)

// writeLinked writes a line with its links. Long lines without end are somebody's attack or a file: they get none.
func writeLinked(b *strings.Builder, line string) {
	for len(line) < 1<<16 {
		at := linkPattern.FindStringIndex(line)
		if at == nil {
			break
		}
		url := trimLink(line[at[0]:at[1]])
		b.WriteString(html.EscapeString(line[:at[0]]))
		esc := html.EscapeString(url)
		if isBare(url) {
			b.WriteString(esc)
			line = line[at[0]+len(url):]
			continue
		}
		b.WriteString(`<a href="` + esc + `" target="_blank" rel="noopener noreferrer nofollow">` + esc + `</a>`)
		line = line[at[0]+len(url):]
	}
	b.WriteString(html.EscapeString(line))
}

// isBare says whether nothing but the scheme is left.
func isBare(url string) bool {
	_, rest, ok := strings.Cut(url, ":")
	return !ok || strings.Trim(rest, "/") == ""
}

// trimLink takes punctuation from the end of an address, and a closing bracket that was not opened in it.
func trimLink(url string) string {
	for url != "" {
		last := url[len(url)-1]
		switch {
		case strings.IndexByte(".,;:!?'*_|", last) >= 0:
		case last == ')' && strings.Count(url, "(") < strings.Count(url, ")"):
		case last == ']' && strings.Count(url, "[") < strings.Count(url, "]"):
		case last == '}' && strings.Count(url, "{") < strings.Count(url, "}"):
		default:
			return url
		}
		url = url[:len(url)-1]
	}
	return url
}
