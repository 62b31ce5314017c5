package imap

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// read parses all commands of a text; asks counts the synchronizing literals that were asked for.
func readAll(t testing.TB, text string, opts ReaderOptions) (cmds []*Command, errs []error, asks int) {
	t.Helper()
	opts.Continue = func() error { asks++; return nil }
	r := NewReader(strings.NewReader(text), opts)
	for {
		c, err := r.ReadCommand()
		if err == io.EOF {
			return cmds, errs, asks
		}
		if err != nil {
			errs = append(errs, err)
			var e *Error
			if !errors.As(err, &e) || e.Kind == ErrLost {
				return cmds, errs, asks
			}
			continue
		}
		cmds = append(cmds, c)
	}
}

// seq reads a set that is known to be one.
func seq(text string) NumSet {
	s, err := ParseNumSet(text)
	if err != nil {
		panic(err)
	}
	return s
}

func bodyPeek(s Section) FetchItem { return FetchItem{Att: FetchBodySection, Peek: true, Section: &s} }

var commandTests = []struct {
	in   string
	name string
	args Args
}{
	{"a CAPABILITY", "CAPABILITY", nil},
	{"a noop", "NOOP", nil},
	{"a UNAUTHENTICATE", "UNAUTHENTICATE", nil},
	{"a COMPRESS deflate", "COMPRESS", &Compress{Algorithm: "DEFLATE"}},
	{"a REPLACE * x", "REPLACE", &Replace{Message: seq("*"), Append: &Append{Mailbox: "x"}}},
	{"a UID REPLACE 7 inbox", "UID REPLACE", &Replace{Message: seq("7"), Append: &Append{Mailbox: "INBOX"}}},
	{`a SETACL inbox "" +lr`, "SETACL", &SetACL{Mailbox: "INBOX", Rights: "+lr"}},
	{`a setacl x -fred ""`, "SETACL", &SetACL{Mailbox: "x", Identifier: "-fred"}},
	{"a DELETEACL x $staff", "DELETEACL", &MailboxIdentifier{Mailbox: "x", Identifier: "$staff"}},
	{"a LISTRIGHTS Entw&APw-rfe anyone", "LISTRIGHTS", &MailboxIdentifier{Mailbox: "Entwürfe", Identifier: "anyone"}},
	{"a GETACL x", "GETACL", &Mailbox{Name: "x"}},
	{"a MYRIGHTS inbox", "MYRIGHTS", &Mailbox{Name: "INBOX"}},
	{`a LIST "" % RETURN (MYRIGHTS)`, "LIST", &List{Extended: true, Patterns: []string{"%"}, Return: ListReturn{MyRights: true}}},
	{`a GETMETADATA "" /shared/comment`, "GETMETADATA", &GetMetadata{Entries: []string{"/shared/comment"}}},
	{`a GETMETADATA INBOX ("/shared/a b" /private/comment)`, "GETMETADATA", &GetMetadata{Mailbox: "INBOX", Entries: []string{"/shared/a b", "/private/comment"}}},
	{`a GETMETADATA (maxsize 1024 DEPTH infinity) x /shared`, "GETMETADATA", &GetMetadata{
		Mailbox: "x", MaxSize: 1024, HasMaxSize: true, Depth: DepthInfinity, Entries: []string{"/shared"},
	}},
	// QUIRK: as the examples of RFC 5464 have it.
	{`a GETMETADATA "INBOX" (DEPTH 1 MAXSIZE 0) (/private/filters/values)`, "GETMETADATA", &GetMetadata{
		Mailbox: "INBOX", HasMaxSize: true, Depth: DepthOne, Entries: []string{"/private/filters/values"},
	}},
	{`a GETMETADATA x (DEPTH 0) /private/a`, "GETMETADATA", &GetMetadata{Mailbox: "x", Entries: []string{"/private/a"}}},
	{"a SETMETADATA x (/private/a NIL /private/b \"v\" /private/c {2}\r\nxy /private/d ~{3+}\r\n\x00\r\n /private/e \"\")", "SETMETADATA", &SetMetadata{
		Mailbox: "x", Values: []MetadataValue{{Entry: "/private/a", Nil: true}, {Entry: "/private/b", Value: "v"}, {Entry: "/private/c", Value: "xy"},
			{Entry: "/private/d", Value: "\x00\r\n"}, {Entry: "/private/e"}},
	}},
	{`a LIST "" % RETURN (METADATA (/shared/comment "/private/a b") CHILDREN STATUS (MESSAGES))`, "LIST", &List{
		Extended: true, Patterns: []string{"%"}, Return: ListReturn{Children: true, Status: []StatusItem{StatusMessages}, Metadata: []string{"/shared/comment", "/private/a b"}},
	}},
	{`a LIST "" % RETURN (METADATA "/private/a" SUBSCRIBED)`, "LIST", &List{
		Extended: true, Patterns: []string{"%"}, Return: ListReturn{Subscribed: true, Metadata: []string{"/private/a"}},
	}},
	{`a GETMETADATA x (DEPTH 0) (/private/a /private/b)`, "GETMETADATA", &GetMetadata{Mailbox: "x", Entries: []string{"/private/a", "/private/b"}}},
	{`a GETQUOTA "User quota"`, "GETQUOTA", &GetQuota{Root: "User quota"}},
	{"a GETQUOTAROOT inbox", "GETQUOTAROOT", &Mailbox{Name: "INBOX"}},
	{`a SETQUOTA "" (storage 512 MESSAGE 9223372036854775807)`, "SETQUOTA", &SetQuota{Limits: []QuotaLimit{{"STORAGE", 512}, {"MESSAGE", 1<<63 - 1}}}},
	{`a SETQUOTA x ()`, "SETQUOTA", &SetQuota{Root: "x"}},
	{"a STATUS x (DELETED-STORAGE)", "STATUS", &Status{Mailbox: "x", Items: []StatusItem{StatusDeletedStorage}}},
	{"a STATUS x (mailboxid)", "STATUS", &Status{Mailbox: "x", Items: []StatusItem{StatusMailboxID}}},
	{"a STATUS x (APPENDLIMIT)", "STATUS", &Status{Mailbox: "x", Items: []StatusItem{StatusAppendLimit}}},
	{"a NOOP  ", "NOOP", nil}, // spaces at the end
	{"a AUTHENTICATE PLAIN", "AUTHENTICATE", &Authenticate{Mechanism: "PLAIN"}},
	{"a authenticate plain =", "AUTHENTICATE", &Authenticate{Mechanism: "PLAIN", HasInitial: true, Initial: []byte{}}},
	{"a AUTHENTICATE PLAIN AGEAYg==", "AUTHENTICATE", &Authenticate{Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00a\x00b")}},
	{"a LOGIN jo secret", "LOGIN", &Login{User: "jo", Password: "secret"}},
	{`a LOGIN "jo \"x\" \\" ""`, "LOGIN", &Login{User: `jo "x" \`}},
	{"a LOGIN {2}\r\njo {6+}\r\nse\r\net", "LOGIN", &Login{User: "jo", Password: "se\r\net"}},
	{"a LOGIN {0}\r\n {0+}\r\n", "LOGIN", &Login{}},
	{"a ENABLE condstore UTF8=ACCEPT", "ENABLE", &Enable{Capabilities: []string{"CONDSTORE", "UTF8=ACCEPT"}}},
	{"a ID NIL", "ID", &ID{}},
	{"a ID ()", "ID", &ID{}},
	{`a ID ("name" "x" "os" NIL "v" "")`, "ID", &ID{Fields: []IDField{{Name: "name", Value: "x"}, {Name: "os", Nil: true}, {Name: "v"}}}},
	// QUIRK: Outlook sends its ID with non-synchronizing literals, before LOGIN.
	{"a ID ({4+}\r\nname {9+}\r\nMicrosoft)", "ID", &ID{Fields: []IDField{{Name: "name", Value: "Microsoft"}}}},

	{"a SELECT inbox", "SELECT", &Select{Mailbox: "INBOX"}},
	{`a SELECT "INBOX" (CONDSTORE)`, "SELECT", &Select{Mailbox: "INBOX", Params: []Param{{Name: "CONDSTORE"}}}},
	// QUIRK: eM Client's form.
	{"a EXAMINE box (CONDSTORE QRESYNC (67890007 20 41,43:211 (1,3 2,5)))", "EXAMINE", &Select{Mailbox: "box", Params: []Param{
		{Name: "CONDSTORE"},
		{Name: "QRESYNC", Value: Value{List: []Value{{Text: "67890007"}, {Text: "20"}, {Text: "41,43:211"}, {List: []Value{{Text: "1,3"}, {Text: "2,5"}}}}}},
	}}},
	{`a CREATE Entw&APw-rfe (USE (\Drafts))`, "CREATE", &Create{Mailbox: "Entwürfe", Params: []Param{{Name: "USE", Value: Value{List: []Value{{Text: `\Drafts`}}}}}}},
	{"a CREATE a&-b", "CREATE", &Create{Mailbox: "a&b"}},
	// QUIRK: raw UTF-8 and an unescaped "&", quoted and not.
	{`a CREATE "Entwürfe & mehr"`, "CREATE", &Create{Mailbox: "Entwürfe & mehr"}},
	{"a CREATE Größe", "CREATE", &Create{Mailbox: "Größe"}},
	{"a DELETE x]", "DELETE", &Mailbox{Name: "x]"}},
	{"a SUBSCRIBE a/b", "SUBSCRIBE", &Mailbox{Name: "a/b"}},
	{"a UNSUBSCRIBE InBoX", "UNSUBSCRIBE", &Mailbox{Name: "INBOX"}},
	{"a RENAME x y", "RENAME", &Rename{From: "x", To: "y"}},
	{`a LIST "" ""`, "LIST", &List{Patterns: []string{""}}},
	{`a LIST "" *`, "LIST", &List{Patterns: []string{"*"}}},
	{`a LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN STATUS (MESSAGES SIZE))`, "LIST", &List{
		Extended: true, Select: ListSelect{Subscribed: true, RecursiveMatch: true}, Patterns: []string{"%"},
		Return: ListReturn{Children: true, Status: []StatusItem{StatusMessages, StatusSize}},
	}},
	{`a LIST (SPECIAL-USE REMOTE) "" (INBOX "x &AOk-%") RETURN (SUBSCRIBED SPECIAL-USE)`, "LIST", &List{
		Extended: true, Select: ListSelect{SpecialUse: true, Remote: true}, Patterns: []string{"INBOX", "x é%"},
		Return: ListReturn{Subscribed: true, SpecialUse: true},
	}},
	{`a LIST () "" x RETURN ()`, "LIST", &List{Extended: true, Patterns: []string{"x"}}},
	{`a LSUB "" Mail/%`, "LSUB", &Lsub{Pattern: "Mail/%"}},
	{"a NAMESPACE", "NAMESPACE", nil},
	{"a STATUS x (messages RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE MESSAGES)", "STATUS", &Status{Mailbox: "x", Items: []StatusItem{
		StatusMessages, StatusRecent, StatusUIDNext, StatusUIDValidity, StatusUnseen, StatusDeleted, StatusSize,
	}}},

	{"a SEARCH savedbefore 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994 SAVEDATESUPPORTED", "SEARCH", &Search{Key: SearchAnd{[]SearchKey{
		SearchDate{SaveDate, DateBefore, Date{1994, 2, 1}}, SearchDate{SaveDate, DateOn, Date{1994, 2, 2}}, SearchDate{SaveDate, DateSince, Date{1994, 2, 3}},
		SearchSaveDates{},
	}}}},
	{"a FETCH 1 savedate", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchSaveDate}}}},
	{"a EXPUNGE", "EXPUNGE", nil},
	{"a UID EXPUNGE 3:5", "UID EXPUNGE", &Expunge{Set: seq("3:5")}},
	{"a COPY 1:* x", "COPY", &Copy{Set: seq("1:*"), Mailbox: "x"}},
	{"a uid move $ x", "UID MOVE", &Copy{Set: SavedSet(), Mailbox: "x"}},
	{`a STORE 1 +FLAGS (\seen \DELETED $Junk \x)`, "STORE", &Store{Set: seq("1"), Op: StoreAdd, Flags: []string{`\Seen`, `\Deleted`, "$Junk", `\x`}}},
	{`a UID STORE 1 -flags.silent \Seen x`, "UID STORE", &Store{Set: seq("1"), Op: StoreRemove, Silent: true, Flags: []string{`\Seen`, "x"}}},
	{"a STORE 1 (UNCHANGEDSINCE 12) FLAGS ()", "STORE", &Store{Set: seq("1"), Op: StoreSet, Modifiers: []Param{{Name: "UNCHANGEDSINCE", Value: Value{Text: "12"}}}}},

	{"a CANCELUPDATE \"b1\" c2", "CANCELUPDATE", &CancelUpdate{Tags: []string{"b1", "c2"}}},
	{"a UID SEARCH RETURN (update context) ALL", "UID SEARCH", &Search{Return: &SearchReturn{All: true, Update: true, Context: true}, Key: SearchAll{}}},
	{"a UID SEARCH RETURN (COUNT UPDATE) ALL", "UID SEARCH", &Search{Return: &SearchReturn{Count: true, Update: true}, Key: SearchAll{}}},
	{"a NOTIFY NONE", "NOTIFY", &Notify{}},
	{"a notify set (selected NONE)", "NOTIFY", &Notify{Groups: []EventGroup{{Filter: MailboxFilter{Kind: FilterSelected}}}}},
	{"a NOTIFY SET STATUS (selected-delayed (MessageNew (UID BODY.PEEK[1] PREVIEW (LAZY)) messageexpunge FlagChange)) (mailboxes (a \"b c\") (MailboxName X-Own))", "NOTIFY", &Notify{
		Status: true,
		Groups: []EventGroup{
			{MailboxFilter{Kind: FilterSelectedDelayed}, []NotifyEvent{
				{Name: EventMessageNew, Fetch: []FetchItem{{Att: FetchUID}, bodyPeek(Section{Path: []int{1}}), {Att: FetchPreview, Lazy: true}}},
				{Name: EventMessageExpunge}, {Name: EventFlagChange},
			}},
			{MailboxFilter{Kind: FilterMailboxes, Mailboxes: []string{"a", "b c"}}, []NotifyEvent{{Name: EventMailboxName}, {Name: "X-Own"}}},
		},
	}},
	{"a ESEARCH SEEN", "ESEARCH", &ESearch{Search: Search{Key: SearchFlag{Flag: `\Seen`}}}},
	{"a esearch in (Selected subtree (x \"y z\") subtree-one w MAILBOXES inbox) RETURN (MIN) CHARSET utf-8 ALL", "ESEARCH", &ESearch{
		In: []MailboxFilter{
			{Kind: FilterSelected}, {Kind: FilterSubtree, Mailboxes: []string{"x", "y z"}},
			{Kind: FilterSubtreeOne, Mailboxes: []string{"w"}}, {Kind: FilterMailboxes, Mailboxes: []string{"INBOX"}},
		},
		Search: Search{Return: &SearchReturn{Min: true}, Charset: "UTF-8", Key: SearchAll{}},
	}},
	{"a ESEARCH IN (inboxes personal subscribed) 1", "ESEARCH", &ESearch{
		In: []MailboxFilter{{Kind: FilterInboxes}, {Kind: FilterPersonal}, {Kind: FilterSubscribed}}, Search: Search{Key: SearchSeq{seq("1")}},
	}},

	{"a SORT (DATE) UTF-8 ALL", "SORT", &Sort{Criteria: []SortCriterion{{Key: SortDate}}, Charset: "UTF-8", Key: SearchAll{}}},
	{"a uid sort (reverse subject reverse arrival displayfrom Displayto cc to from size) us-ascii seen 1:3", "UID SORT", &Sort{
		Criteria: []SortCriterion{
			{SortSubject, true}, {SortArrival, true}, {Key: SortDisplayFrom}, {Key: SortDisplayTo}, {Key: SortCc}, {Key: SortTo}, {Key: SortFrom}, {Key: SortSize},
		},
		Charset: "US-ASCII", Key: SearchAnd{[]SearchKey{SearchFlag{Flag: `\Seen`}, SearchSeq{seq("1:3")}}},
	}},
	{"a SORT RETURN () (SIZE) \"utf-8\" TEXT {1+}\r\nx", "SORT", &Sort{
		Return: &SearchReturn{All: true}, Criteria: []SortCriterion{{Key: SortSize}}, Charset: "UTF-8", Key: SearchText{Value: "x"},
	}},
	{"a SORT RETURN (MIN COUNT PARTIAL -5:-1) (TO) UTF-8 ALL", "SORT", &Sort{
		Return:   &SearchReturn{Min: true, Count: true, Partial: PartialRange{1, 5, true}},
		Criteria: []SortCriterion{{Key: SortTo}}, Charset: "UTF-8", Key: SearchAll{},
	}},
	{"a THREAD references UTF-8 SINCE 1-Jan-2000", "THREAD", &Thread{Algorithm: "REFERENCES", Charset: "UTF-8", Key: SearchDate{InternalDate, DateSince, Date{2000, time.January, 1}}}},
	{"a UID THREAD X-NEW {5+}\r\nUTF-8 (SEEN) ALL", "UID THREAD", &Thread{Algorithm: "X-NEW", Charset: "UTF-8", Key: SearchAnd{[]SearchKey{SearchFlag{Flag: `\Seen`}, SearchAll{}}}}},

	{"a FETCH 1 fast", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchFlags}, {Att: FetchInternalDate}, {Att: FetchRFC822Size}}}},
	{"a FETCH 1 ALL", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchFlags}, {Att: FetchInternalDate}, {Att: FetchRFC822Size}, {Att: FetchEnvelope}}}},
	{"a FETCH 1 FULL", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchFlags}, {Att: FetchInternalDate}, {Att: FetchRFC822Size}, {Att: FetchEnvelope}, {Att: FetchBody}}}},
	{"a FETCH 1 RFC822", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchRFC822}}}},
	// QUIRK: Outlook, emersion/go-imap#657.
	{"7 UID fetch 39 (UID RFC822.SIZE RFC822.peek)", "UID FETCH", &Fetch{Set: seq("39"), Items: []FetchItem{{Att: FetchUID}, {Att: FetchRFC822Size}, {Att: FetchRFC822, Peek: true}}}},
	{"a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0 VANISHED)", "UID FETCH", &Fetch{Set: seq("1:*"), Items: []FetchItem{{Att: FetchFlags}}, Modifiers: []Param{{Name: "CHANGEDSINCE", Value: Value{Text: "0"}}, {Name: "VANISHED"}}}},
	{"a UID FETCH 1:* FLAGS (PARTIAL -1:-30 CHANGEDSINCE 7)", "UID FETCH", &Fetch{Set: seq("1:*"), Items: []FetchItem{{Att: FetchFlags}}, Modifiers: []Param{{Name: "PARTIAL", Value: Value{Text: "-1:-30"}}, {Name: "CHANGEDSINCE", Value: Value{Text: "7"}}}}},
	{"a FETCH 1 FLAGS (VANISHED CHANGEDSINCE 7)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchFlags}}, Modifiers: []Param{{Name: "VANISHED"}, {Name: "CHANGEDSINCE", Value: Value{Text: "7"}}}}},
	{"a FETCH 1 (BODY[] BODY[TEXT] BODY[1.2.HEADER]<5.6> BODY[3.MIME] BODY BODYSTRUCTURE ENVELOPE RFC822.TEXT RFC822.HEADER)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{
		{Att: FetchBodySection, Section: &Section{}},
		{Att: FetchBodySection, Section: &Section{Specifier: SectionText}},
		{Att: FetchBodySection, Section: &Section{Path: []int{1, 2}, Specifier: SectionHeader, Partial: &Partial{5, 6}}},
		{Att: FetchBodySection, Section: &Section{Path: []int{3}, Specifier: SectionMIME}},
		{Att: FetchBody}, {Att: FetchBodyStructure}, {Att: FetchEnvelope}, {Att: FetchRFC822Text}, {Att: FetchRFC822Header},
	}}},
	{"a FETCH 1 body.peek[header.fields (From {2+}\r\nTo \"X y\")]<0.65536>", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{bodyPeek(Section{Specifier: SectionHeaderFields, Fields: []string{"From", "To", "X y"}, Partial: &Partial{0, 65536}})}}},
	{"a FETCH 1 BODY.PEEK[4.HEADER.FIELDS.NOT (Received)]", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{bodyPeek(Section{Path: []int{4}, Specifier: SectionHeaderFieldsNot, Fields: []string{"Received"}})}}},
	{"a FETCH 1 (EMAILID threadid)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchEmailID}, {Att: FetchThreadID}}}},
	{"a FETCH 1 preview", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchPreview}}}},
	{"a FETCH 1 PREVIEW (LAZY)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchPreview, Lazy: true}}}},
	{"a FETCH 1 (FLAGS PREVIEW (lazy LAZY) UID)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchFlags}, {Att: FetchPreview, Lazy: true}, {Att: FetchUID}}}},
	// What follows in parentheses is the item's or the command's.
	{"a FETCH 1 PREVIEW (CHANGEDSINCE 7)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchPreview}}, Modifiers: []Param{{Name: "CHANGEDSINCE", Value: Value{Text: "7"}}}}},
	{"a FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 7)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchPreview, Lazy: true}}, Modifiers: []Param{{Name: "CHANGEDSINCE", Value: Value{Text: "7"}}}}},
	{"a FETCH 1 (PREVIEW) (LAZY)", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{{Att: FetchPreview}}, Modifiers: []Param{{Name: "LAZY"}}}},
	{"a FETCH 1 (BINARY[1]<0.1> BINARY.PEEK[] BINARY.SIZE[1.2])", "FETCH", &Fetch{Set: seq("1"), Items: []FetchItem{
		{Att: FetchBinary, Section: &Section{Path: []int{1}, Partial: &Partial{0, 1}}},
		{Att: FetchBinary, Peek: true, Section: &Section{}},
		{Att: FetchBinarySize, Section: &Section{Path: []int{1, 2}}},
	}}},
}

func TestCommandValues(t *testing.T) {
	for _, tt := range commandTests {
		t.Run(tt.in, func(t *testing.T) {
			for _, end := range []string{"\r\n", "\n"} {
				cmds, errs, _ := readAll(t, tt.in+end+"z NOOP\r\n", ReaderOptions{})
				if errs != nil || len(cmds) != 2 {
					t.Fatalf("commands %v, errors %v", cmds, errs)
				}
				c := cmds[0]
				if c.Name != tt.name || !reflect.DeepEqual(unread(c.Args), tt.args) {
					t.Errorf("got %s %#v, want %s %#v", c.Name, c.Args, tt.name, tt.args)
				}
				checkPrints(t, c)
			}
		})
	}
}

// checkPrints holds a law: what was parsed prints as something that parses to the same.
func checkPrints(t testing.TB, c *Command) {
	t.Helper()
	text := c.AppendTo(nil)
	cmds, errs, asks := readAll(t, string(text), ReaderOptions{Limits: Limits{Line: 1 << 20, Literal: 1 << 20}})
	if errs != nil || len(cmds) != 1 || asks != 0 {
		t.Fatalf("%q printed from %#v gives %v, errors %v, %d literals asked for", text, c.Args, cmds, errs, asks)
	}
	got := cmds[0]
	got.Args, c = unread(got.Args), &Command{Tag: c.Tag, Name: c.Name, Args: unread(c.Args)}
	if !reflect.DeepEqual(got, c) {
		t.Fatalf("%q printed from\n%#v parses to\n%#v", text, c.Args, got.Args)
	}
}

// unread gives the arguments without the state of reading them.
func unread(args Args) Args {
	switch a := args.(type) {
	case *Append:
		return &Append{Mailbox: a.Mailbox}
	case *Replace:
		return &Replace{Message: a.Message, Append: &Append{Mailbox: a.Mailbox}}
	}
	return args
}

func TestSearchValues(t *testing.T) {
	day := Date{2024, time.February, 29}
	tests := []struct {
		in   string
		want Search
	}{
		{"ALL", Search{Key: SearchAll{}}},
		{"UNSEEN", Search{Key: SearchFlag{`\Seen`, true}}},
		{"new", Search{Key: SearchNew{}}},
		{"OLD", Search{Key: SearchFlag{`\Recent`, true}}},
		{"RECENT", Search{Key: SearchFlag{`\Recent`, false}}},
		{"KEYWORD $Junk UNKEYWORD x", Search{Key: SearchAnd{[]SearchKey{SearchFlag{"$Junk", false}, SearchFlag{"x", true}}}}},
		{"ANSWERED DELETED DRAFT UNFLAGGED", Search{Key: SearchAnd{[]SearchKey{SearchFlag{`\Answered`, false}, SearchFlag{`\Deleted`, false}, SearchFlag{`\Draft`, false}, SearchFlag{`\Flagged`, true}}}}},
		// K-9 asks for the highest UID by the first and for what to show by the second.
		{"*:*", Search{Key: SearchSeq{NumSet{star: 1<<32 - 1}}}},
		{"1:* NOT DELETED", Search{Key: SearchAnd{[]SearchKey{SearchSeq{NumSet{star: 1}}, SearchNot{SearchFlag{`\Deleted`, false}}}}}},
		{"7,1:3 UID 5:9", Search{Key: SearchAnd{[]SearchKey{SearchSeq{NumSet{ranges: []NumRange{{1, 3}, {7, 7}}}}, SearchUID{NumSet{ranges: []NumRange{{5, 9}}}}}}}},
		{"$", Search{Key: SearchSeq{SavedSet()}}},
		{"OR SEEN (FLAGGED TO bob)", Search{Key: SearchOr{SearchFlag{`\Seen`, false}, SearchAnd{[]SearchKey{SearchFlag{`\Flagged`, false}, SearchField{"TO", "bob"}}}}}},
		{"((SEEN))", Search{Key: SearchFlag{`\Seen`, false}}},
		{"NOT NOT ALL", Search{Key: SearchNot{SearchNot{SearchAll{}}}}},
		{"FUZZY SUBJECT x", Search{Key: SearchFuzzy{SearchField{"SUBJECT", "x"}}}},
		{"BEFORE 29-Feb-2024", Search{Key: SearchDate{InternalDate, DateBefore, day}}},
		{`SENTON "29-feb-2024"`, Search{Key: SearchDate{SentDate, DateOn, day}}},
		{"SINCE 1-Jan-2000 SENTSINCE 01-Jan-2000", Search{Key: SearchAnd{[]SearchKey{
			SearchDate{InternalDate, DateSince, Date{2000, time.January, 1}}, SearchDate{SentDate, DateSince, Date{2000, time.January, 1}},
		}}}},
		{"EMAILID M1_-z threadid T1", Search{Key: SearchAnd{[]SearchKey{SearchObjectID{ID: "M1_-z"}, SearchObjectID{true, "T1"}}}}},
		{"OLDER 60 YOUNGER 5", Search{Key: SearchAnd{[]SearchKey{SearchWithin{true, 60}, SearchWithin{false, 5}}}}},
		{"SMALLER 100 LARGER 9223372036854775807", Search{Key: SearchAnd{[]SearchKey{SearchSize{false, 100}, SearchSize{true, 1<<63 - 1}}}}},
		{`HEADER Message-ID "<a@b>" BODY {3}` + "\r\na\nb TEXT \"\"", Search{Key: SearchAnd{[]SearchKey{SearchHeader{"Message-ID", "<a@b>"}, SearchText{true, "a\nb"}, SearchText{false, ""}}}}},
		{`BCC a CC b FROM c SUBJECT "d e"`, Search{Key: SearchAnd{[]SearchKey{SearchField{"BCC", "a"}, SearchField{"CC", "b"}, SearchField{"FROM", "c"}, SearchField{"SUBJECT", "d e"}}}}},
		{"CHARSET utf-8 SUBJECT {5+}\r\nGrö?", Search{Charset: "UTF-8", Key: SearchField{"SUBJECT", "Grö?"}}},
		{"RETURN (MIN COUNT) SEEN", Search{Return: &SearchReturn{Min: true, Count: true}, Key: SearchFlag{`\Seen`, false}}},
		{"return () seen", Search{Return: &SearchReturn{All: true}, Key: SearchFlag{`\Seen`, false}}},
		{"RETURN (PARTIAL 500:400 SAVE) ALL", Search{Return: &SearchReturn{Save: true, Partial: PartialRange{400, 500, false}}, Key: SearchAll{}}},
		{"RETURN (MAX ALL SAVE) CHARSET \"UTF-8\" (1)", Search{Return: &SearchReturn{Max: true, All: true, Save: true}, Charset: "UTF-8", Key: SearchSeq{NumSetOf(1)}}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			cmds, errs, _ := readAll(t, "a UID SEARCH "+tt.in+"\r\n", ReaderOptions{})
			if errs != nil || len(cmds) != 1 {
				t.Fatalf("commands %v, errors %v", cmds, errs)
			}
			if got := cmds[0].Args.(*Search); !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got %#v, want %#v", *got, tt.want)
			}
			checkPrints(t, cmds[0])
		})
	}
}

func TestOctetByOctet(t *testing.T) {
	text := "a LOGIN {2}\r\njo {3+}\r\n1\r\n\r\n" +
		"b FOO {4+}\r\nx y\n\r\nc UID FETCH 1:5,7 (FLAGS BODY.PEEK[HEADER.FIELDS (A B)])\n" +
		"d SELECT " + strings.Repeat("y", 3000) + "\r\n"
	want, wantErrs, _ := readAll(t, text, ReaderOptions{})
	r := NewReader(iotest.OneByteReader(strings.NewReader(text)), ReaderOptions{Continue: func() error { return nil }})
	for i, j := 0, 0; ; {
		c, err := r.ReadCommand()
		if err == io.EOF {
			if i != len(want) || j != len(wantErrs) || i != 3 || j != 1 {
				t.Errorf("%d commands and %d errors", i, j)
			}
			break
		}
		if err != nil {
			if err.Error() != wantErrs[j].Error() {
				t.Errorf("got %v, want %v", err, wantErrs[j])
			}
			j++
			continue
		}
		if !reflect.DeepEqual(c, want[i]) {
			t.Errorf("got %v, want %v", c, want[i])
		}
		i++
	}
}

func TestLargeSets(t *testing.T) {
	var b strings.Builder
	for n := 2; b.Len() < 64<<10; n += 2 {
		fmt.Fprintf(&b, "%d,", n)
	}
	set := b.String() + "4294967295"
	cmds, errs, _ := readAll(t, "a UID FETCH "+set+" FLAGS\r\n", ReaderOptions{})
	if errs != nil {
		t.Fatal(errs)
	}
	if got := cmds[0].Args.(*Fetch).Set.String(); got != set {
		t.Errorf("the set came out with %d octets of %d", len(got), len(set))
	}
}

func TestStringHidesSecrets(t *testing.T) {
	for _, in := range []string{"a LOGIN jo hunter2", "a AUTHENTICATE PLAIN aHVudGVyMg=="} {
		cmds, _, _ := readAll(t, in+"\r\n", ReaderOptions{})
		if s := cmds[0].String(); strings.Contains(s, "hunter2") || strings.Contains(s, "aHVu") || strings.HasSuffix(s, "\n") {
			t.Errorf("shown: %q", s)
		}
	}
}

func TestUTF8Mode(t *testing.T) {
	// QUIRK: Thunderbird sends "&" as it is after ENABLE UTF8=ACCEPT, so there it escapes nothing.
	r := NewReader(strings.NewReader("a SELECT \"R&D &AOk-\"\r\nb SELECT \"R&D &AOk-\"\r\n"), ReaderOptions{})
	for _, want := range []string{"R&D &AOk-", "R&D &AOk-"} {
		r.SetUTF8(true)
		c, err := r.ReadCommand()
		if err != nil || c.Args.(*Select).Mailbox != want {
			t.Errorf("got %v, %v", c, err)
		}
	}
}
