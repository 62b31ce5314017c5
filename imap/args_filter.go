package imap

// ESearch is the argument of ESEARCH (RFC 7377 section 2).
type ESearch struct {
	// In says where to look; nil is the selected mailbox.
	In []MailboxFilter
	Search
}

// A MailboxFilter is a filter-mailboxes of RFC 5465 section 6 and RFC 7377 section 2.2.
type MailboxFilter struct {
	Kind FilterKind
	// Mailboxes has the names of those kinds that have some, one at least.
	Mailboxes []string
}

// FilterKind says which mailboxes a MailboxFilter means.
type FilterKind string

// The kinds of filters; the last three have names. FilterSelectedDelayed is for NOTIFY only; FilterSubtreeOne came with
// ESEARCH, and NOTIFY takes it too.
const (
	FilterSelected        FilterKind = "SELECTED"
	FilterSelectedDelayed FilterKind = "SELECTED-DELAYED"
	FilterInboxes         FilterKind = "INBOXES"
	FilterPersonal        FilterKind = "PERSONAL"
	FilterSubscribed      FilterKind = "SUBSCRIBED"
	FilterSubtree         FilterKind = "SUBTREE"
	FilterSubtreeOne      FilterKind = "SUBTREE-ONE"
	FilterMailboxes       FilterKind = "MAILBOXES"
)

// esearch (RFC 7377 section 4):
//
//	esearch             = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program
//	esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
//	source-mbox         = filter-mailboxes *(SP filter-mailboxes)
//
// There are no scope-options yet.
func (p *parser) esearch() Args {
	a := new(ESearch)
	p.sp()
	word := p.keyword()
	if string(word) == "IN" {
		p.sp()
		p.open()
		p.list1(func() {
			f := p.filterMailboxes()
			if f.Kind == FilterSelectedDelayed {
				p.fail(ErrSyntax, "selected-delayed is for NOTIFY")
			}
			a.In = append(a.In, f)
		})
		p.sp()
		word = p.keyword()
	}
	p.searchProgram(&a.Search, word)
	return a
}

// filterMailboxes:
//
//	filter-mailboxes          = filter-mailboxes-selected / filter-mailboxes-other
//	filter-mailboxes-selected = "selected" / "selected-delayed"
//	filter-mailboxes-other    = "inboxes" / "personal" / "subscribed" / ("subtree" SP one-or-more-mailbox) /
//	                            ("subtree-one" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
//	one-or-more-mailbox       = mailbox / "(" mailbox *(SP mailbox) ")"
func (p *parser) filterMailboxes() MailboxFilter {
	f := MailboxFilter{Kind: FilterKind(p.keyword())}
	switch f.Kind {
	case FilterSelected, FilterSelectedDelayed, FilterInboxes, FilterPersonal, FilterSubscribed:
	case FilterSubtree, FilterSubtreeOne, FilterMailboxes:
		p.sp()
		if !p.accept('(') {
			f.Mailboxes = []string{p.mailbox()}
			break
		}
		p.list1(func() { f.Mailboxes = append(f.Mailboxes, p.mailbox()) })
	default:
		p.expected("which mailboxes, such as personal")
	}
	return f
}

func (a *ESearch) appendArgs(b []byte) []byte {
	sep := " IN ("
	for i := range a.In {
		b = a.In[i].appendTo(append(b, sep...))
		sep = " "
	}
	if len(a.In) > 0 {
		b = append(b, ')')
	}
	return a.Search.appendArgs(b)
}

func (f *MailboxFilter) appendTo(b []byte) []byte {
	b = append(b, f.Kind...)
	if len(f.Mailboxes) == 0 {
		return b
	}
	sep := " ("
	for _, name := range f.Mailboxes {
		b = appendMailbox(append(b, sep...), name)
		sep = " "
	}
	return append(b, ')')
}
