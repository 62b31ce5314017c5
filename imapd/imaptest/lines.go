package imaptest

import (
	"fmt"
	"io/fs"
	"strconv"
)

// ReadScripts reads all scripts of a directory that match pattern, without playing them.
func ReadScripts(fsys fs.FS, pattern string) ([]*Script, error) {
	names, err := fs.Glob(fsys, pattern)
	if err != nil {
		return nil, err
	}
	scripts := make([]*Script, 0, len(names))
	for _, name := range names {
		s, err := readScript(fsys, name)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// A Line is what a script sends, or what it awaits for certain.
type Line struct {
	// Conn is the number of the connection.
	Conn string
	Sent bool
	// Text is octets with the end of the line, all literals being ones that are not waited for; of
	// what is awaited it is the pattern.
	Text string
	// At is where it stands.
	At string
}

// Lines gives what the script says with a server of that name which offers whatever the script asks
// for, in order. Nothing is played, so what a variable will hold is not known: "1" stands for it in
// what is sent, which is a number, a word and a string.
func (s *Script) Lines(server string) []Line {
	if s.only != "" && s.only != server {
		return nil
	}
	var lines []Line
	for _, st := range s.steps {
		if !st.isFor(server) {
			continue
		}
		line := Line{Conn: st.conn, Text: st.text, At: fmt.Sprintf("%s:%d", s.Name, st.line)}
		switch st.verb {
		case "C:":
			line.Sent, line.Text = true, s.octets(st.text)+"\r\n"
		case "C>":
			octets, err := strconv.Unquote(st.text)
			if err != nil {
				continue // playing it tells
			}
			line.Sent, line.Text = true, octets
		case "S:", "S~":
		default:
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

func (st *step) isFor(server string) bool {
	c := st.when
	if c == nil {
		return true
	}
	return (c.capability != "" || c.server == server) != c.otherwise
}

// octets puts literals in, and something in the place of each variable.
func (s *Script) octets(text string) string {
	text = placeholder.ReplaceAllStringFunc(text, func(form string) string {
		if form == "{/}" {
			return "/"
		}
		return "1"
	})
	return literalForm.ReplaceAllStringFunc(text, func(form string) string {
		m := literalForm.FindStringSubmatch(form)
		data := s.data[m[2]]
		if m[1] == "size" {
			return strconv.Itoa(len(data))
		}
		return fmt.Sprintf("{%d+}\r\n%s", len(data), data)
	})
}
