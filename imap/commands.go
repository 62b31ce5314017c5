package imap

// commands has every command with the method that reads its arguments; nil for none. The names point to
// themselves so that a Command's Name costs no allocation.
var commands = map[string]struct {
	name string
	args func(*parser) Args
}{
	// RFC 9051 section 6.1, any state, and RFC 2971.
	"CAPABILITY": {"CAPABILITY", nil},
	"NOOP":       {"NOOP", nil},
	"LOGOUT":     {"LOGOUT", nil},
	"ID":         {"ID", (*parser).id},

	// Section 6.2, not authenticated.
	"STARTTLS":     {"STARTTLS", nil},
	"AUTHENTICATE": {"AUTHENTICATE", (*parser).authenticate},
	"LOGIN":        {"LOGIN", (*parser).login},

	// Section 6.3, authenticated; LSUB and CHECK are of RFC 3501.
	"ENABLE":      {"ENABLE", (*parser).enable},
	"SELECT":      {"SELECT", (*parser).selectOrExamine},
	"EXAMINE":     {"EXAMINE", (*parser).selectOrExamine},
	"CREATE":      {"CREATE", (*parser).create},
	"DELETE":      {"DELETE", (*parser).oneMailbox},
	"RENAME":      {"RENAME", (*parser).rename},
	"SUBSCRIBE":   {"SUBSCRIBE", (*parser).oneMailbox},
	"UNSUBSCRIBE": {"UNSUBSCRIBE", (*parser).oneMailbox},
	"LIST":        {"LIST", (*parser).listCommand},
	"LSUB":        {"LSUB", (*parser).lsub},
	"NAMESPACE":   {"NAMESPACE", nil},
	"ESEARCH":     {"ESEARCH", (*parser).esearch}, // RFC 7377
	"NOTIFY":      {"NOTIFY", (*parser).notify},   // RFC 5465
	"STATUS":      {"STATUS", (*parser).status},
	"APPEND":      {"APPEND", (*parser).appendCommand},
	"IDLE":        {"IDLE", nil},
	"COMPRESS":    {"COMPRESS", (*parser).compress}, // RFC 4978

	"UNAUTHENTICATE": {"UNAUTHENTICATE", nil}, // RFC 8437

	// RFC 5464.
	"GETMETADATA": {"GETMETADATA", (*parser).getMetadata},
	"SETMETADATA": {"SETMETADATA", (*parser).setMetadata},

	// RFC 9208.
	"GETQUOTA":     {"GETQUOTA", (*parser).getQuota},
	"GETQUOTAROOT": {"GETQUOTAROOT", (*parser).oneMailbox},
	"SETQUOTA":     {"SETQUOTA", (*parser).setQuota},

	// RFC 4314.
	"SETACL":     {"SETACL", (*parser).setACL},
	"DELETEACL":  {"DELETEACL", (*parser).mailboxIdentifier},
	"GETACL":     {"GETACL", (*parser).oneMailbox},
	"LISTRIGHTS": {"LISTRIGHTS", (*parser).mailboxIdentifier},
	"MYRIGHTS":   {"MYRIGHTS", (*parser).oneMailbox},

	// Section 6.4, selected.
	"CHECK":       {"CHECK", nil},
	"CLOSE":       {"CLOSE", nil},
	"UNSELECT":    {"UNSELECT", nil},
	"EXPUNGE":     {"EXPUNGE", nil},
	"SEARCH":      {"SEARCH", (*parser).search},
	"SORT":        {"SORT", (*parser).sort},
	"THREAD":      {"THREAD", (*parser).thread},
	"FETCH":       {"FETCH", (*parser).fetch},
	"STORE":       {"STORE", (*parser).store},
	"COPY":        {"COPY", (*parser).copyOrMove},
	"MOVE":        {"MOVE", (*parser).copyOrMove},
	"UID SEARCH":  {"UID SEARCH", (*parser).search},
	"UID SORT":    {"UID SORT", (*parser).sort},
	"UID THREAD":  {"UID THREAD", (*parser).thread},
	"UID FETCH":   {"UID FETCH", (*parser).fetch},
	"UID STORE":   {"UID STORE", (*parser).store},
	"UID COPY":    {"UID COPY", (*parser).copyOrMove},
	"UID MOVE":    {"UID MOVE", (*parser).copyOrMove},
	"UID EXPUNGE": {"UID EXPUNGE", (*parser).uidExpunge},

	"CANCELUPDATE": {"CANCELUPDATE", (*parser).cancelUpdate}, // RFC 5267

	// RFC 8508.
	"REPLACE":     {"REPLACE", (*parser).replace},
	"UID REPLACE": {"UID REPLACE", (*parser).replace},
}

// command:
//
//	command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
//
// Of APPEND and REPLACE everything behind the mailbox is left to [Append.Next].
func (p *parser) command() *Command {
	p.tag = p.readTag()
	p.sp()
	word := p.keyword()
	if string(word) == "UID" && p.accept(' ') {
		word = append([]byte("UID "), p.keyword()...)
	}
	if p.err != nil {
		return nil
	}
	entry, ok := commands[string(word)]
	if !ok {
		p.unknown(string(word))
		return nil
	}
	p.name = entry.name
	c := &Command{Tag: p.tag, Name: entry.name}
	if entry.args != nil {
		c.Args = entry.args(p)
	}
	if appendOf(c.Args) == nil {
		p.crlf()
	}
	return c
}

func (p *parser) unknown(name string) {
	if name == "" {
		p.expected("the name of a command")
		return
	}
	const shown = 40
	if len(name) > shown {
		name = name[:shown]
	}
	p.fail(ErrUnknownCommand, "there is no command "+name)
}

// readTag:
//
//	tag = 1*<any ASTRING-CHAR except "+">
func (p *parser) readTag() string {
	tag := string(p.take(isTagChar))
	if tag == "" {
		p.expected("a tag")
	} else if c := p.peek(); p.err == nil && c != ' ' && c != '\r' && c != '\n' {
		p.expected("a tag")
		tag = ""
	}
	return tag
}
