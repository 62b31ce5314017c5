package imap

// CancelUpdate is the argument of CANCELUPDATE (RFC 5267 section 4.3).
type CancelUpdate struct {
	// Tags are those of the commands whose results are not to be kept up to date any more; one at least.
	Tags []string
}

// cancelUpdate:
//
//	command-select =/ "CANCELUPDATE" 1*(SP quoted)
func (p *parser) cancelUpdate() Args {
	a := new(CancelUpdate)
	p.sp()
	for p.err == nil {
		a.Tags = append(a.Tags, p.astring("the tag of a command"))
		if !p.accept(' ') || p.atEnd() {
			break
		}
	}
	return a
}

func (a *CancelUpdate) appendArgs(b []byte) []byte {
	for _, tag := range a.Tags {
		b = appendString(append(b, ' '), tag)
	}
	return b
}
