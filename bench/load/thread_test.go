package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// serve answers each NOOP of one connection, in two pieces, and LOGOUT, with which it ends;
// to all else it is silent.
func serve(t *testing.T, l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, "* OK hello\r\n")
	for in := bufio.NewScanner(c); in.Scan(); {
		tag, command, _ := strings.Cut(in.Text(), " ")
		switch command {
		case "LOGOUT":
			fmt.Fprintf(c, "%s OK done\r\n", tag)
			return
		case "NOOP":
			fmt.Fprintf(c, "* 1 EXISTS\r\n%s ", tag)
			time.Sleep(time.Millisecond)
			fmt.Fprint(c, "OK done\r\n")
		}
	}
}

func TestThread(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() { defer close(done); serve(t, l); serve(t, l) }()

	c, err := DialIMAP(t.Context(), l.Addr().String(), Options{Thread: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r, err := c.Command("NOOP"); err != nil || r.Text != "OK done" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if err := c.LogOut(); err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	if c, err = DialIMAP(ctx, l.Addr().String(), Options{Thread: true}); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.Command("SILENCE"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a wait whose context ends gives %v", err)
	}
	if err := c.Send([]byte("x NOOP\r\n")); err == nil {
		t.Error("it goes on to send")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	<-done

	if _, err := onThread(&script{}); err == nil {
		t.Error("a thread waits for what is no connection")
	}
}

// TestThreadWrites: more than the kernel takes at once.
func TestThreadWrites(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte)
	go func() {
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(c, "* OK hello\r\n")
		all, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		c.Close()
		got <- all
	}()
	c, err := DialIMAP(t.Context(), l.Addr().String(), Options{Thread: true})
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("0123456789"), 2<<20)
	if err := errors.Join(c.Send(sent), c.Close()); err != nil {
		t.Error(err)
	}
	if all := <-got; !bytes.Equal(all, sent) {
		t.Errorf("%d octets have come of %d", len(all), len(sent))
	}
}
