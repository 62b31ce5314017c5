package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"

	"restante/auth"
	"restante/certs"
	"restante/config"
	"restante/fsys"
	"restante/fsys/watch"
	"restante/fulltext"
	"restante/imapd"
	"restante/mailstore/location"
	"restante/netserve"
)

// daemonOptions is what the flags of serve say.
type daemonOptions struct {
	place
	readyFile string
	vigil     bool // see netserve.Options
	out, log  io.Writer
}

// daemon is the whole server as one value: newDaemon opens everything, Run
// serves until its context ends, Close gives everything back. End-to-end tests
// use it as serve does.
type daemon struct {
	o     daemonOptions
	cfg   config.Config
	log   *slog.Logger
	level *slog.LevelVar

	auth     *auth.Authenticator
	certs    *certs.Manager
	store    *location.Store
	imap     *imapd.Server
	fulltext *fulltext.Keeper // nil: none
	tapes    *transcripts
	net      *netserve.Server
	bound    []boundListener
	web      []*http.Server
	// profiles is where profiles can be fetched; nil for nowhere.
	profiles net.Addr
	close    []func() error // in the order of opening
}

// boundListener is an open address with what stands behind it.
type boundListener struct {
	service  service
	listener *netserve.Listener
}

// newDaemon opens the data directory, the certificate, the user table, the mail
// and all listeners. Connections are served from Run on. After an error nothing
// is left open.
func newDaemon(ctx context.Context, o daemonOptions) (*daemon, error) {
	cfg, err := o.load()
	if err != nil {
		return nil, err
	}
	d := &daemon{o: o, cfg: cfg, level: new(slog.LevelVar)}
	d.setLevel(cfg.Log.Level)
	d.log = slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: d.level}))
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *daemon) open(ctx context.Context) error {
	if err := d.openData(); err != nil {
		return err
	}
	o := d.o.certs(d.cfg)
	o.Logger = d.log
	var err error
	if d.certs, err = certs.Open(o); err != nil {
		return certError(d.cfg, err)
	}
	first, err := d.firstUser(ctx)
	if err != nil {
		return err
	}
	if d.auth, err = auth.New(auth.Options{File: d.o.users(d.cfg), Logger: d.log}); err != nil {
		return err
	}
	if file := d.o.users(d.cfg); anybodyMayRead(file) {
		d.log.Warn("everybody on this machine may read the user table, which holds password hashes; chmod o= it", "file", file)
	}
	if os.Geteuid() == 0 && !canBecome() {
		d.log.Warn("running as root without the rights to become others (CAP_SETUID, CAP_SETGID): all mail is read and written as root, and new files will be root's")
	}
	watcher := watch.New(watch.Options{Logger: d.log})
	d.onClose(watcher.Close)
	if d.store, err = d.o.mail(d.cfg, location.Options{Logger: d.log, Watcher: watcher, Index: d.o.index(d.cfg)}); err != nil {
		return err
	}
	d.onClose(d.store.Close)
	d.tapes = newTranscripts(d.o.data, d.cfg.Log.Transcripts)
	if err := d.listen(); err != nil {
		return err
	}
	if err := d.openControl(); err != nil {
		return err
	}
	if err := d.openProfiles(); err != nil {
		return err
	}
	d.greet(ctx, first)
	return writeReady(d.o.readyFile, d.bound, d.profiles)
}

// openData takes the data directory for this process.
func (d *daemon) openData() error {
	if err := d.o.makeData(); err != nil {
		return err
	}
	lock, err := lockData(d.o.data)
	if err != nil {
		return err
	}
	d.onClose(lock.Close)
	d.onClose(func() error { return removeReady(d.o.readyFile) })
	return removeReady(d.o.readyFile)
}

// onClose notes what Close has to do; the last noted comes first.
func (d *daemon) onClose(f func() error) { d.close = append(d.close, f) }

// listen opens all listeners.
func (d *daemon) listen() error {
	l := d.cfg.Limits
	d.net = netserve.New(netserve.Options{
		Logger:           d.log,
		TLS:              d.certs.TLSConfig(),
		MaxConnections:   l.Connections,
		MaxPerAddress:    l.ConnectionsPerAddress,
		HandshakeTimeout: l.HandshakeTimeout.Duration,
		Vigil:            d.o.vigil,
	})
	d.onClose(func() error {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		return d.net.Shutdown(now)
	})
	services, err := d.services()
	if err != nil {
		return err
	}
	for _, svc := range services {
		for _, address := range svc.addresses {
			nl, err := d.net.Listen(address, svc.Service)
			if err != nil {
				return listenError(err)
			}
			d.bound = append(d.bound, boundListener{svc, nl})
		}
	}
	if len(d.bound) == 0 {
		return fmt.Errorf("%s turns all listeners off; set at least one, such as [imap] listen_tls = \":993\"", d.o.configFile())
	}
	d.checkOpenFiles(l.Connections)
	return nil
}

// listenError adds what to do about the usual causes.
func listenError(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; another program listens there: stop it, or set another address in the configuration", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; ports below 1024 need the right CAP_NET_BIND_SERVICE: take higher ports, or give it by \"setcap cap_net_bind_service=+ep\" or in the service's unit", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; no interface of this machine has that address", err)
	}
	return err
}

// checkOpenFiles warns when the process may not hold as many connections as the
// configuration promises.
func (d *daemon) checkOpenFiles(connections int) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < uint64(connections) {
		d.log.Warn("the limit of open files is below limits.connections; raise it (ulimit -n, LimitNOFILE=) or lower the setting",
			"open_files", limit.Cur, "connections", connections)
	}
}

// Run serves until ctx ends, then stops: idle sessions hear a goodbye at once,
// busy ones may finish within limits.shutdown_timeout.
func (d *daemon) Run(ctx context.Context) error {
	var background sync.WaitGroup
	background.Go(func() { d.certs.Run(ctx) })
	background.Go(func() { d.fulltext.Run(ctx) })
	for _, b := range d.bound {
		if b.service.web == nil {
			background.Go(b.listener.Serve)
			continue
		}
		hs := d.httpServer(b.service.web)
		d.web = append(d.web, hs)
		background.Go(func() {
			if err := hs.ServeTLS(b.listener, "", ""); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
				d.log.Error("the webmail's listener failed", "err", err)
			}
		})
	}
	reclaim := newReclaimer()
	defer reclaim.close()
	d.log.Info("serving", "data", d.o.data, "users", len(d.auth.Users()), "version", version())
	<-ctx.Done()
	d.log.Info("stopping", "connections", d.net.Connections())
	err := d.stop()
	background.Wait()
	return err
}

// stop ends all sessions within limits.shutdown_timeout.
func (d *daemon) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.cfg.Limits.ShutdownTimeout.Duration)
	defer cancel()
	var web sync.WaitGroup
	for _, hs := range d.web {
		web.Go(func() {
			if hs.Shutdown(ctx) != nil {
				_ = hs.Close() // cuts what did not finish in time
			}
		})
	}
	err := d.net.Shutdown(ctx)
	web.Wait()
	return err
}

// Close gives everything back. It may be called once, after Run has returned or
// without it.
func (d *daemon) Close() error {
	var errs []error
	for i := len(d.close) - 1; i >= 0; i-- {
		errs = append(errs, d.close[i]())
	}
	d.close = nil
	return errors.Join(errs...)
}

// Reload is what SIGHUP asks for: user table and certificate are read again,
// and the configuration is examined. Of its settings only those of the log can
// change in a running server.
func (d *daemon) Reload() {
	d.report("user table", d.auth.Reload())
	d.report("certificate", d.certs.Reload())
	cfg, err := d.o.load()
	if err == nil {
		d.tapes.set(cfg.Log.Transcripts)
	}
	d.report("configuration", err)
	if err == nil {
		d.setLevel(cfg.Log.Level)
	}
}

func (d *daemon) report(what string, err error) {
	if err != nil {
		d.log.Error("reload: the old state stays in use", "what", what, "err", err)
		return
	}
	d.log.Info("reload", "what", what, "state", "good")
}

func (d *daemon) setLevel(l config.Level) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l)); err == nil { // config has checked it
		d.level.Set(level)
	}
}

// hasUsers is whether anybody can log in; the table may come from elsewhere.
func hasUsers(file string) (bool, error) {
	t, err := auth.ReadTable(fsys.OS{}, file)
	if err != nil {
		return false, err
	}
	return len(t.Users()) > 0 || len(t.Problems) > 0, nil
}
