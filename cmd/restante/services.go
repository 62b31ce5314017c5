package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"restante/config"
	"restante/fulltext"
	"restante/imapd"
	"restante/mailstore"
	"restante/mailstore/shared"
	"restante/netserve"
	"restante/pop3d"
	"restante/webmail"
)

// service is a listener key of the configuration with what stands behind it.
type service struct {
	netserve.Service
	key       string // in the ready file
	label     string // for people
	security  string // for people
	addresses config.Addresses
	web       http.Handler // instead of Service.Handler, for HTTPS
}

// services builds what is served. It is the one place where the services meet.
func (d *daemon) services() ([]service, error) {
	sharing := d.o.sharing(d.store, d.auth)
	sharing.Logger = d.log.With("service", "imap")
	mail := shared.New(sharing)
	d.fulltext = d.newFullText(mail)
	d.imap = imapd.New(imapd.Options{
		Store:          mail,
		FullText:       d.fulltext,
		Auth:           d.auth,
		Logger:         d.log.With("service", "imap"),
		Hostname:       d.cfg.Hostname,
		Admin:          d.cfg.Admin,
		Version:        version(),
		TLS:            d.certs.TLSConfig(),
		AllowPlaintext: plaintext(d.cfg.Auth.Plaintext),
		Timeouts:       imapd.Timeouts{Idle: d.cfg.IMAP.IdleTimeout.Duration},
		Limits: imapd.Limits{
			Append: int64(d.cfg.Limits.MessageMegabytes) << 20, PerUser: d.cfg.Limits.ConnectionsPerUser, Watched: d.cfg.Limits.WatchedMailboxes,
			Line: d.cfg.Limits.CommandKilobytes << 10, Literal: d.cfg.Limits.LiteralKilobytes << 10, Nesting: d.cfg.Limits.Nesting,
			Mailboxes: d.cfg.Limits.Mailboxes, MailboxName: d.cfg.Limits.MailboxName,
		},
		Transcript: d.tapes.open,
	})
	uidl, err := pop3d.ParseUIDLFormat(d.cfg.POP3.UIDL)
	if err != nil {
		return nil, err
	}
	pop := pop3d.New(pop3d.Options{
		UIDL:           uidl,
		ReuseXUIDL:     d.cfg.POP3.ReuseXUIDL,
		Store:          d.store,
		Auth:           d.auth,
		Logger:         d.log.With("service", "pop3"),
		Hostname:       d.cfg.Hostname,
		TLS:            d.certs.TLSConfig(),
		AllowPlaintext: plaintext(d.cfg.Auth.Plaintext),
		IdleTimeout:    d.cfg.POP3.IdleTimeout.Duration,
	})
	web := webmail.New(webmail.Options{
		Store:    d.store,
		Auth:     d.auth,
		Logger:   d.log.With("service", "web"),
		Hostname: d.cfg.Hostname,
	})
	d.onClose(web.Close)
	const starttls, tls = "STARTTLS", "SSL/TLS" // as mail programs call them, for POP3 too
	return []service{
		{key: "imap", label: "IMAP", security: starttls, addresses: d.cfg.IMAP.Listen,
			Service: netserve.Service{Name: "imap", Handler: d.imap, Refuse: refuseIMAP}},
		{key: "imaps", label: "IMAP", security: tls, addresses: d.cfg.IMAP.ListenTLS,
			Service: netserve.Service{Name: "imaps", TLS: true, Handler: d.imap, Refuse: refuseIMAP}},
		{key: "pop3", label: "POP3", security: starttls, addresses: d.cfg.POP3.Listen,
			Service: netserve.Service{Name: "pop3", Handler: pop, Refuse: refusePOP3}},
		{key: "pop3s", label: "POP3", security: tls, addresses: d.cfg.POP3.ListenTLS,
			Service: netserve.Service{Name: "pop3s", TLS: true, Handler: pop, Refuse: refusePOP3}},
		{key: "https", label: "Webmail", security: tls, addresses: d.cfg.Web.ListenTLS, web: web,
			Service: netserve.Service{Name: "https", TLS: true, Refuse: refuseHTTP, ClientFirst: true}},
	}, nil
}

// newFullText makes what indexes text, nil if nothing does.
func (d *daemon) newFullText(mail mailstore.Store) *fulltext.Keeper {
	o := fulltext.Options{Store: mail, Logger: d.log.With("service", "fulltext")}
	switch d.cfg.Mail.FullText {
	case config.FullTextOff:
		return nil
	case config.FullTextOpened:
		o.Which = fulltext.Opened
	}
	return fulltext.New(o)
}

// plaintext says where passwords may cross a connection without TLS.
func plaintext(p config.Plaintext) func(net.Addr) bool {
	return func(remote net.Addr) bool {
		if p == config.PlaintextLoopback {
			tcp, ok := remote.(*net.TCPAddr)
			return ok && tcp.IP.IsLoopback()
		}
		return p == config.PlaintextAlways
	}
}

// reason says why a connection is refused.
func reason(l netserve.Limit) string {
	if l == netserve.AddressLimit {
		return "Too many connections from your network; close some or try again later"
	}
	return "Too many connections; try again later"
}

// refuseIMAP is a greeting that is a goodbye (RFC 9051 section 7.1.5), with the
// code of RFC 5530.
func refuseIMAP(l netserve.Limit) []byte {
	return []byte("* BYE [UNAVAILABLE] " + reason(l) + "\r\n")
}

// refusePOP3 is a negative greeting with the code of RFC 3206.
func refusePOP3(l netserve.Limit) []byte {
	return []byte("-ERR [SYS/TEMP] " + reason(l) + "\r\n")
}

func refuseHTTP(l netserve.Limit) []byte {
	text := reason(l) + "\n"
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 60\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// httpServer runs the webmail on connections of ours. Reading a request has
// deadlines; writing has none, as a page may stay open for events.
func (d *daemon) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		TLSConfig:         d.certs.TLSConfig(),
		ReadHeaderTimeout: 15 * time.Second,
		IdleTimeout:       3 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(d.log.With("service", "web").Handler(), slog.LevelDebug),
	}
}
