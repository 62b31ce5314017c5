package imapd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A sources is a package as it is written.
type sources struct {
	fset  *token.FileSet
	files map[string]*ast.File // by name
	funcs map[string]*ast.FuncDecl
	// unclear are places where the response code cannot be told.
	unclear []string
}

// parseSources reads the package in dir without its tests.
func parseSources(t *testing.T, dir string) *sources {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	src := &sources{fset: token.NewFileSet(), files: make(map[string]*ast.File), funcs: make(map[string]*ast.FuncDecl)}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(src.fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		src.files[filepath.Base(name)] = f
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				src.funcs[fn.Name.Name] = fn
			}
		}
	}
	return src
}

// testFunctions gives the text of all tests of this package, without their comments.
func testFunctions(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]string)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				tests[fn.Name.Name] = string(text[fset.Position(fn.Body.Pos()).Offset:fset.Position(fn.Body.End()).Offset])
			}
		}
	}
	return tests
}

// literalOf is the string that a node is, if it is one.
func literalOf(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}

var (
	// codeForm is how a code begins: its name, which may have several words.
	codeForm = regexp.MustCompile(`^[A-Z][A-Z0-9-]+(?: [A-Z][A-Z0-9-]+)*`)
	// codeInText is a code in a response that is put together by hand.
	codeInText = regexp.MustCompile(`(?:OK|NO|BAD|BYE|PREAUTH) \[([A-Z].*)`)
)

// codes gives the response codes that the package sends: what is handed to no and ok, what a
// reply or a table with a field "code" holds, what is written by Status, and what stands in
// brackets in a string.
func (src *sources) codes() map[string]bool {
	found := make(map[string]bool)
	for _, f := range src.files {
		for _, d := range f.Decls {
			fn, _ := d.(*ast.FuncDecl)
			ast.Inspect(d, func(n ast.Node) bool {
				if m := codeInText.FindStringSubmatch(literalOf(n)); m != nil {
					found["code "+codeForm.FindString(m[1])] = true
				}
				for _, expr := range codeExprs(n) {
					src.addCode(found, fn, expr)
				}
				return true
			})
		}
	}
	return found
}

// capabilities gives the words of capability.go.
func (src *sources) capabilities(t *testing.T) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	ast.Inspect(src.files["capability.go"], func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		for word := range strings.FieldsSeq(literalOf(n)) {
			found["capability "+word] = true
		}
		return true
	})
	if !found["capability IMAP4rev2"] || !found["capability ACL"] {
		t.Fatalf("capabilities are no longer literals in capability.go: %v", found)
	}
	return found
}

func (src *sources) addCode(found map[string]bool, fn *ast.FuncDecl, expr ast.Expr) {
	for _, text := range src.begins(fn, expr, 0) {
		switch name := codeForm.FindString(text); {
		case name != "":
			found["code "+name] = true
		case text != "" && text != passedOn:
			src.unclear = append(src.unclear, src.fset.Position(expr.Pos()).String())
		}
	}
}

// codeExprs gives the expressions of a node that become response codes.
func codeExprs(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		name, method := callee(n)
		switch {
		case !method && (name == "no" || name == "ok"):
			return n.Args[:1]
		case method && name == "Status" && len(n.Args) == 4:
			return n.Args[2:3]
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "code" && len(n.Rhs) == len(n.Lhs) {
				return n.Rhs[i : i+1]
			}
		}
	case *ast.CompositeLit:
		return codesOfLiteral(n)
	}
	return nil
}

func callee(call *ast.CallExpr) (name string, method bool) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name, false
	case *ast.SelectorExpr:
		return f.Sel.Name, true
	}
	return "", false
}

// codesOfLiteral gives the fields "code" of a reply, and of the rows of a table.
func codesOfLiteral(lit *ast.CompositeLit) (list []ast.Expr) {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "code" {
				list = append(list, kv.Value)
			}
		}
	}
	table, ok := lit.Type.(*ast.ArrayType)
	if !ok {
		return list
	}
	row, ok := table.Elt.(*ast.StructType)
	if !ok {
		return list
	}
	var fields []string
	for _, f := range row.Fields.List {
		for _, name := range f.Names {
			fields = append(fields, name.Name)
		}
	}
	at := slices.Index(fields, "code")
	for _, e := range lit.Elts {
		if r, ok := e.(*ast.CompositeLit); ok && at >= 0 && at < len(r.Elts) {
			list = append(list, r.Elts[at])
		}
	}
	return list
}

const (
	// passedOn stands for a code that was made elsewhere.
	passedOn = "<passed on>"
	// unknown stands for what cannot be told.
	unknown = "<unknown>"
)

// begins gives what the string, or slice of octets, begins with to which an expression may come.
func (src *sources) begins(fn *ast.FuncDecl, expr ast.Expr, depth int) []string {
	if depth > 10 {
		return []string{unknown}
	}
	switch e := expr.(type) {
	case *ast.BasicLit:
		return []string{literalOf(e)}
	case *ast.BinaryExpr:
		return src.begins(fn, e.X, depth+1)
	case *ast.SelectorExpr:
		if e.Sel.Name == "code" {
			return []string{passedOn}
		}
	case *ast.Ident:
		return src.variable(fn, e.Name, depth+1)
	case *ast.CallExpr:
		return src.call(fn, e, depth+1)
	}
	return []string{unknown}
}

// call follows a function of this package into what it returns, and others that keep what an
// argument begins with.
func (src *sources) call(fn *ast.FuncDecl, call *ast.CallExpr, depth int) (list []string) {
	name, method := callee(call)
	if _, ok := call.Fun.(*ast.ArrayType); ok { // []byte("...")
		return src.begins(fn, call.Args[0], depth)
	}
	if !method && (name == "string" || name == "append") ||
		method && slices.Contains([]string{"Sprintf", "AppendTo", "AppendInt", "AppendUint"}, name) {
		return src.begins(fn, call.Args[0], depth)
	}
	to := src.funcs[name]
	if to == nil || method {
		return []string{unknown}
	}
	ast.Inspect(to.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			list = append(list, src.begins(to, r.Results[0], depth)...)
		}
		return true
	})
	return list
}

// variable looks at what a variable of the function is made with. What no and ok are handed is
// looked at where they are called.
func (src *sources) variable(fn *ast.FuncDecl, name string, depth int) (list []string) {
	if fn == nil {
		return []string{unknown}
	}
	if (fn.Name.Name == "no" || fn.Name.Name == "ok") && name == "code" {
		return []string{passedOn}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != len(assign.Rhs) {
			return true
		}
		for i, left := range assign.Lhs {
			if id, ok := left.(*ast.Ident); ok && id.Name == name && !appendsTo(assign.Rhs[i], name) {
				list = append(list, src.begins(fn, assign.Rhs[i], depth)...)
			}
		}
		return true
	})
	if list == nil {
		return []string{unknown}
	}
	return list
}

// appendsTo reports whether an expression is the variable itself with something behind.
func appendsTo(expr ast.Expr, name string) bool {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name == name
	case *ast.CallExpr:
		return len(e.Args) > 0 && appendsTo(e.Args[0], name)
	}
	return false
}
