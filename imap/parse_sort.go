package imap

import "strings"

// sort, of RFC 5256 section 5 with the result options of RFC 5267 section 3:
//
//	sort            = ["UID" SP] "SORT" [search-return-opts] SP sort-criteria SP search-criteria
//	sort-criteria   = "(" sort-criterion *(SP sort-criterion) ")"
//	sort-criterion  = ["REVERSE" SP] sort-key
//	search-criteria = charset 1*(SP search-key)
func (p *parser) sort() Args {
	a := new(Sort)
	p.sp()
	if p.peek() != '(' {
		if string(p.keyword()) != "RETURN" {
			p.expected(`"(" and what to sort by`)
		}
		p.sp()
		a.Return = p.searchReturnOpts()
		p.sp()
	}
	p.open()
	p.list1(func() { a.Criteria = append(a.Criteria, p.sortCriterion()) })
	p.sp()
	a.Charset, a.Key = p.searchCriteria()
	return a
}

// sortCriterion:
//
//	sort-key  = "ARRIVAL" / "CC" / "DATE" / "FROM" / "SIZE" / "SUBJECT" / "TO"
//	sort-key =/ "DISPLAYFROM" / "DISPLAYTO" ; RFC 5957
func (p *parser) sortCriterion() SortCriterion {
	var c SortCriterion
	word := string(p.keyword())
	if word == "REVERSE" {
		c.Reverse = true
		p.sp()
		word = string(p.keyword())
	}
	c.Key = SortKey(word)
	switch c.Key {
	case SortArrival, SortCc, SortDate, SortFrom, SortSize, SortSubject, SortTo, SortDisplayFrom, SortDisplayTo:
	default:
		p.expected("a sort key such as DATE")
	}
	return c
}

// searchCriteria reads what SORT and THREAD look for.
func (p *parser) searchCriteria() (charset string, key SearchKey) {
	charset = strings.ToUpper(p.astring("a charset"))
	p.sp()
	return charset, p.searchKeys(p.keyword())
}

// thread:
//
//	thread     = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
//	thread-alg = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext
//	thread-alg-ext = atom
func (p *parser) thread() Args {
	a := new(Thread)
	p.sp()
	a.Algorithm = strings.ToUpper(p.atom("the name of a threading algorithm"))
	p.sp()
	a.Charset, a.Key = p.searchCriteria()
	return a
}
