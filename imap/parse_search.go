package imap

import "strings"

// search:
//
//	search         = "SEARCH" [search-return-opts] SP search-program
//	search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
func (p *parser) search() Args {
	a := new(Search)
	p.sp()
	p.searchProgram(a, p.keyword())
	return a
}

// searchProgram reads what stands behind the first word of a SEARCH.
func (p *parser) searchProgram(a *Search, word []byte) {
	if string(word) == "RETURN" {
		p.sp()
		a.Return = p.searchReturnOpts()
		p.sp()
		word = p.keyword()
	}
	if string(word) == "CHARSET" {
		p.sp()
		a.Charset = strings.ToUpper(p.astring("a charset"))
		p.sp()
		word = p.keyword()
	}
	a.Key = p.searchKeys(word)
}

// searchKeys reads the keys at the end of a command, after the first word of the first.
func (p *parser) searchKeys(word []byte) SearchKey {
	keys := []SearchKey{p.searchKey(word)}
	for p.accept(' ') && !p.atEnd() {
		keys = append(keys, p.searchKey(p.keyword()))
	}
	return allOf(keys)
}

func allOf(keys []SearchKey) SearchKey {
	if len(keys) == 1 {
		return keys[0]
	}
	return SearchAnd{keys}
}

// searchReturnOpts:
//
//	search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
//	search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE" / "PARTIAL" SP partial-range / "UPDATE" / "CONTEXT"
func (p *parser) searchReturnOpts() *SearchReturn {
	r := new(SearchReturn)
	p.list(func() {
		switch string(p.keyword()) {
		case "MIN":
			r.Min = true
		case "MAX":
			r.Max = true
		case "ALL":
			r.All = true
		case "COUNT":
			r.Count = true
		case "SAVE":
			r.Save = true
		case "UPDATE":
			r.Update = true
		case "CONTEXT":
			r.Context = true
		case "PARTIAL":
			p.sp()
			r.Partial = p.partialRange(r.Partial)
		default:
			p.expected("a result option such as ALL")
		}
	})
	switch {
	case *r == (SearchReturn{Update: r.Update, Context: r.Context}):
		r.All = true
	case r.All && !r.Partial.IsZero():
		p.fail(ErrSyntax, "ALL and PARTIAL exclude each other")
	}
	return r
}

// partialRange reads a partial-range, once in a command.
func (p *parser) partialRange(before PartialRange) PartialRange {
	if !before.IsZero() {
		p.fail(ErrSyntax, "PARTIAL may be asked for only once")
	}
	r, err := ParsePartialRange(string(p.take(func(c byte) bool { return isDigit(c) || c == ':' || c == '-' })))
	if err != nil {
		p.expected("a range of results such as 1:100 or -1:-100")
	}
	return r
}

// searchKey, after its first word, which is empty when it has none:
//
//	search-key = ... / sequence-set / "(" search-key *(SP search-key) ")"
//
// The other alternatives stand with the methods below.
func (p *parser) searchKey(word []byte) SearchKey {
	p.enter()
	defer p.leave()
	if len(word) == 0 {
		return p.searchListOrSet()
	}
	if isDigit(word[0]) {
		return p.searchSet(word)
	}
	name := string(word)
	if k := p.searchFlagKey(name); k != nil {
		return k
	}
	if k := p.searchDateKey(name); k != nil {
		return k
	}
	if k := p.searchTextKey(name); k != nil {
		return k
	}
	return p.searchOtherKey(name)
}

func (p *parser) searchListOrSet() SearchKey {
	if !p.accept('(') {
		return SearchSeq{p.sequenceSet()}
	}
	var keys []SearchKey
	p.list1(func() { keys = append(keys, p.searchKey(p.keyword())) })
	return allOf(keys)
}

// searchSet reads a sequence-set whose first number was taken for a word.
func (p *parser) searchSet(word []byte) SearchKey {
	var b numSetBuilder
	ok := true
	for _, c := range word {
		ok = ok && b.feed(c)
	}
	for c := p.peek(); ok && isSetChar(c) && p.err == nil; c = p.peek() {
		ok = b.feed(c)
		p.next()
	}
	set, err := b.finish()
	if !ok || err != nil {
		p.expected("a set of numbers")
	}
	return SearchSeq{set}
}

// searchFlagKey:
//
//	"ALL" / "ANSWERED" / "DELETED" / "FLAGGED" / "SEEN" / "DRAFT" / "UNANSWERED" / "UNDELETED" / "UNFLAGGED" /
//	"UNSEEN" / "UNDRAFT" / "KEYWORD" SP flag-keyword / "UNKEYWORD" SP flag-keyword / "NEW" / "OLD" / "RECENT"
func (p *parser) searchFlagKey(word string) SearchKey {
	switch word {
	case "ALL":
		return SearchAll{}
	case "NEW":
		return SearchNew{}
	case "RECENT":
		return SearchFlag{Flag: `\Recent`}
	case "OLD":
		return SearchFlag{Flag: `\Recent`, Absent: true}
	case "KEYWORD", "UNKEYWORD":
		p.sp()
		return SearchFlag{Flag: p.atom("a keyword"), Absent: word == "UNKEYWORD"}
	}
	name, absent := strings.CutPrefix(word, "UN")
	switch name {
	case "ANSWERED":
		return SearchFlag{`\Answered`, absent}
	case "DELETED":
		return SearchFlag{`\Deleted`, absent}
	case "FLAGGED":
		return SearchFlag{`\Flagged`, absent}
	case "SEEN":
		return SearchFlag{`\Seen`, absent}
	case "DRAFT":
		return SearchFlag{`\Draft`, absent}
	}
	return nil
}

// searchDateKey:
//
//	"BEFORE" SP date / "ON" SP date / "SINCE" SP date / "SENTBEFORE" SP date / "SENTON" SP date /
//	"SENTSINCE" SP date
//
// and of RFC 5032 "OLDER" SP nz-number / "YOUNGER" SP nz-number, of RFC 8514 "SAVEDBEFORE" SP date /
// "SAVEDON" SP date / "SAVEDSINCE" SP date / "SAVEDATESUPPORTED".
func (p *parser) searchDateKey(word string) SearchKey {
	if word == "OLDER" || word == "YOUNGER" {
		p.sp()
		return SearchWithin{Older: word == "OLDER", Seconds: p.nzNumber("a number of seconds above 0")}
	}
	if word == "SAVEDATESUPPORTED" {
		return SearchSaveDates{}
	}
	k := SearchDate{Field: InternalDate}
	if rest, sent := strings.CutPrefix(word, "SENT"); sent {
		k.Field, word = SentDate, rest
	} else if rest, saved := strings.CutPrefix(word, "SAVED"); saved {
		k.Field, word = SaveDate, rest
	}
	switch word {
	case "BEFORE":
		k.Op = DateBefore
	case "ON":
		k.Op = DateOn
	case "SINCE":
		k.Op = DateSince
	default:
		return nil
	}
	p.sp()
	k.Date = p.date()
	return k
}

// searchTextKey:
//
//	"BCC" SP astring / "BODY" SP astring / "CC" SP astring / "FROM" SP astring / "SUBJECT" SP astring /
//	"TEXT" SP astring / "TO" SP astring / "HEADER" SP header-fld-name SP astring
func (p *parser) searchTextKey(word string) SearchKey {
	switch word {
	case "BCC", "CC", "FROM", "SUBJECT", "TO":
		p.sp()
		return SearchField{Field: word, Value: p.astring("a string")}
	case "BODY", "TEXT":
		p.sp()
		return SearchText{BodyOnly: word == "BODY", Value: p.astring("a string")}
	case "HEADER":
		p.sp()
		k := SearchHeader{Field: p.astring("the name of a header field")}
		p.sp()
		k.Value = p.astring("a string")
		return k
	}
	return nil
}

// searchModSeq, after its name (RFC 7162 section 7):
//
//	search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer
//	search-modseq-ext  = SP entry-name SP entry-type-req
//	entry-type-req     = "priv" / "shared" / "all"
func (p *parser) searchModSeq() SearchKey {
	var k SearchModSeq
	if p.peek() == '"' {
		k.Entry = p.quoted()
		p.sp()
		switch k.Type = strings.ToLower(string(p.keyword())); k.Type {
		case "priv", "shared", "all":
		default:
			p.expected("priv, shared or all")
		}
		p.sp()
	}
	k.Min = uint64(p.number64())
	return k
}

// objectID (RFC 8474 section 7):
//
//	objectid = 1*255(ALPHA / DIGIT / "_" / "-")
func (p *parser) objectID() string {
	id := p.take(func(c byte) bool {
		return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
	})
	if len(id) == 0 || len(id) > 255 {
		p.expected("an object identifier")
	}
	return string(id)
}

// searchOtherKey:
//
//	"LARGER" SP number64 / "NOT" SP search-key / "OR" SP search-key SP search-key / "SMALLER" SP number64 /
//	"UID" SP sequence-set
//
// of RFC 6203 "FUZZY" SP search-key, and of RFC 8474 "EMAILID" SP objectid / "THREADID" SP objectid.
//
// QUIRK: iOS Mail sends FUZZY whether it is offered or not.
func (p *parser) searchOtherKey(word string) SearchKey {
	switch word {
	case "LARGER", "SMALLER":
		p.sp()
		return SearchSize{Larger: word == "LARGER", Size: p.number64()}
	case "NOT":
		p.sp()
		return SearchNot{p.searchKey(p.keyword())}
	case "FUZZY":
		p.sp()
		return SearchFuzzy{p.searchKey(p.keyword())}
	case "OR":
		p.sp()
		left := p.searchKey(p.keyword())
		p.sp()
		return SearchOr{left, p.searchKey(p.keyword())}
	case "UID":
		p.sp()
		return SearchUID{p.sequenceSet()}
	case "MODSEQ":
		p.sp()
		return p.searchModSeq()
	case "EMAILID", "THREADID":
		p.sp()
		return SearchObjectID{Thread: word == "THREADID", ID: p.objectID()}
	}
	p.expected("a search key such as SUBJECT")
	return SearchAll{}
}
