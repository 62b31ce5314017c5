package index

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"restante/fsys"
)

// putBlob keeps a blob.
func putBlob(t *testing.T, s *Store[string], name string) {
	t.Helper()
	if err := s.Blobs().Put(name, func(w io.Writer) error { _, err := io.WriteString(w, "of "+name); return err }); err != nil {
		t.Fatal(err)
	}
}

// wantBlobs compares the names, and what is in the directory.
func wantBlobs(t *testing.T, s *Store[string], want ...string) {
	t.Helper()
	got, err := s.Blobs().List()
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("blobs %q (%v), want %q", got, err, want)
	}
	files, _ := filepath.Glob(filepath.Join(s.opt.Dir, "*blob.*"))
	if len(files) != len(want) {
		t.Errorf("files %q, want %d", files, len(want))
	}
}

// TestBlobsBelieved: blobs are there again as long as the index is that they were put
// beside, or a later one.
func TestBlobsBelieved(t *testing.T) {
	dir := t.TempDir()
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 10)
	putBlob(t, s, "a")
	s.Close([]byte("stamp"))
	for _, verdict := range []Verdict{Current, Behind} {
		s, x = load(t, dir, 1, verdict, verdict)
		wantBlobs(t, s, "a")
		fill(x, 10)
		s.Close([]byte("stamp"))
	}
	s, _ = load(t, dir, 1, Current, Current)
	putBlob(t, s, "b")
	s.Close([]byte("stamp"))
	s, _ = load(t, dir, 1, Current, Current)
	wantBlobs(t, s, "a", "b")
	s.Close(nil)
}

// TestBlobsOfUnknownMessages: a blob that may speak of messages which the index did not
// know when it was loaded is never believed again, also not when it gets to know as many
// and the blob was not asked for meanwhile.
func TestBlobsOfUnknownMessages(t *testing.T) {
	for _, asked := range []bool{false, true} {
		dir := t.TempDir()
		s, x := load(t, dir, 1, Current, Useless)
		fill(x, 10)
		putBlob(t, s, "a")
		s.Save([]byte("stamp"))
		fill(x, 1)
		putBlob(t, s, "b")
		s.Abandon() // a crash

		s, x = load(t, dir, 1, Behind, Behind)
		if asked {
			wantBlobs(t, s)
		}
		fill(x, 1) // another message of this UID
		s.Close([]byte("stamp"))
		s, _ = load(t, dir, 1, Current, Current)
		wantBlobs(t, s)
		putBlob(t, s, "c")
		wantBlobs(t, s, "c")
		s.Close(nil)
	}
}

// TestBlobsWithoutIndex: where the index is of no use, blobs are not, now or later. The
// same goes for a mark that is damaged.
func TestBlobsWithoutIndex(t *testing.T) {
	for name, lose := range map[string]func(dir string) Verdict{
		"useless": func(string) Verdict { return Useless },
		"removed": func(dir string) Verdict { os.Remove(filepath.Join(dir, indexName)); return Current },
		"mark damaged": func(dir string) Verdict {
			os.WriteFile(filepath.Join(dir, blobMark), []byte("restblob00000000"), 0o600)
			return Current
		},
		"mark long": func(dir string) Verdict {
			os.WriteFile(filepath.Join(dir, blobMark), make([]byte, 100), 0o600)
			return Current
		},
		"mark removed": func(dir string) Verdict { os.Remove(filepath.Join(dir, blobMark)); return Current },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, x := load(t, dir, 1, Current, Useless)
			fill(x, 10)
			putBlob(t, s, "a")
			s.Close([]byte("stamp"))
			say := lose(dir)
			s, x = newStore(dir), New[string](1, 1)
			if s.Load(x, func([]byte, bool) Verdict { return say }) == Useless {
				fill(x, 20)
			}
			s.Close([]byte("stamp"))
			s, _ = load(t, dir, 1, Current, Current)
			wantBlobs(t, s)
			s.Close(nil)
		})
	}
}

// TestBlobsLeftOver: what a crash has left of a blob that was being written goes, and
// blobs go with the directory.
func TestBlobsLeftOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	s, x := load(t, dir, 1, Current, Useless)
	fill(x, 1)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, blobTemp+"1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantBlobs(t, s)
	putBlob(t, s, "a")
	s.Close([]byte("stamp"))
	moved := dir + "2"
	if err := MoveDir(fsys.OS{}, dir, moved); err != nil {
		t.Fatal(err)
	}
	s, _ = load(t, moved, 1, Current, Current)
	wantBlobs(t, s, "a")
	late, err := s.Blobs().Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	s.Close([]byte("stamp"))
	if err := s.Blobs().Put("late", func(io.Writer) error { return nil }); err == nil {
		t.Error("a closed store keeps a blob")
	}
	if names, err := s.Blobs().List(); err != nil || len(names) > 0 {
		t.Errorf("a closed store lists %q (%v)", names, err)
	}
	if err := RemoveDir(fsys.OS{}, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(moved); !isAbsent(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}
