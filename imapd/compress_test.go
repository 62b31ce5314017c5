package imapd

import (
	"bytes"
	"compress/flate"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"

	"restante/imap/deflate"
)

// TestCompressPipelined: what stands behind the command in the same packet is
// compressed; the capability is offered until then; pipelined commands are
// answered with one flush.
func TestCompressPipelined(t *testing.T) {
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", "Subject: long\n\n"+strings.Repeat("some text\n", 20000))
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, 6)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "c SELECT INBOX\r\nd FETCH 1 BODY[]\r\ne CAPABILITY\r\nf LOGOUT\r\n")
	w.Flush()
	for _, piece := range []int{1, 7, 1 << 16} {
		said := play(t, opt, "a LOGIN user pass\r\nb COMPRESS DEFLATE\r\n"+z.String(), piece)
		plain, packed, found := strings.Cut(said, "b OK DEFLATE active\r\n")
		if !found || !strings.Contains(plain, "COMPRESS=DEFLATE") {
			t.Fatalf("%.500q", said)
		}
		text, err := io.ReadAll(flate.NewReader(strings.NewReader(packed)))
		got := string(text)
		if err != io.ErrUnexpectedEOF || !strings.HasSuffix(got, "f OK Logout completed\r\n") || strings.Contains(got, "COMPRESS=DEFLATE") {
			t.Errorf("%.500q, %v", got, err)
		}
		if strings.Count(got, "some text\r\n") != 20000 || len(packed) > len(got)/10 {
			t.Errorf("%d octets became %d", len(got), len(packed))
		}
		if n := strings.Count(packed, "\x00\x00\xff\xff"); n != 1 && piece > 1000 {
			t.Errorf("%d sync flushes", n)
		}
	}
}

// TestCompressCorrupt: octets that are no DEFLATE stream end the session.
func TestCompressCorrupt(t *testing.T) {
	said := play(t, testOptions(t), "a LOGIN user pass\r\nb COMPRESS DEFLATE\r\nc NOOP\r\n", 1<<16)
	if !strings.HasSuffix(said, "b OK DEFLATE active\r\n") {
		t.Errorf("%q", said)
	}
}

// TestCompressIdleMemory: DEFLATE costs an idle connection little more than the
// window, which is as large as what the client has sent.
func TestCompressIdleMemory(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = slog.New(slog.DiscardHandler)
	flagsStore(t, opt, 100)
	dial := listen(t, opt)
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, 6)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "c SELECT INBOX\r\nd FETCH 1:* (UID FLAGS)\r\ni IDLE\r\n")
	w.Flush()
	const n, most = 100, 40 << 10
	var conns []net.Conn
	before := memoryInUse()
	for range n {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns = append(conns, nc)
		awaitText(t, nc, "a LOGIN user pass\r\nb COMPRESS DEFLATE\r\n", "b OK DEFLATE active\r\n")
		if _, err := nc.Write(z.Bytes()); err != nil {
			t.Fatal(err)
		}
		awaitText(t, struct {
			io.Reader
			io.Writer
		}{deflate.NewReader(nc, nil), nc}, "", "+ idling\r\n")
	}
	each := (memoryInUse() - before) / n
	t.Logf("an idle connection costs %d octets", each)
	if each > most {
		t.Errorf("an idle connection costs %d octets, its client's end included", each)
	}
	runtime.KeepAlive(conns)
}

// awaitText sends octets and reads until the answer has a text.
func awaitText(t *testing.T, c io.ReadWriter, send, want string) {
	t.Helper()
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 4<<10)
	for !bytes.Contains(got, []byte(want)) {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		got = append(got, buf[:n]...)
	}
}
