package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// TestUIDsAfterKillAndRemoval: no UID that was told names another message when the process is
// killed and others take messages out and put some in before it is started again, nor
// does one that is still there get another.
func TestUIDsAfterKillAndRemoval(t *testing.T) {
	many := make([]string, maxTold+5)
	for i := range many {
		many[i] = fmt.Sprintf("many%d", i)
	}
	for _, c := range []struct {
		why    string
		before func(b *killed)
		after  func(b *killed)
	}{
		{"the last appended", func(b *killed) { b.append("b") }, func(b *killed) { b.remove("b"); b.deliver("c") }},
		{"another server gives its UID again", func(b *killed) { b.append("b") }, func(b *killed) { b.remove("b"); b.deliver("c"); b.number("c", 2) }},
		{"another server says so in X-IMAPbase too", func(b *killed) { b.append("b") }, func(b *killed) { b.remove("b"); b.deliver("c"); b.number("c", 2); b.used(2) }},
		{"one of several", func(b *killed) { b.append("b", "c", "d") }, func(b *killed) { b.remove("c"); b.deliver("e") }},
		{"all", func(b *killed) { b.append("b", "c") }, func(b *killed) { b.remove("a"); b.remove("b"); b.remove("c"); b.deliver("d", "e", "f") }},
		{"behind one that was expunged", func(b *killed) { b.append("b", "c"); b.expunge(2) }, func(b *killed) { b.remove("c"); b.deliver("d") }},
		{"as many as fit", func(b *killed) { b.append(many[:maxTold]...) }, func(b *killed) { b.remove("many0"); b.remove(many[maxTold-1]); b.deliver("x") }},
		{"more than fit", func(b *killed) { b.append(many...) }, func(b *killed) { b.remove(many[0]); b.remove(many[len(many)-1]); b.deliver("x") }},
		{"behind delivered ones", func(b *killed) { b.deliver("b"); b.refresh(); b.append("c") }, func(b *killed) { b.remove("b"); b.remove("c"); b.deliver("d") }},
		{"one to which another server gave its UID", func(b *killed) { b.deliver("b"); b.number("b", 2); b.refresh() }, func(b *killed) { b.remove("b"); b.deliver("c") }},
		{"one that another server put in", func(b *killed) { b.deliver("b"); b.number("b", 7); b.used(7); b.refresh() }, func(b *killed) { b.remove("b"); b.used(1); b.deliver("c"); b.number("c", 7) }},
	} {
		for _, index := range []string{"", "/index"} {
			for _, crash := range []struct {
				name string
				fn   func(b *killed)
			}{{"killed", func(*killed) {}}, {"power cut", func(b *killed) { b.fs.Crash(rand.New(rand.NewPCG(1, 2))) }}} {
				t.Run(c.why+index+", "+crash.name, func(t *testing.T) {
					b := newKilled(t, index)
					c.before(b)
					b.noted()
					crash.fn(b)
					c.after(b)
					b.open()
					b.kept()
				})
			}
		}
	}
}

// TestUIDsAfterPowerCut: when the power fails at any moment of appending no UID that was told
// names another message, whatever others do before the process is started again, nor does a
// message get another as long as they leave it alone.
func TestUIDsAfterPowerCut(t *testing.T) {
	for _, c := range []struct {
		why    string
		others func(b *killed)
		check  func(b *killed)
	}{
		{"nobody else", func(*killed) {}, (*killed).complete},
		{"one delivers", func(b *killed) { b.deliver("y") }, (*killed).complete},
		{"one changes a flag", func(b *killed) { b.read("b") }, (*killed).complete},
		{"one changes a flag of another, and delivers", func(b *killed) { b.read("c"); b.deliver("y") }, (*killed).complete},
		{"one removes", func(b *killed) { b.remove("b"); b.deliver("y"); b.edit("Subject: y\n", "Subject: y\nX-UID: 2\n") }, (*killed).kept},
		{"one removes another", func(b *killed) { b.remove("c"); b.deliver("y") }, (*killed).kept},
	} {
		t.Run(c.why, func(t *testing.T) {
			for n, finished := 1, false; !finished; n++ {
				for seed := range uint64(2) {
					b := newKilled(t, "/index")
					b.fs.Settle()
					b.fs.CutAt(n)
					told := 1
					for _, id := range []string{"b", "c", "d"} {
						if appendText(t, b.m, "Subject: "+id+"\n\n"+id+"\n") != nil {
							break
						}
						told++
						b.names[fmt.Sprint(told)] = id
					}
					_ = b.m.Close() // so that nothing is done after the crash
					finished = b.fs.Ops() < n
					b.fs.Crash(rand.New(rand.NewPCG(seed, uint64(n))))
					crashed := string(b.content())
					c.others(b)
					if whole, torn := cutTornFromLine(crashed); torn && !strings.HasPrefix(string(b.content()), whole) {
						continue // who rewrites the file makes a part of a From line text of the message in front of it
					}
					b.open()
					if c.check(b); t.Failed() {
						t.Fatalf("cut at %d, seed %d, told up to %d", n, seed, told)
					}
				}
			}
		})
	}
}

// cutTornFromLine takes away the first part of a From line with which a file ends.
func cutTornFromLine(text string) (whole string, torn bool) {
	end := strings.LastIndex(text, "\n") + 1
	return text[:end], end < len(text) && strings.HasPrefix(text[end:], "From "[:min(5, len(text)-end)])
}

// TestToldAppendChanged: an append that was told stays, with its UIDs, when the power fails
// before it is written durably that it is complete, and another program changes the file in its
// place before the process is started again; and nothing in front of it is touched.
func TestToldAppendChanged(t *testing.T) {
	for _, c := range []struct {
		why     string
		others  func(b *killed)
		removed string
	}{
		{"a flag of the first", func(b *killed) { b.read("b") }, ""},
		{"a flag of the second", func(b *killed) { b.read("c") }, ""},
		{"a flag of the last", func(b *killed) { b.read("d") }, ""},
		{"a flag of one in front", func(b *killed) { b.read("a") }, ""},
		{"the first goes", func(b *killed) { b.remove("b") }, "b"},
		{"the second goes", func(b *killed) { b.remove("c") }, "c"},
		{"the last goes", func(b *killed) { b.remove("d") }, "d"},
		{"one in front goes", func(b *killed) { b.remove("a") }, "a"},
	} {
		for _, large := range []int{0, maxAppendData} {
			for _, days := range []int{0, 1} {
				for _, delivery := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %d octets, %d days apart, delivery %v", c.why, large, days, delivery), func(t *testing.T) {
						b := newKilled(t, "")
						front := b.content()
						b.appendUnended(large, days, "b", "c", "d")
						c.others(b)
						if delivery {
							b.deliver("y")
						}
						b.open()
						list := subjectsOf(t, b.m)
						for _, id := range []string{"a", "b", "c", "d"} {
							there := slices.ContainsFunc(list, func(line string) bool { return strings.HasSuffix(line, " "+id) })
							if there != (id != c.removed) {
								t.Errorf("that %q is there is %v: %q", id, there, list)
							}
						}
						if !strings.Contains(c.why, "in front") && !bytes.HasPrefix(b.content(), front) {
							t.Errorf("in front of it stood\n%s", front)
						}
						b.kept()
					})
				}
			}
		}
	}
}

// TestToldBeyond: what a journal tells counts as far as the state file does not know it, and
// nothing of it where it makes no sense.
func TestToldBeyond(t *testing.T) {
	text := func(uids ...mailstore.UID) (list []known) {
		for _, uid := range uids {
			list = append(list, known{text: text{uid: uid}})
		}
		return list
	}
	for _, c := range []struct {
		why      string
		told     toldUIDs
		validity uint32
		next     mailstore.UID
		want     []mailstore.UID
		wantNext mailstore.UID
	}{
		{"all of it", toldUIDs{7, 5, text(2, 4)}, 7, 2, []mailstore.UID{2, 4}, 5},
		{"some is listed", toldUIDs{7, 5, text(2, 4)}, 7, 3, []mailstore.UID{4}, 5},
		{"all is listed", toldUIDs{7, 5, text(2, 4)}, 7, 5, nil, 5},
		{"UIDs without a text", toldUIDs{7, 5, text(2)}, 7, 3, nil, 5},
		{"another UIDVALIDITY", toldUIDs{8, 5, text(2)}, 7, 2, nil, 2},
		{"a journal of old, and no state file", toldUIDs{}, 0, 0, nil, 0},
		{"a text behind UIDNEXT", toldUIDs{7, 5, text(2, 5)}, 7, 2, nil, 2},
		{"a UID twice", toldUIDs{7, 5, text(2, 2)}, 7, 2, nil, 2},
		{"falling UIDs", toldUIDs{7, 5, text(4, 3)}, 7, 2, nil, 2},
		{"no UIDs are left", toldUIDs{7, mailstore.MaxUID, text(2)}, 7, 2, nil, 2},
	} {
		list, next := c.told.beyond(c.validity, c.next)
		var uids []mailstore.UID
		for _, k := range list {
			uids = append(uids, k.uid)
		}
		if !slices.Equal(uids, c.want) || next != c.wantNext {
			t.Errorf("%s: %v and UIDNEXT %d, want %v and %d", c.why, uids, next, c.want, c.wantNext)
		}
	}
}

// TestToldHeader: a header tells what was put into it, and of one that was written in part
// nothing counts.
func TestToldHeader(t *testing.T) {
	var texts []known
	for i := range maxTold + 3 {
		texts = append(texts, known{text: text{mailstore.UID(10 + 2*i), rand.Uint32(), rand.Uint32()}, date: int64(i), size: 100})
	}
	for _, n := range []int{0, 1, maxTold, maxTold + 3} {
		h := journalHeader{seq: 3, kind: journalAppend, told: newTold(7, 5000, texts[:n])}
		b := h.encode()
		got, ok := decodeHeader(append(slices.Clone(b), "what stood there before"...))
		wantNext := mailstore.UID(5000)
		if n > maxTold {
			wantNext = texts[maxTold].uid
		}
		if !ok || got.told.validity != 7 || got.told.next != wantNext || !slices.Equal(got.told.texts, texts[:min(n, maxTold)]) {
			t.Errorf("of %d texts it tells %+v, %v", n, got.told, ok)
		}
		if len(b) > blockB {
			t.Errorf("with %d texts it is %d octets long", n, len(b))
		}
		for _, torn := range []int{0, 100, blockSize - 1, blockSize, len(b) - 1} {
			if torn == len(b) {
				continue
			}
			b := slices.Clone(b)
			for i := torn; i < len(b); i++ {
				b[i] ^= 0xff
			}
			if _, ok := decodeHeader(b); ok {
				t.Errorf("with %d texts, of which %d octets were written, it counts", n, torn)
			}
			if _, ok := decodeHeader(b[:torn]); ok {
				t.Errorf("with %d texts, %d octets long, it counts", n, torn)
			}
		}
	}
}

// TestToldGoesAlong: a journal that takes the place of another tells what that told.
func TestToldGoesAlong(t *testing.T) {
	want := toldUIDs{7, 9, []known{{text: text{uid: 8, hsum: 1, bsum: 2}, date: 3, size: 4}}}
	for name, replace := range map[string]func(r *rewriter) error{
		"after one that does not fit": func(r *rewriter) error { return r.abandon("a test") },
		"after one that does not fit, on a full disk": func(r *rewriter) error {
			r.j.fs.(*faultfs.FS).FillAt(1)
			return r.abandon("a test")
		},
		"from the reserve": func(r *rewriter) error {
			have := reserve{fs: r.j.fs, path: "/state/reserve"}
			have.fill()
			j, err := have.journal(r.j)
			if err != nil {
				return err
			}
			return r.take(j)
		},
		"under mail": func(r *rewriter) error { return r.deleteUnderMail(0, 4) },
	} {
		t.Run(name, func(t *testing.T) {
			fsx := placeFile(t, []byte("gap\nFrom a@b Thu Jan  1 00:00:01 2015\n\n"))
			r := newRewriter(t, fsx)
			r.j.told = want
			if err := r.j.clean(); err != nil {
				t.Fatal(err)
			}
			if err := replace(r); err != nil {
				t.Fatal(err)
			}
			fsx.Crash(nil)
			j, err := openJournal(fsx, "/state/journal", false)
			if err != nil || !reflect.DeepEqual(j.told, want) {
				t.Fatalf("it tells %+v, %v", j, err)
			}
			if got, err := readTold(fsx, "/state/journal"); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("who only reads it is told %+v, %v", got, err)
			}
		})
	}
}

// FuzzJournalHeader: a header that counts says the same when it is written again.
func FuzzJournalHeader(f *testing.F) {
	f.Add([]byte{})
	f.Add((&journalHeader{seq: 1}).encode())
	f.Add((&journalHeader{seq: 2, kind: journalAppend, oldSize: 5, newSize: 9, litLen: 4, told: toldUIDs{7, 9, []known{{size: 3}}}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := decodeHeader(b)
		if !ok {
			return
		}
		if again, ok := decodeHeader(h.encode()); !ok || !reflect.DeepEqual(again, h) {
			t.Errorf("%+v became %+v, %v", h, again, ok)
		}
		h.told.beyond(h.told.validity, 1)
	})
}

// appendUnended appends messages with bodies of a size in one go, some days apart, and cuts the
// power as unended does.
func (b *killed) appendUnended(size, days int, ids ...string) {
	b.Helper()
	var texts []string
	for _, id := range ids {
		texts = append(texts, "Subject: "+id+"\n\n"+strings.Repeat(id+" and more of it\n", 1+size/16))
	}
	b.unended(days, texts...)
}

// unended appends messages in one go, and cuts the power when that has been told and before it is
// written durably that the append is complete.
func (b *killed) unended(days int, texts ...string) {
	b.Helper()
	a, err := b.m.NewAppend(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for i, text := range texts {
		if err := a.Add(mailstore.AppendOptions{Date: time.Unix(1e9, 0).AddDate(0, 0, i*days)}, strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(text, "Subject: "), "\n")
		b.names[fmt.Sprint(i+2)] = id
		size += len(text)
	}
	b.fs.Settle()
	synced := false
	b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
		if synced && (size < maxAppendData || !strings.HasSuffix(path, "/restante.uids")) { // which lists what is too large for the journal
			return syscall.EIO
		}
		synced = synced || op == faultfs.Sync && path == "/mail/inbox"
		return nil
	})
	if _, _, err := a.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
	_ = b.m.Close()
	b.fs.Crash(nil)
}

// TestToldFromMemory: what a process has written and not made durable before it was killed is
// made so before the next one tells it; else it would be given again after a loss of power.
func TestToldFromMemory(t *testing.T) {
	for why, do := range map[string]func(b *killed) error{
		"a look":    func(b *killed) error { return b.m.Refresh(b.Context()) },
		"a claim":   func(b *killed) error { _, err := b.m.ClaimRecent(b.Context()); return err },
		"an append": func(b *killed) error { return appendText(b.T, b.m, "Subject: c\n\nc\n") },
		"an end": func(b *killed) error {
			return errors.Join(appendText(b.T, b.m, "Subject: c\n\nc\n"), b.m.Close())
		},
		"the last goes": func(b *killed) error {
			_, err := b.m.Expunge(b.Context(), mailstore.AllUIDs(), false)
			return err
		},
	} {
		t.Run(why, func(t *testing.T) {
			for n, finished := 1, false; !finished; n++ {
				b := newKilled(t, "")
				b.deliver("b")
				b.fs.Settle()
				b.fs.Inject(faultfs.FailFrom(n, syscall.EIO))
				_ = do(b)
				_ = b.m.Close()
				finished = b.fs.Ops() < n
				b.fs.Inject(nil)
				_ = b.fs.Remove("/mail/inbox.lock")

				b.open()
				b.noted()
				next := b.m.Status().UIDNext
				b.fs.Crash(nil)
				b.remove("b")
				b.remove("c")
				b.deliver("y")
				b.open()
				b.notReused()
				if got := b.m.Status().UIDNext; got < next {
					t.Errorf("UIDNEXT was %d and is %d", next, got)
				}
				if t.Failed() {
					t.Fatalf("killed at %d", n)
				}
			}
		})
	}
}
