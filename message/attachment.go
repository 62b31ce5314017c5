package message

import "strings"

// HasAttachment reports whether a message brings something that is not shown as
// its text: what lists of messages mark with a paper clip.
func (p *Part) HasAttachment() bool {
	switch {
	case p.Multipart():
		for _, child := range p.Parts {
			if child.HasAttachment() && !p.Embeds(child) {
				return true
			}
		}
		return false
	case strings.EqualFold(p.Disposition, "attachment"):
		return true
	case p.Is("text", ""), p.Is("application", "pgp-signature"), p.Is("application", "pkcs7-signature"):
		return false
	}
	return p.Body.Length > 0
}

// Embeds reports whether child, which is one of p's parts, is a picture that
// belongs into the HTML beside it (RFC 2387).
func (p *Part) Embeds(child *Part) bool {
	return p.Is("multipart", "related") && child.Is("image", "") && child.ID != ""
}
