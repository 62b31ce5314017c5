package imap

import "strconv"

// GetQuota is the argument of GETQUOTA (RFC 9208 section 4.1.1).
type GetQuota struct {
	// Root is the name of a quota root, which is no mailbox name.
	Root string
}

// SetQuota is the argument of SETQUOTA (RFC 9208 section 4.1.3).
type SetQuota struct {
	Root   string
	Limits []QuotaLimit
}

// A QuotaLimit is the limit of one resource.
type QuotaLimit struct {
	// Resource is in upper case, as STORAGE and MESSAGE.
	Resource string
	Limit    int64
}

// getQuota:
//
//	getquota = "GETQUOTA" SP quota-root-name
func (p *parser) getQuota() Args {
	p.sp()
	return &GetQuota{Root: p.astring("the name of a quota root")}
}

// setQuota:
//
//	setquota          = "SETQUOTA" SP quota-root-name SP setquota-list
//	setquota-list     = "(" [setquota-resource *(SP setquota-resource)] ")"
//	setquota-resource = resource-name SP resource-limit
func (p *parser) setQuota() Args {
	p.sp()
	a := &SetQuota{Root: p.astring("the name of a quota root")}
	p.sp()
	p.list(func() {
		l := QuotaLimit{Resource: string(p.keyword())}
		if l.Resource == "" {
			p.expected("a resource such as STORAGE")
		}
		p.sp()
		l.Limit = p.number64()
		a.Limits = append(a.Limits, l)
	})
	return a
}

func (a *GetQuota) appendArgs(b []byte) []byte { return appendAString(append(b, ' '), a.Root) }

func (a *SetQuota) appendArgs(b []byte) []byte {
	b = append(appendAString(append(b, ' '), a.Root), " ("...)
	for i, l := range a.Limits {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(append(b, l.Resource...), ' ')
		b = strconv.AppendInt(b, l.Limit, 10)
	}
	return append(b, ')')
}
