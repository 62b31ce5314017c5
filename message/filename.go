package message

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFilename bounds a file name in octets, as most file systems do.
const maxFilename = 255

// Filename is the name that the sender gave to p as a file: the parameter filename
// of Content-Disposition, else name of Content-Type, with RFC 2231 and RFC 2047
// undone. It is "" if there is none. The name is safe to offer for saving: it has no
// path, no control or direction characters, and is neither "." nor "..".
func (p *Part) Filename() string {
	for _, c := range []struct {
		params []Param
		name   string
	}{{p.DispositionParams, "filename"}, {p.Params, "name"}, {p.DispositionParams, "name"}, {p.Params, "filename"}} {
		if name := safeFilename(textParam(c.params, c.name)); name != "" {
			return name
		}
	}
	return ""
}

// textParam is the text of a parameter in any of the ways to write it.
func textParam(params []Param, name string) string {
	if v, ok := param(params, name+"*"); ok {
		charset, octets := decodeExtended(v)
		return decodeCharset([]byte(octets), charset)
	}
	if v, ok := param(params, name); ok {
		return DecodeHeader(v)
	}
	// Continuations of which one is missing: what there is up to the gap, or
	// from the gap on.
	var b strings.Builder
	extended := false
	for i := 0; i <= len(params); i++ {
		piece := name + "*" + strconv.Itoa(i)
		if v, ok := param(params, piece+"*"); ok {
			extended = true
			b.WriteString(v)
		} else if v, ok := param(params, piece); ok {
			b.WriteString(v)
		}
	}
	if extended {
		charset, octets := decodeExtended(b.String())
		return decodeCharset([]byte(octets), charset)
	}
	return DecodeHeader(b.String())
}

// safeFilename takes the last element of a path and cleans it.
func safeFilename(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	name = strings.TrimRight(strings.TrimSpace(name), ". ")
	name = strings.TrimSpace(name)
	if len(name) > maxFilename {
		name = shorten(name)
	}
	return name
}

// shorten cuts a long name in front of its extension.
func shorten(name string) string {
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 20 {
		ext = name[i:]
	}
	n := maxFilename - len(ext)
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return strings.TrimRight(name[:n], ". ") + ext
}
