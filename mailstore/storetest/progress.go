package storetest

import (
	"context"
	"strings"

	"restante/mailstore"
)

var progressTests = []test{
	{"long operations", progressTold},
}

// progressTold: each operation on many messages tells of every part how far it is
// and ends with all of it done.
func progressTold(e *env) {
	e.need(Progress)
	const n = 40
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	uids := e.add(m, strings.Split(strings.Repeat(text("x")+"\x00", n-1)+text("x"), "\x00")...)
	set := mailstore.NewUIDSet(uids...)
	e.watch("copy", func(ctx context.Context) error {
		_, err := m.Copy(ctx, set, dest)
		return err
	})
	e.watch("set flags", func(ctx context.Context) error {
		_, err := m.SetFlags(ctx, set, mailstore.AddFlags, mailstore.NewFlags(0, "a-new-keyword"), mailstore.SetFlagsOptions{})
		return err
	})
	e.watch("expunge", func(ctx context.Context) error {
		// The last stays, so that every format has something to move.
		_, err := m.Expunge(ctx, mailstore.NewUIDSet(uids[:n-1]...), false)
		return err
	})
	e.watch("move", func(ctx context.Context) error {
		_, err := dest.Move(ctx, mailstore.NewUIDSet(e.uids(dest)[:n-1]...), m)
		return err
	})
}

// watch runs an operation and looks at what it tells.
func (e *env) watch(what string, do func(ctx context.Context) error) {
	e.Helper()
	told, parts := 0, 0
	lastDone, lastTotal := int64(0), int64(0)
	ended := func() {
		if lastDone != lastTotal {
			e.Errorf("%s: a part ended with %d of %d", what, lastDone, lastTotal)
		}
	}
	e.ok(do(mailstore.WithProgress(e.ctx, func(done, total int64) {
		if told++; done == 0 {
			ended()
			parts++
		} else if done < lastDone || total != lastTotal || done > total {
			e.Errorf("%s: told %d of %d, then %d of %d", what, lastDone, lastTotal, done, total)
		}
		lastDone, lastTotal = done, total
	})), what)
	if ended(); lastTotal == 0 || told < 2*parts {
		e.Errorf("%s: told %d times in %d parts, the last of %d", what, told, parts, lastTotal)
	}
}
