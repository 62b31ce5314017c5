package sanitize

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// link gives the form in which the URL of a link goes out, or ok false when it must not. Browsers take white space
// and control characters out of a URL before they read its scheme (URL Standard, 4.4), so that is done first.
func link(raw string) (href string, ok bool) {
	s := cleanURL(raw)
	if s == "" || len(s) > maxURL {
		return "", false
	}
	if name, isFragment := strings.CutPrefix(s, "#"); isFragment {
		if name == "" {
			return "#", true
		}
		return "#" + namePrefix + encodeURL(name), true
	}
	if strings.HasPrefix(s, "//") {
		s = "https:" + s
	}
	scheme, rest, found := strings.Cut(s, ":")
	if !found {
		return "", false
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https":
		rest = strings.TrimLeft(rest, `/\`)
		if rest == "" || strings.ContainsAny(rest[:1], "?#:@") {
			return "", false
		}
		return scheme + "://" + encodeURL(rest), true
	case "mailto", "tel":
		if rest == "" {
			return "", false
		}
		return scheme + ":" + encodeURL(rest), true
	}
	return "", false
}

const (
	maxURL     = 8 << 10 // longest link; longer ones exist in no honest mail
	maxDataURL = 4 << 20
)

// cleanURL does what browsers do before parsing: C0 controls and spaces go from both ends, tabs and line ends from
// everywhere.
func cleanURL(raw string) string {
	s := strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	return s
}

// encodeURL percent-encodes the octets that have no place in a URL, among them quotes, backslashes and controls. Octets
// of other scripts go too: shown and copied links are plain ASCII.
func encodeURL(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			b.WriteByte('/') // what browsers make of it in http URLs
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>`{}|^", c) >= 0:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// image gives the URL under which a picture may be loaded: a part of the message, the data in the URL itself, or, if
// allowed, something remote. It keeps the counts of Result.
func (w *walker) image(raw string) (src string, ok bool) {
	s := cleanURL(raw)
	switch scheme, rest, _ := strings.Cut(s, ":"); strings.ToLower(scheme) {
	case "cid":
		return w.cid(rest)
	case "data":
		return dataImage(rest)
	case "http", "https":
	default:
		if !strings.HasPrefix(s, "//") {
			return "", false
		}
	}
	href, ok := link(s)
	if !ok {
		return "", false
	}
	if !w.opt.RemoteImages {
		w.res.BlockedRemote++
		return "", false
	}
	w.res.RemoteImages++
	return href, true
}

func (w *walker) cid(id string) (string, bool) {
	if w.opt.CID == nil {
		return "", false
	}
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	return w.opt.CID(strings.Trim(id, "<>"))
}

// dataImage lets through the raster formats that browsers show as pictures and as nothing else. The data must be
// base64; it goes out without the white space that mail programs put in.
func dataImage(s string) (string, bool) {
	head, data, ok := strings.Cut(s, ",")
	if !ok || len(data) > maxDataURL {
		return "", false
	}
	kind, enc, ok := strings.Cut(strings.ToLower(strings.ReplaceAll(head, " ", "")), ";")
	if !ok || !strings.HasSuffix(enc, "base64") {
		return "", false
	}
	switch kind {
	case "image/png", "image/gif", "image/jpeg", "image/webp", "image/bmp":
	case "image/jpg", "image/pjpeg":
		kind = "image/jpeg"
	default:
		return "", false
	}
	data = strings.ReplaceAll(data, " ", "")
	if plain, err := url.PathUnescape(data); err == nil {
		data = plain
	}
	bytes, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		bytes, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(data, "="))
	}
	if err != nil || len(bytes) == 0 {
		return "", false
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(bytes), true
}
