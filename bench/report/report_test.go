package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/bench/result"
	"restante/bench/workload"
)

// TestReport makes the document of a fixture: all rows, all verdicts, all reasons,
// and plots that any reader of XML takes.
func TestReport(t *testing.T) {
	docs := t.TempDir()
	if err := os.Mkdir(filepath.Join(docs, plots), 0o755); err != nil {
		t.Fatal(err)
	}
	reasons := "# why\n\nstore one by one | a rename and a round trip\n"
	if err := os.WriteFile(filepath.Join(docs, bounds), []byte(reasons), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(filepath.Join("testdata", "peers.json"), docs); err != nil {
		t.Fatal(err)
	}
	text := read(t, filepath.Join(docs, document))
	for _, want := range []string{
		"Of 4 rows 2 are at *must* or better, 1 at *stretch*.",
		"| login + SELECT + logout, 16 at once | session | CPU | 210 µs ± 5 % | dovecot | 4.4 ms | 0.048 | 0.047–0.06 | 0.08 | – | stretch |",
		"|  |  | CPU | 210 µs ± 5 % | dovecot-reuse | 810 µs | 0.26 | 0.23–0.37 | 0.6 | 0.25 | must |",
		"| idle connection | connection | memory | 11.7 KB | dovecot | – | – | – | 0.025 | – | not measured |",
		"| memory | 11.7 KB | – | – | 11.7 KB | 11.7 KB–11.7 KB | 32 KB | 16 KB | stretch |",
		"**Misses must:** *store one by one*: a rename and a round trip",
		"- *login + SELECT + logout, 16 at once*: not explained yet.",
		"- *idle connection* on dovecot: 1000 processes would take more than half of the memory\n",
		"A processor, 2 processors", "3 rounds; 2026-11-21", "Dovecot 2.3.19.1",
		"(performance/ratios.svg)", "(performance/cpu-per-change-as-the-mailbox-grows.svg)", "(performance/memory-against-connections.svg)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	files, err := filepath.Glob(filepath.Join(docs, plots, "*.svg"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		wellFormed(t, file)
	}
	if svg := read(t, filepath.Join(docs, plots, "ratios.svg")); !strings.Contains(svg, "open again &lt;warm&gt; &amp; quick / dovecot") || strings.Contains(svg, "idle connection") {
		t.Error("the plot of ratios has not the rows that it should")
	}
	if svg := read(t, filepath.Join(docs, plots, "memory-against-connections.svg")); !strings.Contains(svg, "plain (memory/connection)") || !strings.Contains(svg, "dovecot-hibernate, plain at 5k: 12.7 KB") {
		t.Error("the plot of memory has not what it should")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wellFormed reads a plot as XML, and finds no number in it that is none.
func wellFormed(t *testing.T, file string) {
	t.Helper()
	text := read(t, file)
	d := xml.NewDecoder(strings.NewReader(text))
	elements := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(file), err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		elements++
		for _, a := range start.Attr {
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("%s: <%s %s=%q>", filepath.Base(file), start.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
	if elements < 20 || !strings.Contains(text, "prefers-color-scheme:dark") {
		t.Errorf("%s: %d elements", filepath.Base(file), elements)
	}
}

// TestNothing: a report without rows is a document too.
func TestNothing(t *testing.T) {
	for _, p := range draw(&result.Report{Ours: "restante"}) {
		if !strings.HasSuffix(p.svg, "</svg>\n") || strings.Contains(p.svg, "NaN") {
			t.Errorf("%s:\n%s", p.file, p.svg)
		}
	}
}

func TestBounds(t *testing.T) {
	r := &result.Report{Full: true, Rows: []result.Row{{Name: "store"}}}
	for _, c := range []struct{ text, want, why string }{
		{"store | a rename\n", "", "as it should be"},
		{"\n# said by somebody\n", "", "empty lines and comments"},
		{"store: a rename\n", "bounds.txt:1: write ROW | WHAT BOUNDS IT", "no bar"},
		{"store | x\nstor | a rename\n", `bounds.txt:2: no row is called "stor"`, "a row that was renamed"},
	} {
		file := filepath.Join(t.TempDir(), "bounds.txt")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := readBounds(file, r)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	if why, err := readBounds(filepath.Join(t.TempDir(), "none"), r); why != nil || err != nil {
		t.Errorf("no file: %v, %v", why, err)
	}
}

func TestScale(t *testing.T) {
	s := newScale([]float64{0.03, 2}, 0, 300)
	if s.low != 0.01 || s.high != 10 || len(s.ticks()) != 4 {
		t.Errorf("%+v has ticks %v", s, s.ticks())
	}
	for v, want := range map[float64]float64{0.01: 0, 0.1: 100, 1: 200, 10: 300, 0: 0, 1e9: 300} {
		if got := s.at(v); got < want-0.001 || got > want+0.001 {
			t.Errorf("%g stands at %g, want %g", v, got, want)
		}
	}
	if s = newScale([]float64{1, 1}, 0, 1); s.low >= s.high {
		t.Errorf("one number: %+v", s)
	}
}

// TestOlder counts the rows that hold beside the earlier release too.
func TestOlder(t *testing.T) {
	row := func(name string, later, earlier float64) result.Row {
		run := func(server string, cpu float64) result.Server {
			return result.Server{Name: server, Runs: []result.Run{{Units: 1, CPU: cpu}}}
		}
		r := result.Row{Name: name, Unit: "command", Must: workload.Goal{{Of: workload.CPU, Peer: workload.Packaged, Max: 0.5}},
			Servers: []result.Server{run("restante", 1), run("dovecot", later)}}
		if earlier > 0 {
			r.Servers = append(r.Servers, run("dovecot-older", earlier))
		}
		return r
	}
	r := &result.Report{Ours: "restante", Rows: []result.Row{row("both", 4, 2.5), row("later only", 4, 1.5), row("one release", 4, 0)}}
	want := "Of 3 rows 3 are at *must* or better, 0 at *stretch*. Of the 2 that were run beside the earlier release too, 1 are within the same bounds there.\n\n"
	if got := sum(r); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if r.Rows[0].Must[0].Peer != workload.Packaged {
		t.Error("counting has changed the goals")
	}
}
