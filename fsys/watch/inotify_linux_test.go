package watch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Two paths may lead to one inode, and what is a file by one look may be a
// directory by the next. What was asked for first stays.
func TestAddKeeps(t *testing.T) {
	for _, first := range []bool{true, false} {
		dir := t.TempDir()
		write(t, dir+"/old", "x")
		k, err := openKernel()
		must(t, err)
		defer k.close()
		one, err := k.add(dir, first)
		must(t, err)
		two, err := k.add(dir, !first)
		must(t, err)
		if one != two {
			t.Fatalf("one inode, two numbers %d and %d", one, two)
		}
		for name, do := range map[string]func(){
			"old": func() { appendTo(t, dir+"/old") },                  // asked for by a file's mask
			"new": func() { must(t, os.Link(dir+"/old", dir+"/new")) }, // by a directory's
		} {
			do()
			events, err := k.read(false)
			must(t, err)
			if !slices.ContainsFunc(events, func(e event) bool { return string(e.name) == name }) {
				t.Errorf("as directory first %v: nothing of %q", first, name)
			}
		}
	}
}

// A wake-up is never lost, and never answered by an event's absence.
func TestWake(t *testing.T) {
	k, err := openKernel()
	must(t, err)
	defer k.close()
	read := func(why string) {
		t.Helper()
		done := make(chan error)
		go func() {
			events, err := k.read(true)
			if len(events) > 0 {
				err = fmt.Errorf("%d events out of nothing", len(events))
			}
			done <- err
		}()
		select {
		case err := <-done:
			must(t, err)
		case <-time.After(patience):
			t.Fatal("not woken: ", why)
		}
	}
	for range 100 {
		k.wake()
		read("the wake came before the read")
		go k.wake()
		read("the wake comes at any moment")
	}
	dir := t.TempDir()
	_, err = k.add(dir, true)
	must(t, err)
	k.wake()
	write(t, dir+"/a", "")
	if events, err := k.read(false); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v: a wake must not hide what there is", len(events), err)
	}
}

func TestDecode(t *testing.T) {
	raw := func(wd int32, mask uint32, name string) []byte {
		b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
		b = binary.NativeEndian.AppendUint32(b, mask)
		b = binary.NativeEndian.AppendUint32(b, 0)
		b = binary.NativeEndian.AppendUint32(b, uint32(len(name)))
		return append(b, name...)
	}
	for _, c := range []struct {
		why  string
		buf  []byte
		want string
	}{
		{"nothing", nil, ""},
		{"a name is filled up with zeros", raw(1, unix.IN_CREATE, "mail\x00\x00\x00\x00"), "1 0 mail;"},
		{"the inode itself", raw(2, unix.IN_MODIFY, ""), "2 0 ;"},
		{"it moved", raw(2, unix.IN_MOVE_SELF, ""), "2 1 ;"},
		{"links or permissions", raw(2, unix.IN_ATTRIB, ""), "2 1 ;"},
		{"watched no longer", raw(3, unix.IN_IGNORED, ""), "3 2 ;"},
		{"ran over", raw(-1, unix.IN_Q_OVERFLOW, ""), "-1 3 ;"},
		{"several", slices.Concat(raw(1, unix.IN_DELETE, "a\x00"), raw(2, unix.IN_MODIFY, "")), "1 0 a;2 0 ;"},
		{"cut in the head", raw(1, unix.IN_MODIFY, "")[:15], ""},
		{"cut in the name", raw(1, unix.IN_CREATE, "mail")[:18], ""},
	} {
		got := ""
		for _, e := range decode(nil, c.buf) {
			got += fmt.Sprintf("%d %d %s;", e.wd, e.kind, e.name)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

// FuzzDecode: whatever stands in the buffer, names lie in it and are no longer
// than it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00ab\x00\x00"))
	f.Add(bytes.Repeat([]byte{0xff}, 32))
	f.Fuzz(func(t *testing.T, buf []byte) {
		used := 0
		for _, e := range decode(nil, buf) {
			used += unix.SizeofInotifyEvent + len(e.name)
			if n := len(e.name); n > 0 && e.name[n-1] == 0 {
				t.Errorf("the name %q ends in zero", e.name)
			}
		}
		if used > len(buf) {
			t.Errorf("%d bytes of events in %d", used, len(buf))
		}
	})
}
