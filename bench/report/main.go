// Report makes docs/performance-peers.md and its plots from what bench/peers has
// written:
//
//	go run ./bench/report -json peers.json
//
// Several files are those of different rows, as the whole takes hours.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"restante/bench/result"
)

func main() {
	file := flag.String("json", "", "what bench/peers has written with -json; several, separated by spaces or commas, are put together, rows of later ones taking the place of earlier")
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

func run(files, docs string) error {
	names := strings.FieldsFunc(files, func(r rune) bool { return r == ' ' || r == ',' })
	if len(names) == 0 {
		return errors.New("name the file that bench/peers has written: make bench-report JSON=FILE")
	}
	var list []*result.Report
	for _, name := range names {
		r, err := result.Read(name)
		if err != nil {
			return err
		}
		list = append(list, r)
	}
	r, err := result.Merge(list)
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
