package message

import "io"

// FilterHeader appends the fields of a header whose names are among fields, or
// with not all others, and the blank line: HEADER.FIELDS and HEADER.FIELDS.NOT of
// RFC 9051 section 6.4.5.1. Line ends become CRLF and NUL becomes 0x80; all else
// goes out as it is, in its order. Lines that are no header field have no name.
func FilterHeader(dst, header []byte, fields []string, not bool) []byte {
	return filterHeader(dst, header, func(name []byte) bool { return named(name, fields) != not })
}

// filterHeader appends the fields whose names are to be kept. Of those that follow one
// another each run is converted at once.
func filterHeader(dst, header []byte, keep func(name []byte) bool) []byte {
	start, run := len(dst), header[:0]
	for {
		raw, rest := nextRawField(header)
		var name []byte
		if colon, end := nameEnd(raw); colon >= 0 {
			name = raw[:end]
		}
		if len(raw) > 0 && keep(name) {
			if len(run) == 0 {
				run = header[:0]
			}
			run = run[:len(run)+len(raw)]
		} else if len(run) > 0 {
			dst = AppendCRLF(dst, run)
			run = run[:0]
		}
		if len(raw) == 0 {
			break
		}
		header = rest
	}
	if n := len(dst); n > start && dst[n-1] != '\n' {
		dst = append(dst, crlf...)
	}
	dst = append(dst, crlf...)
	ReplaceNUL(dst[start:])
	return dst
}

func named(name []byte, fields []string) bool {
	if name == nil {
		return false
	}
	for _, f := range fields {
		if len(f) == len(name) && sameName(name, f) {
			return true
		}
	}
	return false
}

// sameName compares field names, which are ASCII, without case.
func sameName(a []byte, b string) bool {
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

// CopyHeader writes to w what FilterHeader would append for the header that r
// gives, in bounded memory whatever its length, and counts the octets. Names are
// told apart by their first 64 KiB.
func CopyHeader(w io.Writer, r io.Reader, fields []string, not bool) (int64, error) {
	c := headerCopier{w: w, fields: fields, not: not}
	c.in.reset(r, make([]byte, bufferSize))
	c.run()
	if c.err == nil {
		c.err = c.in.err
	}
	return c.n, c.err
}

type headerCopier struct {
	in     lineReader
	w      io.Writer
	fields []string
	not    bool
	keep   bool // the field that is being read is wanted
	out    []byte
	n      int64
	err    error
}

func (c *headerCopier) run() {
	open := false // the last line written has no line end yet
	for c.err == nil {
		line := c.in.next()
		if len(line) == 0 || c.in.first && isBlank(line) {
			break
		}
		if c.in.first && (c.in.start.off == 0 || !isWSP(line[0])) {
			c.keep = named(splitField(line).name, c.fields) != c.not
		}
		if c.keep {
			c.write(line)
			open = line[len(line)-1] != '\n'
		}
	}
	if open {
		c.write(crlf)
	}
	c.write(crlf)
}

func (c *headerCopier) write(line []byte) {
	if c.err != nil {
		return
	}
	c.out = ReplaceNUL(AppendCRLF(c.out[:0], line))
	n, err := c.w.Write(c.out)
	c.n += int64(n)
	c.err = err
}
