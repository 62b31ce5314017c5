package netserve

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// socketPair gives both ends of a connection of the machine, one of them direct.
func socketPair(t *testing.T) (c *directConn, other *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		dialled.Close()
		accepted.Close()
	})
	c, ok := newDirectConn(accepted).(*directConn)
	if !ok {
		t.Fatal("a TCP connection is not made direct")
	}
	return c, dialled.(*net.TCPConn)
}

// TestDirectTransfers: what is written in pieces of all sizes, more than the socket takes
// at once, comes out at the other end, in both directions at the same time.
func TestDirectTransfers(t *testing.T) {
	c, other := socketPair(t)
	data := make([]byte, 8<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	var wg sync.WaitGroup
	send := func(w net.Conn, end func() error) {
		wg.Go(func() {
			for rest := data; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(3*maxDirect))
				if k, err := w.Write(rest[:n]); k != n || err != nil {
					t.Errorf("Write: %d of %d, %v", k, n, err)
					return
				}
				rest = rest[n:]
			}
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
	receive := func(r io.Reader) {
		wg.Go(func() {
			h, n := sha256.New(), 0
			for buf := make([]byte, 3*maxDirect); ; {
				k, err := r.Read(buf[:1+rand.IntN(len(buf))])
				h.Write(buf[:k])
				n += k
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Errorf("Read after %d octets: %v", n, err)
					return
				}
			}
			if want := sha256.Sum256(data); !bytes.Equal(h.Sum(nil), want[:]) {
				t.Errorf("%d octets came, and not those that were written", n)
			}
		})
	}
	send(c, c.Conn.(*net.TCPConn).CloseWrite)
	send(other, other.CloseWrite)
	receive(c)
	receive(other)
	wg.Wait()
}

// TestDirectErrors: they are those of any connection.
func TestDirectErrors(t *testing.T) {
	buf := make([]byte, 10)
	t.Run("deadline of a read", func(t *testing.T) {
		c, _ := socketPair(t)
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := c.Read(buf)
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v, want that the deadline is over", err)
		}
	})
	t.Run("deadline of a write", func(t *testing.T) {
		c, _ := socketPair(t)
		c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		full := make([]byte, maxDirect)
		var err error
		for err == nil {
			_, err = c.Write(full)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want that the deadline is over", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("end", func(t *testing.T) {
		c, other := socketPair(t)
		other.Close()
		if n, err := c.Read(buf); n != 0 || err != io.EOF {
			t.Errorf("%d, %v, want the end", n, err)
		}
	})
	t.Run("reset", func(t *testing.T) {
		c, other := socketPair(t)
		other.SetLinger(0)
		other.Close()
		_, err := c.Read(buf)
		var op *net.OpError
		if !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Addr == nil {
			t.Errorf("%v, want that the connection was reset, and by whom", err)
		}
		if _, err := c.Write(buf); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Write: %v, want that there is nobody", err)
		}
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		c, _ := socketPair(t)
		time.AfterFunc(20*time.Millisecond, func() { c.Close() })
		if _, err := c.Read(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want that it is closed", err)
		}
		if _, err := c.Write(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write: %v, want that it is closed", err)
		}
	})
}

// TestDirectShared: several may read, and several write, each piece once.
func TestDirectShared(t *testing.T) {
	c, other := socketPair(t)
	const each, n, long = 500, 4, maxDirect + 1 // which goes the usual way
	var writers, readers sync.WaitGroup
	c.Conn.(*net.TCPConn).SetWriteBuffer(8 << 10) // so that hardly one goes at once
	for i := range n {
		block := bytes.Repeat([]byte{'a' + byte(i)}, long-i)
		writers.Go(func() {
			for range each {
				if _, err := c.Write(block); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		buf := make([]byte, long)
		for range n * each {
			if _, err := io.ReadFull(other, buf[:1]); err != nil {
				t.Error(err)
				return
			}
			rest := buf[1 : long-int(buf[0]-'a')]
			if _, err := io.ReadFull(other, rest); err != nil || bytes.Count(rest, buf[:1]) != len(rest) {
				t.Errorf("what was written at once is mixed with other things, %v", err)
				return
			}
		}
	})
	writers.Wait()
	readers.Wait()
	var mu sync.Mutex
	got := make([]int, 256)
	for range n {
		readers.Go(func() {
			p := make([]byte, 1)
			for {
				if _, err := c.Read(p); err != nil {
					if err != io.EOF {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				got[p[0]]++
				mu.Unlock()
			}
		})
	}
	for range each {
		for b := range 256 {
			if b%64 == 0 {
				other.Write([]byte{byte(b)})
			}
		}
	}
	other.CloseWrite()
	readers.Wait()
	for b, k := range got {
		if want := each; b%64 == 0 && k != want || b%64 != 0 && k != 0 {
			t.Errorf("octet %d came %d times", b, k)
		}
	}
}

// TestDirectWriteIsWhole: a write is not done before all is written, so that its connection
// lets nobody else write in between.
func TestDirectWriteIsWhole(t *testing.T) {
	c, other := socketPair(t)
	partial := false
	for range 10_000 { // until the sockets are full
		if !c.out.take(make([]byte, maxDirect)) {
			t.Fatal("somebody else writes")
		}
		done := false
		if err := c.raw.Control(func(fd uintptr) { done = c.out.write(fd) }); err != nil {
			t.Fatal(err)
		}
		left, n := len(c.out.p), c.out.n
		c.out.give()
		if done != (left == 0) || left+n != maxDirect {
			t.Fatalf("done is %v with %d octets left, %d written", done, left, n)
		}
		if partial = left > 0 && n > 0; !done {
			break
		}
	}
	if other.Close(); !partial {
		t.Skip("the sockets were full between two writes: nothing was written in part")
	}
}
