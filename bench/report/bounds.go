package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"restante/bench/result"
)

// readBounds reads what people have written about rows that are not where they
// should be, one line each: the row's name, a bar, and what bounds it. A name that no
// row has is a mistake: the row was renamed, and what is said of it would be lost.
func readBounds(file string, r *result.Report) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, row := range r.Rows {
		names[row.Name] = true
	}
	why := map[string]string{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, "|")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s:%d: write ROW | WHAT BOUNDS IT", file, number)
		case !names[name] && r.Full:
			return nil, fmt.Errorf("%s:%d: no row is called %q; correct the name, or remove the line", file, number, name)
		}
		why[name] = strings.TrimSpace(reason)
	}
	return why, nil
}
