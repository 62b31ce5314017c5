package webmail

import (
	"strings"

	"restante/message"
)

// head is what is shown of a message's header.
type head struct {
	Subject           string
	From, To, Cc, Bcc []address
	ReplyTo, Sender   []address // only where they differ from From
	Date              string
	ISODate           string
}

// newHead reads what is shown of a header. p is the message or an embedded one.
func newHead(p *message.Part) head {
	h := p.RawHeader
	out := head{Subject: headerText(h, "Subject"), From: addresses(h, "From"), To: addresses(h, "To"), Cc: addresses(h, "Cc"), Bcc: addresses(h, "Bcc")}
	out.ReplyTo = others(addresses(h, "Reply-To"), out.From)
	out.Sender = others(addresses(h, "Sender"), out.From)
	if raw, ok := message.HeaderField(h, "Date"); ok {
		if d, err := message.ParseDate(raw); err == nil {
			out.Date, out.ISODate = d.Local().Format(longDate), d.Format(isoDate)
		} else {
			out.Date = shown(message.DecodeHeader(raw))
		}
	}
	return out
}

const (
	longDate = "Monday, 2 January 2006, 15:04"
	isoDate  = "2006-01-02T15:04:05Z07:00"
)

// others leaves out of list whom known holds.
func others(list, known []address) []address {
	var out []address
	for _, a := range list {
		same := false
		for _, k := range known {
			same = same || strings.EqualFold(a.Addr, k.Addr)
		}
		if !same {
			out = append(out, a)
		}
	}
	return out
}
