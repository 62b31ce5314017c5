package certs

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"
)

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

// TestWholeRecords: what fits a record goes out in one, from the first octet on.
func TestWholeRecords(t *testing.T) {
	m := open(t, filepath.Join(t.TempDir(), "certs"))
	near, far := net.Pipe()
	defer far.Close()
	go func() {
		c := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
		_, _ = io.Copy(io.Discard, c)
	}()
	counted := &countingConn{Conn: near}
	c := tls.Server(counted, m.TLSConfig())
	defer c.Close()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	counted.writes = 0
	if _, err := c.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if counted.writes != 4 {
		t.Errorf("64 KB take %d records, want 4", counted.writes)
	}
}
