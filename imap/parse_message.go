package imap

import "math"

// copyOrMove:
//
//	copy = "COPY" SP sequence-set SP mailbox
//	move = "MOVE" SP sequence-set SP mailbox
func (p *parser) copyOrMove() Args {
	p.sp()
	a := &Copy{Set: p.sequenceSet()}
	p.sp()
	a.Mailbox = p.mailbox()
	return a
}

// uidExpunge:
//
//	uid-expunge = "UID" SP "EXPUNGE" SP sequence-set
func (p *parser) uidExpunge() Args {
	p.sp()
	return &Expunge{Set: p.sequenceSet()}
}

// store:
//
//	store           = "STORE" SP sequence-set [SP store-modifiers] SP store-att-flags
//	store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
func (p *parser) store() Args {
	p.sp()
	a := &Store{Set: p.sequenceSet(), Op: StoreSet}
	p.sp()
	if p.accept('(') {
		a.Modifiers = p.params()
		p.sp()
	}
	switch {
	case p.accept('+'):
		a.Op = StoreAdd
	case p.accept('-'):
		a.Op = StoreRemove
	}
	switch string(p.keyword()) {
	case "FLAGS":
	case "FLAGS.SILENT":
		a.Silent = true
	default:
		p.expected("FLAGS")
	}
	p.sp()
	if p.peek() == '(' {
		a.Flags = p.flagList()
		return a
	}
	for p.err == nil {
		a.Flags = append(a.Flags, p.flag())
		if !p.accept(' ') || p.atEnd() {
			break
		}
	}
	return a
}

// fetch:
//
//	fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att /
//	        "(" fetch-att *(SP fetch-att) ")") [SP fetch-modifiers]
func (p *parser) fetch() Args {
	p.sp()
	a := &Fetch{Set: p.sequenceSet()}
	p.sp()
	if p.accept('(') {
		a.Items = p.fetchAtts()
		a.Modifiers = p.optionalParams()
		return a
	}
	a.Items = p.macroOrAtt()
	a.Modifiers = p.optionalParams()
	// What stands in parentheses behind a single PREVIEW may belong to it, or to FETCH.
	if m := a.Modifiers; len(m) == 1 && m[0].isLazy() && a.Items[0].mayBeLazy() {
		a.Items[0].Lazy = true
		a.Modifiers = p.optionalParams()
	}
	return a
}

// fetchAtts reads fetch-att *(SP fetch-att) ")".
func (p *parser) fetchAtts() []FetchItem {
	var items []FetchItem
	p.list1(func() {
		if n := len(items); n > 0 && p.peek() == '(' && items[n-1].mayBeLazy() {
			p.previewModifiers(&items[n-1])
			return
		}
		items = append(items, p.fetchAtt(p.keyword()))
	})
	return items
}

// previewModifiers:
//
//	fetch-att    =/ "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]
//	preview-mod  = "LAZY" / preview-mod-ext
func (p *parser) previewModifiers(it *FetchItem) {
	p.open()
	p.list1(func() {
		if string(p.keyword()) != "LAZY" {
			p.expected("LAZY")
		}
	})
	it.Lazy = true
}

// mayBeLazy reports whether the modifiers of PREVIEW may follow the item.
func (it *FetchItem) mayBeLazy() bool { return it.Att == FetchPreview && !it.Lazy }

func (m *Param) isLazy() bool { return m.Name == "LAZY" && m.Value.Text == "" && m.Value.List == nil }

func (p *parser) macroOrAtt() []FetchItem {
	fast := []FetchItem{{Att: FetchFlags}, {Att: FetchInternalDate}, {Att: FetchRFC822Size}}
	word := p.keyword()
	switch string(word) {
	case "FAST":
		return fast
	case "ALL":
		return append(fast, FetchItem{Att: FetchEnvelope})
	case "FULL":
		return append(fast, FetchItem{Att: FetchEnvelope}, FetchItem{Att: FetchBody})
	}
	return []FetchItem{p.fetchAtt(word)}
}

// fetchAtt, after its first word:
//
//	fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
//	            "BODY" ["STRUCTURE"] / "UID" / "BODY" section [partial] / "BODY.PEEK" section [partial] /
//	            "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary / "PREVIEW" / "MODSEQ" /
//	            "EMAILID" / "THREADID" / "SAVEDATE"
//
// QUIRK: Outlook still asks for RFC822.PEEK of RFC 1730 (emersion/go-imap#657), which also had
// RFC822.TEXT.PEEK.
func (p *parser) fetchAtt(word []byte) FetchItem {
	switch string(word) {
	case "FLAGS":
		return FetchItem{Att: FetchFlags}
	case "UID":
		return FetchItem{Att: FetchUID}
	case "INTERNALDATE":
		return FetchItem{Att: FetchInternalDate}
	case "ENVELOPE":
		return FetchItem{Att: FetchEnvelope}
	case "RFC822":
		return FetchItem{Att: FetchRFC822}
	case "RFC822.PEEK":
		return FetchItem{Att: FetchRFC822, Peek: true}
	case "RFC822.HEADER":
		return FetchItem{Att: FetchRFC822Header}
	case "RFC822.TEXT":
		return FetchItem{Att: FetchRFC822Text}
	case "RFC822.TEXT.PEEK":
		return FetchItem{Att: FetchRFC822Text, Peek: true}
	case "RFC822.SIZE":
		return FetchItem{Att: FetchRFC822Size}
	case "PREVIEW":
		return FetchItem{Att: FetchPreview}
	case "MODSEQ":
		return FetchItem{Att: FetchModSeq}
	case "EMAILID":
		return FetchItem{Att: FetchEmailID}
	case "THREADID":
		return FetchItem{Att: FetchThreadID}
	case "SAVEDATE":
		return FetchItem{Att: FetchSaveDate}
	case "BODYSTRUCTURE":
		return FetchItem{Att: FetchBodyStructure}
	case "BODY":
		if p.peek() != '[' {
			return FetchItem{Att: FetchBody}
		}
		return FetchItem{Att: FetchBodySection, Section: p.section()}
	case "BODY.PEEK":
		return FetchItem{Att: FetchBodySection, Peek: true, Section: p.section()}
	case "BINARY":
		return FetchItem{Att: FetchBinary, Section: p.sectionBinary(true)}
	case "BINARY.PEEK":
		return FetchItem{Att: FetchBinary, Peek: true, Section: p.sectionBinary(true)}
	case "BINARY.SIZE":
		return FetchItem{Att: FetchBinarySize, Section: p.sectionBinary(false)}
	}
	p.expected("a data item such as FLAGS")
	return FetchItem{}
}

// section:
//
//	section      = "[" [section-spec] "]"
//	section-spec = section-msgtext / (section-part ["." section-text])
//	section-part = nz-number *("." nz-number)
func (p *parser) section() *Section {
	s := new(Section)
	p.expect('[', `"["`)
	if p.peek() != ']' && p.sectionPart(s) {
		p.sectionText(s)
	}
	p.expect(']', `"]"`)
	s.Partial = p.partial()
	return s
}

// sectionPart reads the numbers of a section and reports whether words follow.
func (p *parser) sectionPart(s *Section) bool {
	for isDigit(p.peek()) {
		n := p.nzNumber("the number of a part")
		if n > math.MaxInt32 {
			p.fail(ErrSyntax, "the number of a part is too large")
		}
		s.Path = append(s.Path, int(n))
		if !p.accept('.') {
			return false
		}
	}
	return true
}

// sectionText:
//
//	section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
//	section-text    = section-msgtext / "MIME"
//	header-list     = "(" header-fld-name *(SP header-fld-name) ")"
func (p *parser) sectionText(s *Section) {
	switch string(p.keyword()) {
	case "HEADER":
		s.Specifier = SectionHeader
	case "TEXT":
		s.Specifier = SectionText
	case "MIME":
		s.Specifier = SectionMIME
		if len(s.Path) == 0 {
			p.fail(ErrSyntax, "MIME needs the number of a part before it")
		}
	case "HEADER.FIELDS":
		s.Specifier = SectionHeaderFields
		s.Fields = p.headerList()
	case "HEADER.FIELDS.NOT":
		s.Specifier = SectionHeaderFieldsNot
		s.Fields = p.headerList()
	default:
		p.expected("a section such as HEADER, TEXT or 1.2")
	}
}

func (p *parser) headerList() []string {
	var fields []string
	p.sp()
	p.open()
	p.list1(func() { fields = append(fields, p.astring("the name of a header field")) })
	return fields
}

// partial:
//
//	partial = "<" number64 "." nz-number64 ">"
func (p *parser) partial() *Partial {
	if !p.accept('<') {
		return nil
	}
	part := &Partial{Offset: p.number64()}
	p.expect('.', `"."`)
	if part.Length = p.number64(); part.Length == 0 {
		p.fail(ErrSyntax, "a partial needs a length above 0")
	}
	p.expect('>', `">"`)
	return part
}

// sectionBinary:
//
//	section-binary = "[" [section-part] "]"
func (p *parser) sectionBinary(mayBePartial bool) *Section {
	s := new(Section)
	p.expect('[', `"["`)
	if p.peek() != ']' && p.sectionPart(s) {
		p.expected("the number of a part")
	}
	p.expect(']', `"]"`)
	if mayBePartial {
		s.Partial = p.partial()
	}
	return s
}
