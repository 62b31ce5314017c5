package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func TestDecodeHeader(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"plain", " a b ", "a b"},
		{"folded", "a\r\n b\n\tc", "a b c"},
		{"RFC 2047 section 8", "=?ISO-8859-1?Q?a?=", "a"},
		{"RFC 2047 section 8: text behind", "=?ISO-8859-1?Q?a?= b", "a b"},
		{"RFC 2047 section 8: space between words is none", "=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"},
		{"RFC 2047 section 8: nor a line end", "=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"},
		{"RFC 2047 section 8: a space in a word", "=?ISO-8859-1?Q?a_b?=", "a b"},
		{"RFC 2231 section 5: language", "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
		{"base64", "=?utf-8?b?w6TDtg==?=", "äö"},
		{"base64 without padding", "=?utf-8?B?w6TDtg?=", "äö"},
		{"a character cut in two", "=?utf-8?b?w6Q?= =?UTF-8?q?=C3?= =?utf-8?q?=B6?=", "äö"},
		{"within a word", "H=?ISO-8859-1?B?9g==?=hn", "Höhn"},
		{"spaces in a word", "=?US-ASCII?q?Hans Martin?=", "Hans Martin"},
		{"=3D at the start", "=?utf-8?Q?=3D?=", "="},
		{"empty word", "=?utf-8?Q??=x", "x"},
		{"lower-case hex", "=?utf-8?q?=c3=a4?=", "ä"},
		{"damaged hex", "=?utf-8?q?=C=zz?=", "=C=zz"},
		{"unknown charset", "=?fakescii?q?a=C3=A4?=", "aä"},
		{"a charset that lies", "=?us-ascii?q?=E4?=", "ä"},
		{"GB2312 with octets of GBK", "=?gb2312?b?6oU=?=", "陞"},
		{"ISO-2022-JP", "=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "テスト"},
		{"ISO-2022-KR", "=?iso-2022-kr?b?GyQpQw4+SDNnDw==?=", "안녕"},
		{"UTF-7", "=?UTF-7?Q?+AOQ-x?=", "äx"},
		{"no such encoding", "=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"no end", "=?utf-8?q?a", "=?utf-8?q?a"},
		{"no end, then a word", "=? =?utf-8?q?a?=", "=? a"},
		{"raw UTF-8", "gr\u00fcn", "grün"},
		{"raw Latin-1", "gr\xfcn \x80", "grün €"},
		{"raw Latin-1 and UTF-8", "\xfc\u00fc", "üü"},
		{"raw UTF-8, damaged", "\u00fc\xc3 \xe2\x82", "ü\uFFFD \uFFFD\uFFFD"},
		{"raw ISO-2022-JP", "\x1b$B%F%9%H\x1b(B!", "テスト!"},
		{"control characters", "a\x00b\tc\x1bd", "a\uFFFDb c\uFFFDd"},
		{"hidden in a word", "=?utf-8?q?a=0D=0ABcc:=00?=", "a  Bcc:\uFFFD"},
	} {
		if got := DecodeHeader(c.in); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.why, c.in, got, c.want)
		}
	}
}

func TestParseAddressList(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    []Address
	}{
		{"nothing", " ", nil},
		{"decoded", "=?utf-8?q?J=C3=BCrgen?= X <a@b>", []Address{{"Jürgen X", "a", "b"}}},
		{"an encoded-word in quotes", `"=?utf-8?q?J=C3=BCrgen?=" <a@b>`, []Address{{"Jürgen", "a", "b"}}},
		{"raw 8-bit", "J\xfcrgen <a@b>", []Address{{"Jürgen", "a", "b"}}},
		{"UTF-8 addresses, RFC 6532", "ä@ö.example", []Address{{"", "ä", "ö.example"}}},
		{"a group", "g: a@b, c@d; , e@f", []Address{{"", "a", "b"}, {"", "c", "d"}, {"", "e", "f"}}},
		{"an empty group", "undisclosed-recipients:;", []Address{{"undisclosed-recipients", "", ""}}},
		{"only a name", "MAILER DAEMON", []Address{{"MAILER DAEMON", "", ""}}},
		{"only a mailbox", "postmaster", []Address{{"", "postmaster", ""}}},
		{"empty ones are none", "a@b, , <>, c@d", []Address{{"", "a", "b"}, {"", "c", "d"}}},
		{"goes on behind damage", `a@b junk <x>, "q, r" c@d, e@f`, []Address{{"", "a", "b"}, {"q, r c", "", ""}, {"", "e", "f"}}},
		{"semicolons as Outlook has them", "a@b; c@d", []Address{{"", "a", "b"}}},
		{"RFC 2047 section 5: no encoded-word in an address", "=?utf-8?q?a=40b=00?=@evil.example", []Address{{"", "=?utf-8?q?a=40b=00?=", "evil.example"}}},
		{"obs-local-part, RFC 5322 section 4.4", `a . "b" . c @ d . e`, []Address{{"", "a.b.c", "d.e"}}},
		{"an abbreviation is no local part", "J. Public", []Address{{"J. Public", "", ""}}},
	} {
		got := ParseAddressList(c.in)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q gives %+v, want %+v", c.why, c.in, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %q gives %+v, want %+v", c.why, c.in, got, c.want)
			}
		}
	}
}

func TestHeaderFields(t *testing.T) {
	const header = "Received: a\r\n\tb \nX: y\nRECEIVED : c\n\nReceived: body\n"
	if v, ok := HeaderField([]byte(header), "received"); v != "a\tb" || !ok {
		t.Errorf("got %q, %v", v, ok)
	}
	if v := HeaderFields([]byte(header), "Received"); len(v) != 2 || v[1] != "c" {
		t.Errorf("got %q", v)
	}
	if v, ok := HeaderField([]byte(header), "Y"); v != "" || ok {
		t.Errorf("got %q, %v", v, ok)
	}
}

func TestParseDate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
		{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"}, // RFC 5322 appendix A.6.3
		{"21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"},
		{"Thu,      13\n Feb  1969 23:32\n -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"},
		{"Wed, 20 Dec 95 19:59 CST", "1995-12-20T19:59:00-06:00"},
		{"1 Jan 2 00:00:00 +0000", "2002-01-01T00:00:00Z"},
		{"1 Jan 103 00:00:00 +0000", "2003-01-01T00:00:00Z"},
		{"Tue Nov 27 15:02:35 2001", "2001-11-27T15:02:35Z"},
		{"Tue Nov 27 15:02:35 PST 2001", "2001-11-27T15:02:35-08:00"},
		{"22-Mar-1994 13:34:51 +0000", "1994-03-22T13:34:51Z"},
		{"Tuesday, 22 March 1994 1:34:51 PM", "1994-03-22T13:34:51Z"},
		{"2005-04-27T14:15:31Z", "2005-04-27T14:15:31Z"},
		{"2005-04-27T14:15:31.123+02:00", "2005-04-27T14:15:31+02:00"},
		{"2005-04-27 14:15:31 -0700", "2005-04-27T14:15:31-07:00"},
		{"Mon, 2 Jan 2006 15:04:05 GMT+0100", "2006-01-02T15:04:05+01:00"},
		{"Mon, 2 Jan 2006 15:04:05+0100", "2006-01-02T15:04:05+01:00"},
		{"Mon, 2 Jan 2006 15:04:05 +9999", "2006-01-02T15:04:05Z"},
		{"Mon, 2 Jan 2006", "2006-01-02T00:00:00Z"},
		{"Mon, 30 Jun 2015 23:59:60 +0000", "2015-07-01T00:00:00Z"}, // a leap second
		{"Mon, 2 Jan 2006 25:00:00 +0000", "2006-01-02T00:00:00Z"},
		{"Whenever", ""},
		{"", ""},
		{"(", ""},
		{"Mon, 2 Foo 2006 15:04:05 +0000", ""},
	} {
		got, err := ParseDate(c.in)
		if (err != nil) != (c.want == "") || err == nil && got.Format(time.RFC3339) != c.want {
			t.Errorf("%q gives %v, %v, want %q", c.in, got, err, c.want)
		}
	}
}

func TestDecodeBody(t *testing.T) {
	for _, c := range []struct{ why, encoding, in, want string }{
		{"none", "7bit", "a=\nb\n", "a=\nb\n"},
		{"unknown", "hexa", "a=\n", "a=\n"},
		{"base64", "base64", "YWJj\r\nZA==\r\n", "abcd"},
		{"base64 without padding", "base64", "YWJjZA", "abcd"},
		{"base64 with white space and junk", "base64", " Y W-J\tj.\n", "abc"},
		{"a footer in clear behind it", "base64", "YQ==\n_____\nlist mailing list\n", "a"},
		{"more base64 behind padding", "base64", "YQ==\nYg==\n", "ab"},
		{"quoted-printable", "quoted-printable", "a=C3=a4=\r\nb=3D\r\n", "aäb=\r\n"},
		{"soft break with white space", "quoted-printable", "a= \t\nb", "ab"},
		{"white space at the end of a line goes, RFC 2045 section 6.7 rule 3", "quoted-printable", "a \t\nb=20\nc ", "a\nb \nc"},
		{"= that begins nothing", "quoted-printable", "a=b =zz=\nc=", "a=b =zzc"},
		{"blank lines", "quoted-printable", "\n\r\na\n", "\n\r\na\n"},
		{"uuencode", "x-uuencode", "text\nbegin 644 file\n#0V%T\n`\nend\ntext\n", "Cat"},
		{"uuencode, spaces at the end lost", "uuencode", "begin 644 f\n%86)C\nend\n", "abc\x00\x00"},
		{"nothing uuencoded in it", "x-uue", "text\n", "text\n"},
	} {
		p := &Part{Encoding: c.encoding}
		got, err := io.ReadAll(p.DecodeBody(strings.NewReader(c.in)))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q gives %q, %v, want %q", c.why, c.in, got, err, c.want)
		}
	}
}

// TestDecodeLongLines has lines longer than the buffers, cut at every octet.
func TestDecodeLongLines(t *testing.T) {
	for shift := range 4 {
		qp := strings.Repeat("x", shift) + strings.Repeat("=41", 40_000) + " =\n\n"
		p := &Part{Encoding: "quoted-printable"}
		got, err := io.ReadAll(p.DecodeBody(strings.NewReader(qp)))
		want := strings.Repeat("x", shift) + strings.Repeat("A", 40_000) + " \n"
		if err != nil || string(got) != want {
			t.Errorf("quoted-printable, shift %d: %d octets, %v, want %d", shift, len(got), err, len(want))
		}
	}
	p := &Part{Encoding: "base64"}
	got, err := io.ReadAll(p.DecodeBody(strings.NewReader(strings.Repeat("QUJD", 40_000))))
	if err != nil || !bytes.Equal(got, bytes.Repeat([]byte("ABC"), 40_000)) {
		t.Errorf("base64: %d octets, %v", len(got), err)
	}
}

func TestDecodeText(t *testing.T) {
	for _, c := range []struct{ why, charset, in, want string }{
		{"none", "", "a\xe4ä\xe4", "aää\uFFFD"},
		{"UTF-8", "UTF-8", "ä", "ä"},
		{"UTF-8 that is not", "utf-8", "\xe4", "ä"},
		{"Latin-1", "iso-8859-1", "\xe4\x80", "ä€"},
		{"with junk around", ` "charset=ISO-8859-1" `, "\xe4", "ä"},
		{"underscores", "iso_8859_15", "\xa4", "€"},
		{"KOI8-R", "koi8_r", "\xc1", "а"},
		{"Windows-1251", "cp-1251", "\xe0", "а"},
		{"code page 850", "cp850", "\x84", "ä"},
		{"code page 437", "IBM437", "\x84", "ä"},
		{"Shift_JIS", "cp932", "\x83e", "テ"},
		{"EUC-KR", "ks_c_5601-1987", "\xb0\xa1", "가"},
		{"GB18030", "x-gbk", "\xc4\xe3", "你"},
		{"Big5", "big5", "\xa7\x41", "你"},
		{"HZ", "hz-gb-2312", "~{<:Ky2;~}", "己所不"},
		{"ISO-2022-JP", "iso-2022-jp", "\x1b$B%F\x1b(B", "テ"},
		{"UTF-16 with byte-order mark", "utf-16", "\xfe\xff\x00a", "a"},
		{"UTF-16 without, big-endian", "utf-16", "\x00a\x00b", "ab"},
		{"UTF-16 without, little-endian", "utf-16", "a\x00b\x00", "ab"},
		{"UTF-16LE", "utf-16le", "a\x00", "a"},
		{"UTF-7", "utf-7", "A+ImIDkQ-. +- +2D3eAQ-", "A≢Α. + 😁"},
		{"misspelt", "uft-8", "ä", "ä"},
		{"nobody knows it", "base9000", "aä", "aä"},
		{"must not be replaced by one U+FFFD", "iso-2022-cn", "abc", "abc"},
	} {
		p := &Part{Encoding: "8bit", Params: []Param{{"Charset", c.charset}}}
		got, err := io.ReadAll(p.DecodeText(strings.NewReader(c.in)))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q gives %q, %v, want %q", c.why, c.in, got, err, c.want)
		}
	}
}

func TestFilename(t *testing.T) {
	for _, c := range []struct{ why, field, want string }{
		{"none", "Content-Disposition: attachment", ""},
		{"plain", `Content-Disposition: attachment; filename="a b.txt"`, "a b.txt"},
		{"from the type", `Content-Type: a/b; name=c.txt`, "c.txt"},
		{"disposition first", "Content-Type: a/b; name=c.txt|Content-Disposition: x; filename=d.txt", "d.txt"},
		{"RFC 2231", "Content-Disposition: x; filename*=utf-8''%e2%82%ac%20rates", "€ rates"},
		{"RFC 2231, over the plain one", "Content-Disposition: x; filename=a; filename*=utf-8''b", "b"},
		{"RFC 2231, continued", "Content-Disposition: x; filename*0*=iso-8859-1'de'%E4; filename*1*=%E4; filename*2=.x", "ää.x"},
		{"continued, not extended", "Content-Disposition: x; filename*0=a; filename*1=b", "ab"},
		{"continued, one missing", "Content-Disposition: x; filename*1=a; filename*2=b", "ab"},
		{"encoded-word", `Content-Disposition: x; filename="=?utf-8?q?=C3=A4.txt?="`, "ä.txt"},
		{"raw Latin-1", "Content-Disposition: x; filename=\"\xe4.txt\"", "ä.txt"},
		{"a path", `Content-Disposition: x; filename="../../etc/passwd"`, "passwd"},
		{"a path of Windows", `Content-Disposition: x; filename="C:\\dir\\a.txt"`, "a.txt"},
		{"a path in an encoded-word", "Content-Disposition: x; filename*=utf-8''%2e%2e%2fa", "a"},
		{"nothing but dots", `Content-Disposition: x; filename="a/.."`, ""},
		{"control and direction characters", "Content-Disposition: x; filename*=utf-8''a%00%0d%0a%e2%80%aeb", "ab"},
		{"too long", "Content-Disposition: x; filename=" + strings.Repeat("a", 300) + ".txt", strings.Repeat("a", 251) + ".txt"},
	} {
		root, _ := scan(t, "MIME-Version: 1.0|"+c.field+"||")
		if got := root.Filename(); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.why, c.field, got, c.want)
		}
	}
}

func TestBaseSubject(t *testing.T) {
	for _, c := range []struct {
		in, want string
		reply    bool
	}{
		{"", "", false},
		{"a", "a", false},
		{"Re: a", "a", true},
		{"RE : a", "a", true},
		{"re[2]: a", "a", true},
		{"Fwd: a", "a", true},
		{"fw: Re: a", "a", true},
		{"a (fwd)", "a", true},
		{"a (fwd) (FWD) ", "a", true},
		{"[list] a", "a", false},
		{"[list] Re: [list] a", "a", true},
		{"[a] [b] [c]", "[c]", false},
		{"[fwd: a]", "a", true},
		{"[Fwd: Re: a (fwd)]", "a", true},
		{"  a \t b\r\n c", "a b c", false},
		{"=?utf-8?q?Re:_=C3=A4?=", "ä", true},
		{"Reply: a", "Reply: a", false},
		{"[unclosed", "[unclosed", false},
		{"Re:", "", true},
	} {
		got, reply := SplitSubject(c.in)
		if got != c.want || reply != c.reply || BaseSubject(c.in) != got {
			t.Errorf("%q gives %q, %v, want %q, %v", c.in, got, reply, c.want, c.reply)
		}
	}
}

// TestAppendBody: a body at hand is decoded as it is from a stream, lines that are
// longer than buffers too.
func TestAppendBody(t *testing.T) {
	const room = bufferSize / 4
	for _, encoding := range []string{"7bit", "base64", "quoted-printable", "x-uuencode"} {
		p := &Part{Encoding: encoding, Params: []Param{{"charset", "utf-8"}}}
		for _, n := range []int{0, 1, room - 1, room, room + 1, 2*room - 1, 2 * room, 3 * room} {
			for _, end := range []string{"", "\n", "\r\n", "\r", "=\n", "  \n", "=C3\nx=C3=A4==\n", "\nbegin 644 a\n#0V%T\nend\n"} {
				raw := strings.Repeat("YWJj", n/4+1)[:n] + end
				want, err := io.ReadAll(p.DecodeText(strings.NewReader(raw)))
				if err != nil {
					t.Fatal(err)
				}
				if got := p.AppendText(nil, p.AppendBody(nil, []byte(raw))); !bytes.Equal(got, want) {
					t.Errorf("%s, %d octets and %q: %d octets, as a stream %d", encoding, n, end, len(got), len(want))
				}
			}
		}
	}
}

// TestHeaderDecoderAllocates: decoding one field after the other allocates nothing.
func TestHeaderDecoderAllocates(t *testing.T) {
	fields := [][]byte{
		[]byte(" plain text"),
		[]byte(" =?utf-8?q?caf=C3=A9?=\r\n =?UTF-8?B?4oKs?= and more"),
		[]byte(" r\xc3\xa9sum\xc3\xa9\tof 8-bit text"),
	}
	var h HeaderDecoder
	var out []byte
	decode := func() {
		for _, raw := range fields {
			out = h.Append(out[:0], raw)
			if want := DecodeHeader(string(raw)); string(out) != want {
				t.Fatalf("%q gives %q, want %q", raw, out, want)
			}
		}
	}
	decode()
	one := fields[1]
	if n := testing.AllocsPerRun(100, func() { out = h.Append(out[:0], one) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
