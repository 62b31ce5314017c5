package webmail

import "net/http"

// pagePolicy is the content security policy of every page of ours: nothing but our own style sheet, script, pictures
// and the frame with the message.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pageHeaders sets what every answer starts with; the handlers of message contents put their own policies in place.
// There is no HSTS: the certificate may come from an authority of our own, and HSTS would take away the browser's way
// past a warning.
func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
}

// bodyHeaders are those of the document with a message's HTML. sandbox takes away scripts, forms and the origin; the two
// words let links open a window of their own. Pictures come from this server under addresses that need no cookie
// (capability.go), from the HTML itself, and only when the user wants it from elsewhere.
func bodyHeaders(h http.Header, remoteImages bool) {
	images := "'self' data:"
	if remoteImages {
		images += " https: http:"
	}
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox allow-popups allow-popups-to-escape-sandbox; "+
		"style-src 'unsafe-inline'; img-src "+images+"; form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-DNS-Prefetch-Control", "off")
}

// partHeaders are those of what came with a message: a document without any rights, should a browser show it.
func partHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
}
