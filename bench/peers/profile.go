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

// A profile has as many runs as make profileTime together, but profileRuns at most:
// "go tool pprof" adds the files.
const (
	profileTime = 10 * time.Second
	profileRuns = 5
)

// profile runs a row while restante records where its time goes. What is recorded is
// what is counted: Around tells when that begins and ends.
func (g *group) profile(ctx context.Context, row *workload.Row, wall time.Duration) error {
	if err := os.MkdirAll(g.opt.profile, 0o755); err != nil {
		return err
	}
	file := filepath.Join(g.opt.profile, fileName(row.Name))
	n, begin := 0, time.Now()
	for n < profileRuns && time.Since(begin) < profileTime {
		s, err := g.server(ctx, target.RestanteName, row.Start)
		if err != nil {
			return err
		}
		before := n
		_, err = row.Run(ctx, &workload.Env{Target: s, Ours: true, Around: func() func() error {
			if n++; n > profileRuns { // a row may count often
				return func() error { return nil }
			}
			fetched := make(chan error, 1)
			go func() {
				fetched <- fetch(ctx, s.Profiles(), wall+time.Second, fmt.Sprintf("%s-%d.pprof", file, n))
			}()
			time.Sleep(200 * time.Millisecond) // for the request to be there
			return func() error { return <-fetched }
		}})
		if err == nil && n == before {
			err = errors.New("the row counts no processor time")
		}
		if err != nil {
			return err
		}
	}
	return nil
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
