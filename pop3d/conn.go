package pop3d

import (
	"net"
	"sync"
	"time"
)

// conn is the connection as reader and writer see it. It counts octets, bounds every write in time, sends
// what waits before it blocks for input, and can be told to stop while it waits for a command.
type conn struct {
	net.Conn
	// flush sends what waits: a client that has not got its answers will not send what we wait for. So
	// commands that came together are answered together (PIPELINING).
	flush    func()
	transfer time.Duration
	in, out  int64

	mu       sync.Mutex
	waiting  bool // for the first octet of a command
	stopping bool
}

func (c *conn) Read(p []byte) (int, error) {
	c.flush()
	n, err := c.Conn.Read(p)
	c.in += int64(n)
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.transfer)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.out += int64(n)
	return n, err
}

// beginWait is called before the session waits for a command. It reports false when the server stops.
func (c *conn) beginWait(deadline time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = !c.stopping
	if c.waiting {
		c.SetReadDeadline(deadline) // an error shows up in the read
	}
	return c.waiting
}

// endWait is called when something has arrived. What has begun may be read to its end, even if stop came at
// the same moment.
func (c *conn) endWait(deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	c.SetReadDeadline(deadline)
}

// stop ends the wait for a command, now or when the session comes to it.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if c.waiting {
		c.SetReadDeadline(time.Unix(1, 0))
	}
}

func (c *conn) stopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}
