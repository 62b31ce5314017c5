// Package location finds out where a user's mail stands and in which format,
// and opens it.
//
// A location is `maildir:PATH[:LAYOUT=fs][:INBOX=PATH][:CONTROL=PATH]`,
// `mbox:PATH[:INBOX=PATH]` or `auto`, with Dovecot's variables (%u, %n, %d, %h) in it. It promises:
//
//   - What was found is told: Resolved.Why says what was seen and why it was taken.
//   - It never guesses. Two places with mail, or one that is not where it was the
//     last time, are an error that names both and says what to write.
//   - It never makes an empty mailbox where mail once was: a file system that is
//     not mounted is an error, not a new user.
//
// docs/design/mailstore.md has the reasons.
package location

import (
	"errors"
	"fmt"
	"strings"
)

// Format is a kind of mail location.
type Format string

// The formats.
const (
	Auto    Format = "auto"
	Maildir Format = "maildir"
	Mbox    Format = "mbox"
)

// The layouts of a Maildir.
const (
	LayoutMaildirPP = "maildir++"
	LayoutFS        = "fs"
)

// Location is a mail location as it is written, with its variables.
type Location struct {
	Format Format
	// Path is the root of the mailboxes; empty for Auto.
	Path string
	// Layout of a Maildir: LayoutMaildirPP or LayoutFS.
	Layout string
	// Inbox is the place of INBOX, "" where the format has it by itself.
	Inbox string
	// Control is the root of UID lists, keywords and subscriptions of a Maildir,
	// "" where they stand with the mail.
	Control string
}

// Parse reads a location. The empty string is Auto. The error says what may be
// written instead.
func Parse(text string) (Location, error) {
	l, err := parse(text)
	if err == nil {
		err = errors.Join(checkVariables(l.Path), checkVariables(l.Inbox), checkVariables(l.Control))
	}
	if err != nil {
		return Location{}, fmt.Errorf("mail location %q: %w", text, err)
	}
	return l, nil
}

var errFormat = errors.New(`write "auto", "maildir:PATH[:LAYOUT=fs][:INBOX=PATH][:CONTROL=PATH]" or "mbox:PATH[:INBOX=PATH]"`)

// parse is Parse for text whose percent signs may be no variables.
func parse(text string) (Location, error) {
	if text == "" || text == string(Auto) {
		return Location{Format: Auto}, nil
	}
	parts := split(text)
	l := Location{Format: Format(strings.ToLower(parts[0]))}
	if l.Format != Maildir && l.Format != Mbox {
		return l, errFormat
	}
	if len(parts) < 2 || parts[1] == "" {
		return l, fmt.Errorf("the path is missing; %w", errFormat)
	}
	l.Path = parts[1]
	if l.Format == Maildir {
		l.Layout = LayoutMaildirPP
	}
	for _, part := range parts[2:] {
		key, value, _ := strings.Cut(part, "=")
		if err := l.set(key, value); err != nil {
			return l, err
		}
	}
	return l, nil
}

// split cuts at single colons; two of them are one that belongs to a path.
func split(text string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != ':':
			part.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == ':':
			part.WriteByte(':')
			i++
		default:
			parts = append(parts, part.String())
			part.Reset()
		}
	}
	return append(parts, part.String())
}

// set takes one of the settings that Dovecot knows after the path.
func (l *Location) set(key, value string) error {
	switch key = strings.ToUpper(key); key {
	case "INBOX":
		if value == "" {
			return errors.New("INBOX= needs a path")
		}
		l.Inbox = value
		return nil
	case "LAYOUT":
		return l.setLayout(strings.ToLower(value))
	case "INDEX", "INDEXPVT", "INDEXCACHE", "VOLATILEDIR", "NO-NOSELECT", "ITERINDEX":
		// Where Dovecot keeps what it can build anew: nothing that we need.
		return nil
	case "CONTROL":
		return l.setControl(value)
	}
	return fmt.Errorf("%s= is unknown; write LAYOUT=, INBOX= or CONTROL=", key)
}

func (l *Location) setLayout(layout string) error {
	switch {
	case l.Format == Mbox && layout == LayoutFS: // what mbox always has
		return nil
	case l.Format == Maildir && (layout == LayoutFS || layout == LayoutMaildirPP):
		l.Layout = layout
		return nil
	}
	return fmt.Errorf("LAYOUT=%s is not possible for %s; write LAYOUT=fs or leave it out", layout, l.Format)
}

func (l *Location) setControl(path string) error {
	switch {
	case l.Format == Mbox:
		return errors.New("CONTROL= is possible for maildir only; for mbox, move .subscriptions from there into the mail directory and leave it out")
	case path == "":
		return errors.New("CONTROL= needs a path")
	}
	l.Control = path
	return nil
}

// String writes the location so that Parse gives the same again.
func (l Location) String() string {
	if l.Format == Auto {
		return string(Auto)
	}
	escape := strings.NewReplacer(":", "::").Replace
	s := string(l.Format) + ":" + escape(l.Path)
	if l.Layout == LayoutFS {
		s += ":LAYOUT=fs"
	}
	if l.Inbox != "" {
		s += ":INBOX=" + escape(l.Inbox)
	}
	if l.Control != "" {
		s += ":CONTROL=" + escape(l.Control)
	}
	return s
}
