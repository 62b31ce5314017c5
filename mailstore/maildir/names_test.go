package maildir

import (
	"bytes"
	"cmp"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"restante/mailstore"
)

func TestWithInfo(t *testing.T) {
	for _, c := range []struct {
		why, name string
		sys       mailstore.System
		keywords  string
		want      string
	}{
		{"no info", "1.x", mailstore.Seen, "", "1.x:2,S"},
		{"none left", "1.x:2,FS", 0, "", "1.x:2,"},
		{"letters are sorted", "1.x:2,", mailstore.Seen | mailstore.Draft | mailstore.Flagged | mailstore.Answered | mailstore.Deleted, "ba", "1.x:2,DFRSTab"},
		{"unknown letters stay", "1.x:2,PS", mailstore.Flagged, "", "1.x:2,FP"},
		{"QUIRK: so do foreign fields, mbsync's U= among them", "1.x,U=7,S=3:2,S", mailstore.Seen, "c", "1.x,U=7,S=3:2,Sc"},
		{"and other flag sets", "1.x:2,S,Zfoo", mailstore.Flagged, "", "1.x:2,F,Zfoo"},
		{"experimental info is replaced, as by Dovecot", "1.x:1,foo", mailstore.Seen, "", "1.x:2,S"},
		{"letters once only", "1.x:2,SSaa", mailstore.Seen, "a", "1.x:2,Sa"},
	} {
		if got := withInfo(c.name, c.sys, c.keywords); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.why, c.name, got, c.want)
		}
	}
}

func TestSizeField(t *testing.T) {
	for _, c := range []struct {
		why, base string
		want      int64
	}{
		{"last field", "1.M2P3.host,S=10,W=12", 12},
		{"first field", "1.host,W=12,S=10", 12},
		{"before others", "1.host,W=12,U=4", 12},
		{"none", "1.host,S=10", mailstore.Unknown},
		{"only in a part of a word", "1.host,XW=12", mailstore.Unknown},
		{"not a number", "1.host,W=1x", mailstore.Unknown},
		{"empty", "1.host,W=", mailstore.Unknown},
		{"sign", "1.host,W=+1", mailstore.Unknown},
		{"negative", "1.host,W=-1", mailstore.Unknown},
		{"too large", "1.host,W=99999999999999999999", mailstore.Unknown},
	} {
		if got := sizeField(c.base, 'W'); got != c.want {
			t.Errorf("%s: %q has size %d, want %d", c.why, c.base, got, c.want)
		}
	}
}

func TestDeliveryOrder(t *testing.T) {
	want := []string{ // of each two neighbours, the reason why the first is first
		"msg.somewhere",              // no time at all
		"999.x",                      // a number, not a string
		"1000.1_1.host",              // no microseconds count as none
		"1000.M5P1.host",             // microseconds
		"1000.M20P1.host",            // as numbers
		"1000.P1Q2M30.host",          // wherever the M is
		"1001.M1P1.a",                // seconds first
		"1001.M1P1.b",                // then the name
		"1001.V801I2fM999999.host",   // Dovecot's and Exim's other letters
		"100000000000.M1P1.far-away", // many digits
		"17592186044415.M9.y",        // more than a deliveryKey holds
		"17592186044416.M1.x",
		"9000000000000000000.M1.x",
	}
	got := slices.Clone(want)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, compareDelivery)
	if !slices.Equal(got, want) {
		t.Errorf("sorted as\n%s", strings.Join(got, "\n"))
	}
	entries := make([]entry, len(want))
	for i := range entries {
		entries[i] = entry{file: file{name: want[(i*7+3)%len(want)] + ":2,S"}}
	}
	for i, e := range byDelivery(entries) {
		if e.base() != want[i] {
			t.Errorf("byDelivery has %s in the place of %s", e.base(), want[i])
		}
	}
}

// TestDeliveryKey: the key never contradicts the times.
func TestDeliveryKey(t *testing.T) {
	times := []uint64{0, 1, 2, 999_999, 1_000_000, 1<<20 - 1, 1 << 20, 1 << 40, 1<<44 - 2, 1<<44 - 1, 1 << 44, 1<<63 - 1}
	for _, s1 := range times {
		for _, u1 := range times {
			for _, s2 := range times {
				for _, u2 := range times {
					order := cmp.Or(cmp.Compare(s1, s2), cmp.Compare(u1, u2))
					if key := cmp.Compare(deliveryKey(s1, u1), deliveryKey(s2, u2)); key != 0 && key != order {
						t.Errorf("%d.%d and %d.%d: %d, want %d", s1, u1, s2, u2, key, order)
					}
				}
			}
		}
	}
}

// TestNextName: names have the form of the Maildir page, no two are the same, and a
// range of COPY makes thousands of them.
func TestNextName(t *testing.T) {
	n := newNamer("a/b:c,d.example")
	form := regexp.MustCompile(`^[0-9]{10,}\.M[0-9]{1,6}P` + strconv.Itoa(os.Getpid()) + `Q[0-9]+\.a\\057b\\072c\\054d\.example,S=12,W=13$`)
	first, second := withSizes(n.next(), 12, 13), withSizes(n.next(), 12, 13)
	if !form.MatchString(first) || !form.MatchString(second) || first == second {
		t.Errorf("%q and then %q", first, second)
	}
	if got := withSizes("x", mailstore.Unknown, 5); got != "x,W=5" {
		t.Errorf("%q", got)
	}
	if a := testing.AllocsPerRun(10, func() { withSizes(n.next(), 12, 13) }); a > 2 {
		t.Errorf("%v allocations", a)
	}
}

// TestWithInfoAllocs: a name is made in one piece, as a range of STORE makes thousands.
func TestWithInfoAllocs(t *testing.T) {
	name := "1104537600.M20046P2137Q3.host,S=4711,W=4800:2,FSa"
	if n := testing.AllocsPerRun(10, func() { withInfo(name, mailstore.Seen|mailstore.Flagged, "ab") }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeywordLetters(t *testing.T) {
	for letters, want := range map[string]string{"": "", "S": "", "FS": "", "ab": "ab", "FSa": "a", "aSb": "ab", "\xffa": "a", "1z": "z"} {
		if got := keywordLetters(letters); got != want {
			t.Errorf("%q has %q, want %q", letters, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { keywordLetters("FS") }); n != 0 {
		t.Errorf("%v allocations for a name without keywords", n)
	}
}

func TestUsable(t *testing.T) {
	for name, want := range map[string]bool{
		"1.x:2,S": true, "mail": true, "": false, ".nfs0001": false, ":2,S": false, "a\nb": false, "a\rb": false, "a b": true, "é": true,
	} {
		if usable(name) != want {
			t.Errorf("usable(%q) is not %v", name, want)
		}
	}
}

// FuzzFileName: what is written into a name is read back, and the rest stays.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"1.x", "1.x:2,", "1.x,S=1,W=2:2,PSab", "x:1,a", "a:b:2,S", "1.x:2,S,foo,bar"} {
		f.Add(s, byte(0x15), "ac")
	}
	f.Fuzz(func(t *testing.T, name string, sys byte, keywords string) {
		if !usable(name) || strings.Trim(keywords, "abcdefghijklmnopqrstuvwxyz") != "" {
			return
		}
		flags := mailstore.System(sys) & (mailstore.Seen | mailstore.Answered | mailstore.Flagged | mailstore.Deleted | mailstore.Draft)
		got := withInfo(name, flags, keywords)
		base, letters, rest := splitInfo(got)
		oldBase, oldLetters, oldRest := splitInfo(name)
		if base != oldBase || rest != oldRest || base != baseOf(name) {
			t.Errorf("%q becomes %q", name, got)
		}
		if systemOf(letters) != flags {
			t.Errorf("%q with flags %b becomes %q with %b", name, flags, got, systemOf(letters))
		}
		want := []byte(keywords)
		slices.Sort(want)
		if k := keywordLetters(letters); k != string(slices.Compact(want)) {
			t.Errorf("%q with keywords %q becomes %q with %q", name, keywords, got, k)
		}
		for i := range len(oldLetters) {
			if c := oldLetters[i]; systemOf(string(rune(c))) == 0 && !isKeywordLetter(c) && strings.IndexByte(letters, c) < 0 {
				t.Errorf("%q becomes %q, without the unknown letter %q", name, got, c)
			}
		}
		if again := withInfo(got, flags, keywords); again != got {
			t.Errorf("%q becomes %q and then %q", name, got, again)
		}
	})
}

func TestUTF7(t *testing.T) {
	for _, c := range []struct{ name, dir string }{
		{"plain", "plain"},
		{"a&b", "a&-b"},
		{"Entwürfe", "Entw&APw-rfe"},
		{"日本語", "&ZeVnLIqe-"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, // RFC 3501 section 5.1.3
		{"📬", "&2D3c7A-"},
		{"&&", "&-&-"},
		{"ä&ö", "&AOQ-&-&APY-"},
	} {
		if got := encodeUTF7(c.name); got != c.dir {
			t.Errorf("%q is written %q, want %q", c.name, got, c.dir)
		}
		if got, ok := decodeName(c.dir); got != c.name || !ok {
			t.Errorf("%q is read %q, %v; want %q", c.dir, got, ok, c.name)
		}
	}
	for _, c := range []struct {
		why, dir, name string
		ok             bool
	}{
		{"UTF-8 on disk", "Entwürfe", "Entwürfe", true},
		{"a bare ampersand", "R&D", "R&D", true},
		{"base64 for what needs none", "&AGE-", "&AGE-", true},
		{"unused bits set", "&APx-", "&APx-", true},
		{"half a surrogate pair", "&2D0-", "&2D0-", true},
		{"Latin-1", "Entw\xfcrfe", "", false},
		{"control character", "a\x01", "", false},
		{"control character in base64", "&AAE-", "", false},
	} {
		if got, ok := decodeName(c.dir); ok != c.ok || ok && got != c.name {
			t.Errorf("%s: %q is read %q, %v; want %q, %v", c.why, c.dir, got, ok, c.name, c.ok)
		}
	}
}

// FuzzDirName: every mailbox name has a directory name that leads back to it,
// and every directory name that is a mailbox's is among those of the mailbox.
func FuzzDirName(f *testing.F) {
	for _, s := range []string{"a", "ä", "&", "&-", "&AOk-", "a&-b", "new", "cur", ".x", "dovecot-x", "&AG4-ew", "日&本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tr := range []*tree{{layout: MaildirPP}, {layout: FS}} {
			if name, ok := tr.decode(s); ok && !slices.Contains(tr.encodings(name), s) && !(tr.layout == FS && reserved(s)) {
				t.Errorf("directory %q is %q, which stands in %q", s, name, tr.encodings(name))
			}
			if !utf8.ValidString(s) || s == "" || strings.ContainsFunc(s, unicode.IsControl) {
				continue
			}
			for _, dir := range tr.encodings(s) {
				if name, ok := tr.decode(dir); name != s || !ok {
					t.Errorf("%q is written %q and read %q, %v", s, dir, name, ok)
				}
				if tr.layout == FS && reserved(dir) {
					t.Errorf("%q is written %q, which is reserved", s, dir)
				}
			}
		}
	})
}

// crlfOf is the CRLF form, said in the simplest way.
func crlfOf(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\x00CRLF")
	s = strings.ReplaceAll(s, "\n", "\r\n")
	return strings.ReplaceAll(s, "\x00CRLF", "\r\n")
}

func checkCopyLF(t *testing.T, s string, r io.Reader) {
	t.Helper()
	m := &mailbox{a: &account{}}
	var out bytes.Buffer
	stored, crlf, err := m.copyLF(&out, r)
	if err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if crlfOf(got) != crlfOf(s) {
		t.Errorf("%q is stored as %q: not the same message", s, got)
	}
	if stored != int64(len(got)) || crlf != int64(len(crlfOf(s))) {
		t.Errorf("%q is stored as %q: sizes %d and %d", s, got, stored, crlf)
	}
	for i := 1; i < len(got); i++ {
		if got[i] == '\n' && got[i-1] == '\r' && (i < 2 || got[i-2] != '\r') {
			t.Errorf("%q is stored as %q: CRLF was kept", s, got)
			break
		}
	}
	size, err := crlfSize(strings.NewReader(got), make([]byte, 3))
	if size != crlf || err != nil {
		t.Errorf("%q has size %d in CRLF form, counted as %d, %v", got, crlf, size, err)
	}
}

func FuzzCopyLF(f *testing.F) {
	for _, s := range []string{"", "\n", "\r", "\r\n", "a\r\nb\n", "\r\r\n", "a\r\r\r\nb", "\n\r\n\r", "x\r", "\r\n\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") {
			return // crlfOf uses it
		}
		checkCopyLF(t, s, strings.NewReader(s))
		checkCopyLF(t, s, iotest.OneByteReader(strings.NewReader(s)))
		checkCopyLF(t, s, iotest.HalfReader(strings.NewReader(s)))
	})
}
