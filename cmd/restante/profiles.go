package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"
)

// openProfiles serves profiles of the running program where debug.pprof says.
// They hold names of functions and numbers, no mail and no passwords; still they
// tell what the server does, so config takes loopback only.
func (d *daemon) openProfiles() error {
	if d.cfg.Debug.PProf == "" {
		return nil
	}
	l, err := net.Listen("tcp", d.cfg.Debug.PProf)
	if err != nil {
		return fmt.Errorf("%s: debug.pprof: %w", d.cfg.At("debug.pprof"), listenError(err))
	}
	d.profiles = l.Addr()
	hs := &http.Server{
		Handler:           onlyLoopback(profiles()),
		ReadHeaderTimeout: 15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(d.log.With("service", "pprof").Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	d.onClose(func() error {
		err := hs.Close()
		if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
		return err
	})
	d.log.Warn("profiles can be fetched by everybody on this machine; remove debug.pprof when you have seen enough", "address", l.Addr().String())
	return nil
}

// profiles has a mux of its own: what net/http/pprof puts into the default one is
// not served by anything here.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// onlyLoopback refuses requests for other names than loopback's own. A page in a
// browser on this machine can have its own name lead to 127.0.0.1 (DNS
// rebinding), and would read the answers.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			http.Error(w, "ask for 127.0.0.1, [::1] or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
