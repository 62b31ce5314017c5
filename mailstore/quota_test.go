package mailstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"restante/mailstore"
)

// mail is what a Room of these tests counts.
type mail struct {
	has    mailstore.Amount
	counts int
}

func (m *mail) room(limit mailstore.Amount) *mailstore.Room {
	r := mailstore.NewRoom(func(set mailstore.Amount) (mailstore.Amount, mailstore.Counter) {
		return set, func(context.Context) (mailstore.Amount, error) { m.counts++; return m.has, nil }
	})
	r.LimitTo(limit)
	return r
}

func claim(t *testing.T, r *mailstore.Room) *mailstore.Claim {
	t.Helper()
	c, err := r.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRoomCountsSeldom: what we add ourselves is known, so that an append costs no
// count but now and then, and when something would be refused.
func TestRoomCountsSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mail{has: mailstore.Amount{Octets: 100, Messages: 1}}
		r := m.room(mailstore.Amount{Octets: 1000, Messages: 5})
		add := func(octets int64) error {
			c := claim(t, r)
			defer c.Release()
			if err := c.Add(octets, 1); err != nil {
				return err
			}
			m.has.Octets += octets
			m.has.Messages++
			c.Settle()
			return nil
		}
		step := func(why string, err, want error, counts int) {
			t.Helper()
			if !errors.Is(err, want) || m.counts != counts {
				t.Errorf("%s: error %v after %d counts, want %v after %d", why, err, m.counts, want, counts)
			}
		}
		step("the first needs a count", add(300), nil, 1)
		step("the next does not", add(300), nil, 1)
		time.Sleep(time.Second)
		step("a refusal does", add(301), mailstore.ErrOverQuota, 2)
		m.has.Octets -= 300 // somebody expunges
		time.Sleep(time.Second)
		step("nobody is refused for what is gone", add(600), nil, 3)
		time.Sleep(2 * time.Minute)
		step("the count is old", add(0), nil, 4)
		q, err := r.Quota(t.Context())
		step("who asks has it counted", err, nil, 5)
		if q.Used != m.has {
			t.Errorf("used is %+v, want %+v", q.Used, m.has)
		}
	})
}

// TestRoomClaims: claims exclude each other, and what is given back is there again.
func TestRoomClaims(t *testing.T) {
	m := new(mail)
	r := m.room(mailstore.Amount{Octets: 100})
	a, b := claim(t, r), claim(t, r)
	for _, c := range []struct {
		why   string
		claim *mailstore.Claim
		add   int64
		want  error
	}{
		{"there is room", a, 60, nil},
		{"for one of them", b, 50, mailstore.ErrOverQuota},
		{"a smaller one has room", b, 40, nil},
		{"and nothing more", a, 1, mailstore.ErrOverQuota},
		{"what is refused is not held", a, 0, nil},
	} {
		if err := c.claim.Add(c.add, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.why, err, c.want)
		}
	}
	b.Release()
	b.Release()
	if err := a.Add(40, 1); err != nil {
		t.Errorf("after a release: %v", err)
	}
}

// TestRoomWithoutLimits costs no count, and a nil Claim takes everything.
func TestRoomWithoutLimits(t *testing.T) {
	m := new(mail)
	for _, limit := range []mailstore.Amount{{}, {Octets: mailstore.NoLimit, Messages: mailstore.NoLimit}} {
		r := m.room(limit)
		c := claim(t, r)
		if c != nil || c.Add(1<<60, 1) != nil {
			t.Errorf("%+v limits", limit)
		}
		c.Settle()
		if q, err := r.Quota(t.Context()); err != nil || q != (mailstore.Quota{}) || m.counts > 0 {
			t.Errorf("the quota is %+v after %d counts, %v", q, m.counts, err)
		}
	}
}

// TestRoomAlreadyFull: an account above its limit may still replace a message by a
// smaller one.
func TestRoomAlreadyFull(t *testing.T) {
	m := &mail{has: mailstore.Amount{Octets: 500, Messages: 3}}
	r := m.room(mailstore.Amount{Octets: 100, Messages: 1})
	c, err := r.Claim(mailstore.WithCredit(t.Context(), mailstore.Amount{Octets: 50, Messages: 1}))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(50, 1); err != nil {
		t.Errorf("as large: %v", err)
	}
	if err := c.Add(1, 0); !errors.Is(err, mailstore.ErrOverQuota) {
		t.Errorf("larger: %v", err)
	}
}

// TestRoomCountFails: without a count nothing is let in.
func TestRoomCountFails(t *testing.T) {
	broken := errors.New("broken")
	r := mailstore.NewRoom(func(set mailstore.Amount) (mailstore.Amount, mailstore.Counter) {
		return set, func(context.Context) (mailstore.Amount, error) { return mailstore.Amount{}, broken }
	})
	r.LimitTo(mailstore.Amount{Octets: 1})
	if _, err := r.Claim(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Quota(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
