package mbox

import "restante/mailstore"

// PutSummary keeps nothing.
func (m *Mailbox) PutSummary(mailstore.UID, []byte) {}

// Summaries has none.
func (m *Mailbox) Summaries() mailstore.SummaryReader { return nil }
