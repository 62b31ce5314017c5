package index

import (
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"restante/mailstore"
)

func add(x *Index[int], uid mailstore.UID, r mailstore.Record) {
	r.UID = uid
	x.Update(func(tx *Tx[int]) { tx.Add(r, int(uid)) })
}

// TestModel does random batches and compares with a plain slice, and the counts
// with a recount.
func TestModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := New[int](1, 0)
	var model []mailstore.Record
	next := mailstore.UID(1)
	for range 3000 {
		x.Update(func(tx *Tx[int]) {
			for range rng.IntN(4) {
				switch k := rng.IntN(10); {
				case k < 5 || len(model) == 0:
					next += mailstore.UID(rng.IntN(3))
					r := mailstore.Record{UID: next, Size: int64(rng.IntN(50)) - 1, Flags: mailstore.NewFlags(mailstore.System(rng.IntN(64)))}
					if r.Size < 0 {
						r.Size = mailstore.Unknown
					}
					tx.Add(r, int(next))
					r.ModSeq = tx.ModSeq()
					model = append(model, r)
					next++
				case k < 8:
					i := rng.IntN(len(model))
					f := mailstore.NewFlags(mailstore.System(rng.IntN(64)))
					if !tx.SetFlags(model[i].UID, f) {
						t.Fatalf("SetFlags: UID %d not found", model[i].UID)
					}
					if model[i].Flags != f {
						model[i].Flags, model[i].ModSeq = f, tx.ModSeq()
					}
				default:
					i := rng.IntN(len(model))
					if !tx.Expunge(model[i].UID) {
						t.Fatalf("Expunge: UID %d not found", model[i].UID)
					}
					model = slices.Delete(model, i, i+1)
				}
			}
		})
	}
	got := x.Records(make([]mailstore.Record, 0, len(model)+1), 1)
	if d := cmp.Diff(model, got, cmp.Comparer(func(a, b mailstore.Record) bool { return a == b })); d != "" {
		t.Fatal("records differ from the model:\n", d)
	}
	checkStatus(t, x, model)
	checkOutline(t, x)
	x.View(func(records iter.Seq2[mailstore.Record, int]) {
		for r, data := range records {
			if int(r.UID) != data {
				t.Fatalf("UID %d has the datum of %d", r.UID, data)
			}
		}
	})
}

// checkOutline compares Outline and Recent with a walk over all records.
func checkOutline[T any](t *testing.T, x *Index[T]) {
	t.Helper()
	var want mailstore.Outline
	var recent mailstore.UIDSet
	x.Walk(mailstore.AllUIDs(), func(r mailstore.Record) {
		if k := r.Flags.Keywords; k != (mailstore.Keywords{}) && !slices.Contains(want.Keywords, k) {
			want.Keywords = append(want.Keywords, k)
		}
		if want.FirstUnseen == 0 && !r.Flags.Has(mailstore.Seen) {
			want.FirstUnseen = r.UID
		}
		if r.Flags.Has(mailstore.Recent) {
			recent.Add(r.UID)
		}
	})
	got := x.Outline()
	if got.FirstUnseen != want.FirstUnseen || len(got.Keywords) != len(want.Keywords) {
		t.Fatalf("Outline: %v, want %v", got, want)
	}
	for _, k := range want.Keywords {
		if !slices.Contains(got.Keywords, k) {
			t.Fatalf("Outline lacks %q", k)
		}
	}
	if got := x.Recent(); !slices.Equal(got, recent) {
		t.Fatalf("Recent: %v, want %v", got, recent)
	}
	checkHaving(t, x)
}

// checkHaving compares Having with a walk over all records.
func checkHaving[T any](t *testing.T, x *Index[T]) {
	t.Helper()
	for _, of := range [][2]mailstore.System{
		{}, {0, mailstore.Seen}, {mailstore.Seen, 0}, {mailstore.Seen, mailstore.Seen},
		{mailstore.Flagged | mailstore.Answered, mailstore.Deleted | mailstore.Draft}, {0, mailstore.Deleted},
	} {
		all, none := of[0], of[1]
		var want []mailstore.UID
		x.Walk(mailstore.AllUIDs(), func(r mailstore.Record) {
			if r.Flags.System&all == all && r.Flags.System&none == 0 {
				want = append(want, r.UID)
			}
		})
		if got := x.Having(all, none); !slices.Equal(got, want) {
			t.Fatalf("Having %b and not %b: %v, want %v", all, none, got, want)
		}
	}
}

func checkStatus(t *testing.T, x *Index[int], model []mailstore.Record) {
	t.Helper()
	want := mailstore.Status{UIDValidity: 7, UIDNext: x.UIDNext(), HighestModSeq: x.HighestModSeq(), Messages: uint32(len(model))}
	for _, r := range model {
		if !r.Flags.Has(mailstore.Seen) {
			want.Unseen++
		}
		if r.Flags.Has(mailstore.Recent) {
			want.Recent++
		}
		if r.Flags.Has(mailstore.Deleted) {
			want.Deleted++
			if r.Size < 0 || want.DeletedSize < 0 {
				want.DeletedSize = -1
			} else {
				want.DeletedSize += r.Size
			}
		}
		if r.Size < 0 || want.Size < 0 {
			want.Size = -1
		} else {
			want.Size += r.Size
		}
	}
	if got := x.Status(7); got != want {
		t.Errorf("Status = %+v, want %+v", got, want)
	}
}

// TestFollow keeps a list up to date by changes alone and compares it.
func TestFollow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := New[int](1, 0)
	for uid := mailstore.UID(1); uid <= 1000; uid++ {
		add(x, uid, mailstore.Record{})
	}
	list, cur := x.Follow()
	defer cur.Close()
	uids := slices.Clone(list)
	for range 500 {
		x.Update(func(tx *Tx[int]) {
			tx.Expunge(mailstore.UID(rng.IntN(1000) + 1))
			tx.Add(mailstore.Record{UID: tx.UIDNext()}, 0)
		})
		woken := false
		cur.Wake(func() { woken = true })
		if cur.Wake(nil); !woken {
			t.Fatal("no sign")
		}
		changes, lost := cur.Next()
		if lost {
			t.Fatal("lost track without reason")
		}
		for _, c := range changes {
			i, found := slices.BinarySearch(uids, c.UID)
			switch {
			case c.Kind == mailstore.Added && !found:
				uids = append(uids, c.UID)
			case c.Kind == mailstore.Expunged && found:
				uids = slices.Delete(uids, i, i+1)
			default:
				t.Fatalf("change %+v does not fit", c)
			}
		}
	}
	fresh, cur2 := x.Follow()
	cur2.Close()
	if !slices.Equal(uids, fresh) {
		t.Error("followed list differs from a fresh one")
	}
}

// TestClaim: Recent goes away without a change.
func TestClaim(t *testing.T) {
	x := New[int](1, 0)
	add(x, 1, mailstore.Record{Flags: mailstore.NewFlags(mailstore.Recent | mailstore.Seen)})
	want, _ := x.Record(1)
	_, c := x.Follow()
	defer c.Close()
	c.Wake(func() { t.Error("woken") })
	x.Learn(func(tx *Tx[int]) {
		if !tx.Claim(1) || tx.Claim(1) || tx.Claim(2) {
			t.Error("it is claimed once, where it is")
		}
	})
	want.Flags = mailstore.NewFlags(mailstore.Seen)
	if r, _ := x.Record(1); r != want || x.Status(1).Recent != 0 {
		t.Errorf("%+v, %d recent, want %+v", r, x.Status(1).Recent, want)
	}
	if changes, lost := c.Next(); len(changes) != 0 || lost {
		t.Errorf("changes %v, lost %v", changes, lost)
	}
}

func TestBatchIsOne(t *testing.T) {
	x := New[int](1, 41)
	_, cur := x.Follow()
	defer cur.Close()
	x.Update(func(tx *Tx[int]) {
		tx.Add(mailstore.Record{UID: 5}, 0)
		tx.Add(mailstore.Record{UID: 9}, 0)
		tx.SetFlags(5, mailstore.NewFlags(mailstore.Seen, "x"))
	})
	changes, _ := cur.Next()
	want := []mailstore.Change{{Kind: mailstore.Added, UID: 5, ModSeq: 42}, {Kind: mailstore.Added, UID: 9, ModSeq: 42}, {Kind: mailstore.FlagsChanged, UID: 5, ModSeq: 42}}
	if d := cmp.Diff(want, changes); d != "" {
		t.Error(d)
	}
	x.Update(func(tx *Tx[int]) { tx.SetFlags(5, mailstore.NewFlags(mailstore.Seen, "x")) })
	if got := x.HighestModSeq(); got != 42 {
		t.Errorf("a batch that changes nothing raised the mod-sequence to %d", got)
	}
	if changes, _ := cur.Next(); len(changes) != 0 {
		t.Errorf("equal flags gave the changes %v", changes)
	}
}

// TestLost: a session that does not read is told so, one that reads is not, and
// the log does not grow without bound.
func TestLost(t *testing.T) {
	x := New[int](1, 0)
	add(x, 1, mailstore.Record{})
	_, slow := x.Follow()
	defer slow.Close()
	_, quick := x.Follow()
	defer quick.Close()
	flags := [2]mailstore.Flags{mailstore.NewFlags(mailstore.Seen), {}}
	for i := range maxLog + 10 {
		x.Update(func(tx *Tx[int]) { tx.SetFlags(1, flags[i%2]) })
		if i%1000 == 0 {
			if _, lost := quick.Next(); lost {
				t.Fatal("a session that reads has lost track")
			}
		}
	}
	if _, lost := slow.Next(); !lost {
		t.Error("a session that did not read was not told")
	}
	if _, lost := slow.Next(); lost {
		t.Error("lost was told twice")
	}
	quick.Next()
	if n := len(x.log.changes); n != 0 {
		t.Errorf("%d changes kept though all have read", n)
	}
}

func TestUIDNeverTwice(t *testing.T) {
	x := New[int](10, 0)
	add(x, 10, mailstore.Record{})
	x.Update(func(tx *Tx[int]) { tx.Expunge(10) })
	defer func() {
		if recover() == nil {
			t.Error("adding UID 10 again was accepted")
		}
	}()
	add(x, 10, mailstore.Record{})
}

func BenchmarkExpungeOneOfMany(b *testing.B) {
	x := New[int](1, 0)
	n := mailstore.UID(1_000_000)
	x.Update(func(tx *Tx[int]) {
		for uid := mailstore.UID(1); uid <= n; uid++ {
			tx.Add(mailstore.Record{UID: uid}, 0)
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		x.Update(func(tx *Tx[int]) {
			tx.Expunge(n / 2)
			n--
			tx.Add(mailstore.Record{UID: tx.UIDNext()}, 0)
		})
	}
}

// TestHavingOfMany: it is the same where it takes the lock several times, for records as
// they are loaded and as they are changed.
func TestHavingOfMany(t *testing.T) {
	x := New[string](1, 1)
	fill(x, piecesAtOnce*chunkLen*5/2)
	checkHaving(t, x)
	x.Update(func(tx *Tx[string]) {
		for uid := mailstore.UID(1); uid < 70_000; uid += 97 {
			tx.Expunge(uid)
		}
	})
	checkHaving(t, x)
}
