package imapd

import (
	"net"
	"sync"
	"time"
)

// conn is the connection as reader and writer see it. It counts octets, bounds
// every transfer in time, sends what waits before it blocks for input, and can
// be told to stop while it waits for a command.
type conn struct {
	net.Conn
	// beforeRead sends what waits to be sent: a client that has not got its
	// answers will not send what we are about to wait for.
	beforeRead func()
	transfer   time.Duration
	bulk       bool // a literal is coming in: the deadline moves with each read
	in, out    int64
	until      time.Time // how long to wait for the first octet of a command
	deadline   time.Time // and until when all of it must have come

	mu       sync.Mutex
	waiting  bool // for the first octet of a command
	stopping bool
	woken    bool // there may be something to tell
}

func (c *conn) Read(p []byte) (int, error) {
	c.beforeRead()
	if c.bulk {
		if err := c.SetReadDeadline(time.Now().Add(c.transfer)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	c.in += int64(n)
	return n, err
}

// Write bounds each piece in time, so that a client that does not read holds a
// buffer and a goroutine no longer than that.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.transfer)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.out += int64(n)
	return n, err
}

// past is a read deadline that ends a read at once.
var past = time.Unix(1, 0)

// await reads what a silent client sends next. The read is given up at the time
// until, at once when stop or wake is called: then the error is
// os.ErrDeadlineExceeded and nothing is lost. What has begun to arrive may be read
// till the deadline, even if stop or wake came at the same moment.
func (c *conn) await(read func() error, until, deadline time.Time) error {
	c.mayWait(until, deadline)
	return c.wait(read)
}

// mayWait says how long the next wait may last.
func (c *conn) mayWait(until, deadline time.Time) { c.until, c.deadline = until, deadline }

// wait is await for who has said so with mayWait: an idle session stands in it, and
// times would have to be kept on its stack.
func (c *conn) wait(read func() error) error {
	if !c.beginWait() {
		return errStopping
	}
	err := read()
	c.endWait()
	return err
}

func (c *conn) beginWait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = !c.stopping
	switch {
	case !c.waiting:
	case c.woken:
		c.SetReadDeadline(past)
	default:
		c.SetReadDeadline(c.until) // an error shows up in the read
	}
	return c.waiting
}

func (c *conn) endWait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if c.stopping || c.woken || !c.until.Equal(c.deadline) {
		c.SetReadDeadline(c.deadline)
	}
}

// wake ends the wait for a command, now or when the session comes to it, as there
// may be something to tell. It may be called by any goroutine, with locks held.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.woken {
		return
	}
	c.woken = true
	if c.waiting {
		c.SetReadDeadline(past)
	}
}

// takeWoken reports whether wake was called since it was asked last.
func (c *conn) takeWoken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.woken
	c.woken = false
	return was
}

// stop ends the wait for a command, now or when the session comes to it.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if c.waiting {
		c.SetReadDeadline(past)
	}
}

// stopped reports whether stop was called.
func (c *conn) stopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}
