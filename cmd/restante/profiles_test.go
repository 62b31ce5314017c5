package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestProfiles: profiles are there when they are asked for, and only for who asks
// this machine by a name of its own.
func TestProfiles(t *testing.T) {
	r := startDaemon(t, filepath.Join(t.TempDir(), "data"), "[debug]\npprof = \"127.0.0.1:0\"\n")
	for _, c := range []struct {
		path, host, why string
		status          int
		has             string
	}{
		{"heap?debug=1", "", "the address itself", http.StatusOK, "heap profile"},
		{"", "localhost:6060", "the name that people write", http.StatusOK, "goroutine"},
		{"heap", "[::1]", "the other family, without a port", http.StatusOK, ""},
		{"heap", "evil.example:6060", "a page whose name leads here", http.StatusForbidden, "localhost"},
		{"heap", "192.0.2.1", "an address of somebody else", http.StatusForbidden, "localhost"},
		{"cmdline", "", "the command line is nobody's business", http.StatusNotFound, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr["pprof"]+"/debug/pprof/"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(body), c.has) {
			t.Errorf("%s, host %q (%s): %s, %v, %.100q", c.path, c.host, c.why, resp.Status, err, body)
		}
	}
	if !strings.Contains(r.log.String(), "profiles can be fetched") {
		t.Error("the log does not tell that profiles can be fetched")
	}
}

// TestProfilesAreOff: nobody gets profiles without having asked for them.
func TestProfilesAreOff(t *testing.T) {
	r := startDaemon(t, filepath.Join(t.TempDir(), "data"), "")
	if address, ok := r.addr["pprof"]; ok {
		t.Errorf("profiles are served on %s", address)
	}
}
