package message

import "strconv"

// AppendBodyStructure appends the BODYSTRUCTURE of the message root, or with
// extended unset its BODY (RFC 9051 section 7.5.2), from parenthesis to
// parenthesis. Embedded messages come with their ENVELOPE.
//
// Parameter values go out byte for byte, extended values (RFC 2231) encoded as
// they are. A text part without charset parameter gets its default, us-ascii
// (RFC 2046 section 4.1.2).
//
// QUIRK: Outlook fails on a space between the parts of a multipart and on
// encodings in upper case: there is none. The Gmail app shows no attachments
// without the extension data.
func AppendBodyStructure(dst []byte, root *Part, extended bool) []byte {
	dst = append(dst, '(')
	if root.Multipart() {
		dst = appendMultipart(dst, root, extended)
	} else {
		dst = appendOnePart(dst, root, extended)
	}
	if extended {
		dst = appendExtension(dst, root)
	}
	return append(dst, ')')
}

// appendMultipart appends body-type-mpart without body-ext-mpart behind the
// parameters.
func appendMultipart(dst []byte, p *Part, extended bool) []byte {
	for _, child := range p.Parts {
		dst = AppendBodyStructure(dst, child, extended)
	}
	dst = append(dst, ' ')
	dst = appendText(dst, p.Subtype)
	if extended {
		dst = append(dst, ' ')
		dst = appendParams(dst, p.Params, false)
	}
	return dst
}

// appendOnePart appends body-type-basic, -msg or -text, and with extended the MD5
// sum that begins body-ext-1part.
func appendOnePart(dst []byte, p *Part, extended bool) []byte {
	text := p.Is("text", "")
	if p.Message != nil {
		dst = append(dst, `"message" `...)
		if p.Is("message", "global") {
			dst = append(dst, `"global"`...)
		} else {
			dst = append(dst, `"rfc822"`...)
		}
	} else {
		dst = appendText(dst, p.Type)
		dst = append(dst, ' ')
		dst = appendText(dst, p.Subtype)
	}
	dst = append(dst, ' ')
	dst = appendParams(dst, p.Params, text)
	dst = append(dst, ' ')
	dst = appendNText(dst, p.ID, p.has&hasID != 0)
	dst = append(dst, ' ')
	dst = appendNText(dst, p.Description, p.has&hasDescription != 0)
	dst = append(dst, ' ')
	dst = appendText(dst, p.Encoding)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, p.Body.Size, 10)
	if p.Message != nil {
		dst = append(dst, ' ')
		dst = AppendEnvelope(dst, p.Message.RawHeader)
		dst = append(dst, ' ')
		dst = AppendBodyStructure(dst, p.Message, extended)
	}
	if p.Message != nil || text {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, p.Body.Lines, 10)
	}
	if extended {
		dst = append(dst, ' ')
		dst = appendNText(dst, p.MD5, p.has&hasMD5 != 0)
	}
	return dst
}

// appendExtension appends disposition, language and location.
func appendExtension(dst []byte, p *Part) []byte {
	if p.has&hasDisposition == 0 {
		dst = append(dst, " NIL"...)
	} else {
		dst = append(dst, " ("...)
		dst = appendText(dst, p.Disposition)
		dst = append(dst, ' ')
		dst = appendParams(dst, p.DispositionParams, false)
		dst = append(dst, ')')
	}
	if len(p.Language) == 0 {
		dst = append(dst, " NIL"...)
	} else {
		sep := " ("
		for _, l := range p.Language {
			dst = append(dst, sep...)
			dst = appendText(dst, l)
			sep = " "
		}
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	return appendNText(dst, p.Location, p.has&hasLocation != 0)
}

// appendParams appends body-fld-param; charset asks for the default one of text.
func appendParams(dst []byte, params []Param, charset bool) []byte {
	if charset {
		if _, ok := param(params, "charset"); ok {
			charset = false
		}
	}
	if len(params) == 0 && !charset {
		return append(dst, "NIL"...)
	}
	sep := byte('(')
	for _, p := range params {
		dst = append(dst, sep)
		dst = appendText(dst, p.Name)
		dst = append(dst, ' ')
		dst = appendText(dst, p.Value)
		sep = ' '
	}
	if charset {
		dst = append(dst, sep)
		dst = append(dst, `"charset" "us-ascii"`...)
	}
	return append(dst, ')')
}
