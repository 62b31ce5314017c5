package order

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A container is a message, or a dummy, of the algorithm as RFC 5256 section 3
// tells it, without regard to time.
type container struct {
	msg      *plainMessage // nil for a dummy
	parent   *container
	children []*container
}

type plainMessage struct {
	uid     int
	id      string
	refs    []string
	subject string
	reply   bool
	date    int
}

func (c *container) date() (date, uid int) {
	if c.msg != nil {
		return c.msg.date, c.msg.uid
	}
	sortContainers(c.children)
	return c.children[0].date()
}

func (c *container) subject() (string, bool) {
	if c.msg != nil {
		return c.msg.subject, c.msg.reply
	}
	sortContainers(c.children)
	return c.children[0].subject()
}

func sortContainers(list []*container) {
	slices.SortStableFunc(list, func(a, b *container) int {
		d1, u1 := a.date()
		d2, u2 := b.date()
		if d1 != d2 {
			return d1 - d2
		}
		return u1 - u2
	})
}

func (c *container) unlink() {
	if c.parent != nil {
		c.parent.children = slices.DeleteFunc(c.parent.children, func(x *container) bool { return x == c })
		c.parent = nil
	}
}

func (c *container) hang(parent *container) {
	for p := parent; p != nil; p = p.parent {
		if p == c {
			return
		}
	}
	c.parent = parent
	parent.children = append(parent.children, c)
}

// model is what References, or Refs, should give.
func model(messages []plainMessage, refsOnly bool) string {
	roots := modelLinks(messages)
	roots = prune(roots, true)
	sortContainers(roots)
	if refsOnly {
		slices.SortStableFunc(roots, func(a, b *container) int {
			d1, u1 := a.latest()
			d2, u2 := b.latest()
			if d1 != d2 {
				return d1 - d2
			}
			return u1 - u2
		})
	} else {
		roots = modelSubjects(roots)
		sortContainers(roots)
	}
	var out strings.Builder
	for _, c := range roots {
		c.write(&out)
	}
	return out.String()
}

func (c *container) latest() (date, uid int) {
	if c.msg != nil {
		date, uid = c.msg.date, c.msg.uid
	}
	for _, child := range c.children {
		if d, u := child.latest(); d > date || d == date && u > uid || uid == 0 {
			date, uid = d, u
		}
	}
	return date, uid
}

// modelLinks are steps 1 and 2.
func modelLinks(messages []plainMessage) (roots []*container) {
	ids := make(map[string]*container)
	var all []*container
	get := func(id string) *container {
		if ids[id] == nil {
			ids[id] = new(container)
			all = append(all, ids[id])
		}
		return ids[id]
	}
	for i := range messages {
		m := &messages[i]
		var prev *container
		for _, ref := range m.refs {
			c := get(ref)
			if prev != nil && c.parent == nil {
				c.hang(prev)
			}
			prev = c
		}
		own := new(container)
		if m.id != "" && (ids[m.id] == nil || ids[m.id].msg == nil) {
			own = get(m.id)
		} else {
			all = append(all, own)
		}
		own.msg = m
		own.unlink()
		if prev != nil {
			own.hang(prev)
		}
	}
	return slices.DeleteFunc(all, func(c *container) bool { return c.parent != nil })
}

// prune is step 3.
func prune(list []*container, top bool) (pruned []*container) {
	for _, c := range list {
		c.children = prune(c.children, false)
		switch n := len(c.children); {
		case c.msg != nil:
			pruned = append(pruned, c)
		case n == 0:
		case top && n > 1:
			pruned = append(pruned, c)
		default:
			pruned = append(pruned, c.children...)
		}
	}
	return pruned
}

// modelSubjects is step 5.
func modelSubjects(roots []*container) []*container {
	table := make(map[string]*container)
	for _, c := range roots {
		subject, reply := c.subject()
		if subject == "" {
			continue
		}
		t := table[subject]
		if t == nil {
			table[subject] = c
			continue
		}
		_, was := t.subject()
		if t.msg != nil && (c.msg == nil || was && !reply) {
			table[subject] = c
		}
	}
	gone := make(map[*container]bool)
	for _, c := range slices.Clone(roots) {
		subject, reply := c.subject()
		t := table[subject]
		if subject == "" || t == c {
			continue
		}
		_, was := t.subject()
		switch {
		case t.msg == nil && c.msg == nil:
			t.children = append(t.children, c.children...)
		case t.msg == nil || reply && !was:
			t.children = append(t.children, c)
		default:
			d := &container{children: []*container{t, c}}
			roots = append(roots, d)
			table[subject] = d
			gone[t] = true
		}
		gone[c] = true
	}
	return slices.DeleteFunc(roots, func(c *container) bool { return gone[c] })
}

func (c *container) write(out *strings.Builder) {
	out.WriteByte('(')
	for {
		if c.msg != nil {
			fmt.Fprint(out, c.msg.uid)
		}
		sortContainers(c.children)
		if c.msg != nil && len(c.children) > 0 {
			out.WriteByte(' ')
		}
		if len(c.children) != 1 {
			break
		}
		c = c.children[0]
	}
	for _, child := range c.children {
		child.write(out)
	}
	out.WriteByte(')')
}

// TestModel compares with the model over random small mailboxes.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		ids := 1 + r.IntN(8)
		var messages []plainMessage
		var b box
		for uid := 1; uid <= 1+r.IntN(8); uid++ {
			m := plainMessage{uid: uid, subject: strings.ToUpper([]string{"", "x", "y"}[r.IntN(3)]), reply: r.IntN(2) == 0, date: r.IntN(6) * 60}
			h := fmt.Sprintf("Date: 1 Jan 1990 00:%02d:00 +0000", m.date/60)
			if r.IntN(6) > 0 {
				m.id = fmt.Sprint(r.IntN(ids), "@x")
				h += "|Message-ID: <" + m.id + ">"
			}
			h += "|References:"
			for range r.IntN(4) {
				ref := fmt.Sprint(r.IntN(ids), "@x")
				m.refs = append(m.refs, ref)
				h += " <" + ref + ">"
			}
			h += "|Subject: "
			if m.reply {
				h += "Re: "
			}
			messages, b = append(messages, m), append(b, h+m.subject)
		}
		for a, want := range map[Algorithm]string{References: model(messages, false), Refs: model(messages, true)} {
			if got := b.thread(a); got != want {
				t.Fatalf("algorithm %d gives %s, want %s for\n%s", a, got, want, strings.Join(b, "\n"))
			}
		}
	}
}
