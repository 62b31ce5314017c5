package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"restante/bench/mail"
	"restante/bench/result"
	"restante/bench/target"
	"restante/bench/workload"
)

// runner measures rows.
type runner struct {
	opt        options
	accounting *target.Accounting
	ours       target.Restante
	cert       target.Certificate
	owner      target.Owner
	installed  map[workload.Peer]target.Installation // all of those that are asked, or none
	peerless   error                                 // why there is no Dovecot of the machine
	files      int                                   // that may be open
	held       *os.File                              // the work directory, locked
	report     result.Report
	out, notes io.Writer // the table, and what people need to know
}

func newRunner(ctx context.Context, opt options, out, notes io.Writer) (*runner, error) {
	r := &runner{opt: opt, accounting: target.NewAccounting(), owner: target.MailOwner(), out: out, notes: notes}
	sizes, full := opt.sizes()
	r.report = result.Report{Date: time.Now().UTC(), Ours: target.RestanteName, Sizes: sizes, Full: full, Repeat: opt.repeat}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	err := r.check(ctx)
	if err != nil {
		return nil, err
	}
	if r.cert, err = target.MakeCertificate(r.opt.work); err != nil {
		return nil, err
	}
	if r.ours, err = target.Build(ctx, r.opt.work); err != nil {
		return nil, err
	}
	return r, r.describe(ctx)
}

func (r *runner) path(name string) string { return filepath.Join(r.opt.work, name) }

// say tells people what is not in the table.
func (r *runner) say(format string, args ...any) { fmt.Fprintf(r.notes, format+"\n", args...) }

// all measures the rows, those of equal mail together.
func (r *runner) all(ctx context.Context, rows []workload.Row) error {
	printHead(r.out)
	for len(rows) > 0 && ctx.Err() == nil {
		n := 1
		for n < len(rows) && rows[n].Mail == rows[0].Mail {
			n++
		}
		if err := r.group(ctx, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return ctx.Err()
}

// group measures rows of equal mail.
func (r *runner) group(ctx context.Context, rows []workload.Row) (err error) {
	g := &group{runner: r, spec: rows[0].Mail, live: map[string]*target.Server{}}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.makeMail(ctx); err != nil {
		return err
	}
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := g.row(ctx, &rows[i])
		if err != nil {
			return err
		}
		r.report.Rows = append(r.report.Rows, found)
		printRow(r.out, r.report.Ours, &found)
		if r.opt.json != "" {
			if err := r.report.Write(r.opt.json); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish tells the sum of all.
func (r *runner) finish() error {
	r.report.Load += " before, " + load() + " after"
	printSum(r.out, &r.report)
	if r.opt.json == "" {
		return nil
	}
	return r.report.Write(r.opt.json)
}

// group is equal mail with the servers that have a copy of it.
type group struct {
	*runner
	spec mail.Spec
	live map[string]*target.Server
}

// makeMail makes the mail unless an earlier run has left it.
func (g *group) makeMail(ctx context.Context) error {
	dir := filepath.Join(g.path("mail"), g.spec.Name())
	done := dir + ".made"
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	g.say("making mail: %s", g.spec.Name())
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := mail.Make(ctx, dir, g.spec); err != nil {
		return err
	}
	if err := g.owner.Give(dir); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o644)
}

// servers are the names of those on which a row is to run: ours, and the peers
// that its goals name. A row whose goals name none is seen beside the packaged
// Dovecot, and a point of a plot beside all. Where the packaged one is there in an
// earlier release too, that is beside it.
func (g *group) servers(row *workload.Row) []string {
	list := []string{target.RestanteName}
	for _, b := range slices.Concat(row.Must, row.Stretch) {
		if name := string(b.Peer); b.Peer != workload.Absolute && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	switch {
	case row.Point.Plot != "":
		list = serverNames()
	case len(list) == 1:
		list = append(list, string(workload.Packaged))
	}
	older := string(workload.Older)
	list = slices.DeleteFunc(list, func(name string) bool { return name == older })
	if _, ok := g.installed[workload.Older]; ok && slices.Contains(list, string(workload.Packaged)) {
		list = append(list, older)
	}
	return slices.DeleteFunc(list, func(name string) bool { return !g.opt.wants(name) })
}

// row runs a row in turns on all servers.
func (g *group) row(ctx context.Context, row *workload.Row) (result.Row, error) {
	found := result.Row{Name: row.Name, Unit: row.Unit, Must: row.Must, Stretch: row.Stretch, Point: row.Point}
	for _, name := range g.servers(row) {
		found.Servers = append(found.Servers, result.Server{Name: name, Problem: g.unfit(row, name)})
	}
	rounds := g.opt.repeat
	if row.Rounds > 0 {
		rounds = min(rounds, row.Rounds)
	}
	for round := range rounds {
		for i := range found.Servers {
			s := &found.Servers[(i+round)%len(found.Servers)] // nobody is always the first
			if s.Problem != "" {
				continue
			}
			sample, err := undisturbed(row, func(again bool) (workload.Sample, error) {
				return g.once(ctx, row, s.Name, round == 0 && !again)
			}, func(stolen float64) {
				g.say("%s on %s: the host took %.2g %% of the processors' time for others; measured again", row.Name, s.Name, 100*stolen)
			})
			if ctx.Err() != nil {
				return found, ctx.Err()
			}
			if err != nil {
				s.Problem = err.Error()
				g.say("%s on %s: %v", row.Name, s.Name, err)
				if err := g.drop(s.Name); err != nil {
					return found, err
				}
				continue
			}
			s.Runs = append(s.Runs, result.FromSample(sample))
		}
	}
	if s := found.Server(target.RestanteName); s != nil && g.opt.profile != "" && len(s.Runs) > 0 {
		wall := time.Duration(s.Runs[len(s.Runs)-1].Wall * float64(time.Second))
		if err := g.profile(ctx, row, wall); err != nil {
			g.say("%s: no profile: %v", row.Name, err)
		}
	}
	return found, nil
}

// once runs a row on a server, in the state that the row asks for. first is that it has
// not been run there.
func (g *group) once(ctx context.Context, row *workload.Row, name string, first bool) (workload.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, g.opt.timeout)
	defer cancel()
	if alone(row) {
		if err := g.stopOthers(name); err != nil {
			return workload.Sample{}, err
		}
	}
	fresh := g.live[name] == nil
	s, err := g.server(ctx, name, row.Start)
	if err != nil {
		return workload.Sample{}, err
	}
	env := &workload.Env{Target: s, Settle: settle(name), Ours: name == target.RestanteName}
	if g.opt.quick {
		env.Rest = 3 * time.Second
	}
	// What a server finds after a restart is what this row has left, and not the one
	// before it; but connections that wait leave nothing.
	if fresh || first && row.Start == workload.Restarted && row.Files == 0 {
		if err := rehearse(ctx, row, env, s); err != nil {
			return workload.Sample{}, err
		}
	}
	sample, err := row.Run(ctx, env)
	if err == nil && sample.Units <= 0 {
		err = errors.New("the row has counted nothing")
	}
	return sample, err
}

// rehearse runs a row without counting. A fresh copy has no indexes yet, and a
// cold cache; the row finds both in all its other runs. What a server has written while
// it looked at mail for the first time it looks at once more when it is started again,
// and only then writes down that all is as it was: so there are two such runs where
// that counts.
func rehearse(ctx context.Context, row *workload.Row, env *workload.Env, s *target.Server) error {
	switch row.Start {
	case workload.Forgotten:
		return nil
	case workload.Running:
		_, err := row.Run(ctx, env)
		return err
	}
	for range 2 {
		if _, err := row.Run(ctx, env); err != nil {
			return err
		}
		if err := s.Restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle is how long a server must be quiet to be taken for done. Dovecot that
// parks connections does so after a time in which nothing happens.
func settle(name string) time.Duration {
	if name == string(workload.Hibernate) {
		return target.HibernateAfter + target.HibernateAfter/2
	}
	return 0
}

// alone is whether no other server may be there. What processes of two Dovecots
// share is counted half for each.
func alone(row *workload.Row) bool {
	memory := func(b workload.Bound) bool { return b.Of == workload.PSS }
	return slices.ContainsFunc(row.Must, memory) || slices.ContainsFunc(row.Stretch, memory) || row.Files > 0
}

func (g *group) stopOthers(name string) (err error) {
	for other, s := range g.live {
		if other != name {
			err = errors.Join(err, s.Stop())
		}
	}
	return err
}

// server is the server in a state.
func (g *group) server(ctx context.Context, name string, state workload.Start) (*target.Server, error) {
	s := g.live[name]
	switch {
	case s == nil:
		return g.start(ctx, name)
	case state == workload.Forgotten:
		return s, s.Forget(ctx)
	case state == workload.Restarted || !s.Alive():
		return s, s.Restart(ctx)
	}
	return s, nil
}

// start copies the mail for a server and starts it, without any index.
func (g *group) start(ctx context.Context, name string) (*target.Server, error) {
	o := target.Options{Dir: filepath.Join(g.path("run"), name), Mail: filepath.Join(g.path("copy"), name), Spec: g.spec, Owner: g.owner,
		Certificate: g.cert, Accounting: g.accounting, Profile: g.opt.profile != ""}
	if err := errors.Join(os.RemoveAll(o.Dir), target.Copy(filepath.Join(g.path("mail"), g.spec.Name()), o.Mail, g.owner)); err != nil {
		return nil, err
	}
	var s *target.Server
	var err error
	if name == target.RestanteName {
		s, err = g.ours.Start(ctx, o)
	} else {
		s, err = target.NewDovecot(workload.Peer(name), g.installed[workload.Peer(name)]).Start(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	g.live[name] = s
	return s, nil
}

// drop ends a server after an error: nobody knows what it has left of the mail.
func (g *group) drop(name string) error {
	s := g.live[name]
	if s == nil {
		return nil
	}
	delete(g.live, name)
	if text := s.Log(); text != "" {
		g.say("%s says:\n%s", name, text)
	}
	return errors.Join(s.Stop(), os.RemoveAll(filepath.Join(g.path("copy"), name)))
}

// close ends all servers and removes their copies.
func (g *group) close() (err error) {
	for name, s := range g.live {
		err = errors.Join(err, s.Stop(), os.RemoveAll(filepath.Join(g.path("copy"), name)))
	}
	return cmp.Or(err, os.RemoveAll(g.path("run")))
}
