package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	texttemplate "text/template"
	"time"

	"restante/auth"
	"restante/mailstore"
)

//go:embed welcome
var welcomeFiles embed.FS

// welcomeData is what the templates of the welcome message say.
type welcomeData struct {
	User, Hostname, Web, DataDir, Authority, Fingerprint string
	Servers                                              []welcomeServer
}

type welcomeServer struct{ Label, Host, Port, Security string }

// welcome delivers the first message into the INBOX of a user who has no mail
// yet. Where mail was found, nothing is put between it.
func (d *daemon) welcome(ctx context.Context, u auth.User) (err error) {
	if r, err := d.store.Resolve(u); err != nil || !r.New {
		return err
	}
	text, err := welcomeMessage(d.welcomeData(u), time.Now())
	if err != nil {
		return err
	}
	account, err := d.store.OpenAccount(ctx, u)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, account.Close()) }()
	inbox, err := account.Open(ctx, mailstore.Inbox)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inbox.Close()) }()
	a, err := inbox.NewAppend(ctx)
	if err != nil {
		return err
	}
	defer a.Abort()
	if err := a.Add(mailstore.AppendOptions{}, bytes.NewReader(text)); err != nil {
		return err
	}
	_, _, err = a.Commit(ctx)
	return err
}

func (d *daemon) welcomeData(u auth.User) welcomeData {
	info := d.certs.Info()
	data := welcomeData{User: u.Name, Hostname: d.cfg.Hostname, DataDir: d.o.data, Authority: info.AuthorityFile, Fingerprint: info.SHA256}
	for _, b := range d.bound {
		host, port, err := net.SplitHostPort(b.listener.Addr().String())
		if err != nil || b.service.web != nil {
			continue
		}
		if ip := net.ParseIP(host); ip.IsUnspecified() {
			host = d.cfg.Hostname
		}
		data.Servers = append(data.Servers, welcomeServer{b.service.label, host, port, b.service.security})
	}
	if urls := d.webURLs(); len(urls) > 0 {
		data.Web = urls[len(urls)-1]
	}
	return data
}

// welcomeMessage writes the message as RFC 5322 text: plain text, and HTML as
// an alternative (RFC 2046 section 5.1.4).
func welcomeMessage(data welcomeData, now time.Time) ([]byte, error) {
	plain, err := texttemplate.ParseFS(welcomeFiles, "welcome/message.txt")
	if err != nil {
		return nil, err
	}
	html, err := htmltemplate.ParseFS(welcomeFiles, "welcome/message.html")
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	if err := addPart(parts, "text/plain", plain, data); err != nil {
		return nil, err
	}
	if err := addPart(parts, "text/html", html, data); err != nil {
		return nil, err
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	var m bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&m, "%s: %s\r\n", name, value) }
	field("Date", now.Format(time.RFC1123Z))
	field("From", "restante <postmaster@"+data.domain()+">")
	field("To", recipient(data))
	field("Subject", "Your mail is served from here now")
	field("Message-ID", "<welcome."+rand.Text()+"@"+data.domain()+">")
	field("MIME-Version", "1.0")
	field("Content-Type", `multipart/alternative; boundary="`+parts.Boundary()+`"`)
	m.WriteString("\r\n")
	m.Write(body.Bytes())
	return m.Bytes(), nil
}

// recipient is the user as an address.
func recipient(data welcomeData) string {
	if strings.Contains(data.User, "@") {
		return (&mail.Address{Address: data.User}).String()
	}
	return (&mail.Address{Address: data.User + "@" + data.domain()}).String()
}

// domain is the host name as the domain of an address (RFC 5321 section 4.1.3).
func (d welcomeData) domain() string {
	switch ip := net.ParseIP(d.Hostname); {
	case ip == nil:
		return d.Hostname
	case ip.To4() != nil:
		return "[" + d.Hostname + "]"
	}
	return "[IPv6:" + d.Hostname + "]"
}

// addPart runs a template into a quoted-printable part.
func addPart(w *multipart.Writer, kind string, t interface {
	Execute(w io.Writer, data any) error
}, data welcomeData) error {
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {kind + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	qp := quotedprintable.NewWriter(part)
	if err := t.Execute(qp, data); err != nil {
		return err
	}
	return qp.Close()
}
