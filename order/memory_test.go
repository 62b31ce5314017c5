package order

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"restante/mailstore"
)

// recall puts those messages of the box into threads that are in the set, with a memory,
// and tells whose headers were looked at.
func (b box) recall(a Algorithm, m *Memory, in func(mailstore.UID) bool) (threads string, read []mailstore.UID) {
	t := NewThreader(a)
	if m != nil {
		t.Remember(m, len(b))
	}
	b.each(func(rec *mailstore.Record, header []byte) {
		if in(rec.UID) && !t.Recall(rec) {
			read = append(read, rec.UID)
			t.Add(rec, header)
		}
	})
	var out strings.Builder
	for n := range t.Threads().Threads() {
		write(&out, n)
	}
	return out.String(), read
}

// TestMemory: threads are the same with a memory as without, whichever messages they are
// of and whatever was asked before; and no header is looked at twice.
func TestMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var b box
		for range 1 + r.IntN(20) {
			h := []string{"Date: 1 Jan 1990 00:00:00 +0000", "Date: none", "X: y"}[r.IntN(3)]
			if r.IntN(6) > 0 {
				h += fmt.Sprintf("|Message-ID: <%d@x>", r.IntN(12))
			}
			if r.IntN(3) > 0 {
				h += fmt.Sprintf("|%s: <%d@x> <%d@x>", []string{"References", "In-Reply-To"}[r.IntN(2)], r.IntN(12), r.IntN(12))
			}
			b = append(b, h+"|Subject: "+[]string{"", "Re: ", "Re: x", "x", "y"}[r.IntN(5)])
		}
		var m Memory
		known := make(map[mailstore.UID]bool)
		for range 6 {
			some := r.IntN(4)
			in := func(uid mailstore.UID) bool { return some == 0 || (int(uid)+some)%(some+1) > 0 }
			a := []Algorithm{OrderedSubject, References, Refs}[r.IntN(3)]
			want, all := b.recall(a, nil, in)
			got, read := b.recall(a, &m, in)
			if got != want {
				t.Fatalf("algorithm %d gives %s with a memory, %s without, for\n%s", a, got, want, strings.Join(b, "\n"))
			}
			fresh := slices.DeleteFunc(all, func(uid mailstore.UID) bool { return known[uid] })
			if !slices.Equal(read, fresh) {
				t.Fatalf("the headers of %v are looked at, only those of %v are new", read, fresh)
			}
			for _, uid := range read {
				known[uid] = true
			}
		}
	}
}

// TestUnknown: what could not be read is not kept, and neither is a date that is to come
// from a record which does not have it yet.
func TestUnknown(t *testing.T) {
	var m Memory
	one := func(date int64, header []byte) (recalled bool, sent int64) {
		th := NewThreader(References)
		th.Remember(&m, 1)
		rec := mailstore.Record{UID: 1, Date: date}
		if recalled = th.Recall(&rec); !recalled {
			th.Add(&rec, header)
		}
		sent = th.dates[0]
		th.Threads()
		return recalled, sent
	}
	for _, tt := range []struct {
		why      string
		date     int64
		header   []byte
		recalled bool
		sent     int64
	}{
		{"cannot be read", 5, nil, false, 5},
		{"can be read again", 5, []byte("Subject: x\r\n\r\n"), false, 5},
		{"is known now", 5, nil, true, 5},
		{"its date is not any more", mailstore.Unknown, []byte("Subject: x\r\n\r\n"), false, 0},
		{"but is again", 7, nil, true, 7},
	} {
		if recalled, sent := one(tt.date, tt.header); recalled != tt.recalled || sent != tt.sent {
			t.Errorf("a message that %s: recalled %v and sent %d", tt.why, recalled, sent)
		}
	}
}

// TestMemoryBounds: a Memory that is full goes on with what it has, and can forget.
func TestMemoryBounds(t *testing.T) {
	var m Memory
	fill := func(uid mailstore.UID) {
		th := NewThreader(Refs)
		th.Remember(&m, 1)
		k := key{ids: make([]uint64, maxMemory/8/3)}
		th.recalled.learn(uid, k)
		th.Threads()
	}
	for uid := range mailstore.UID(5) {
		fill(uid + 1)
	}
	if n := len(m.keys.uids); n != 2 || m.Size() > maxMemory {
		t.Errorf("there are %d messages of %d octets", n, m.Size())
	}
	m.Forget()
	if m.Size() != 0 {
		t.Errorf("when all is forgotten there are %d octets", m.Size())
	}
	fill(1)
	if len(m.keys.uids) != 1 {
		t.Error("what has forgotten learns nothing")
	}
}

// TestDisorder: keys of messages that come in no order are of no use, and not kept.
func TestDisorder(t *testing.T) {
	var m Memory
	th := NewThreader(References)
	th.Remember(&m, 2)
	for _, uid := range []mailstore.UID{2, 1} {
		th.Add(&mailstore.Record{UID: uid}, []byte("Subject: x\r\n\r\n"))
	}
	th.Threads()
	if m.Size() != 0 {
		t.Error("they are kept")
	}
}

// TestTogether: many at the same time get what each gets alone.
func TestTogether(t *testing.T) {
	var b box
	for i := range 200 {
		b = append(b, fmt.Sprintf("Message-ID: <%d@x>|References: <%d@x>|Subject: %d", i, i-i%7, i%11))
	}
	var m Memory
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 10 {
				in := func(uid mailstore.UID) bool { return int(uid)%(2+(i+j)%5) > 0 }
				want, _ := b.recall(References, nil, in)
				if got, _ := b.recall(References, &m, in); got != want {
					t.Errorf("beside others %s, alone %s", got, want)
				}
			}
		})
	}
	wg.Wait()
}
