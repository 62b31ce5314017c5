package imapd

import (
	"log/slog"
	"strings"

	"restante/imap"
)

// cmdID is ID (RFC 2971). What a client calls itself is logged and not acted upon,
// as section 2 asks, but for what mayUIDOnly says.
//
// QUIRK: Outlook's service sends it before login, with literals, and wants
// exactly one untagged answer.
func (s *session) cmdID(cmd *imap.Command) (reply, error) {
	var fields []string
	for _, f := range cmd.Args.(*imap.ID).Fields {
		fields = append(fields, f.Name+"="+f.Value)
	}
	s.showClient(clientName(cmd.Args.(*imap.ID).Fields))
	s.misusesUIDOnly = s.misusesUIDOnly || misusesUIDOnly(cmd.Args.(*imap.ID).Fields)
	s.log().Debug("client identified itself", slog.String("id", strings.Join(fields, " ")))
	w := s.w.Untagged().Raw(`ID ("name" "restante"`)
	if v := s.srv.opt.Version; v != "" {
		w.Raw(` "version" `).String(v)
	}
	w.Byte(')').CRLF()
	return reply{}, nil
}

// clientName is a client's name and version, cut to what fits a table.
func clientName(fields []imap.IDField) string {
	var name, version string
	for _, f := range fields {
		switch strings.ToLower(f.Name) {
		case "name":
			name = f.Value
		case "version":
			version = f.Value
		}
	}
	const most = 60
	text := strings.TrimSpace(strings.ToValidUTF8(name+" "+version, "?"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
