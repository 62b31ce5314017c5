package maildir

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"restante/mailstore"
)

// A message's file name is its base name and, in cur/, what others call its
// info:
//
//	1104537600.M20046P2137Q3.host,S=4711,W=4800:2,FSa
//	`------------- base name ---------------'  `-- flags
//
// The base name never changes as long as the message stays in its mailbox; the
// uidlist knows messages by it. Fields behind a comma in it (S= and W= are the
// sizes as stored and in CRLF form, U= is mbsync's) are part of it. QUIRK: mbsync
// takes a message that loses its U= for a new one. Upper-case
// letters are system flags, lower-case letters stand for what dovecot-keywords
// says, all others are somebody's and are kept.

// file is where a message is: the datum of the index.
type file struct {
	name  string // as it stands in the directory
	inNew bool   // in new/, otherwise in cur/
}

// path is the file's name below the mailbox's directory.
func (f file) path() string {
	if f.inNew {
		return "new/" + f.name
	}
	return "cur/" + f.name
}

// below is the path of the file of a mailbox in dir.
func (f file) below(dir string) string {
	if f.inNew {
		return dir + "/new/" + f.name
	}
	return dir + "/cur/" + f.name
}

func (f file) base() string { return baseOf(f.name) }

// baseOf cuts the info from a file name. The colon cannot be part of a base
// name, as Dovecot and all others look for the first one.
func baseOf(name string) string {
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return name[:i]
	}
	return name
}

// usable reports whether a name in new/ or cur/ can be that of a message.
// Hidden files are somebody's temporary ones (NFS's .nfs0000, fsys.TempName);
// names with line ends or NUL could not stand in the uidlist.
func usable(name string) bool {
	return name != "" && name[0] != '.' && name[0] != ':' && !strings.ContainsAny(name, "\r\n\x00/")
}

// systemLetters are the letters of the system flags, sorted.
var systemLetters = [...]struct {
	letter byte
	flag   mailstore.System
}{
	{'D', mailstore.Draft},
	{'F', mailstore.Flagged},
	{'R', mailstore.Answered},
	{'S', mailstore.Seen},
	{'T', mailstore.Deleted},
}

// splitInfo cuts a file name into its base name, its flag letters, and what
// follows the letters behind another comma, which nobody here understands.
// Info of another kind than "2," has no letters.
func splitInfo(name string) (base, letters, rest string) {
	base, info, found := strings.Cut(name, ":")
	letters, is2 := strings.CutPrefix(info, "2,")
	if !found || !is2 {
		return base, "", ""
	}
	if i := strings.IndexByte(letters, ','); i >= 0 {
		return base, letters[:i], letters[i:]
	}
	return base, letters, ""
}

func isKeywordLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// systemOf returns the system flags among flag letters.
func systemOf(letters string) mailstore.System {
	var sys mailstore.System
	for i := range len(letters) {
		for _, s := range systemLetters {
			if s.letter == letters[i] {
				sys |= s.flag
			}
		}
	}
	return sys
}

// keywordLetters returns the lower-case letters among flag letters.
func keywordLetters(letters string) string {
	n := 0
	for i := range len(letters) {
		if isKeywordLetter(letters[i]) {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case len(letters):
		return letters
	}
	found := make([]byte, 0, n)
	for i := range len(letters) {
		if isKeywordLetter(letters[i]) {
			found = append(found, letters[i])
		}
	}
	return string(found)
}

// withInfo returns the name in cur/ of the message called name with the given
// system flags and keyword letters. Letters that are neither stay.
func withInfo(name string, sys mailstore.System, keywords string) string {
	base, old, rest := splitInfo(name)
	// As a rule this is on the stack: a name has 255 octets at most.
	buf := append(make([]byte, 0, 320), base...)
	buf = append(buf, ":2,"...)
	start := len(buf)
	buf = append(buf, keywords...)
	for _, s := range systemLetters {
		if sys&s.flag != 0 {
			buf = append(buf, s.letter)
		}
	}
	for i := range len(old) {
		if systemOf(old[i:i+1]) == 0 && !isKeywordLetter(old[i]) {
			buf = append(buf, old[i])
		}
	}
	letters := buf[start:]
	slices.Sort(letters)
	letters = slices.Compact(letters)
	return string(append(buf[:start+len(letters)], rest...))
}

// sizeField returns the number of a field `,S=` or `,W=` of a base name, or
// Unknown.
func sizeField(base string, key byte) int64 {
	for at := 0; ; {
		i := strings.IndexByte(base[at:], ',')
		if i < 0 {
			return mailstore.Unknown
		}
		at += i + 1
		if len(base) < at+3 || base[at] != key || base[at+1] != '=' {
			continue
		}
		digits, _, _ := strings.Cut(base[at+2:], ",")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || digits[0] == '+' {
			return mailstore.Unknown
		}
		return n
	}
}

// compareDelivery orders base names by the time of delivery that they tell,
// and then as strings: the order in which unknown files get their UIDs.
func compareDelivery(a, b string) int {
	sa, ua := deliveryTime(a)
	sb, ub := deliveryTime(b)
	return cmp.Or(cmp.Compare(sa, sb), cmp.Compare(ua, ub), strings.Compare(a, b))
}

// byDelivery returns the entries in the order of compareDelivery. Each name is read
// once, and what is sorted is small.
func byDelivery(entries []entry) []entry {
	type key struct {
		time uint64 // deliveryKey
		at   uint32
	}
	keys := make([]key, len(entries))
	for i := range entries {
		keys[i] = key{deliveryKey(deliveryTime(entries[i].base())), uint32(i)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.time != b.time {
			return cmp.Compare(a.time, b.time)
		}
		return compareDelivery(entries[a.at].base(), entries[b.at].base())
	})
	sorted := make([]entry, len(entries))
	for i, k := range keys {
		sorted[i] = entries[k.at]
	}
	return sorted
}

// deliveryKey is a number that is smaller only if the time is. What is too large for
// it has the greatest.
func deliveryKey(sec, usec uint64) uint64 {
	const usecBits = 20
	if sec >= 1<<(64-usecBits)-1 {
		return math.MaxUint64
	}
	return sec<<usecBits | min(usec, 1<<usecBits-1)
}

// deliveryTime reads the seconds at the start of a base name and the
// microseconds behind the M of its second part. A name that tells nothing
// comes first.
func deliveryTime(base string) (sec, usec uint64) {
	digits, rest := leadingDigits(base)
	if digits == "" || rest != "" && rest[0] != '.' {
		return 0, 0
	}
	sec, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, 0
	}
	for i := 1; i < len(rest) && rest[i] != '.'; i++ {
		if rest[i] == 'M' {
			digits, _ := leadingDigits(rest[i+1:])
			usec, _ = strconv.ParseUint(digits, 10, 63) // no number counts as 0
			break
		}
	}
	return sec, usec
}

// leadingDigits cuts a string behind the digits with which it begins.
func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// namer makes base names that nobody else makes.
type namer struct {
	host    string
	pid     int
	counter atomic.Uint64
}

// newNamer begins to count at random, so that two accounts of one process that
// are open on the same mailbox do not meet within a microsecond.
func newNamer(host string) *namer {
	n := &namer{host: strings.NewReplacer("/", `\057`, ":", `\072`, ",", `\054`).Replace(host), pid: os.Getpid()}
	var b [2]byte
	rand.Read(b[:]) // never fails (package crypto/rand)
	n.counter.Store(uint64(binary.LittleEndian.Uint16(b[:])) << 8)
	return n
}

// next returns a new name without fields, in the form of the Maildir page:
// seconds, microseconds (M), process (P) and counter (Q), host.
func (n *namer) next() string {
	now := time.Now()
	b := strconv.AppendInt(make([]byte, 0, 320), now.Unix(), 10)
	b = strconv.AppendInt(append(b, ".M"...), int64(now.Nanosecond()/1000), 10)
	b = strconv.AppendInt(append(b, 'P'), int64(n.pid), 10)
	b = strconv.AppendUint(append(b, 'Q'), n.counter.Add(1), 10)
	return string(append(append(b, '.'), n.host...))
}

// withSizes adds the size fields that are known.
func withSizes(base string, stored, crlf int64) string {
	b := append(make([]byte, 0, 320), base...)
	if stored != mailstore.Unknown {
		b = strconv.AppendInt(append(b, ",S="...), stored, 10)
	}
	if crlf != mailstore.Unknown {
		b = strconv.AppendInt(append(b, ",W="...), crlf, 10)
	}
	return string(b)
}
