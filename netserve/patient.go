package netserve

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A patientConn is a connection whose deadlines may be put off for each command at the
// price of a comparison. A service gives its client half an hour for each command anew,
// and each time the runtime would change a timer, and wake a thread that looks after
// timers. So what puts a deadline off is only noted: the one that the runtime has ends
// a read or write too early then, which nobody hears of, as it goes on with the right
// one. To its user the deadlines are those of any net.Conn.
type patientConn struct {
	net.Conn
	vigil       *vigil // hears of what is read
	read, write deadline
}

func newPatientConn(c net.Conn, v *vigil) *patientConn {
	p := &patientConn{Conn: newDirectConn(c), vigil: v}
	p.read.arm, p.write.arm = c.SetReadDeadline, c.SetWriteDeadline
	return p
}

// Read implements net.Conn.
func (c *patientConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.vigil.read()
		}
		if err == nil || n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !c.read.early() {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (n int, err error) {
	for {
		k, err := c.Conn.Write(p[n:])
		n += k
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.write.early() {
			return n, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *patientConn) SetReadDeadline(t time.Time) error { return c.read.set(t) }

// SetWriteDeadline implements net.Conn.
func (c *patientConn) SetWriteDeadline(t time.Time) error { return c.write.set(t) }

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error {
	return errors.Join(c.read.set(t), c.write.set(t))
}

// A deadline is one that is wanted, and an earlier one, or the same, that the runtime has.
// Zero times are none.
type deadline struct {
	arm func(time.Time) error // gives one to the runtime

	mu            sync.Mutex
	wanted, armed time.Time
}

// set changes what is wanted, and what is armed if that would be too late.
func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if t.IsZero() || !d.armed.IsZero() && !t.Before(d.armed) {
		return nil
	}
	d.armed = t
	return d.arm(t)
}

// early is asked when the deadline that is armed has ended something. It reports that
// the one that is wanted has not come yet, and arms that.
func (d *deadline) early() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	d.armed = d.wanted
	return d.arm(d.wanted) == nil
}
