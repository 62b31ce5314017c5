package search

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"restante/mailstore"
)

// recall finds with a memory, and with an index unless that is nil.
func (b *box) recall(t *testing.T, m *Memory, ix Index, x Expr) []mailstore.UID {
	t.Helper()
	q := New(x)
	q.Remember(m)
	if ix != nil {
		q.Narrow(ix)
	}
	var found []mailstore.UID
	for recs := range slices.Chunk(slices.Clone(b.recs), 7) {
		var err error
		if found, err = q.Filter(t.Context(), b, recs, found); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestMemory: what was found out about a text is not looked for again, in whatever
// question it stands.
func TestMemory(t *testing.T) {
	b := newBox("Subject: one\nX-A: b\n\nthe body\n", "Subject: two\n\nnone\n", "Subject: body\nX-A: c\n\nx\n")
	var m Memory
	for _, tt := range []struct {
		why    string
		x      Expr
		want   []mailstore.UID
		opened []mailstore.UID
	}{
		{"the first time", Body{"body"}, uids(1), uids(1, 2, 3)},
		{"again", Body{"body"}, uids(1), nil},
		{"in other letters", Body{"BODY"}, uids(1), nil},
		{"among others", And{Not{Body{"body"}}, Not{UIDs{mailstore.NewUIDSet(2)}}}, uids(3), nil},
		{"with headers is another question", Text{"body"}, uids(1, 3), uids(1, 2, 3)},
		{"which is remembered, too", Not{Text{"body"}}, uids(2), nil},
		{"only what is open", Or{Body{"body"}, Body{"x"}}, uids(1, 3), uids(2, 3)},
		{"what was not asked of all", Body{"x"}, uids(3), uids(1)},
		{"a field that is in no summary", Header{"X-A", "b"}, uids(1), uids(1, 2, 3)},
		{"again", Header{"x-a", "B"}, uids(1), nil},
		{"another field", Header{"x-b", "b"}, nil, uids(1, 2, 3)},
		{"that it is there", Header{"X-A", ""}, uids(1, 3), uids(1, 2, 3)},
		{"again", Not{Header{"X-A", ""}}, uids(2), nil},
	} {
		b.opened = nil
		if got := b.recall(t, &m, nil, tt.x); !slices.Equal(got, tt.want) || !slices.Equal(b.opened, tt.opened) {
			t.Errorf("%s: finds %v and opens %v, want %v and %v", tt.why, got, b.opened, tt.want, tt.opened)
		}
	}
	b.recs = append(b.recs, mailstore.Record{UID: 9})
	b.texts[9] = "\nmy body\n"
	b.opened = nil
	if got := b.recall(t, &m, nil, Body{"body"}); !slices.Equal(got, uids(1, 9)) || !slices.Equal(b.opened, uids(9)) {
		t.Errorf("of a new message: finds %v and opens %v", got, b.opened)
	}
}

// TestMemoryLaw: with a memory, however it came about, and with or without an index,
// a search finds what it finds without.
func TestMemoryLaw(t *testing.T) {
	var texts []string
	mails := strange()
	for _, name := range slices.Sorted(maps.Keys(mails)) {
		if text := mails[name]; len(text) < 4096 {
			texts = append(texts, text)
		}
	}
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := newBox(texts...)
		ix := make(indexed)
		for _, rec := range b.recs {
			if rnd.IntN(2) == 0 {
				ix.add(rec.UID, piecesOf(t, b, rec.UID))
			}
		}
		words := make([]string, 12)
		for i := range words {
			words[i] = substring(rnd, texts[rnd.IntN(len(texts))])
		}
		var m Memory
		for range 40 {
			if rnd.IntN(4) == 0 {
				toggle(b, mailstore.UID(1+rnd.IntN(len(texts))))
			}
			x := randomExpr(rnd, words, 3)
			want := b.find(t, x)
			var use Index
			if rnd.IntN(2) == 0 {
				use = ix
			}
			got := b.recall(t, &m, use, x)
			if readable(b, got) != readable(b, want) {
				t.Fatalf("seed %d: %#v finds %v with a memory, %v without; %v cannot be read", seed, x, got, want, b.broken)
			}
		}
	}
}

// toggle makes a message unreadable, or readable again.
func toggle(b *box, uid mailstore.UID) {
	if b.broken[uid] == nil {
		b.broken[uid] = errors.New("test: unreadable")
		return
	}
	delete(b.broken, uid)
}

// readable prints those of some UIDs that can be read: a message that was read once
// may be found when it cannot be any more.
func readable(b *box, list []mailstore.UID) string {
	return fmt.Sprint(slices.DeleteFunc(slices.Clone(list), func(uid mailstore.UID) bool { return b.broken[uid] != nil }))
}

func randomExpr(rnd *rand.Rand, words []string, depth int) Expr {
	word := words[rnd.IntN(len(words))]
	switch n := rnd.IntN(10); {
	case n < 2 && depth > 0:
		return And{randomExpr(rnd, words, depth-1), randomExpr(rnd, words, depth-1)}
	case n < 4 && depth > 0:
		return Or{randomExpr(rnd, words, depth-1), randomExpr(rnd, words, depth-1)}
	case n < 5 && depth > 0:
		return Not{randomExpr(rnd, words, depth-1)}
	case n < 6:
		return UIDs{mailstore.NewUIDSet(mailstore.UID(1+rnd.IntN(5)), mailstore.UID(1+rnd.IntN(20)))}
	case n < 7:
		return Header{[]string{"Subject", "X-Raw", "X-Glued"}[rnd.IntN(3)], word}
	case n < 8:
		return Text{word}
	}
	return Body{word}
}

// TestMemoryBounds: what was asked longest ago goes first, and what would take too much
// room is not kept.
func TestMemoryBounds(t *testing.T) {
	b := newBox("\nbody\n")
	var m Memory
	for i := range 3 * maxTexts {
		b.recall(t, &m, nil, Body{fmt.Sprint("text", i)})
		b.recall(t, &m, nil, Body{"always"})
	}
	if len(m.verdicts) != maxTexts {
		t.Errorf("it has verdicts on %d texts", len(m.verdicts))
	}
	b.opened = nil
	b.recall(t, &m, nil, And{Not{Body{"always"}}, Not{Body{fmt.Sprint("text", 3*maxTexts-1)}}})
	if len(b.opened) != 0 {
		t.Error("what was asked last is forgotten")
	}
	b.recall(t, &m, nil, Body{"text0"})
	if len(b.opened) != 1 {
		t.Error("what was asked first is not forgotten")
	}
	n := newNeedle("x")
	n.verdicts = m.of(question{text: strings.Repeat("x", 3), in: InBody})
	for i := range mailstore.UID(3 * maxBlocks) {
		n.judge(i*blockUIDs, true)
	}
	if size := n.verdicts.len(); size > maxBlocks {
		t.Errorf("a question has %d blocks", size)
	}
	m.of(question{text: "another", in: InBody})
	m.of(question{text: "and another", in: InBody})
	if size := m.blocks(); size > maxBlocks {
		t.Errorf("all have %d blocks", size)
	}
	if m.Size() < maxBlocks/2*256 {
		t.Errorf("it says that it has %d octets", m.Size())
	}
	m.Forget()
	if m.Size() != 0 {
		t.Errorf("when all is forgotten there are %d octets", m.Size())
	}
}

// TestSummaryMemory: of fields that stand in summaries the answers are kept, too.
func TestSummaryMemory(t *testing.T) {
	b := newBox("Subject: one\n\n", "Subject: two\n\n")
	b.sums = map[mailstore.UID]string{1: "Subject: one\r\n\r\n", 2: "Subject: two\r\n\r\n"}
	var m Memory
	x := Or{Header{"Subject", "one"}, Header{"From", "x"}}
	if got := b.recall(t, &m, nil, x); !slices.Equal(got, uids(1)) {
		t.Fatalf("it finds %v", got)
	}
	b.sums = nil
	b.opened = nil
	if got := b.recall(t, &m, nil, x); !slices.Equal(got, uids(1)) || len(b.opened) != 0 {
		t.Errorf("again it finds %v and opens %v", got, b.opened)
	}
}

// TestMemoryOfMany: searches at the same time find what each finds alone.
func TestMemoryOfMany(t *testing.T) {
	var texts []string
	for i := range 200 {
		texts = append(texts, fmt.Sprintf("Subject: s%d\n\nbody %d\n", i%7, i%5))
	}
	var m Memory
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			b := newBox(texts...)
			for i := range 20 {
				x := And{Header{"Subject", fmt.Sprint("s", i%9)}, Not{Body{fmt.Sprint("body ", i%6)}}}
				if got, want := b.recall(t, &m, nil, x), b.find(t, x); !slices.Equal(got, want) {
					t.Errorf("%v finds %v beside others, %v alone", x, got, want)
				}
			}
		})
	}
	wg.Wait()
}
