package imapd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// cmdSetMetadata is SETMETADATA (RFC 5464 section 4.3): all of it is done, or
// nothing. What all users see of the server is the administrator's to set.
func (s *session) cmdSetMetadata(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.SetMetadata)
	for i := range args.Values {
		v := &args.Values[i]
		if v.Entry = strings.ToLower(v.Entry); !isEntry(v.Entry) {
			return reply{}, errNoEntry
		}
		if len(v.Entry) > mailstore.MaxAnnotationName {
			return reply{}, no("CANNOT", "This name is too long for an entry")
		}
		if len(v.Value) > mailstore.MaxAnnotation {
			return reply{}, errLongValue
		}
	}
	err := s.onEntries(args.Mailbox, func(name string) error {
		err := s.setMetadata(name, args.Values)
		if err == nil {
			s.ownNotes(name, args.Values)
		}
		return err
	})
	if errors.Is(err, mailstore.ErrLimit) {
		err = no("METADATA TOOMANY", "There is no room for more annotations; remove some")
	}
	return reply{}, err
}

var errLongValue = no(fmt.Sprintf("METADATA MAXSIZE %d", mailstore.MaxAnnotation), "This value is too long")

func (s *session) setMetadata(name string, values []imap.MetadataValue) error {
	for _, v := range values {
		private := strings.HasPrefix(v.Entry, privateEntries)
		switch {
		case name == "" && !private:
			return no("NOPERM", "What is said to all users of the server is set by the administrator only")
		case name == "" && v.Entry == specialUseEntry:
			return no("CANNOT", "Only a mailbox can be used for something")
		case private && s.foreign(name):
			return no("METADATA NOPRIVATE", "Of somebody else's mailbox nothing can be noted for yourself")
		}
	}
	uses, notes := splitUses(values)
	if len(uses) == 0 {
		return s.annotate(name, notes)
	}
	use, err := useOf(uses[len(uses)-1])
	if err != nil {
		return err
	}
	return s.giveUse(name, use, func() error { return s.annotate(name, notes) })
}

// splitUses parts what is set of the special use from what is only noted.
func splitUses(values []imap.MetadataValue) (uses, notes []imap.MetadataValue) {
	for _, v := range values {
		if v.Entry == specialUseEntry {
			uses = append(uses, v)
		} else {
			notes = append(notes, v)
		}
	}
	return uses, notes
}

// useOf reads the value of /private/specialuse: attributes, separated by spaces, of
// which a mailbox can have one (RFC 6154 section 5.4).
func useOf(v imap.MetadataValue) (use string, err error) {
	for word := range strings.FieldsSeq(v.Value) {
		i := slices.IndexFunc(specialUses, func(known string) bool { return strings.EqualFold(known, word) })
		if i < 0 || use != "" && use != specialUses[i] {
			return "", no("USEATTR", "A mailbox can be used for one of %s", strings.Join(specialUses, " "))
		}
		use = specialUses[i]
	}
	return use, nil
}

// giveUse gives a mailbox its special use and does what shall go with it; the use is
// as before if that fails.
func (s *session) giveUse(name, use string, then func() error) error {
	before := make(mailstore.Annotations)
	if err := s.addSpecialUse(before, name); err != nil {
		return err
	}
	err := s.account.SetSpecialUse(s.ctx, name, use)
	if errors.Is(err, mailstore.ErrExists) || errors.Is(err, mailstore.ErrNotPermitted) {
		return no("USEATTR", "This mailbox cannot be used for that; another one may be already")
	}
	if err != nil {
		return err
	}
	if err = then(); err != nil {
		if undo := s.account.SetSpecialUse(s.ctx, name, before[specialUseEntry]); undo != nil {
			s.log().Error("a special use cannot be taken back", slog.String("mailbox", name), slog.Any("err", undo))
		}
	}
	return err
}

// copyNotes gives a mailbox what was noted of INBOX, whose messages it has got (RFC
// 5464 section 4.1). The renaming has been done, so it does not fail for that.
func (s *session) copyNotes(from, to string) {
	err := s.long(func(ctx context.Context) error {
		notes, err := s.account.Annotations(ctx, from)
		if err != nil || len(notes) == 0 {
			return err
		}
		return s.account.ChangeAnnotations(ctx, to, func(copied mailstore.Annotations) error {
			maps.Copy(copied, notes)
			return nil
		})
	})
	if err != nil {
		s.log().Warn("annotations of INBOX cannot be copied", slog.String("mailbox", to), slog.Any("err", err))
	}
}

// annotate changes what was noted.
func (s *session) annotate(name string, values []imap.MetadataValue) error {
	if len(values) == 0 {
		return nil
	}
	return s.long(func(ctx context.Context) error {
		return s.account.ChangeAnnotations(ctx, name, func(notes mailstore.Annotations) error {
			for _, v := range values {
				if v.Nil {
					delete(notes, v.Entry)
				} else {
					notes[v.Entry] = v.Value
				}
			}
			return nil
		})
	})
}
