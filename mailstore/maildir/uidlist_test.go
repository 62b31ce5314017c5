package maildir

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"restante/fsys"
	"restante/mailstore"
)

func TestUIDHeader(t *testing.T) {
	for _, c := range []struct {
		why, line string
		want      uidHeader
		ok        bool
	}{
		{"version 3", "3 V1104537600 N42 G0123456789abcdef0123456789abcdef",
			uidHeader{3, 1104537600, 42, "0123456789abcdef0123456789abcdef", 0, ""}, true},
		{"whose GUID it is", "3 V7 N1 G0123456789abcdef0123456789abcdef R4711", uidHeader{3, 7, 1, "0123456789abcdef0123456789abcdef", 4711, ""}, true},
		{"what is no inode is nobody", "3 V7 N1 R-1", uidHeader{3, 7, 1, "", 0, ""}, true},
		{"unknown fields are kept", "3 Xabc V7 N1 Yd:e", uidHeader{3, 7, 1, "", 0, "Xabc Yd:e"}, true},
		{"version 1", "1 1104537600 42", uidHeader{1, 1104537600, 42, "", 0, ""}, true},
		{"no UIDVALIDITY", "3 N42", uidHeader{version: 3, next: 42}, false},
		{"no next UID", "3 V7", uidHeader{version: 3, validity: 7}, false},
		{"a broken GUID is none", "3 V7 N1 Gxyz", uidHeader{3, 7, 1, "", 0, ""}, true},
		{"UIDVALIDITY zero", "3 V0 N1", uidHeader{version: 3, next: 1}, false},
		{"too large", "3 V4294967296 N1", uidHeader{version: 3, next: 1}, false},
		{"another version", "2 1 1", uidHeader{version: 3}, false},
		{"nothing", "", uidHeader{version: 3}, false},
	} {
		got, err := parseUIDHeader(c.line)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %q is %+v, %v; want %+v", c.why, c.line, got, err, c.want)
		}
	}
}

func TestUIDRecord(t *testing.T) {
	for _, c := range []struct {
		why, line string
		version   int
		uid       mailstore.UID
		ext, base string
		size      int64
	}{
		{"plain", "1 :100.x", 3, 1, "", "100.x", mailstore.Unknown},
		{"with size", "7 W123 :100.x", 3, 7, "W123", "100.x", 123},
		{"with POP3 UIDL that has a colon", "7 Pa:b W5 :100.x", 3, 7, "Pa:b W5", "100.x", 5},
		{"spaces in the name", "7 :a b c", 3, 7, "", "a b c", mailstore.Unknown},
		{"flags in the name", "7 :100.x:2,S", 3, 7, "", "100.x", mailstore.Unknown},
		{"version 1", "7 100.x", 1, 7, "", "100.x", mailstore.Unknown},
		{"no name", "7 :", 3, 0, "", "", 0},
		{"no colon", "7 100.x", 3, 0, "", "", 0},
		{"no UID", "x :100.x", 3, 0, "", "", 0},
		{"UID zero", "0 :100.x", 3, 0, "", "", 0},
		{"the largest number is no UID", "4294967295 :100.x", 3, 0, "", "", 0},
		{"a path", "7 :../100.x", 3, 0, "", "", 0},
		{"zeros", "7 :\x00\x00", 3, 0, "", "", 0},
		{"nothing", "", 3, 0, "", "", 0},
	} {
		r, err := parseUIDRecord([]byte(c.line), c.version)
		if c.uid == 0 {
			if err == nil {
				t.Errorf("%s: %q is %+v", c.why, c.line, r)
			}
			continue
		}
		if err != nil || r.uid != c.uid || string(r.ext) != c.ext || string(r.base) != c.base || r.size() != c.size {
			t.Errorf("%s: %q is %d %q %q size %d, %v", c.why, c.line, r.uid, r.ext, r.base, r.size(), err)
		}
	}
}

// FuzzUIDList: what parses prints back and parses to the same; nothing that is
// read has parts that could not be printed; whatever the file holds, a second
// reading of what is written anew gives the same records.
func FuzzUIDList(f *testing.F) {
	f.Add("3 V1 N5 G0123456789abcdef0123456789abcdef X1\n1 W2 :a\n2 :b\n")
	f.Add("1 5 6\n3 a\n4 b:2,S\n")
	f.Add("3 V1 N1\n5 :a\n4 :b\n5 :c\nrubbish\n9 Pa:b W1 :a\n10 :torn")
	f.Add("no header\n1 :a\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data string) {
		path := filepath.Join(dir, uidListName)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		l := uidList{fs: fsys.OS{}}
		records := make(map[mailstore.UID]newRecord)
		exts := make(map[mailstore.UID]string)
		highest := mailstore.UID(0)
		first, err := l.update(dir, true, func(r uidRecord) {
			line := appendUIDRecord(nil, r.uid, string(r.ext), string(r.base))
			again, err := parseUIDRecord(line[:len(line)-1], 3)
			if err != nil || again.uid != r.uid || string(again.base) != string(r.base) || string(again.ext) != string(r.ext) {
				t.Errorf("%+v prints as %q and parses to %+v, %v", r, line, again, err)
			}
			records[r.uid] = newRecord{r.uid, string(r.base)}
			exts[r.uid] = string(r.ext)
			highest = max(highest, r.uid)
		})
		if err != nil {
			t.Fatal(err)
		}
		if first.missing {
			return // an empty file is none: the caller begins a new list
		}
		if l.next <= highest {
			t.Errorf("next UID is %d after %d", l.next, highest)
		}
		if l.validity == 0 {
			l.validity = 1
		}
		err = l.replace(dir, 0o600, func(yield func(newRecord, string) bool) {
			for _, uid := range slices.Sorted(maps.Keys(records)) {
				if !yield(records[uid], exts[uid]) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		second := uidList{fs: fsys.OS{}}
		r, err := second.update(dir, true, func(r uidRecord) {
			if want := records[r.uid]; want.base != string(r.base) || exts[r.uid] != string(r.ext) {
				t.Errorf("record %d was %+v, is %q", r.uid, want, r.base)
			}
			delete(records, r.uid)
		})
		if err != nil || r.damaged() || len(records) > 0 || second.uidHeader != l.uidHeader {
			t.Errorf("written anew: %+v, %v; lost %v; header %+v, was %+v", r, err, records, second.uidHeader, l.uidHeader)
		}
	})
}

// TestUIDListGrows reads what was appended and no more, and everything again
// when the file is another.
func TestUIDListGrows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, uidListName)
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(path, flag|os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := uidList{fs: fsys.OS{}}
	want := func(full bool, bases ...string) listReading {
		t.Helper()
		var got []string
		r, err := l.update(dir, false, func(r uidRecord) { got = append(got, string(r.base)) })
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, bases) || r.full != full {
			t.Errorf("read %q, all %v; want %q, %v", got, r.full, bases, full)
		}
		return r
	}
	write(0, "3 V9 N1 G0123456789abcdef0123456789abcdef\n1 :a\n")
	want(true, "a")
	write(os.O_APPEND, "2 :b\n3 :c\n4 :to")
	want(false, "b", "c") // the rest is still being written
	write(os.O_APPEND, "gether\n")
	want(false, "together")
	want(false)
	if l.next != 5 {
		t.Errorf("next UID %d, want 5", l.next)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(0, "3 V9 N7 G0123456789abcdef0123456789abcdef\n1 :a\n4 :together\n")
	want(true, "a", "together")
	if err := l.append(dir, []newRecord{{7, "d"}, {8, "e"}}, nil); err != nil {
		t.Fatal(err)
	}
	if same, err := l.unchanged(dir); !same || err != nil {
		t.Errorf("after our own append the file is another: %v", err)
	}
	want(false)
	other := strings.Replace(read(t, path), "V9", "V10", 1)
	if err := os.WriteFile(path+"x", []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"x", path); err != nil {
		t.Fatal(err)
	}
	if r := want(true, "a", "together", "d", "e"); !r.changed {
		t.Error("another UIDVALIDITY is no change")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
