package shared_test

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/shared"
)

// A deed is something that a user does with mailbox Other Users/jane/box, which has
// one message, and box/sub. Box Mine is his own and has one message too.
type deed struct {
	name  string
	needs func(r mailstore.Rights) bool
	do    func(ctx context.Context, a mailstore.Account, theirs string) error
	// refused, unless nil, says how it is refused to who has these rights.
	refused func(r mailstore.Rights) error
}

// refusal is how something is refused that needs rights in one mailbox.
func refusal(r mailstore.Rights) error {
	if r.Has(mailstore.RightLookup) {
		return mailstore.ErrNoRight
	}
	return mailstore.ErrNotFound
}

func never(mailstore.Rights) bool { return false }

func always(err error) func(mailstore.Rights) error {
	return func(mailstore.Rights) error { return err }
}

// removing is how something is refused that needs the right to remove the mailbox
// and something else.
func removing(err error) func(mailstore.Rights) error {
	return func(r mailstore.Rights) error {
		if r.Has(mailstore.RightRemove) {
			return err
		}
		return refusal(r)
	}
}

func all(letters string) func(mailstore.Rights) bool {
	r, _ := mailstore.ParseRights(letters)
	return func(have mailstore.Rights) bool { return have.Has(r) }
}

func anyOf(letters string, and string) func(mailstore.Rights) bool {
	r, _ := mailstore.ParseRights(letters)
	return func(have mailstore.Rights) bool { return have&r != 0 && all(and)(have) }
}

// in opens a mailbox for fn.
func in(fn func(ctx context.Context, box mailstore.Mailbox) error) func(context.Context, mailstore.Account, string) error {
	return func(ctx context.Context, a mailstore.Account, name string) error {
		box, err := a.Open(ctx, name)
		if err != nil {
			return err
		}
		return errors.Join(fn(ctx, box), box.Close())
	}
}

// with opens theirs and then Mine, or Mine and then theirs.
func with(mineFirst bool, fn func(ctx context.Context, from, to mailstore.Mailbox) error) func(context.Context, mailstore.Account, string) error {
	return func(ctx context.Context, a mailstore.Account, name string) error {
		return in(func(ctx context.Context, theirs mailstore.Mailbox) error {
			return in(func(ctx context.Context, mine mailstore.Mailbox) error {
				if mineFirst {
					return fn(ctx, mine, theirs)
				}
				return fn(ctx, theirs, mine)
			})(ctx, a, "Mine")
		})(ctx, a, name)
	}
}

func flag(op mailstore.FlagOp, f mailstore.Flags) func(context.Context, mailstore.Account, string) error {
	return in(func(ctx context.Context, box mailstore.Mailbox) error {
		_, err := box.SetFlags(ctx, mailstore.AllUIDs(), op, f, mailstore.SetFlagsOptions{})
		return err
	})
}

func expunge(onlyDeleted bool) func(context.Context, mailstore.Account, string) error {
	return in(func(ctx context.Context, box mailstore.Mailbox) error {
		_, err := box.Expunge(ctx, mailstore.AllUIDs(), onlyDeleted)
		return err
	})
}

func copying(ctx context.Context, from, to mailstore.Mailbox) error {
	_, err := from.Copy(ctx, mailstore.AllUIDs(), to)
	return err
}

func moving(ctx context.Context, from, to mailstore.Mailbox) error {
	_, err := from.Move(ctx, mailstore.AllUIDs(), to)
	return err
}

func listed(ctx context.Context, a mailstore.Account, name string) error {
	list, err := a.Mailboxes(ctx)
	for _, in := range list {
		if in.Name == name && !in.NonExistent {
			return err
		}
	}
	return mailstore.ErrNotFound
}

// deeds is the table of RFC 4314 section 4, and the operations that IMAP has since.
var deeds = []deed{
	{name: "list", needs: all("l"), do: listed, refused: always(mailstore.ErrNotFound)},
	{name: "status", needs: all("r"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		_, err := a.Status(ctx, name, 0)
		return err
	}},
	{name: "select", needs: all("r"), do: in(func(ctx context.Context, box mailstore.Mailbox) error { return box.Refresh(ctx) })},
	{name: "read", needs: all("r"), do: in(func(ctx context.Context, box mailstore.Mailbox) error {
		msg, err := box.OpenMessage(ctx, 1)
		if err == nil {
			err = msg.Close()
		}
		return err
	})},
	{name: "fill", needs: all("r"), do: in(func(ctx context.Context, box mailstore.Mailbox) error {
		return box.Fill(ctx, mailstore.AllUIDs(), mailstore.AttrSize)
	})},
	{name: "append", needs: all("i"), do: in(func(ctx context.Context, box mailstore.Mailbox) error {
		_, err := add(ctx, box, mailstore.Flags{}, "new")
		return err
	})},
	{name: "copy there", needs: all("i"), do: with(true, copying)},
	{name: "move there", needs: all("i"), do: with(true, moving)},
	{name: "copy from there", needs: all("r"), do: with(false, copying)},
	{name: "move from there", needs: all("rte"), do: with(false, moving)},
	{name: "copy within", needs: all("ri"), do: in(func(ctx context.Context, box mailstore.Mailbox) error { return copying(ctx, box, box) })},
	{name: "move within", needs: all("rite"), do: in(func(ctx context.Context, box mailstore.Mailbox) error { return moving(ctx, box, box) })},
	{name: "seen", needs: all("rs"), do: flag(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen))},
	{name: "not deleted", needs: all("rt"), do: flag(mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Deleted))},
	{name: "flagged", needs: all("rw"), do: flag(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged))},
	{name: "keyword", needs: all("rw"), do: flag(mailstore.AddFlags, mailstore.NewFlags(0, "k"))},
	{name: "several flags", needs: anyOf("sw", "r"), do: flag(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen|mailstore.Draft))},
	{name: "replace flags", needs: anyOf("swt", "r"), do: flag(mailstore.ReplaceFlags, mailstore.NewFlags(mailstore.Seen))},
	{name: "expunge", needs: all("re"), do: expunge(true)},
	{name: "expunge what is not deleted", needs: all("rte"), do: expunge(false)},
	{name: "create below", needs: all("k"), refused: always(mailstore.ErrNoRight), do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.Create(ctx, name+"/new")
	}},
	{name: "delete", needs: all("x"), do: func(ctx context.Context, a mailstore.Account, name string) error { return a.Delete(ctx, name) }},
	{name: "rename", needs: all("xk"), refused: removing(mailstore.ErrNoRight), do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.Rename(ctx, name+"/sub", name+"/bus")
	}},
	{name: "rename to the top", needs: never, refused: removing(mailstore.ErrNoRight), do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.Rename(ctx, name, strings.TrimSuffix(name, "box")+"xob")
	}},
	{name: "rename to the own", needs: never, refused: removing(mailstore.ErrNotPermitted),
		do: func(ctx context.Context, a mailstore.Account, name string) error { return a.Rename(ctx, name, "Taken") }},
	{name: "special use", needs: never,
		refused: func(r mailstore.Rights) error {
			if r.Has(mailstore.RightLookup) {
				return mailstore.ErrNotPermitted
			}
			return mailstore.ErrNotFound
		},
		do: func(ctx context.Context, a mailstore.Account, name string) error {
			return a.SetSpecialUse(ctx, name, `\Sent`)
		}},
	{name: "annotations", needs: anyOf("rswip", "l"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		notes, err := a.Annotations(ctx, name)
		if _, found := notes["/private/comment"]; found {
			return errors.New("what somebody has noted for himself is seen by another")
		}
		return err
	}},
	{name: "annotate for all", needs: all("lw"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.ChangeAnnotations(ctx, name, func(notes mailstore.Annotations) error { notes["/shared/comment"] = "changed"; return nil })
	}},
	{name: "annotate for himself", needs: never, do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.ChangeAnnotations(ctx, name, func(notes mailstore.Annotations) error { notes["/private/comment"] = "changed"; return nil })
	}},
	{name: "my rights", needs: anyOf("lrikxa", ""), do: func(ctx context.Context, a mailstore.Account, name string) error {
		_, err := a.(mailstore.Sharer).MyRights(ctx, name)
		return err
	}},
	{name: "grants", needs: all("a"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		_, err := a.(mailstore.Sharer).Grants(ctx, name)
		return err
	}},
	{name: "grant", needs: all("a"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.(mailstore.Sharer).Grant(ctx, name, "anyone", func(r mailstore.Rights) mailstore.Rights { return r | mailstore.RightPost })
	}},
	{name: "revoke", needs: all("a"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		return a.(mailstore.Sharer).Revoke(ctx, name, "anyone")
	}},
	{name: "grantable", needs: all("a"), do: func(ctx context.Context, a mailstore.Account, name string) error {
		_, _, err := a.(mailstore.Sharer).Grantable(ctx, name, "anyone")
		return err
	}},
}

// furnish makes a world in which fred may do something with Other Users/jane/box.
func furnish(t *testing.T, r mailstore.Rights) *world {
	w := newWorld(t, shared.Options{})
	jane, fred := w.of("jane@a.org"), w.of("fred@a.org")
	w.ok(jane.Create(w.ctx, "box"))
	w.grant("jane@a.org", "box", "fred@a.org", r.String())
	w.grant("jane@a.org", "INBOX", "fred@a.org", "l") // so that there is always something
	w.ok(jane.Create(w.ctx, "box/sub"))
	w.ok(jane.ChangeAnnotations(w.ctx, "box", func(notes mailstore.Annotations) error { notes["/private/comment"] = "hers"; return nil }))
	w.ok(fred.Create(w.ctx, "Mine"))
	for user, name := range map[string]string{"jane@a.org": "box", "fred@a.org": "Mine"} {
		_, err := add(w.ctx, w.box(user, name), mailstore.NewFlags(mailstore.Deleted), "one")
		w.ok(err)
	}
	return w
}

// state is all that jane has.
func (w *world) state() string {
	var s strings.Builder
	list, err := w.of("jane@a.org").Mailboxes(w.ctx)
	w.ok(err)
	for _, in := range list {
		grants, err := w.of("jane@a.org").Grants(w.ctx, in.Name)
		w.ok(err)
		box, err := w.of("jane@a.org").Open(w.ctx, in.Name)
		w.ok(err)
		notes, err := w.of("jane@a.org").Annotations(w.ctx, in.Name)
		w.ok(err)
		fmt.Fprintln(&s, in, grants, notes, box.Records(make([]mailstore.Record, 0, 9), 1))
		w.ok(box.Close())
	}
	return s.String()
}

// TestRights does everything with all sets of few rights and of almost all: what is allowed works, what
// is not changes nothing, and is refused in one way to who may look the mailbox up
// and in the way of what does not exist to all others.
func TestRights(t *testing.T) {
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			for r := range mailstore.AllRights + 1 {
				if n := bits.OnesCount16(uint16(r)); n <= 3 || n >= 9 {
					tryDeed(t, d, r)
				}
			}
		})
	}
}

const theirBox = "Other Users/jane/box"

func tryDeed(t *testing.T, d deed, r mailstore.Rights) {
	w := furnish(t, r)
	before := w.state()
	err := d.do(w.ctx, w.of("fred@a.org"), theirBox)
	if d.needs(r) {
		if err != nil {
			t.Errorf("with %q: %v", r, err)
		}
		return
	}
	if d.refused == nil {
		d.refused = refusal
	}
	if want := d.refused(r); !errors.Is(err, want) {
		t.Errorf("with %q: %v, want %v", r, err, want)
	}
	if after := w.state(); after != before {
		t.Errorf("with %q it was refused and has changed\n%s\nto\n%s", r, before, after)
	}
}

// TestHidden compares what one learns of a mailbox that is there and may not be
// looked up with what one learns of one that is not there, and of owners who are not.
func TestHidden(t *testing.T) {
	names := []string{
		"Other Users/jane/nothing",   // the owner shares something
		"Other Users/fred.b/box",     // a user who shares nothing
		"Other Users/fred.b/nothing", //
		"Other Users/nobody/box",     // no user
		"Other Users/joe/box",        // a user of another domain
		"Other Users/joe@b.org/box",
		"Other Users/jane@a.org/box",
		"Other Users/fred/Mine", // himself
		"Other Users/../jane/box",
		"Other Users/./jane/box",
		"Other Users//box",
		"Other Users/JANE/box",
		"Other Users/jane/../jane/box",
		"Other Users/jane/",
		"Other Users/jane",
		"Other Users/",
		"Other Users",
		"Other Users/*/box",
		"Other Users/jane\x00/box",
	}
	for _, d := range deeds {
		if d.name == "list" {
			continue
		}
		w := furnish(t, 0)
		hidden := d.do(w.ctx, w.of("fred@a.org"), theirBox)
		if hidden == nil {
			t.Errorf("%s is allowed", d.name)
			continue
		}
		for _, name := range names {
			err := d.do(w.ctx, w.of("fred@a.org"), name)
			if got, want := kind(err), kind(hidden); got != want {
				t.Errorf("%s of %q is %v, of what is hidden %v", d.name, name, err, hidden)
			}
		}
	}
}

// kind is what a client learns of an error.
func kind(err error) error {
	for _, k := range []error{mailstore.ErrNotFound, mailstore.ErrNoSelect, mailstore.ErrNoRight, mailstore.ErrNotPermitted, mailstore.ErrInvalidName, mailstore.ErrExists} {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

// TestFlagsThere: who adds messages gives them the flags that he may give.
func TestFlagsThere(t *testing.T) {
	given := mailstore.NewFlags(mailstore.Seen|mailstore.Answered|mailstore.Deleted, "k")
	for r := range mailstore.AllRights + 1 {
		if r&^mailstore.FlagRights != mailstore.RightInsert|mailstore.RightRead {
			continue
		}
		w := furnish(t, r)
		want := r.Fixed().Without(given)
		ours, theirs := w.box("fred@a.org", "Mine"), w.box("fred@a.org", theirBox)
		owners := w.box("jane@a.org", "box")
		_, err := ours.SetFlags(w.ctx, mailstore.AllUIDs(), mailstore.ReplaceFlags, given, mailstore.SetFlagsOptions{})
		w.ok(err)
		_, err = owners.SetFlags(w.ctx, mailstore.AllUIDs(), mailstore.ReplaceFlags, given, mailstore.SetFlagsOptions{})
		w.ok(err)
		_, err = add(w.ctx, theirs, given, "new")
		w.ok(err)
		w.ok(copying(w.ctx, ours, theirs))
		w.ok(copying(w.ctx, theirs, theirs))
		for _, rec := range owners.Records(make([]mailstore.Record, 0, 9), 2) {
			rec.Flags.System &^= mailstore.Recent
			if rec.Flags != want {
				t.Errorf("with %v message %d has %v, want %v", r, rec.UID, rec.Flags, want)
			}
		}
		if n := owners.Status().Messages; n != 6 {
			t.Errorf("%d messages", n)
		}
	}
}
