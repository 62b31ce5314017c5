package mbox

// owe has flags that were changed in place, one octet each, made durable soon.
func (m *Mailbox) owe() { m.late.Owe(m.acct.opt.Late, m.syncLate) }

// takeOwed gives that up.
func (m *Mailbox) takeOwed() bool { return m.late.Take() }

// syncLate is syncOwed for nobody who waits.
func (m *Mailbox) syncLate() {
	if err := m.syncOwed(); err != nil {
		m.owe()
		if m.lateFailed.CompareAndSwap(false, true) {
			m.log().Error("mbox: flags are not safe from a loss of power; trying again", "mailbox", m.Name(), "err", err)
		}
	}
}

// syncOwed makes them durable now, if they are not yet.
func (m *Mailbox) syncOwed() error {
	if !m.takeOwed() {
		return nil
	}
	m.io.RLock()
	h := m.h
	if h != nil {
		h.hold()
	}
	m.io.RUnlock()
	if h == nil {
		return nil // the file they were in has gone
	}
	err := syncTwice(h)
	_ = h.release() // of a file that is written already
	return err
}
