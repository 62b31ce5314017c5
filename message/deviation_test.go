package message

import (
	"fmt"
	"reflect"
	"strings"
)

// A dovecotRule names a way in which we differ from Dovecot on purpose. agree tells
// that the two answers say the same in the eyes of the RFC, or that Dovecot's
// contradicts another of its own answers about the same bytes; such a difference
// does not count against the agreement.
type dovecotRule struct {
	name  string
	agree bool
}

var dovecotRules = []dovecotRule{
	{name: "letter-case", agree: true},
	{name: "doubled-addresses", agree: true},
	{name: "white-space"},
	{name: "nul-in-field-name"},
	{name: "boundary-line-end"},
	{name: "invalid-content-type"},
	{name: "damaged-parameters"},
	{name: "no-boundary"},
	{name: "extended-boundary"},
	{name: "long-boundary"},
	{name: "message-global"},
}

// A comparison collects the differences between our answer and Dovecot's.
type comparison struct {
	rules   map[string]bool
	unknown []string
}

func (c *comparison) use(rule string) {
	if c.rules == nil {
		c.rules = map[string]bool{}
	}
	c.rules[rule] = true
}

func (c *comparison) agrees() bool {
	for _, r := range dovecotRules {
		if c.rules[r.name] && !r.agree {
			return false
		}
	}
	return len(c.unknown) == 0
}

func (c *comparison) fail(what string, ours, theirs imapValue) {
	c.unknown = append(c.unknown, fmt.Sprintf("%s: ours %q, theirs %q", what, ours, theirs))
}

// envelope compares two ENVELOPEs; nested ones stand in a body structure.
func (c *comparison) envelope(ours, theirs imapValue, nested bool) {
	a, b := list(ours), list(theirs)
	if len(a) != 10 || len(b) != 10 {
		c.fail("envelope", ours, theirs)
		return
	}
	for i := range a {
		if nested && i >= envFrom && i <= envBcc {
			b[i] = c.undouble(a[i], b[i])
		}
		c.envelopeField(fmt.Sprintf("envelope field %d", i), a[i], b[i])
	}
}

// undouble halves a list that holds everything twice.
func (c *comparison) undouble(ours, theirs imapValue) imapValue {
	a, b := list(ours), list(theirs)
	if len(b) == 2*len(a) && len(a) > 0 && reflect.DeepEqual(b[:len(a)], b[len(a):]) {
		c.use("doubled-addresses")
		return imapValue(b[:len(a)])
	}
	return theirs
}

func (c *comparison) envelopeField(what string, ours, theirs imapValue) {
	a, b := list(ours), list(theirs)
	switch {
	case reflect.DeepEqual(ours, theirs):
	case len(a) > 0 && len(a) == len(b):
		for i := range a {
			c.envelopeField(what, a[i], b[i])
		}
	case sameWords(ours, theirs):
		c.use("white-space")
	case ours == nil && what == "envelope field 1":
		c.use("nul-in-field-name")
	default:
		c.fail(what, ours, theirs)
	}
}

// body compares two BODYSTRUCTUREs of p.
func (c *comparison) body(ours, theirs imapValue, p *Part) {
	a, b := list(ours), list(theirs)
	am, bm := multipart(a), multipart(b)
	switch {
	case am && bm && countParts(a) == countParts(b) && !boundaryRule(p, b).found():
		c.multipart(a, b, p)
	case bm:
		if rule := boundaryRule(p, b); rule.found() {
			c.use(rule.name)
			return
		}
		c.fail("structure", ours, theirs)
	case am:
		c.fail("structure", ours, theirs)
	default:
		c.onePart(a, b, p)
	}
}

func (c *comparison) multipart(a, b []imapValue, p *Part) {
	n := countParts(a)
	for i := range n {
		c.body(a[i], b[i], p.Parts[i])
	}
	c.token("subtype", a[n], b[n])
	c.params("parameters", a[n+1], b[n+1])
	c.rest(a[n+2:], b[n+2:])
}

// boundaryRule is the rule by which theirs, a multipart, is split in another way.
func boundaryRule(p *Part, theirs []imapValue) dovecotRule {
	params := theirs[countParts(theirs)+1]
	value, plain := paramOf(params, "boundary")
	_, extended := paramOf(params, "boundary*")
	ours, _ := p.Param("boundary")
	switch {
	case plain && len(value) > 80-1:
		return dovecotRule{name: "long-boundary"}
	case extended:
		return dovecotRule{name: "extended-boundary"}
	case !plain && ours != "":
		return dovecotRule{name: "damaged-parameters"}
	case value == "" && ours == "" && !p.Multipart():
		return dovecotRule{name: "no-boundary"}
	}
	return dovecotRule{}
}

func (r dovecotRule) found() bool { return r.name != "" }

func (c *comparison) onePart(a, b []imapValue, p *Part) {
	switch {
	case b[1] == "":
		rule := "invalid-content-type"
		if !p.Is("text", "plain") {
			rule = "damaged-parameters"
		} else if v, _ := paramOf(a[2], "charset"); v != "us-ascii" {
			c.fail("content type", a, b)
		}
		c.use(rule)
		c.fields(a, b, 3)
		return
	case p.Is("message", "global"):
		c.use("message-global")
		c.fields(a, b, 2)
		return
	case len(a) != len(b):
		c.fail("structure", a, b)
		return
	}
	c.token("type", a[0], b[0])
	c.token("subtype", a[1], b[1])
	c.fields(a, b, 2)
	if p.Message != nil {
		c.messageSize(a, b)
		c.envelope(a[7], b[7], true)
		c.body(a[8], b[8], p.Message)
		c.rest(a[10:], b[10:])
		return
	}
	c.rest(a[6:], b[6:])
}

// fields compares body-fields from a field on.
func (c *comparison) fields(a, b []imapValue, from int) {
	if from <= 2 {
		c.params("parameters", a[2], b[2])
	}
	c.rest(a[3:5], b[3:5])
	c.token("encoding", a[5], b[5])
}

// messageSize compares octets and lines of an embedded message.
func (c *comparison) messageSize(a, b []imapValue) {
	size, lines := a[6].(int64), a[9].(int64)
	switch {
	case size == b[6] && lines == b[9]:
	case size+2 == b[6] && lines+1 == b[9]:
		c.use("boundary-line-end")
	default:
		c.fail("size and lines", []imapValue{a[6], a[9]}, []imapValue{b[6], b[9]})
	}
}

// token compares what RFC 2045 calls not case-sensitive.
func (c *comparison) token(what string, ours, theirs imapValue) {
	a, _ := ours.(string)
	b, _ := theirs.(string)
	switch {
	case ours == theirs:
	case strings.EqualFold(a, b) && a != "":
		c.use("letter-case")
	default:
		c.fail(what, ours, theirs)
	}
}

func (c *comparison) params(what string, ours, theirs imapValue) {
	a, b := list(ours), list(theirs)
	if len(a) != len(b) {
		c.fail(what, ours, theirs)
		return
	}
	for i := 0; i+1 < len(a); i += 2 {
		c.token(what, a[i], b[i])
		if name, _ := a[i].(string); strings.EqualFold(name, "charset") {
			c.token(what, a[i+1], b[i+1])
		} else if a[i+1] != b[i+1] {
			c.fail(what, a[i+1], b[i+1])
		}
	}
}

func (c *comparison) rest(a, b []imapValue) {
	if !reflect.DeepEqual(a, b) {
		c.fail("fields", a, b)
	}
}

func list(v imapValue) []imapValue {
	l, _ := v.([]imapValue)
	return l
}

func multipart(v []imapValue) bool { return len(v) > 0 && list(v[0]) != nil }

func countParts(v []imapValue) (n int) {
	for n < len(v) && list(v[n]) != nil {
		n++
	}
	return n
}

func paramOf(params imapValue, name string) (string, bool) {
	l := list(params)
	for i := 0; i+1 < len(l); i += 2 {
		if k, _ := l[i].(string); strings.EqualFold(k, name) {
			v, _ := l[i+1].(string)
			return v, true
		}
	}
	return "", false
}

func sameWords(a, b imapValue) bool {
	x, ok1 := a.(string)
	y, ok2 := b.(string)
	return ok1 && ok2 && strings.Join(strings.Fields(x), " ") == strings.Join(strings.Fields(y), " ")
}
