package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"restante/certs"
)

func newCertCommand(s streams, p *place) *cobra.Command {
	cmd := &cobra.Command{Use: "cert", Short: "Show or renew the certificate", Args: noWords, RunE: showHelp}
	cmd.AddCommand(&cobra.Command{
		Use:   "show",
		Short: "Show the certificate in use and its fingerprint",
		Args:  noWords,
		RunE:  func(*cobra.Command, []string) error { return certShow(s, p) },
	}, &cobra.Command{
		Use:   "renew",
		Short: "Make a new certificate with the same key, signed by our own authority",
		Long: `Make a new certificate with the same key, signed by our own authority. A running
server takes it up by itself within seconds. It is never necessary: the server
renews its certificate in time.`,
		Args: noWords,
		RunE: func(*cobra.Command, []string) error { return certRenew(s, p) },
	})
	return cmd
}

func certShow(s streams, p *place) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	m, err := certs.Inspect(p.certs(c))
	if errors.Is(err, fs.ErrNotExist) && c.TLS.Cert == "" {
		return errors.New("there is no certificate yet; the first \"restante serve\" makes one, or \"restante cert renew\"")
	}
	if err != nil {
		return certError(c, err)
	}
	printCertificate(s.out, m.Info())
	for _, problem := range m.Problems() {
		fmt.Fprintf(s.err, "warning: %s\n", problem)
	}
	return nil
}

func certRenew(s streams, p *place) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	if err := p.makeData(); err != nil {
		return err
	}
	o := p.certs(c)
	o.Logger = slog.New(slog.DiscardHandler)
	m, err := certs.Open(o)
	if err != nil {
		return certError(c, err)
	}
	if err := m.Renew(); err != nil {
		return err
	}
	printCertificate(s.out, m.Info())
	return nil
}

func printCertificate(w io.Writer, i certs.Info) {
	row := func(name, value string) { fmt.Fprintf(w, "%-12s %s\n", name, value) }
	row("certificate", i.CertFile)
	row("key", i.KeyFile)
	row("subject", i.Subject)
	row("issuer", i.Issuer)
	row("names", strings.Join(i.Names.Strings(), " "))
	row("valid", i.NotBefore.UTC().Format(time.DateTime)+" to "+i.NotAfter.UTC().Format(time.DateTime)+" UTC")
	row("SHA-256", i.SHA256)
	if i.AuthorityFile != "" {
		row("authority", i.AuthorityFile+" (import it in your clients)")
		row("SHA-256", i.AuthoritySHA256)
	}
}
