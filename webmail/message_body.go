package webmail

import "net/http"

// bodyHead is what stands before the sanitized fragment in the frame's document. The rules are weaker than any of the
// message's own and give honest mail a white card to stand on, whatever the scheme of the page round it.
const bodyHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="only light"><title>Message</title><style>
:root{color-scheme:only light;background:#fff;color:#1c1c1e}
body{margin:0;font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
.mail-body{box-sizing:border-box;min-height:100vh;padding:20px 24px}
img{max-width:100%;height:auto}
a{color:#1a56b8}
blockquote{margin-inline:0;padding-inline-start:14px;border-inline-start:2px solid #d4d4d8}
pre{white-space:pre-wrap}
.mail-blocked{display:inline-block;box-sizing:border-box;max-width:100%;padding:2px 6px;overflow:hidden;background:#f4f4f5;border:1px dashed #a1a1aa;border-radius:3px;color:#52525b;font:12px/1.4 system-ui,sans-serif;text-align:start;vertical-align:middle}
@media (max-width:600px){.mail-body{padding:14px}}
</style></head><body>
`

// showBody gives the document with the HTML of a part, for the frame on the message's page.
func (s *Server) showBody(c *call) error {
	o, err := s.openMessage(c)
	if err != nil {
		return err
	}
	defer o.Close()
	p, err := o.find(c.r.PathValue("part"))
	if err != nil {
		return err
	}
	if !p.Is("text", "html") {
		return errNoPart
	}
	images := c.r.URL.Query().Get("images") == "1"
	body, _, err := s.clean(c, o, p, contentIDs(o.root, "", make(map[string]string)), images, nil)
	if err != nil {
		return err
	}
	bodyHeaders(c.w.Header(), images)
	c.w.WriteHeader(http.StatusOK)
	for _, piece := range []string{bodyHead, string(body), "</body></html>\n"} {
		if _, err := c.w.Write([]byte(piece)); err != nil {
			return nil // the browser went away
		}
	}
	return nil
}
