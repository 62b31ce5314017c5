package webmail

import (
	"embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed templates
var templateFiles embed.FS

// Page is what every page has.
type Page struct {
	Title    string
	User     string // "" when nobody is signed in
	SignedIn bool
}

func (s *Server) newPage(c *call, title string) Page {
	p := Page{Title: title}
	if c.session != nil {
		p.User, p.SignedIn = shown(c.session.user.Name), true
	}
	return p
}

// errorPage says what went wrong and what to do next.
type errorPage struct {
	Page
	Heading, Text  string
	Link, LinkText string
}

// views are the parsed templates, one set per page.
type views struct {
	pages map[string]*template.Template
}

// pageNames are the pages; each stands in templates/NAME.html and is rendered from one type, which views_test.go lists.
var pageNames = []string{"login", "mailbox", "confirm", "error"}

func newViews(a *assets) *views {
	v := &views{pages: make(map[string]*template.Template)}
	funcs := template.FuncMap{
		"asset":    func(name string) (string, error) { return a.lookup(name) },
		"icon":     icon,
		"messages": messages,
	}
	for _, name := range pageNames {
		t := template.New("base.html").Funcs(funcs)
		v.pages[name] = template.Must(t.ParseFS(templateFiles, "templates/base.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return v
}

func (a *assets) lookup(name string) (string, error) {
	url, ok := a.url[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return url, nil
}

func (v *views) execute(w io.Writer, name string, data any) error {
	return v.pages[name].Execute(w, data)
}
