package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"restante/bench/workload"
)

// Restante is this tree's server, as built.
type Restante struct{ Binary string }

// Build makes the server from the sources in the directory where go runs, into
// dir, as "make build" does.
func Build(ctx context.Context, dir string) (Restante, error) {
	r := Restante{filepath.Join(dir, "restante")}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", r.Binary, "restante/cmd/restante")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return r, fmt.Errorf("go build restante/cmd/restante: %w\n%s", err, out)
	}
	return r, nil
}

// Start starts the server.
func (r Restante) Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, r, o) }

const restanteSettings = `hostname = "localhost"
[imap]
listen = "127.0.0.1:0"
listen_tls = "127.0.0.1:0"
[pop3]
listen = "127.0.0.1:0"
listen_tls = "127.0.0.1:0"
[auth]
users = %q
[mail]
location = %q
fulltext = %q
[tls]
cert = %q
key = %q
[limits]
connections = 100000
connections_per_address = 100000
connections_per_user = 100000
mailboxes = 100000
[log]
level = "warn"
`

// Name of this tree's server in tables.
const RestanteName = "restante"

func (r Restante) name() string          { return RestanteName }
func (r Restante) data(o Options) string { return filepath.Join(o.Dir, "data") }
func (r Restante) settings(o Options) string {
	return filepath.Join(o.Dir, "restante.toml")
}
func (r Restante) ready(o Options) string { return filepath.Join(o.Dir, "ready.json") }
func (r Restante) logs(Options) []string  { return nil }
func (r Restante) forget(o Options) error { return os.RemoveAll(filepath.Join(r.data(o), "index")) }

func (r Restante) configure(o Options) (*exec.Cmd, error) {
	table, err := users(o)
	if err != nil {
		return nil, err
	}
	fullText := "off"
	if o.FullText {
		fullText = "searched"
	}
	text := fmt.Sprintf(restanteSettings, table, location(o.Spec), fullText, o.Certificate.Cert, o.Certificate.Key)
	if o.Profile {
		text += "[debug]\npprof = \"127.0.0.1:0\"\n"
	}
	file := r.settings(o)
	err = errors.Join(os.WriteFile(file, []byte(text), 0o600), removed(r.ready(o)))
	return exec.Command(r.Binary, "serve", "--data", r.data(o), "--config", file, "--ready-file", r.ready(o)), err
}

// removed removes a file that need not be there.
func removed(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (r Restante) addresses(o Options) (map[workload.Service]string, string, bool) {
	text, err := os.ReadFile(r.ready(o))
	if err != nil {
		return nil, "", false
	}
	var bound map[string]string
	if json.Unmarshal(text, &bound) != nil {
		return nil, "", false
	}
	addr := map[workload.Service]string{}
	for _, svc := range []workload.Service{workload.IMAP, workload.IMAPS, workload.POP3, workload.POP3S} {
		addr[svc] = bound[svc.String()]
	}
	return addr, bound["pprof"], true
}

// Version is what the server says about itself.
func (r Restante) Version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, r.Binary, "version").Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return first, err
}
