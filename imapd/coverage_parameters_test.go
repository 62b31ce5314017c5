package imapd

import (
	"go/ast"
	"go/token"
	"io"
	"testing"

	"restante/imap"
)

// TestDialoguesHaveParameters: every parameter and modifier is sent, every capability enabled,
// every algorithm of THREAD asked for, and every event of NOTIFY.
func TestDialoguesHaveParameters(t *testing.T) {
	src := parseSources(t, ".")
	known, shown := src.parameters(), make(map[string]bool)
	for _, certain := range []string{"parameter QRESYNC", "parameter USE", "parameter CHANGEDSINCE", "parameter UNCHANGEDSINCE", "ENABLE IMAP4REV2"} {
		if !known[certain] {
			t.Errorf("%s was not found in the sources", certain)
		}
	}
	for name := range threadings {
		known["THREAD "+name] = true
	}
	for _, e := range notifyEvents {
		known["event "+string(e.name)] = true
	}
	for _, cmd := range readDialogues(t).sent {
		for _, name := range parametersOf(&cmd) {
			shown[name] = true
		}
	}
	compare(t, "parameters", known, shown)
}

// parameters gives what is compared with the name of a parameter "p", and what is looked for in
// what ENABLE wants.
func (src *sources) parameters() map[string]bool {
	found := make(map[string]bool)
	isName := func(e ast.Expr) bool {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		x, ok := sel.X.(*ast.Ident)
		return ok && x.Name == "p" && sel.Sel.Name == "Name"
	}
	add := func(kind string, exprs ...ast.Expr) {
		for _, e := range exprs {
			if s := literalOf(e); s != "" {
				found[kind+s] = true
			}
		}
	}
	for _, f := range src.files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && isName(n.X) {
					add("parameter ", n.Y)
				}
			case *ast.SwitchStmt:
				for _, c := range n.Body.List {
					if n.Tag != nil && isName(n.Tag) {
						add("parameter ", c.(*ast.CaseClause).List...)
					}
				}
			}
			return true
		})
	}
	ast.Inspect(src.funcs["cmdEnable"], func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name, _ := callee(call); name == "Contains" {
				add("ENABLE ", call.Args[1])
			}
		}
		return true
	})
	return found
}

func parametersOf(cmd *sentCommand) (list []string) {
	var params []imap.Param
	switch a := cmd.Args.(type) {
	case *imap.Select:
		params = a.Params
	case *imap.Create:
		params = a.Params
	case *imap.Fetch:
		params = a.Modifiers
	case *imap.Store:
		params = a.Modifiers
	case *imap.Enable:
		for _, name := range a.Capabilities {
			list = append(list, "ENABLE "+name)
		}
	case *imap.Thread:
		list = append(list, "THREAD "+a.Algorithm)
	case *imap.Notify:
		for _, g := range a.Groups {
			for _, e := range g.Events {
				list = append(list, "event "+string(e.Name))
			}
		}
	}
	for _, p := range params {
		list = append(list, "parameter "+p.Name)
	}
	return list
}

// appendForms reads the messages of APPEND and REPLACE to their end.
func appendForms(args imap.Args) (list []string, err error) {
	var a *imap.Append
	switch args := args.(type) {
	case *imap.Append:
		a = args
	case *imap.Replace:
		a = args.Append
	default:
		return nil, nil
	}
	for n := 0; ; n++ {
		m, err := a.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if n > 0 {
			list = append(list, "several")
		}
		forms, err := messageForms(m)
		if err != nil {
			return nil, err
		}
		list = append(list, forms...)
	}
}

func messageForms(m *imap.AppendMessage) (list []string, err error) {
	if m.Flags != nil {
		list = append(list, "flags")
	}
	if !m.InternalDate.IsZero() {
		list = append(list, "date")
	}
	if !m.Catenate {
		_, err := m.Accept()
		return append(list, "literal"+formOf(&m.Literal)), err
	}
	for {
		part, err := m.NextPart()
		switch {
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, err
		case !part.Text:
			list = append(list, "CATENATE URL")
			continue
		}
		list = append(list, "CATENATE TEXT"+formOf(&part.Literal))
		if _, err := part.Accept(); err != nil {
			return nil, err
		}
	}
}

func formOf(l *imap.Literal) string {
	switch {
	case l.UTF8:
		return " UTF8"
	case l.Binary:
		return " 8"
	}
	return ""
}
