package config

import (
	"reflect"
	"strings"
)

// Keys lists every key that a file may hold, dotted, in the order of Config.
func Keys() []string {
	var keys []string
	walk(reflect.TypeFor[Config](), "", func(key string, _ reflect.Type) { keys = append(keys, key) })
	return keys
}

// walk calls f with each key below t that takes a value.
func walk(t reflect.Type, prefix string, f func(key string, t reflect.Type)) {
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() {
			continue
		}
		key := prefix + field.Tag.Get("toml")
		if field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[Duration]() {
			walk(field.Type, key+".", f)
			continue
		}
		f(key, field.Type)
	}
}

// kindsFor returns the kinds of value that a key of type t takes, and what to
// write for it.
func kindsFor(t reflect.Type) (kinds []kind, wanted string) {
	switch {
	case t == reflect.TypeFor[Duration]():
		return []kind{kindText}, wantDuration
	case t == reflect.TypeFor[Addresses]():
		return []kind{kindText, kindTexts}, `write an address such as "127.0.0.1:1143" or ":1993", or a list of them, ["127.0.0.1:1143", "[::1]:1143"]`
	case t.Kind() == reflect.Bool:
		return []kind{kindTruth}, "write true or false, without quotes"
	case t.Kind() == reflect.Int:
		return []kind{kindNumber}, "write a whole number"
	}
	return []kind{kindText}, "write a text in double quotes"
}

// suggestion returns the known key that was probably meant by key, or "".
// A key in the wrong table counts as near: its last part is right.
func suggestion(key string, known []string) string {
	best, bestDistance := "", len(key)/3+1
	for _, k := range known {
		d := distance(key, k)
		if last(key) == last(k) {
			d = min(d, 2)
		}
		if d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = k, d
		}
	}
	if best == "" && !strings.Contains(key, ".") {
		return suggestTable(key, known)
	}
	return best
}

// suggestTable names the table that was probably meant by a header.
func suggestTable(name string, known []string) string {
	best, bestDistance := "", 3
	for _, k := range known {
		table, _, ok := strings.Cut(k, ".")
		if d := distance(name, table); ok && d < bestDistance {
			best, bestDistance = table, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// distance is Levenshtein's: how many bytes to insert, remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above+1, row[j]+1, diagonal+cost)
			diagonal = above
		}
	}
	return row[len(b)]
}
