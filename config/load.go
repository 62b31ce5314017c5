package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFile bounds a configuration file; a larger one is some other file.
const maxFile = 1 << 20

// Load reads the settings from file over the defaults for the given ports. A
// file that does not exist gives the defaults, unless required says that
// somebody named it. An empty Hostname becomes the machine's own name.
//
// A file with mistakes gives an error of type Errors; the rules find some, too.
func Load(file string, required bool, ports Ports, rules ...Rule) (Config, error) {
	data, err := read(file)
	if errors.Is(err, fs.ErrNotExist) && !required {
		data, err = nil, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	c, err := Parse(file, data, Default(ports), rules...)
	if err != nil {
		return Config{}, err
	}
	if c.Hostname == "" {
		c.Hostname = machineName()
	}
	return c, nil
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes, so this is no configuration file; name the right one with --config", file, maxFile)
	}
	return data, err
}

func machineName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

// A Rule is what another package knows of the value of a key. Check says what is
// wrong with it and what to write instead.
type Rule struct {
	Key   string
	Check func(Config) error
}

// Parse reads the settings in data, a TOML document, over base. The name
// stands for the document in errors, which are of type Errors.
//
// Listeners have a rule of their own: as soon as a document sets one listener
// key it sets them all, and those that it leaves out are off. So a file that
// serves IMAP only is one line, while a file that says nothing of listeners
// keeps the default ones.
func Parse(name string, data []byte, base Config, rules ...Rule) (Config, error) {
	d := document{name: name, data: data}
	if !d.scan() {
		return Config{}, d.errs
	}
	c := base
	if d.setsListener() {
		for _, l := range listeners() {
			*l.addr(&c) = nil
		}
	}
	d.types()
	d.unknown()
	if d.decode(&c) {
		d.validate(&c)
		d.apply(rules, c)
	}
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b *Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
		})
		return Config{}, d.errs
	}
	c.file, c.lines = d.name, d.lines
	return c, nil
}

// document is a file under examination: its text, the line and the kind of each
// key that it sets, and the mistakes found so far.
type document struct {
	name  string
	data  []byte
	lines map[string]int
	kinds map[string]kind
	errs  Errors
}

// kind says what stands behind a key.
type kind int

const (
	kindOther kind = iota
	kindTable
	kindText
	kindNumber
	kindTruth
	kindTexts // a list of texts
)

// fail notes a mistake at the line of key, or at no line when the document
// does not set the key.
func (d *document) fail(key, format string, args ...any) {
	d.failAt(d.lines[key], key, format, args...)
}

func (d *document) failAt(line int, key, format string, args ...any) {
	e := &Error{File: d.name, Line: line, Key: key, Message: fmt.Sprintf(format, args...)}
	if line > 0 {
		e.Excerpt = excerpt(d.data, line)
	}
	d.errs = append(d.errs, e)
}

// scan finds the line of every key. It is false when the document is not TOML.
func (d *document) scan() bool {
	d.lines, d.kinds = map[string]int{}, map[string]kind{}
	var p unstable.Parser
	p.Reset(d.data)
	var table []string
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			var line int
			table, line = keyParts(&p, e)
			d.note(table, line, kindTable)
		case unstable.KeyValue:
			d.noteValue(&p, table, e)
		}
	}
	if err := p.Error(); err != nil {
		d.syntax(err)
		return false
	}
	return true
}

// noteValue notes the key of one "key = value", and those of an inline table.
func (d *document) noteValue(p *unstable.Parser, table []string, e *unstable.Node) {
	key, line := keyParts(p, e)
	path := append(slices.Clone(table), key...)
	d.note(path, line, kindOf(e.Value()))
	if v := e.Value(); v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			d.noteValue(p, path, it.Node())
		}
	}
}

func (d *document) note(path []string, line int, k kind) {
	key := strings.Join(path, ".")
	if d.lines[key] == 0 {
		d.lines[key], d.kinds[key] = line, k
	}
}

func kindOf(v *unstable.Node) kind {
	switch v.Kind {
	case unstable.String:
		return kindText
	case unstable.Integer:
		return kindNumber
	case unstable.Bool:
		return kindTruth
	case unstable.InlineTable:
		return kindTable
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.String {
				return kindOther
			}
		}
		return kindTexts
	}
	return kindOther
}

// keyParts returns the parts of an expression's key and the line it stands on.
func keyParts(p *unstable.Parser, e *unstable.Node) (parts []string, line int) {
	for it := e.Key(); it.Next(); {
		if line == 0 {
			line = p.Shape(it.Node().Raw).Start.Line
		}
		parts = append(parts, string(it.Node().Data))
	}
	return parts, line
}

// syntax reports a document that is not TOML. The decoder says it with a line.
func (d *document) syntax(err error) {
	var discard map[string]any
	var positioned *toml.DecodeError
	if derr := toml.Unmarshal(d.data, &discard); errors.As(derr, &positioned) {
		row, _ := positioned.Position()
		d.failAt(row, "", "not valid TOML: %s", strings.TrimPrefix(positioned.Error(), "toml: "))
		return
	}
	d.failAt(0, "", "not valid TOML: %v", err)
}

func (d *document) setsListener() bool {
	return slices.ContainsFunc(listeners(), func(l listener) bool { return d.lines[l.key] > 0 })
}

// types reports every value whose kind does not fit its key, and every value
// that stands where a table belongs.
func (d *document) types() {
	tables := map[string]bool{}
	walk(reflect.TypeFor[Config](), "", func(key string, t reflect.Type) {
		if table, name, ok := strings.Cut(key, "."); ok && !tables[table] {
			tables[table] = true
			if k, set := d.kinds[table]; set && k != kindTable {
				d.fail(table, "%s is a table: write [%s] and below it its keys, such as %s", table, table, name)
			}
		}
		k, set := d.kinds[key]
		if kinds, wanted := kindsFor(t); set && !slices.Contains(kinds, k) {
			d.fail(key, "%s: %s", key, wanted)
		}
	})
}

// unknown reports every key that is none of ours; of a whole unknown table only
// its name.
func (d *document) unknown() {
	ours := map[string]kind{}
	for _, key := range Keys() {
		ours[key] = kindOther
		if table, _, ok := strings.Cut(key, "."); ok {
			ours[table] = kindTable
		}
	}
	for key := range d.lines {
		if _, known := ours[key]; known || d.reportedAbove(key, ours) {
			continue
		}
		if s := suggestion(key, Keys()); s != "" {
			d.fail(key, "unknown key %q; did you mean %q?", key, s)
		} else {
			d.fail(key, "unknown key %q; docs/configuration.md lists all keys", key)
		}
	}
}

// reportedAbove is whether a table that holds key is a mistake itself.
func (d *document) reportedAbove(key string, ours map[string]kind) bool {
	for i := strings.LastIndexByte(key, '.'); i >= 0; i = strings.LastIndexByte(key, '.') {
		key = key[:i]
		_, set := d.lines[key]
		if k, known := ours[key]; set && !known || known && k != kindTable {
			return true
		}
	}
	return false
}

// decode fills c. What the scan has reported already, the decoder need not say
// again; anything else that it refuses is a mistake of its own.
func (d *document) decode(c *Config) bool {
	err := toml.NewDecoder(bytes.NewReader(d.data)).DisallowUnknownFields().Decode(c)
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil || errors.As(err, &unknown) && len(d.errs) > 0:
		return true
	case len(d.errs) > 0:
		return false
	case errors.As(err, &wrong):
		row, _ := wrong.Position()
		key := strings.Join(wrong.Key(), ".")
		d.failAt(row, key, "%s: %s", key, strings.TrimPrefix(wrong.Error(), "toml: "))
	default:
		d.failAt(0, "", "%v", err)
	}
	return false
}
