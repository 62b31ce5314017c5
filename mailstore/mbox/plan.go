package mbox

// plan collects the edits of one rewrite of the file, in order.
type plan struct {
	edits []edit
	j     *journal
	w     *metaWriter
	old   int64 // the size of the file
	shift int64 // what the edits so far add to it
	// single is the one octet that changes, before and after, when all there is
	// to do is that.
	single []byte
	late   bool    // if that is all, nobody waits for the disk
	buf    *[]byte // for who plans the notes of messages
}

func newPlan(j *journal, size int64) *plan {
	return &plan{j: j, w: newMetaWriter(j.f), old: size}
}

// replace puts ins in the place of the octets old at off. Only what differs is
// written. Calls must come in the order of off, without overlaps.
func (p *plan) replace(off int64, old, ins []byte) {
	if len(old) == len(ins) {
		for len(ins) > 0 && old[0] == ins[0] {
			off, old, ins = off+1, old[1:], ins[1:]
		}
		for n := len(ins); n > 0 && old[n-1] == ins[n-1]; n = len(ins) {
			old, ins = old[:n-1], ins[:n-1]
		}
		if len(ins) == 0 {
			return
		}
	}
	p.single = nil
	if len(p.edits) == 0 && len(old) == 1 && len(ins) == 1 {
		p.single = []byte{old[0], ins[0]}
	}
	e := edit{off: off, del: int64(len(old)), ins: int64(len(ins))}
	p.shift += e.ins - e.del
	if len(ins) > 0 {
		e.lit = p.w.write(ins)
	}
	p.edits = append(p.edits, e)
}

// remove deletes n octets at off.
func (p *plan) remove(off, n int64) {
	if n == 0 {
		return
	}
	p.shift -= n
	if k := len(p.edits) - 1; k >= 0 && p.edits[k].off+p.edits[k].del == off && p.edits[k].ins == 0 {
		p.edits[k].del += n
		return
	}
	p.single = nil
	p.edits = append(p.edits, edit{off: off, del: n})
}

// insert puts b in front of what stands at off.
func (p *plan) insert(off int64, b []byte) {
	p.single = nil
	if k := len(p.edits) - 1; k >= 0 && p.edits[k].off+p.edits[k].del == off && p.edits[k].ins == 0 {
		p.edits[k].lit, p.edits[k].ins = p.w.write(b), int64(len(b))
		p.shift += int64(len(b))
		return
	}
	p.replace(off, nil, b)
}

func (p *plan) empty() bool { return len(p.edits) == 0 }

// cutsTail reports whether all there is to do is to make the file shorter.
func (p *plan) cutsTail() bool {
	return len(p.edits) == 1 && p.edits[0].ins == 0 && p.edits[0].off+p.edits[0].del == p.old
}
