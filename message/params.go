package message

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxParams bounds the parameters of one field; those behind it are not read.
const maxParams = 1000

// A rawParam is a parameter as written, or a piece of one (RFC 2231 section 3).
type rawParam struct {
	name     string // without the index and asterisks of RFC 2231
	value    string
	index    int  // of a piece, else -1
	extended bool // the value has a charset and %-encoding
}

// params reads *(";" parameter) and joins pieces. Plain parameters come first, in
// their order; those of RFC 2231 follow, sorted by name.
func (r *fieldReader) params() []Param {
	r.raw = r.raw[:0]
	plain := 0
	for len(r.raw) < maxParams {
		p, found, done := r.param()
		if done {
			break
		}
		if !found {
			continue
		}
		if p.index < 0 {
			plain++
		}
		r.raw = append(r.raw, p)
	}
	if len(r.raw) == 0 {
		return nil
	}
	list := make([]Param, 0, len(r.raw))
	for _, p := range r.raw {
		if p.index < 0 {
			list = append(list, Param{p.name, p.value})
		}
	}
	if plain < len(r.raw) {
		list = appendJoined(list, r.raw)
	}
	return list
}

// param reads ";" attribute "=" value. Where that does not stand, it passes one
// octet and finds nothing, so that what follows the damage is read.
func (r *fieldReader) param() (p rawParam, found, done bool) {
	x := &r.lex
	if x.i >= len(x.s) {
		return p, false, true
	}
	if !x.at(';') {
		x.i++
		return p, false, false
	}
	x.i++
	x.out = x.out[:0]
	if x.skip() != more {
		return p, false, false
	}
	if x.word(token) != more || !x.at('=') || len(x.out) == 0 {
		return p, false, false
	}
	name := common(x.out)
	x.i++
	x.out = x.out[:0]
	st := x.skip()
	if st == more {
		st = r.paramValue()
	}
	if st == bad {
		return p, false, false
	}
	return newRawParam(name, common(x.out)), true, false
}

// paramValue reads value := token / quoted-string.
func (r *fieldReader) paramValue() status {
	x := &r.lex
	switch {
	case x.at('"'):
		return x.quoted()
	case x.at('='):
		// QUIRK: name==?utf-8?b?...?= unquoted
		for x.i < len(x.s) && x.s[x.i] != ';' && x.s[x.i] > ' ' {
			x.out = append(x.out, x.s[x.i])
			x.i++
		}
		return x.skip()
	}
	return x.word(token)
}

// newRawParam splits attribute [section] ["*"], RFC 2231 section 7. A name that
// has the form only in part is an ordinary name.
func newRawParam(name, value string) rawParam {
	plain := rawParam{name: name, value: value, index: -1}
	base, section, ok := strings.Cut(name, "*")
	if !ok || section == "" && base == "" {
		return plain
	}
	p := rawParam{name: base, value: value, extended: section == ""}
	if section == "" {
		return p
	}
	section, p.extended = strings.CutSuffix(section, "*")
	index, err := strconv.ParseUint(section, 10, 16)
	if err != nil {
		return plain
	}
	p.index = int(index)
	return p
}

// appendJoined appends the parameters whose pieces are among raw. Pieces of which
// one is missing are left as they are.
func appendJoined(list []Param, raw []rawParam) []Param {
	pieces := slices.DeleteFunc(slices.Clone(raw), func(p rawParam) bool { return p.index < 0 })
	slices.SortStableFunc(pieces, func(a, b rawParam) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.index, b.index))
	})
	for len(pieces) > 0 {
		n, complete, extended := 0, true, false
		for n < len(pieces) && strings.EqualFold(pieces[n].name, pieces[0].name) {
			complete = complete && pieces[n].index == n
			extended = extended || pieces[n].extended
			n++
		}
		if complete {
			list = append(list, joined(pieces[:n], extended))
		} else {
			for _, p := range pieces[:n] {
				list = append(list, unjoined(p))
			}
		}
		pieces = pieces[n:]
	}
	return list
}

// joined is one parameter from all its pieces. If one of them is extended the
// whole is, and the others are made so.
func joined(pieces []rawParam, extended bool) Param {
	if !extended {
		var v strings.Builder
		for _, p := range pieces {
			v.WriteString(p.value)
		}
		return Param{pieces[0].name, v.String()}
	}
	var v strings.Builder
	if !pieces[0].extended {
		v.WriteString("''")
	}
	for _, p := range pieces {
		if p.extended {
			v.WriteString(p.value)
		} else {
			v.WriteString(strings.ReplaceAll(p.value, "%", "%25"))
		}
	}
	return Param{pieces[0].name + "*", v.String()}
}

func unjoined(p rawParam) Param {
	name := p.name + "*" + strconv.Itoa(p.index)
	if p.extended {
		name += "*"
	}
	return Param{name, p.value}
}

// decodeExtended undoes extended-other-values, RFC 2231 section 7: the charset it
// names and the octets. A % that begins no octet stands for itself.
func decodeExtended(v string) (charset, octets string) {
	if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
		charset, v = parts[0], parts[2]
	}
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && unhex(v[i+1]) >= 0 && unhex(v[i+2]) >= 0 {
			b = append(b, byte(unhex(v[i+1])<<4|unhex(v[i+2])))
			i += 2
			continue
		}
		b = append(b, v[i])
	}
	return charset, string(b)
}

// unhex is the value of a hexadecimal digit, -1 for other octets.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	}
	return -1
}
