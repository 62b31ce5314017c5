package maildir

import "restante/mailstore"

// SaveDates reads the names of files (docs/design/savedate.md).
func (m *mailbox) SaveDates() func(mailstore.UID) (int64, bool) {
	return func(uid mailstore.UID) (int64, bool) {
		_, f, found := m.Get(uid)
		if !found {
			return 0, false
		}
		return saveDate(f.name)
	}
}

// saveDate is the time at which a file was made, which every program that keeps to
// the Maildir page writes in front of the first dot, as seconds since 1970 (OfflineIMAP
// in front of an underscore). Numbers of nine and ten digits, from 1973 to 2286, are
// taken for it: shorter ones are counters, longer ones have another unit.
func saveDate(name string) (unix int64, ok bool) {
	n := 0
	for ; n < len(name) && name[n] >= '0' && name[n] <= '9'; n++ {
		if n == 10 {
			return 0, false
		}
		unix = unix*10 + int64(name[n]-'0')
	}
	if n < 9 || n == len(name) || name[n] != '.' && name[n] != '_' || name[0] == '0' {
		return 0, false
	}
	return unix, true
}
