package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"restante/auth"
	"restante/certs"
	"restante/config"
	"restante/fsys"
	"restante/mailstore/location"
)

func newCheckCommand(s streams, p *place) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Examine configuration, users, certificate and mail locations",
		Long: `Examine configuration, users, certificate and mail locations, without changing
anything. It prints one line for each finding and fails when one of them is an
error.`,
		Args: noWords,
		RunE: func(*cobra.Command, []string) error {
			f := &findings{streams: s}
			f.all(p)
			if f.errors > 0 {
				return fmt.Errorf("check: %d %s", f.errors, map[bool]string{true: "error", false: "errors"}[f.errors == 1])
			}
			return nil
		},
	}
}

// findings prints what a check finds, one line each.
type findings struct {
	streams
	errors int
}

func (f *findings) good(format string, args ...any) {
	fmt.Fprintf(f.out, "ok       "+format+"\n", args...)
}
func (f *findings) warning(format string, args ...any) {
	fmt.Fprintf(f.out, "warning  "+format+"\n", args...)
}
func (f *findings) error(format string, args ...any) {
	f.errors++
	fmt.Fprintf(f.out, "error    "+format+"\n", args...)
}

func (f *findings) all(p *place) {
	c, ok := f.configuration(p)
	if !ok {
		return
	}
	if t := f.users(p, c); t != nil {
		f.locations(p, c, t)
	}
	f.certificate(p, c)
}

func (f *findings) configuration(p *place) (config.Config, bool) {
	c, err := p.load()
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		for _, m := range mistakes {
			m.Excerpt = "" // one line each
			f.error("%v", m)
		}
		return c, false
	case err != nil:
		f.error("%v", err)
		return c, false
	}
	if fileExists(p.configFile()) {
		f.good("configuration %s", p.configFile())
	} else {
		f.good("configuration: no file, the defaults hold")
	}
	return c, true
}

func fileExists(name string) bool {
	_, err := fsys.OS{}.Stat(name)
	return err == nil
}

func anybodyMayRead(file string) bool {
	info, err := fsys.OS{}.Stat(file)
	return err == nil && info.Mode().Perm()&0o007 != 0
}

func (f *findings) users(p *place, c config.Config) *auth.Table {
	file := p.users(c)
	t, err := auth.ReadTable(fsys.OS{}, file)
	if errors.Is(err, fs.ErrNotExist) {
		f.warning("users: there is no table %s yet; the first \"restante serve\" makes it", file)
		return nil
	}
	if err != nil {
		f.error("users: %v", err)
		return nil
	}
	for _, m := range t.Problems {
		f.error("%v", m)
	}
	for _, m := range t.Warnings {
		f.warning("%v", m)
	}
	if anybodyMayRead(file) {
		f.warning("users: everybody on this machine may read %s, which holds password hashes; chmod o= it", file)
	}
	switch n := len(t.Users()); {
	case n == 0 && len(t.Problems) == 0:
		f.warning("users: %s is empty, so nobody can log in; add somebody with \"restante user add\"", file)
	case len(t.Problems) == 0:
		f.good("users %s: %d", file, n)
	}
	return t
}

// locations resolves where every user's mail stands, as a login would.
func (f *findings) locations(p *place, c config.Config, t *auth.Table) {
	store, err := p.mail(c, location.Options{})
	if err != nil {
		f.error("%v", err)
		return
	}
	good := 0
	for _, u := range t.Users() {
		if _, err := store.Resolve(u); err != nil {
			f.error("%s: %s", t.At(u.Name), oneLine(err))
			continue
		}
		good++
	}
	if good > 0 {
		f.good("mail locations: %d; \"restante user show NAME\" tells each", good)
	}
}

// oneLine keeps a finding on its line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func (f *findings) certificate(p *place, c config.Config) {
	m, err := certs.Inspect(p.certs(c))
	if errors.Is(err, fs.ErrNotExist) && c.TLS.Cert == "" {
		f.good("certificate: none yet, the first \"restante serve\" makes it")
		return
	}
	if err != nil {
		f.error("%s", oneLine(certError(c, err)))
		return
	}
	problems := m.Problems()
	for _, problem := range problems {
		f.warning("%s", problem)
	}
	if i := m.Info(); len(problems) == 0 {
		f.good("certificate %s: valid until %s", i.CertFile, i.NotAfter.UTC().Format("2006-01-02"))
	}
}
