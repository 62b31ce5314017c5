package faultfs

import (
	"bytes"
	"slices"
)

const pageSize = 4096

// A page is never changed once it stands in a content, so that contents share them.
type page = [pageSize]byte

// content is what stands in a file. A page that is nil holds zeros. Files are cloned
// for every case of a suite, and most of them do not change in it.
type content struct {
	size  int64
	pages []*page
}

func (c content) clone() content { return content{c.size, slices.Clone(c.pages)} }

// readAt copies what stands at off, which must not be beyond the end.
func (c content) readAt(b []byte, off int64) int {
	b = b[:min(int64(len(b)), c.size-off)]
	n := len(b)
	for len(b) > 0 {
		at := off % pageSize
		part := b[:min(int64(len(b)), pageSize-at)]
		if p := c.pages[off/pageSize]; p != nil {
			copy(part, p[at:])
		} else {
			clear(part)
		}
		b, off = b[len(part):], off+int64(len(part))
	}
	return n
}

func (c *content) writeAt(b []byte, off int64) {
	c.resize(max(c.size, off+int64(len(b))))
	for len(b) > 0 {
		at := off % pageSize
		n := min(int64(len(b)), pageSize-at)
		c.setPage(off/pageSize, at, b[:n])
		b, off = b[n:], off+n
	}
}

// setPage writes into one page.
func (c *content) setPage(i, at int64, b []byte) {
	if c.pages[i] == nil && zeros(b) {
		return
	}
	p := new(page)
	if old := c.pages[i]; old != nil && len(b) < pageSize {
		*p = *old
	}
	copy(p[at:], b)
	c.pages[i] = p
}

// resize cuts the content, or fills it with zeros.
func (c *content) resize(size int64) {
	pages := int((size + pageSize - 1) / pageSize)
	if size < c.size {
		clear(c.pages[pages:])
		c.pages = c.pages[:pages]
		c.size = size
		if rest := size % pageSize; rest > 0 { // what is behind the end is zero when it grows again
			c.setPage(int64(pages-1), rest, make([]byte, pageSize-rest))
		}
		return
	}
	c.size = size
	c.pages = append(c.pages, make([]*page, pages-len(c.pages))...)
}

func zeros(b []byte) bool {
	var none page
	return bytes.Equal(b, none[:len(b)])
}
