package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"restante/bench/target"
	"restante/bench/workload"
)

// profileTime is how long a row is run again for its profile, so that what is
// short fills some hundred samples too. A row that wants a fresh server has as many
// profiles as freshProfiles instead: "go tool pprof" adds them.
const (
	profileTime   = 5 * time.Second
	freshProfiles = 5
)

// profile runs a row while restante records where its time goes.
func (g *group) profile(ctx context.Context, row *workload.Row) error {
	if err := os.MkdirAll(g.opt.profile, 0o755); err != nil {
		return err
	}
	file := filepath.Join(g.opt.profile, fileName(row.Name))
	if row.Start == workload.Running {
		_, err := g.record(ctx, row, profileTime, file+".pprof")
		return err
	}
	took := time.Second
	for i := range freshProfiles {
		var err error
		if took, err = g.record(ctx, row, took, fmt.Sprintf("%s-%d.pprof", file, i+1)); err != nil {
			return err
		}
	}
	return nil
}

// record makes one profile, and tells how long one run has taken.
func (g *group) record(ctx context.Context, row *workload.Row, length time.Duration, file string) (took time.Duration, err error) {
	s, err := g.server(ctx, target.RestanteName, row.Start)
	if err != nil {
		return 0, err
	}
	fetched := make(chan error, 1)
	begin := time.Now()
	go func() { fetched <- fetch(ctx, s.Profiles(), length, file) }()
	for took == 0 || row.Start == workload.Running && time.Since(begin) < length {
		one := time.Now()
		if _, err := row.Run(ctx, &workload.Env{Target: s}); err != nil {
			return took, errors.Join(err, <-fetched)
		}
		took = time.Since(one)
	}
	return took, <-fetched
}

// fetch stores a profile.
func fetch(ctx context.Context, address string, length time.Duration, file string) (err error) {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, 1+int(length.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// fileName makes a row's name fit for a file.
func fileName(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name), "-")
}
