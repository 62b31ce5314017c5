// Report makes docs/performance-peers.md and its plots from what bench/peers has
// written:
//
//	go run ./bench/report -json peers.json
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"restante/bench/result"
)

func main() {
	file := flag.String("json", "", "what bench/peers has written with -json")
	docs := flag.String("docs", "docs", "directory of the documents")
	flag.Parse()
	if err := run(*file, *docs); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// The files below the directory of documents.
const (
	document = "performance-peers.md"
	plots    = "performance" // a directory
	bounds   = "performance/bounds.txt"
)

func run(file, docs string) error {
	if file == "" {
		return errors.New("name the file that bench/peers has written: make bench-report JSON=FILE")
	}
	r, err := result.Read(file)
	if err != nil {
		return err
	}
	why, err := readBounds(filepath.Join(docs, bounds), r)
	if err != nil {
		return err
	}
	pictures := draw(r)
	if err := os.MkdirAll(filepath.Join(docs, plots), 0o755); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := os.WriteFile(filepath.Join(docs, plots, p.file), []byte(p.svg), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, document), []byte(write(r, pictures, why)), 0o644)
}

// A picture is a plot with what is written below it.
type picture struct{ file, title, svg string }

// draw makes all plots: the ratios, and one for each that points name.
func draw(r *result.Report) []picture {
	list := []picture{{"ratios.svg", "Ratio of each row to the peer that its goal names. The bar spans the rounds, the marks are stretch (left) and must (right).", ratios(r)}}
	for _, c := range charts(r) {
		list = append(list, picture{fileName(c.title) + ".svg", c.title, c.svg()})
	}
	return list
}
