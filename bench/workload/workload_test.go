package workload_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/bench/mail"
	"restante/bench/target"
	"restante/bench/workload"
)

// tiny are sizes at which every row does all it does, but not for long.
func tiny() workload.Sizes {
	return workload.Sizes{
		Big: 300, Middle: 120, Pop3: 20, Mbox: 31, Small: 10,
		Users: 6, Idle: []int{30}, IdleTLS: []int{25},
		Mixed: 4, Sessions: 40, Changes: 20, Growth: []int{20, 50},
	}
}

type starter interface {
	Start(ctx context.Context, o target.Options) (*target.Server, error)
}

// TestRowsOfRestante runs every row once. What the server has to answer the rows
// check themselves; here it is checked that they tell something and leave the mail
// as it was.
func TestRowsOfRestante(t *testing.T) {
	ours, err := target.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	testRows(t, ours)
}

var withDovecot = flag.Bool("dovecot", false, "run the rows on Dovecot too, which takes two minutes (go test ./bench/workload -args -dovecot)")

// TestRowsOfDovecot does the same with the server that the table compares with.
func TestRowsOfDovecot(t *testing.T) {
	if !*withDovecot {
		t.Skip("only with -dovecot")
	}
	installed, err := target.FindDovecot(t.Context(), "")
	if err != nil {
		t.Skip(err)
	}
	testRows(t, target.NewDovecot(workload.Packaged, installed))
}

func testRows(t *testing.T, kind starter) {
	rows := workload.Rows(tiny())
	var specs []mail.Spec
	for _, r := range rows {
		if !slices.Contains(specs, r.Mail) {
			specs = append(specs, r.Mail)
		}
	}
	for _, spec := range specs {
		t.Run(spec.Name(), func(t *testing.T) {
			o := place(t, spec)
			s, err := kind.Start(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			for _, r := range rows {
				if r.Mail == spec {
					t.Run(r.Name, func(t *testing.T) { testRow(t, s, o, r) })
				}
			}
		})
	}
}

// place makes mail, a certificate and a server's directory, below a short path.
func place(t *testing.T, spec mail.Spec) target.Options {
	dir, err := os.MkdirTemp("", "rows-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o := target.Options{Dir: filepath.Join(dir, "s"), Mail: filepath.Join(dir, "mail"), Spec: spec, Owner: target.MailOwner(), Accounting: target.NewAccounting()}
	if err := mail.Make(t.Context(), o.Mail, spec); err != nil {
		t.Fatal(err)
	}
	if err := o.Owner.Give(o.Mail); err != nil {
		t.Fatal(err)
	}
	if o.Certificate, err = target.MakeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	return o
}

func testRow(t *testing.T, s *target.Server, o target.Options, r workload.Row) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	before := mailOf(t, o)
	env := &workload.Env{Target: s, Settle: time.Millisecond, Rest: time.Millisecond, Ours: true}
	var err error
	switch r.Start {
	case workload.Restarted:
		if _, err = r.Run(ctx, env); err == nil {
			err = s.Restart(ctx)
		}
	case workload.Forgotten:
		err = s.Forget(ctx)
	}
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, s.Log())
	}
	sample, err := r.Run(ctx, env)
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, s.Log())
	}
	if sample.Units <= 0 {
		t.Errorf("%v units were done", sample.Units)
	}
	for _, b := range slices.Concat(r.Must, r.Stretch) {
		compared := b.Peer != workload.Absolute || s.Name() == target.RestanteName
		if compared && b.Of != workload.CPU && b.Of != workload.PSS && sample.Value(b.Of) <= 0 {
			t.Errorf("the goal speaks of %s, which the row does not tell", b.Of)
		}
	}
	if after := mailOf(t, o); o.Spec.Format == mail.Maildir && !maps.Equal(before, after) {
		t.Errorf("the mail is not as it was: %s", difference(before, after))
	}
}

// mailOf has the names of all messages, as they are when their server has said what
// it knows of flags.
func mailOf(t *testing.T, o target.Options) map[string]bool {
	files := map[string]bool{}
	err := filepath.WalkDir(o.Mail, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && (strings.HasPrefix(d.Name(), ".scratch") || strings.HasPrefix(d.Name(), ".target")) {
			err = fmt.Errorf("%s was left", path)
		}
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "."+workload.Aside) {
			return filepath.SkipDir
		}
		if dir := filepath.Base(filepath.Dir(path)); err == nil && !d.IsDir() && (dir == "cur" || dir == "new") {
			files[strings.TrimPrefix(path, o.Mail)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func difference(before, after map[string]bool) string {
	var b strings.Builder
	for name := range before {
		if !after[name] {
			fmt.Fprintf(&b, "\nwas: %s", name)
		}
	}
	for name := range after {
		if !before[name] {
			fmt.Fprintf(&b, "\nis: %s", name)
		}
	}
	return b.String()
}

// TestTable looks at the rows themselves.
func TestTable(t *testing.T) {
	names := map[string]bool{}
	goals := 0
	for _, r := range workload.Rows(workload.Full()) {
		if names[r.Name] {
			t.Errorf("two rows are called %q", r.Name)
		}
		names[r.Name] = true
		if r.Unit == "" || r.Run == nil || len(r.Wants) == 0 || r.Mail.Users < 1 || r.Mail.Messages < 1 {
			t.Errorf("%s: something is missing: %+v", r.Name, r)
		}
		if len(r.Must) > 0 && len(r.Stretch) > 0 {
			goals++
		} else if r.Point.Plot == "" {
			t.Errorf("%s has no goals and is in no plot", r.Name)
		}
		for i, stretch := range r.Stretch {
			for _, must := range r.Must {
				if must.Of == stretch.Of && must.Peer == stretch.Peer && must.Max <= stretch.Max {
					t.Errorf("%s: bound %d of stretch is no harder than must", r.Name, i)
				}
			}
		}
	}
	if goals < 39 {
		t.Errorf("%d rows have goals, the table has 39 and LMTP", goals)
	}
}

func TestPercentile(t *testing.T) {
	list := make([]time.Duration, 100)
	for i := range list {
		list[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		list []time.Duration
		p    float64
		want time.Duration
	}{{nil, 0.5, 0}, {list[:1], 0.99, 1}, {list, 0.5, 50}, {list, 0.99, 99}, {list, 1, 100}, {list, 0, 1}, {list[:10], 0.99, 10}, {list[:2], 0.5, 1}} {
		if got := workload.Percentile(tt.list, tt.p); got != tt.want {
			t.Errorf("part %v of %d: %v, want %v", tt.p, len(tt.list), got, tt.want)
		}
	}
}
