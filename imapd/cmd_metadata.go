package imapd

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// The entries that are more than notes.
const (
	privateEntries = "/private/"
	sharedEntries  = "/shared/"
	// adminEntry of the server says where its administrator can be reached (RFC 5464
	// section 6.2.1.1). The configuration has it.
	adminEntry = "/shared/admin"
	// specialUseEntry of a mailbox is its special use (RFC 6154 section 5.4).
	specialUseEntry = "/private/specialuse"
)

// cmdGetMetadata is GETMETADATA (RFC 5464 section 4.2).
func (s *session) cmdGetMetadata(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.GetMetadata)
	for i, e := range args.Entries {
		args.Entries[i] = strings.ToLower(e)
		if !isEntry(args.Entries[i]) && args.Entries[i] != "/private" && args.Entries[i] != "/shared" {
			return reply{}, errNoEntry
		}
	}
	var longest int64
	err := s.onEntries(args.Mailbox, func(name string) error {
		notes, err := s.annotations(name)
		if err != nil {
			return err
		}
		if name != "" && slices.ContainsFunc(args.Entries, func(e string) bool { return within(specialUseEntry, e, args.Depth) }) {
			if err := s.addSpecialUse(notes, name); err != nil {
				return err
			}
		}
		var values []imap.MetadataValue
		values, longest = pickEntries(notes, args)
		if len(values) > 0 {
			s.w.Metadata(name, values)
		}
		return nil
	})
	if err != nil || longest == 0 {
		return reply{}, err
	}
	return ok("METADATA LONGENTRIES "+strconv.FormatInt(longest, 10), "Some values are larger than you want"), nil
}

var errNoEntry = bad("Entries begin with /private/ or /shared/, and have no *, %%, empty parts or other characters than those of ASCII in them")

// isEntry reports whether this is the name of an entry that can have a value, in
// lower case (RFC 5464 section 3.2).
func isEntry(e string) bool {
	if !strings.HasPrefix(e, privateEntries) && !strings.HasPrefix(e, sharedEntries) || strings.HasSuffix(e, "/") || strings.Contains(e, "//") {
		return false
	}
	return !strings.ContainsFunc(e, func(r rune) bool { return r < ' ' || r > '~' || r == '*' || r == '%' })
}

// within reports whether an entry is one that was asked for, or so far below it.
func within(entry, asked string, depth imap.MetadataDepth) bool {
	rest, ok := strings.CutPrefix(entry, asked)
	switch {
	case !ok:
		return false
	case rest == "":
		return true
	case rest[0] != '/' || depth == imap.DepthZero:
		return false
	}
	return depth == imap.DepthInfinity || !strings.Contains(rest[1:], "/")
}

// onEntries runs do with the name of a mailbox, "" for the server.
func (s *session) onEntries(mailbox string, do func(name string) error) error {
	if mailbox == "" {
		return do("")
	}
	return s.existing(mailbox, func(name string) error { return do(strings.TrimSuffix(name, s.delimiter())) })
}

// annotations gives what was noted. Of the server that is what this user has noted
// for himself, and what the configuration says to all.
func (s *session) annotations(name string) (notes mailstore.Annotations, err error) {
	err = s.long(func(ctx context.Context) (err error) {
		notes, err = s.account.Annotations(ctx, name)
		return err
	})
	if err == nil && name == "" && s.srv.opt.Admin != "" {
		notes[adminEntry] = s.srv.opt.Admin
	}
	return notes, err
}

// addSpecialUse adds what LIST says that a mailbox is for.
func (s *session) addSpecialUse(notes mailstore.Annotations, name string) error {
	tree, err := s.tree()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(tree, func(in mailstore.Info) bool { return in.Name == name }); i >= 0 && tree[i].SpecialUse != "" {
		notes[specialUseEntry] = tree[i].SpecialUse
	}
	return nil
}

// pickEntries gives the values that are asked for: NIL for an entry that has none,
// nothing where it was looked below it. longest is the size of the largest one that
// is larger than it may be, or 0.
func pickEntries(notes mailstore.Annotations, args *imap.GetMetadata) (values []imap.MetadataValue, longest int64) {
	done := make(map[string]bool)
	add := func(entry string) {
		value, found := notes[entry]
		switch {
		case done[entry]:
		case args.HasMaxSize && int64(len(value)) > args.MaxSize:
			longest = max(longest, int64(len(value)))
		default:
			values = append(values, imap.MetadataValue{Entry: entry, Value: value, Nil: !found})
		}
		done[entry] = true
	}
	var sorted []string
	if args.Depth != imap.DepthZero {
		sorted = slices.Sorted(maps.Keys(notes))
	}
	for _, asked := range args.Entries {
		if args.Depth == imap.DepthZero {
			add(asked)
			continue
		}
		for _, entry := range sorted {
			if within(entry, asked, args.Depth) {
				add(entry)
			}
		}
	}
	return values, longest
}

// listMetadata sends the annotations of a listed mailbox (RFC 9590). Where they
// cannot be had they are left out, as STATUS is.
func (s *session) listMetadata(in *mailstore.Info, entries []string) {
	notes, err := s.annotations(in.Name)
	switch {
	case err == nil:
	case errors.Is(err, mailstore.ErrNoRight), errors.Is(err, mailstore.ErrNotFound):
		return
	default:
		s.log().Warn("no annotations for a listed mailbox", slog.String("mailbox", in.Name), slog.Any("err", err))
		return
	}
	if in.SpecialUse != "" {
		notes[specialUseEntry] = in.SpecialUse
	}
	values, _ := pickEntries(notes, &imap.GetMetadata{Entries: entries})
	s.w.Metadata(in.Name, values)
}

// listEntries reads the entries of RETURN (METADATA (...)).
func listEntries(entries []string) error {
	for i, e := range entries {
		if entries[i] = strings.ToLower(e); !isEntry(entries[i]) {
			return errNoEntry
		}
	}
	return nil
}
