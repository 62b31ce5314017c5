package webmail

import (
	"fmt"
	"strings"

	"restante/message"
)

// attachment is a part that can be saved.
type attachment struct {
	Name, Type, Size string
	URL              string
	Preview          string // address of the picture, for those that can be shown
}

// decodedSize is about how large a part will be once its encoding is undone.
func decodedSize(p *message.Part) int64 {
	if p.Encoding == "base64" {
		return p.Body.Length * 3 / 4 * 76 / 78 // the line ends
	}
	return p.Body.Length
}

// defaultName names a part whose sender gave it none.
func defaultName(p *message.Part) string {
	if p.Message != nil {
		name := headerText(p.Message.RawHeader, "Subject")
		name = strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\:*?"<>|`, r) {
				return '_'
			}
			return r
		}, name)
		if name = strings.Trim(name, " ."); name != "" {
			return truncate(name, 80) + ".eml"
		}
		return "message.eml"
	}
	switch {
	case p.Is("text", "plain"):
		return "text.txt"
	case p.Is("text", "html"):
		return "text.html"
	case p.Is("text", "calendar"):
		return "invitation.ics"
	}
	if len(p.Subtype) <= 8 && strings.Trim(strings.ToLower(p.Subtype), "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
		return strings.ToLower(p.Type) + "." + strings.ToLower(p.Subtype)
	}
	return "attachment"
}

// truncate cuts s to at most n characters.
func truncate(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// isRaster names the picture formats that every browser shows and none runs.
func isRaster(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/jpg", "image/pjpeg", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}

// sizeText is a number of octets as people read it.
func sizeText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
