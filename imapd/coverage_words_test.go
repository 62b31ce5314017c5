package imapd

import (
	"fmt"
	"go/ast"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"restante/imap"
)

// A position is a place in the grammar where words stand. What the parser knows there is asked
// of it: every word of its own sources is put there. It need not be said here again, and a word
// that is added later is found.
type position struct {
	// what it is, and the forms of commands in which %s stands for the word.
	what  string
	forms []string
	// words gives those of a command that stand in this position.
	words func(cmd *sentCommand) []string
}

var positions = []position{
	{"FETCH item", []string{"FETCH 1 %s", "FETCH 1 %s[]", "FETCH 1 %s[1]", "FETCH 1 (%s (LAZY))"}, fetchItems},
	{"FETCH section", []string{"FETCH 1 BODY[]", "FETCH 1 BODY[1]", "FETCH 1 BODY[]<0.1>", "FETCH 1 BINARY[1]<0.1>",
		"FETCH 1 BODY[%s]", "FETCH 1 BODY[%s (To)]", "FETCH 1 BODY[1.%s]", "FETCH 1 BODY[1.%s (To)]"}, fetchSections},
	{"SEARCH key", []string{"SEARCH 1", "SEARCH $", "SEARCH %s", "SEARCH %s 1", "SEARCH %s x y", "SEARCH %s 1-Feb-2000", "SEARCH %s ALL",
		"SEARCH %s ALL ALL", `SEARCH MODSEQ "/flags/x" %s 1`}, searchKeys},
	{"result option", []string{"SEARCH RETURN (%s) ALL", "SEARCH RETURN (%s 1:2) ALL", "SORT RETURN (%s) (DATE) UTF-8 ALL",
		"SORT RETURN (%s 1:2) (DATE) UTF-8 ALL", "ESEARCH RETURN (%s) ALL"}, resultOptions},
	{"SORT key", []string{"SORT (%s) UTF-8 ALL", "SORT (%s DATE) UTF-8 ALL"}, sortWords},
	{"STATUS item", []string{"STATUS x (%s)"}, statusItems},
	{"STORE form", []string{"STORE 1 %s (x)", "STORE 1 +%s (x)", "STORE 1 -%s (x)", "STORE 1 %s x"}, storeForms},
	{"LIST selection", []string{`LIST (%s) "" *`, `LIST (%s SUBSCRIBED) "" *`}, listSelections},
	{"LIST result", []string{`LIST "" * RETURN (%s)`, `LIST "" * RETURN (%s (MESSAGES))`, `LIST "" * RETURN (%s (/shared/x))`}, listResults},
	{"NOTIFY form", []string{"NOTIFY %s", "NOTIFY SET (personal NONE)", "NOTIFY SET %s (personal NONE)", "NOTIFY SET (%s NONE)",
		"NOTIFY SET (%s x NONE)", "NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge))"}, notifyForms},
	{"ESEARCH source", []string{"ESEARCH ALL", "ESEARCH IN (%s) ALL", "ESEARCH IN (%s x) ALL"}, esearchSources},
	{"message form", []string{"APPEND x {1+}\r\nx", "APPEND x ~{1+}\r\nx", "APPEND x %s (~{1+}\r\nx)", "APPEND x %s (URL /x)",
		"APPEND x %s (TEXT {1+}\r\nx)", "APPEND x CATENATE (%s (~{1+}\r\nx))", `APPEND x (\Seen) {1+}` + "\r\nx",
		`APPEND x "17-Jul-1996 02:44:25 -0700" {1+}` + "\r\nx", "APPEND x {1+}\r\nx {1+}\r\nx"}, func(cmd *sentCommand) []string { return cmd.forms }},
	{"GETMETADATA option", []string{`GETMETADATA (%s 1) "" /shared/x`, `GETMETADATA (%s infinity) "" /shared/x`}, metadataOptions},
}

// TestDialoguesHaveWords: every word that the parser knows in some position is sent there.
func TestDialoguesHaveWords(t *testing.T) {
	words := candidates(parseSources(t, "../imap"))
	d := readDialogues(t)
	for _, p := range positions {
		known, shown := make(map[string]bool), make(map[string]bool)
		for _, form := range p.forms {
			for _, word := range words {
				for _, cmd := range readCommands("a " + strings.ReplaceAll(form, "%s", word) + "\r\n") {
					p.addTo(known, &cmd)
				}
				if !strings.Contains(form, "%s") {
					break
				}
			}
		}
		if len(known) < 2 {
			t.Errorf("%s: the parser was found to know %v", p.what, known)
		}
		for i := range d.sent {
			p.addTo(shown, &d.sent[i])
		}
		compare(t, p.what+"s", known, shown)
	}
}

func (p *position) addTo(set map[string]bool, cmd *sentCommand) {
	for _, word := range p.words(cmd) {
		set[p.what+" "+word] = true
	}
}

var wordForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.-]*$`)

// candidates gives the words of a parser: its strings that may be words, and those with what it
// cuts off from the beginning of others.
func candidates(src *sources) []string {
	words, prefixes := make(map[string]bool), []string{""}
	for _, f := range src.files {
		ast.Inspect(f, func(n ast.Node) bool {
			if word := literalOf(n); wordForm.MatchString(word) {
				words[word] = true
			}
			if call, ok := n.(*ast.CallExpr); ok {
				if name, _ := callee(call); name == "CutPrefix" {
					prefixes = append(prefixes, literalOf(call.Args[1]))
				}
			}
			return true
		})
	}
	var list []string
	for word := range words {
		for _, prefix := range prefixes {
			list = append(list, prefix+word)
		}
	}
	return list
}

// named gives the fields of a struct that are set.
func named(v any) (list []string) {
	for field, value := range fieldsOf(v) {
		if !value.IsZero() {
			list = append(list, strings.ToUpper(field))
		}
	}
	return list
}

func fieldsOf(v any) map[string]reflect.Value {
	fields, value := make(map[string]reflect.Value), reflect.ValueOf(v)
	for i := range value.NumField() {
		fields[value.Type().Field(i).Name] = value.Field(i)
	}
	return fields
}

func fetchItems(cmd *sentCommand) (list []string) {
	args, ok := cmd.Args.(*imap.Fetch)
	if !ok {
		return nil
	}
	for _, it := range args.Items {
		name := string(it.Att)
		if it.Peek {
			name += " PEEK"
		}
		if it.Lazy {
			name += " LAZY"
		}
		list = append(list, name)
	}
	// A macro is resolved by the parser.
	_, after, _ := strings.Cut(cmd.text, "FETCH ")
	if words := strings.Fields(after); len(args.Items) > 1 && len(words) > 1 && words[1][0] != '(' {
		list = append(list, strings.ToUpper(words[1]))
	}
	return list
}

func fetchSections(cmd *sentCommand) (list []string) {
	args, ok := cmd.Args.(*imap.Fetch)
	if !ok {
		return nil
	}
	for _, it := range args.Items {
		if it.Section == nil {
			continue
		}
		name := string(it.Att)
		if len(it.Section.Path) > 0 {
			name += "1."
		}
		list = append(list, name+string(it.Section.Specifier))
		if it.Section.Partial != nil {
			list = append(list, string(it.Att)+"]<>")
		}
	}
	return list
}

// searchOf gives what a command searches for, and the RETURN of it.
func searchOf(cmd *sentCommand) (imap.SearchKey, *imap.SearchReturn) {
	switch a := cmd.Args.(type) {
	case *imap.Search:
		return a.Key, a.Return
	case *imap.ESearch:
		return a.Key, a.Return
	case *imap.Sort:
		return a.Key, a.Return
	case *imap.Thread:
		return a.Key, nil
	}
	return nil, nil
}

func searchKeys(cmd *sentCommand) []string {
	key, _ := searchOf(cmd)
	if key == nil {
		return nil
	}
	return keysIn(key)
}

func keysIn(key imap.SearchKey) (list []string) {
	switch k := key.(type) {
	case imap.SearchAnd:
		for _, e := range k.Keys {
			list = append(list, keysIn(e)...)
		}
		return list
	case imap.SearchOr:
		return append(append(keysIn(k.Left), keysIn(k.Right)...), "OR")
	case imap.SearchNot:
		return append(keysIn(k.Key), "NOT")
	case imap.SearchFuzzy:
		return append(keysIn(k.Key), "FUZZY")
	case imap.SearchSeq:
		if k.Set.IsSaved() {
			return []string{"$"}
		}
		return []string{"set"}
	case imap.SearchModSeq:
		if k.Type != "" {
			list = append(list, "MODSEQ "+k.Type)
		}
	}
	// As the printer has it, behind "a SEARCH ".
	text := string((&imap.Command{Tag: "a", Name: "SEARCH", Args: &imap.Search{Key: key}}).AppendTo(nil))
	return append(list, strings.Fields(text)[2])
}

func resultOptions(cmd *sentCommand) (list []string) {
	_, r := searchOf(cmd)
	if r == nil {
		return nil
	}
	for _, word := range named(*r) {
		list = append(list, strings.TrimPrefix(cmd.Name, "UID ")+" "+word)
	}
	return list
}

func sortWords(cmd *sentCommand) (list []string) {
	args, ok := cmd.Args.(*imap.Sort)
	if !ok {
		return nil
	}
	for _, c := range args.Criteria {
		list = append(list, string(c.Key))
		if c.Reverse {
			list = append(list, "REVERSE")
		}
	}
	return list
}

func statusItems(cmd *sentCommand) (list []string) {
	if args, ok := cmd.Args.(*imap.Status); ok {
		for _, it := range args.Items {
			list = append(list, string(it))
		}
	}
	return list
}

func storeForms(cmd *sentCommand) []string {
	args, ok := cmd.Args.(*imap.Store)
	if !ok {
		return nil
	}
	name := strings.TrimPrefix(string(args.Op), "=") + "FLAGS"
	if args.Silent {
		name += ".SILENT"
	}
	if !strings.HasSuffix(strings.TrimRight(cmd.text, "\r\n "), ")") {
		return []string{name, "without parentheses"}
	}
	return []string{name}
}

func listSelections(cmd *sentCommand) []string {
	if args, ok := cmd.Args.(*imap.List); ok {
		return named(args.Select)
	}
	return nil
}

func listResults(cmd *sentCommand) []string {
	if args, ok := cmd.Args.(*imap.List); ok {
		return named(args.Return)
	}
	return nil
}

func notifyForms(cmd *sentCommand) (list []string) {
	args, ok := cmd.Args.(*imap.Notify)
	if !ok {
		return nil
	}
	if len(args.Groups) == 0 {
		return []string{"NONE"}
	}
	if args.Status {
		list = append(list, "STATUS")
	}
	for _, g := range args.Groups {
		list = append(list, string(g.Filter.Kind))
		if len(g.Events) == 0 {
			list = append(list, "no events")
		}
		for _, e := range g.Events {
			if len(e.Fetch) > 0 {
				list = append(list, "items of a new message")
			}
		}
	}
	return list
}

func esearchSources(cmd *sentCommand) (list []string) {
	args, ok := cmd.Args.(*imap.ESearch)
	if !ok {
		return nil
	}
	for _, f := range args.In {
		list = append(list, string(f.Kind))
	}
	if args.In == nil {
		list = append(list, "none")
	}
	return list
}

func metadataOptions(cmd *sentCommand) (list []string) {
	args, ok := cmd.Args.(*imap.GetMetadata)
	if !ok {
		return nil
	}
	if args.HasMaxSize {
		list = append(list, "MAXSIZE")
	}
	return append(list, fmt.Sprint("DEPTH ", args.Depth))
}
