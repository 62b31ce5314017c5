package shared_test

import (
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/shared"
)

// TestObjectIDs: accounts that were made alike have mailboxes with the same names for ever;
// who sees both is told two.
func TestObjectIDs(t *testing.T) {
	const owner, guest = "jane@a.org", "fred@a.org"
	w := newWorld(t, shared.Options{})
	w.ok(w.of(owner).Create(w.ctx, "box"))
	w.ok(w.of(guest).Create(w.ctx, "box"))
	w.grant(owner, "box", guest, "lr")
	id := func(user, name string) string {
		t.Helper()
		id, err := w.box(user, name).ObjectID(w.ctx)
		w.ok(err)
		s, err := w.of(user).Status(w.ctx, name, mailstore.WantObjectID)
		w.ok(err)
		if id == "" || id != s.ObjectID {
			t.Errorf("%s to %s is %q, and by Status %q", name, user, id, s.ObjectID)
		}
		return id
	}
	var foreign string
	for _, name := range strings.Fields(w.names(guest)) {
		if strings.HasSuffix(name, "box") {
			foreign = "Other Users" + name
		}
	}
	if own := id(guest, "box"); own != id(owner, "box") {
		t.Fatal("the accounts are not alike: nothing is tested")
	} else if other := id(guest, foreign); other == own {
		t.Errorf("%s and box are both %s", foreign, own)
	}
}
