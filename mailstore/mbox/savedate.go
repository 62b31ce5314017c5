package mbox

import "restante/mailstore"

// SaveDates is nil: an mbox does not say when a message came into it, only when it
// was delivered, which a copy keeps (docs/design/savedate.md).
func (m *Mailbox) SaveDates() func(mailstore.UID) (int64, bool) { return nil }
