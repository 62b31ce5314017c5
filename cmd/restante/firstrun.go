package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"restante/auth"
	"restante/fsys"
)

// firstUser makes the user table with one user when there is none, and prints
// his password, at once: whatever fails afterwards, it has been seen. It returns
// nil when there is a table.
func (d *daemon) firstUser(ctx context.Context) (*auth.User, error) {
	file := d.o.users(d.cfg)
	switch some, err := hasUsers(file); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("user table: %w", err)
	default:
		if !some {
			d.log.Warn("the user table is empty, so nobody can log in; add somebody with \"restante user add\"", "file", file)
		}
		return nil, nil
	}
	if filepath.IsAbs(d.cfg.Auth.Users) {
		return nil, fmt.Errorf("user table: %s does not exist; correct auth.users in %s, or make the table with \"restante user add\"", file, d.o.configFile())
	}
	u := auth.User{Name: ownName(), UID: -1, GID: -1}
	password := auth.GeneratePassword()
	if err := addUser(ctx, file, u, password); err != nil {
		return nil, err
	}
	fmt.Fprintf(d.o.out, "First start: %s has been made.\n\n", d.o.data)
	d.row("User", u.Name)
	d.row("Password", password+"   (shown only now; \""+d.o.verb("user passwd "+u.Name)+"\" sets another)")
	fmt.Fprintln(d.o.out)
	return &u, nil
}

// ownName is what to call the first user: as whoever runs the program is called
// on this machine, unless that is the administrator.
func ownName() string {
	name := os.Getenv("SUDO_USER")
	if name == "" {
		if u, err := user.Current(); err == nil && u.Uid != "0" {
			name = u.Username
		}
	}
	name = auth.Normalize(name)
	if name == "root" || auth.CheckName(name) != nil {
		return "me"
	}
	return name
}

func addUser(ctx context.Context, file string, u auth.User, password string) error {
	hash, err := auth.HashPassword(password)
	if err != nil {
		return err
	}
	return auth.Edit(ctx, fsys.OS{}, file, func(e *auth.Editor) error { return e.Add(u, hash) })
}

// greet prints where the server can be reached, and on the first start what to
// do next; the first user gets the same as a message.
func (d *daemon) greet(ctx context.Context, first *auth.User) {
	fmt.Fprintln(d.o.out, "restante is ready:")
	fmt.Fprintln(d.o.out)
	for _, b := range d.bound {
		if b.service.web == nil {
			d.row(b.service.label, where(b.listener.Addr())+", "+b.service.security)
		}
	}
	for _, url := range d.webURLs() {
		d.row("Webmail", url)
	}
	info := d.certs.Info()
	d.row("Certificate", "SHA-256 "+info.SHA256)
	if info.AuthorityFile != "" {
		d.row("Authority", info.AuthorityFile+" (import it, and nothing asks about the certificate any more)")
	}
	if first == nil {
		return
	}
	if err := d.welcome(ctx, *first); err != nil {
		d.log.Warn("the welcome message could not be delivered", "user", first.Name, "err", err)
	}
	fmt.Fprintf(d.o.out, "\nNext: open the webmail, accept the certificate (compare the SHA-256), and sign in as %q.\n", first.Name)
	fmt.Fprintf(d.o.out, "%q adds people; \"restante help\" lists the rest.\n", d.o.verb("user add NAME"))
}

func (d *daemon) row(name, value string) { fmt.Fprintf(d.o.out, "  %-12s %s\n", name, value) }

// where says an address in words.
func where(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("port %d on all addresses", tcp.Port)
	}
	return a.String()
}

// webURLs lists the addresses of the webmail, the one for this machine first.
func (d *daemon) webURLs() []string {
	var urls []string
	add := func(host string, port int) {
		url := "https://" + net.JoinHostPort(host, fmt.Sprint(port)) + "/"
		if port == 443 {
			url = strings.TrimSuffix(url, ":443/") + "/"
		}
		if !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
	}
	for _, b := range d.bound {
		tcp, ok := b.listener.Addr().(*net.TCPAddr)
		if b.service.web == nil || !ok {
			continue
		}
		switch {
		case tcp.IP.IsUnspecified():
			add("localhost", tcp.Port)
			add(d.cfg.Hostname, tcp.Port)
		case tcp.IP.IsLoopback():
			add("localhost", tcp.Port)
		default:
			add(tcp.IP.String(), tcp.Port)
		}
	}
	return urls
}
