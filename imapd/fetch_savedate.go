package imapd

import (
	"time"

	"restante/mailstore"
)

// writeSaveDate sends the value of SAVEDATE (RFC 8514 section 4.2): when a message
// came into this mailbox, NIL where its format does not know that.
func (f *fetcher) writeSaveDate(uid mailstore.UID) {
	if !f.askedSaved {
		f.saved, f.askedSaved = f.s.view.box.SaveDates(), true
	}
	if f.saved != nil {
		if unix, known := f.saved(uid); known {
			f.s.w.DateTime(time.Unix(unix, 0))
			return
		}
	}
	f.s.w.Raw("NIL")
}
