package maildir

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"restante/mailstore"
)

// Courier's files are read once, when a mailbox is opened that has no
// dovecot-uidlist: from then on that file and dovecot-keywords say what holds
// (docs/design/maildir.md, "After Courier").
const (
	courierListName  = "courierimapuiddb"
	courierUIDLsName = "courierpop3dsizelist"
)

// readCourier reads what Courier's servers wrote down of the messages.
func (m *mailbox) readCourier(l *listing) error {
	if err := m.readCourierList(l); err != nil {
		return err
	}
	return m.readCourierUIDLs(l)
}

// readCourierList reads the UIDs that Courier's IMAP server gave. The file is
// version 1 of the format of dovecot-uidlist.
func (m *mailbox) readCourierList(l *listing) error {
	f, err := m.a.fs.OpenFile(filepath.Join(m.dir(), courierListName), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, maxUIDListLine)
	line, err := in.ReadSlice('\n')
	if err != nil {
		m.a.log.Warn("cannot read Courier's UIDs", "path", f.Name(), "err", err)
		return nil
	}
	h, err := parseUIDHeader(string(bytes.TrimSuffix(line, []byte{'\n'})))
	if err != nil || h.version != 1 {
		m.a.log.Warn("cannot read Courier's UIDs", "path", f.Name(), "err", err)
		return nil
	}
	courier := uidList{fs: m.a.fs, uidHeader: h, read: int64(len(line))}
	r, err := courier.readRecords(f, false, func(rec uidRecord) { l.give(rec) })
	if err != nil {
		return err
	}
	if r.damaged() {
		m.a.log.Warn("lines of Courier's UIDs cannot be read", "path", f.Name(), "lines", r.damage)
	}
	m.list.uidHeader = courier.uidHeader
	m.list.next += mailstore.UID(r.lost)
	return nil
}

// readCourierUIDLs reads the unique ids that Courier's POP3 server gave:
//
//	header: /<version> <next number> <validity>
//	record: <file name> <size>                                  without header
//	        <file name> <size> <number>                         version 1
//	        <file name> <size> <number>:<validity>              version 2
//	        <file name> <size> <number>:<validity>:<is UTF-8>   version 3
//
// The id is UID<number>-<validity>; UID<number> where there is no validity, and
// where the number is 0 too, the base name.
func (m *mailbox) readCourierUIDLs(l *listing) error {
	m.uidls = nil
	f, err := m.a.fs.OpenFile(filepath.Join(m.dir(), courierUIDLsName), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, maxUIDListLine)
	given := make(map[string]struct{})
	var bad listReading
	version := ""
	for first := true; ; first = false {
		line, whole, err := readLine(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if first && whole && bytes.HasPrefix(line, []byte{'/'}) {
			version, _, _ = strings.Cut(string(line[1:]), " ")
			continue
		}
		base, id, ok := parseCourierUIDL(string(line), version)
		if _, again := given[id]; !ok || !whole || again { // two messages cannot have one id
			bad.spoil(line, errBadRecord)
			continue
		}
		if l.has(base) {
			given[id] = struct{}{}
			if m.uidls == nil {
				m.uidls = make(map[string]string)
			}
			m.uidls[base] = id
		}
	}
	if bad.damaged() {
		m.a.log.Warn("lines of Courier's unique ids cannot be read", "path", f.Name(), "lines", bad.damage)
	}
	return nil
}

// parseCourierUIDL reads a record.
func parseCourierUIDL(line, version string) (base, id string, ok bool) {
	name, numbers := line, ""
	if version != "" {
		if name, numbers, ok = cutLast(line); !ok {
			return "", "", false
		}
	}
	name, size, ok := cutLast(name)
	if _, err := strconv.ParseUint(size, 10, 63); !ok || err != nil {
		return "", "", false
	}
	base = baseOf(name)
	n, validity := uint64(0), uint64(0)
	parts := strings.Split(numbers, ":")
	for i, to := range []*uint64{&n, &validity} {
		if version == "" || i >= len(parts) {
			break
		}
		var err error
		if *to, err = strconv.ParseUint(parts[i], 10, 63); err != nil {
			return "", "", false
		}
	}
	switch {
	case n == 0:
		id = escapeCourierUIDL(base)
	case validity == 0:
		id = fmt.Sprintf("UID%d", n)
	default:
		id = fmt.Sprintf("UID%d-%d", n, validity)
	}
	return base, id, base != "" && len(id) <= maxSavedUIDL
}

// cutLast cuts at the last space.
func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// escapeCourierUIDL writes a file name as Courier does where it is an id.
func escapeCourierUIDL(name string) string {
	var id strings.Builder
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || strings.IndexByte(`'"+`, c) >= 0 {
			fmt.Fprintf(&id, "+%02X", c)
		} else {
			id.WriteByte(c)
		}
	}
	return id.String()
}

// courierUIDLs returns Courier's unique ids.
func (m *mailbox) courierUIDLs() map[mailstore.UID]string {
	saved := make(map[mailstore.UID]string, len(m.uidls))
	names := m.allNames()
	for base, id := range m.uidls {
		if uid, there := names[base]; there {
			saved[mailstore.UID(uid)] = id
		}
	}
	return saved
}

// withCourierUIDLs adds Courier's unique ids to the fields of new records.
func (m *mailbox) withCourierUIDLs(fields map[mailstore.UID]string) map[mailstore.UID]string {
	if m.uidls == nil {
		return fields
	}
	if fields == nil {
		fields = make(map[mailstore.UID]string, len(m.uidls))
	}
	for uid, id := range m.courierUIDLs() {
		fields[uid] = "P" + id
		m.list.uidls = true
	}
	return fields
}
