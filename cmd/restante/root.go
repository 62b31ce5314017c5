package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"restante/auth"
	"restante/certs"
	"restante/config"
	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/location"
	"restante/pop3d"
)

// streams are what the program reads and writes beside its files.
type streams struct {
	in       *os.File
	out, err io.Writer
}

func systemStreams() streams { return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr} }

// place is where the program keeps its data and reads its settings, as the
// flags say.
type place struct {
	data          string
	config        string // as given; "" means restante.toml in data
	standardPorts bool
}

const defaultData = "restante-data"

func newRootCommand(s streams) *cobra.Command {
	p := new(place)
	serve := newServeCommand(s, p)
	root := &cobra.Command{
		Use:   "restante",
		Short: "IMAP, POP3 and a webmail for the mail that stands on your disk",
		Long: `restante serves the mail that stands on disk, in Maildir and mbox, over IMAP,
POP3 and a webmail. Without a verb it serves: the first start makes a data
directory, a certificate and a user, and prints how to look at it.`,
		Args:          noWords,
		RunE:          serve.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.PersistentFlags().StringVar(&p.data, "data", defaultData, "the data directory")
	root.PersistentFlags().StringVar(&p.config, "config", "", "the configuration file (default restante.toml in the data directory)")
	root.Flags().AddFlagSet(serve.Flags())
	root.AddCommand(serve, newUserCommand(s, p), newMailboxCommand(s, p), newCertCommand(s, p), newCheckCommand(s, p), newWhoCommand(s, p), newVersionCommand(s))
	return root
}

// verb is what to type for a verb about this place.
func (p *place) verb(words string) string {
	verb := "restante " + words
	if p.data != defaultData {
		verb += " --data " + p.data
	}
	if p.config != "" {
		verb += " --config " + p.config
	}
	return verb
}

func (p *place) configFile() string {
	if p.config != "" {
		return p.config
	}
	return filepath.Join(p.data, "restante.toml")
}

// load reads the settings.
func (p *place) load() (config.Config, error) {
	ports := config.UnprivilegedPorts()
	if p.standardPorts {
		ports = config.StandardPorts()
	}
	return config.Load(p.configFile(), p.config != "", ports,
		config.Rule{Key: "mail.location", Check: func(c config.Config) error {
			_, err := location.Parse(c.Mail.Location)
			return err
		}},
		config.Rule{Key: "pop3.uidl", Check: func(c config.Config) error {
			_, err := pop3d.ParseUIDLFormat(c.POP3.UIDL)
			return err
		}},
		config.Rule{Key: "mail.home", Check: func(c config.Config) error {
			_, err := location.New(location.Options{Home: c.Mail.Home})
			return err
		}},
		config.Rule{Key: "mail.index", Check: func(c config.Config) error {
			_, err := location.New(location.Options{Index: c.Mail.Index})
			return err
		}},
		config.Rule{Key: "mail.mbox_locks", Check: func(c config.Config) error {
			_, err := location.New(location.Options{MboxLocks: strings.Fields(c.Mail.MboxLocks)})
			return err
		}})
}

// certError adds to an error of an operator's own certificate where that is
// named.
func certError(c config.Config, err error) error {
	if at := c.At("tls.cert"); err != nil && at != "" {
		return fmt.Errorf("%s: %w; correct tls.cert and tls.key, or remove both to use a certificate of our own", at, err)
	}
	return err
}

// users returns the path of the user table.
func (p *place) users(c config.Config) string { return config.Path(p.data, c.Auth.Users) }

// certs says which certificate is used.
func (p *place) certs(c config.Config) certs.Options {
	return certs.Options{
		Dir:      filepath.Join(p.data, "certs"),
		Hostname: c.Hostname,
		CertFile: config.Path(p.data, c.TLS.Cert),
		KeyFile:  config.Path(p.data, c.TLS.Key),
	}
}

// mail says where the mail of all users stands; the configuration completes
// opt. The store that it returns has opened nothing yet.
func (p *place) mail(c config.Config, opt location.Options) (*location.Store, error) {
	opt.Default, opt.Home, opt.DataDir = c.Mail.Location, c.Mail.Home, p.data
	opt.MboxLocks, opt.Become = strings.Fields(c.Mail.MboxLocks), canBecome()
	opt.Quota = mailstore.Amount{Octets: int64(c.Mail.QuotaMegabytes) << 20, Messages: int64(c.Mail.QuotaMessages)}
	s, err := location.New(opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.configFile(), err)
	}
	return s, nil
}

// index is the directory of indexes, "" for none. Only the process that serves
// may use it.
func (p *place) index(c config.Config) string {
	if i := c.Mail.Index; i == "" || filepath.IsAbs(i) || strings.HasPrefix(i, "~") || strings.HasPrefix(i, "%") {
		return i
	}
	return filepath.Join(p.data, c.Mail.Index)
}

// makeData makes the data directory when it is missing. Nobody else may look
// into it: it holds keys, password hashes and mail.
func (p *place) makeData() error {
	return dataError(fsys.MkdirAll(fsys.OS{}, p.data, 0o700))
}

// dataError says what to do about a data directory that cannot be used.
func dataError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("data directory: %w; run as the user who owns it, give it to user id %d, or name another one with --data", err, os.Geteuid())
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("data directory: %w; the server writes there: name another one with --data", err)
	case err != nil:
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// table reads the user table for an admin verb.
func (p *place) table(c config.Config) (*auth.Table, error) {
	t, err := auth.ReadTable(fsys.OS{}, p.users(c))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no user table %s yet; add a user with \"restante user add\", or name another data directory with --data", p.users(c))
	}
	return t, err
}
