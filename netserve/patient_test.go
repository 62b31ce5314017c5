package netserve

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// countingConn counts how often a deadline reaches the connection.
type countingConn struct {
	net.Conn
	armed int
}

func (c *countingConn) SetReadDeadline(t time.Time) error {
	c.armed++
	return c.Conn.SetReadDeadline(t)
}

func (c *countingConn) SetWriteDeadline(t time.Time) error {
	c.armed++
	return c.Conn.SetWriteDeadline(t)
}

func patientPipe(t *testing.T) (c *patientConn, below *countingConn, other net.Conn) {
	a, b := net.Pipe()
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	below = &countingConn{Conn: a}
	return newPatientConn(below, nil), below, b
}

// TestDeadlines: what a read or write hears of deadlines is what any net.Conn tells it,
// to the moment.
func TestDeadlines(t *testing.T) {
	const no = time.Duration(-1) // deadline
	for name, tc := range map[string]struct {
		set []time.Duration // deadlines from the beginning on, set one after the other
		at  time.Duration   // when it must end
	}{
		"one":                              {set: []time.Duration{time.Minute}, at: time.Minute},
		"put off":                          {set: []time.Duration{time.Minute, 5 * time.Minute}, at: 5 * time.Minute},
		"put off twice":                    {set: []time.Duration{time.Minute, 5 * time.Minute, 6 * time.Minute}, at: 6 * time.Minute},
		"brought forward":                  {set: []time.Duration{time.Hour, time.Minute}, at: time.Minute},
		"put off, then brought forward":    {set: []time.Duration{time.Minute, time.Hour, 2 * time.Minute}, at: 2 * time.Minute},
		"taken away and set again":         {set: []time.Duration{time.Minute, no, time.Hour}, at: time.Hour},
		"past":                             {set: []time.Duration{time.Hour, -time.Hour}, at: 0},
		"past and over":                    {set: []time.Duration{-time.Hour, time.Minute}, at: time.Minute},
		"taken away, then brought forward": {set: []time.Duration{time.Hour, no, time.Minute}, at: time.Minute},
	} {
		for _, writes := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, _, _ := patientPipe(t)
					set, do := c.SetReadDeadline, c.Read
					if writes {
						set, do = c.SetWriteDeadline, c.Write
					}
					start := time.Now()
					for _, after := range tc.set {
						when := start.Add(after)
						if after == no {
							when = time.Time{}
						}
						if err := set(when); err != nil {
							t.Fatal(err)
						}
					}
					n, err := do(make([]byte, 10))
					if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != tc.at {
						t.Errorf("%d, %v after %v", n, err, time.Since(start))
					}
				})
			})
		}
	}
}

// TestDeadlineWhileReading: a deadline set by another goroutine counts for the read that
// is under way, be it earlier or later, also when the one before has come already.
func TestDeadlineWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := patientPipe(t)
		start := time.Now()
		c.SetReadDeadline(start.Add(time.Minute))
		go func() {
			for _, at := range []time.Duration{30 * time.Second, 80 * time.Second, 100 * time.Second} {
				time.Sleep(time.Until(start.Add(at)))
				if at == 100*time.Second {
					c.SetReadDeadline(start) // ends it
				} else {
					c.SetReadDeadline(start.Add(at + time.Minute))
				}
			}
		}()
		n, err := c.Read(make([]byte, 10))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 100*time.Second {
			t.Errorf("%d, %v after %v", n, err, time.Since(start))
		}
	})
}

// TestWriteGoesOn: a write that has sent a part when the deadline comes that was put off
// sends the rest, once.
func TestWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, other := patientPipe(t)
		start := time.Now()
		c.SetDeadline(start.Add(time.Minute))
		c.SetDeadline(start.Add(time.Hour))
		read := make(chan []byte)
		go func() {
			var got []byte
			for b := make([]byte, 4); ; time.Sleep(45 * time.Second) {
				n, err := other.Read(b)
				got = append(got, b[:n]...)
				if err != nil {
					read <- got
					return
				}
			}
		}()
		const text = "what a slow client reads"
		if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
			t.Error(n, err)
		}
		c.Close()
		if got := string(<-read); got != text {
			t.Errorf("it has got %q", got)
		}
	})
}

// TestDeadlinesAreCheap: giving a client time for each command does not reach the runtime.
func TestDeadlinesAreCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, below, _ := patientPipe(t)
		const commands = 1000
		for range commands {
			time.Sleep(time.Second)
			c.SetReadDeadline(time.Now().Add(30 * time.Minute))
			c.SetWriteDeadline(time.Now().Add(5 * time.Minute))
		}
		if below.armed != 2 {
			t.Errorf("%d commands set %d deadlines", commands, below.armed)
		}
	})
}
