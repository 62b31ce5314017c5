package restante

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "restante"

// A layer says what a package may import. Inside the module that is a list of
// packages; a name ending in /... stands for the package and all below it.
type layer struct {
	pkg     string
	own     []string // packages of this module, for the program itself
	outside []string // other modules, by prefix
	tests   []string // further packages of this module for its tests
}

// layers is the architecture: docs/design/architecture.md explains it and
// changes with it. The first row that fits a package counts.
var layers = []layer{
	// Syntax: bytes to values and back. No I/O policy, no storage.
	{pkg: "imap/deflate"},
	{pkg: "imap", outside: []string{"github.com/emersion/go-imap/v2", "golang.org/x/text"}},
	{pkg: "pop3", own: []string{"message"}},
	{pkg: "message", outside: []string{"golang.org/x/text", "golang.org/x/sys"}},
	{pkg: "auth/sasl", outside: []string{"github.com/emersion/go-sasl"}},
	{pkg: "casemap", outside: []string{"golang.org/x/text"}},

	// Means.
	{pkg: "fsys/...", own: []string{"fsys"}, outside: []string{"golang.org/x/sys"}},
	{pkg: "netserve"},
	{pkg: "gate"},
	{pkg: "config", outside: []string{"github.com/pelletier/go-toml/v2"}},

	// Storage: the contract, then the formats behind it.
	{pkg: "mailstore", own: []string{"gate"}},
	{pkg: "mailstore/index", own: []string{"mailstore", "fsys"}},
	{pkg: "mailstore/storetest", own: []string{"mailstore"}, tests: []string{"mailstore/memory"}},
	{pkg: "mailstore/faulttest", own: []string{"mailstore", "fsys", "fsys/faultfs"}},
	{pkg: "mailstore/location", own: []string{"mailstore", "mailstore/maildir", "mailstore/mbox", "mailstore/index", "fsys", "fsys/watch"}},
	{pkg: "mailstore/...", own: []string{"mailstore", "mailstore/index", "message", "fsys", "fsys/watch", "gate"},
		tests: []string{"mailstore/storetest", "mailstore/faulttest", "mailstore/memory", "fsys/faultfs"}},

	// Shared means of the services.
	{pkg: "search", own: []string{"mailstore", "message", "casemap"}, outside: []string{"golang.org/x/text"}},
	{pkg: "fulltext", own: []string{"mailstore", "search"}, tests: []string{"casemap", "mailstore/memory", "mailstore/maildir", "fsys", "fsys/faultfs"}},
	{pkg: "order", own: []string{"mailstore", "message", "casemap"}},
	{pkg: "auth", own: []string{"mailstore", "fsys", "auth/sasl"}, outside: []string{"github.com/go-crypt"}},
	{pkg: "certs", own: []string{"fsys"}},

	// Services: never each other, never a format.
	{pkg: "imapd/...", own: []string{"imapd/...", "imap", "imap/deflate", "message", "search", "order", "fulltext", "mailstore", "auth", "auth/sasl", "gate"},
		outside: []string{"github.com/emersion/go-imap/v2", "github.com/emersion/go-sasl", "golang.org/x/text"}, tests: []string{"mailstore/memory", "mailstore/shared"}},
	{pkg: "pop3d/...", own: []string{"pop3d/...", "pop3", "message", "mailstore", "auth", "auth/sasl"},
		outside: []string{"github.com/emersion/go-sasl"}, tests: []string{"mailstore/memory"}},
	{pkg: "webmail/sanitize", outside: []string{"golang.org/x/net"}},
	{pkg: "webmail/...", own: []string{"webmail/...", "message", "search", "order", "mailstore", "auth"},
		outside: []string{"golang.org/x/net", "golang.org/x/text"}, tests: []string{"mailstore/memory", "certs"}},

	// The composition root and tests of the whole.
	{pkg: "cmd/...", own: []string{"..."}, outside: []string{"github.com/spf13/cobra", "golang.org/x/sys"}},
	{pkg: "bench/...", own: []string{"bench/...", "mailstore/...", "fsys"}, outside: []string{"golang.org/x/text", "golang.org/x/sys"}, tests: []string{"..."}},
	{pkg: "test/...", own: []string{"..."}, outside: []string{""}},
	{pkg: "", own: []string{"..."}},
}

// testOutside are the modules that any test may use.
var testOutside = []string{
	"github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "github.com/emersion/go-imap/v2",
	"golang.org/x/net/html", "golang.org/x/sys",
}

// matches reports whether name is the pattern's package, or below it when the
// pattern ends in "...".
func matches(pattern, name string) bool {
	if base, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(name+"/", base)
	}
	return pattern == name
}

func anyMatches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func hasPrefix(prefixes []string, path string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return p == "" || path == p || strings.HasPrefix(path, p+"/")
	})
}

func layerOf(pkg string) *layer {
	for i := range layers {
		if matches(layers[i].pkg, pkg) {
			return &layers[i]
		}
	}
	return nil
}

// allows reports whether a file of the layer's package may import path.
func (l *layer) allows(pkg, path string, isTest bool) bool {
	if own, ok := strings.CutPrefix(path, module+"/"); ok {
		return own == pkg || anyMatches(l.own, own) || isTest && anyMatches(l.tests, own)
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return hasPrefix(l.outside, path) || isTest && hasPrefix(testOutside, path)
}

func TestLayers(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		files++
		checkImports(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("read %d source files only: the walk does not see the project", files)
	}
}

func checkImports(t *testing.T, path string) {
	pkg := filepath.ToSlash(filepath.Dir(path))
	if pkg == "." {
		pkg = ""
	}
	l := layerOf(pkg)
	if l == nil {
		t.Errorf("%s: package %q has no row in the table of layers", path, pkg)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, imp := range file.Imports {
		name, _ := strconv.Unquote(imp.Path.Value)
		if !l.allows(pkg, name, strings.HasSuffix(path, "_test.go")) {
			t.Errorf("%s imports %s: %q may not (see the table in layers_test.go)", path, name, pkg)
		}
	}
}

// TestLayersCatch shows that the table refuses what it should.
func TestLayersCatch(t *testing.T) {
	for _, c := range []struct{ pkg, path, why string }{
		{"imapd", "restante/mailstore/maildir", "a service knows no format"},
		{"imapd", "restante/pop3d", "services never import each other"},
		{"imap", "restante/mailstore", "syntax knows no storage"},
		{"mailstore/mbox", "restante/imap", "storage knows no protocol"},
		{"mailstore", "golang.org/x/sys/unix", "the contract needs the standard library only"},
		{"mailstore/maildir", "restante/mailstore/mbox", "formats do not know each other"},
	} {
		if layerOf(c.pkg).allows(c.pkg, c.path, false) {
			t.Errorf("%s may import %s, but %s", c.pkg, c.path, c.why)
		}
	}
}
