package mailstore

import (
	"context"
	"io"
	"time"
)

// User is who the mail belongs to and where it stands. UID and GID are -1
// where the files belong to whoever runs the process.
type User struct {
	Name     string
	UID, GID int
	Home     string
	Location string
	// Quota is what the mail may take: 0 where nothing is said, NoLimit for no limit.
	Quota Amount
}

// A Store opens accounts.
type Store interface {
	// OpenAccount returns the user's account, creating its mail location when
	// there is none yet. The account is shared and counted: close it as often
	// as it was opened. A location that cannot be read or is ambiguous gives an
	// error that says what to write where.
	OpenAccount(ctx context.Context, user User) (Account, error)
}

// An Account is the mail of one user: a tree of named mailboxes.
//
// Names are UTF-8 strings whose levels are separated by Delimiter. "INBOX" in
// any case names the inbox, also as the first level of a longer name; the
// account returns it as "INBOX". All other names are case-sensitive.
type Account interface {
	// Delimiter is the hierarchy separator of the account's names.
	Delimiter() rune
	// Mailboxes lists every mailbox that exists, every name above one of them
	// that does not, and every subscribed name that does not, sorted with INBOX
	// first. INBOX is always there.
	Mailboxes(ctx context.Context) ([]Info, error)
	// Create makes a mailbox and the missing names above it. A trailing
	// delimiter asks only for a place for others and is accepted.
	// ErrExists, ErrInvalidName.
	Create(ctx context.Context, name string) error
	// Delete removes a mailbox and its messages. Mailboxes below it stay, and
	// then the name stays as NoSelect. INBOX gives ErrNotPermitted. Sessions
	// that have it open get ErrGone from then on.
	Delete(ctx context.Context, name string) error
	// Rename gives the mailbox, and all below it, another name and keeps UIDs
	// and UIDValidity; open Mailbox values follow. Renaming INBOX moves its
	// messages into a new mailbox and leaves INBOX empty (RFC 9051 section
	// 6.3.6); mailboxes below INBOX stay.
	Rename(ctx context.Context, from, to string) error
	// SetSpecialUse gives the mailbox a special use as `\Sent`, or none with "". It
	// stays when the mailbox is renamed and goes when it is deleted. ErrExists when
	// another mailbox was given it, ErrNotPermitted for INBOX.
	SetSpecialUse(ctx context.Context, name, use string) error
	// ACL returns what others than the owner may do with a mailbox. Nothing here is
	// held against it: that is for who lets others in. ErrNotFound or ErrNoSelect for
	// a name that cannot be opened, whichever is known at once.
	ACL(ctx context.Context, name string) (ACL, error)
	// ChangeACL changes that in one step, between which and this there is no other
	// change of this process. It stays with the mailbox when it is renamed and goes
	// when it is deleted; that of INBOX stays with INBOX.
	ChangeACL(ctx context.Context, name string, change func(*ACL) error) error
	// Annotations returns what was noted of a mailbox, or with "" of the account.
	Annotations(ctx context.Context, name string) (Annotations, error)
	// ChangeAnnotations changes that in one step, between which and this there is no
	// other. It goes with the mailbox when that is renamed and when it is deleted. An
	// error of change is returned, and then nothing has changed. ErrTooBig, ErrLimit,
	// ErrInvalidName as the function of this name has them.
	ChangeAnnotations(ctx context.Context, name string, change func(Annotations) error) error
	// Subscribe adds the name to the subscriptions or takes it from them. The
	// mailbox need not exist (RFC 9051 section 6.3.7).
	Subscribe(ctx context.Context, name string, on bool) error
	// Status returns the state of a mailbox with the outside changes folded
	// in, without opening it for a session. Only items that are asked for are
	// sure to be set; the others may be.
	Status(ctx context.Context, name string, items StatusItems) (Status, error)
	// Quota returns what all mailboxes together may hold and, counted now, what they
	// do hold. Append and Copy that would exceed it give ErrOverQuota and do nothing;
	// Move is always possible.
	Quota(ctx context.Context) (Quota, error)
	// Open returns the mailbox, shared and counted; Close it. ErrNotFound,
	// ErrNoSelect.
	Open(ctx context.Context, name string) (Mailbox, error)
	// Watch has changed called soon after something happened, here or by another
	// program: with the name of a mailbox when that was to what is watched of it, and
	// with "" when it was to what is watched of the account. It holds no mailbox open.
	// The caller looks once after Watch has returned, and again after each call; then
	// his picture is right in the end. There may be calls without a change, but not of
	// looking alone. Which mailboxes the names mean is decided at the beginning: after
	// a call for the tree the caller watches anew.
	//
	// Calls come from any goroutine, with locks held: changed may only take note. One
	// that is under way when stop is called may end after it.
	Watch(what Watched, changed func(mailbox string)) (stop func())
	// Close gives the account back.
	Close() error
}

// Watched says what Account.Watch watches.
type Watched struct {
	// Messages and Annotations are mailboxes of which these are watched.
	Messages, Annotations []string
	// Tree: the account's names, subscriptions and special uses.
	Tree bool
	// Notes: the annotations of the account.
	Notes bool
}

// Info is one name in an account's tree.
type Info struct {
	Name string
	// NonExistent: no mailbox of this name; it is subscribed or leads to others.
	NonExistent bool
	// NoSelect: the name cannot be opened. NonExistent names are NoSelect too.
	NoSelect    bool
	HasChildren bool
	Subscribed  bool
	// SpecialUse is the attribute of RFC 6154, as `\Sent`, or "".
	SpecialUse string
}

// StatusItems says which costly parts of a Status are wanted.
type StatusItems uint8

// The items of a Status that are not given unasked.
const (
	// WantSize asks for Size and DeletedSize, which may need to read messages.
	WantSize StatusItems = 1 << iota
	// WantObjectID asks for ObjectID. Status fails where there is none.
	WantObjectID
)

// Status is the state of a mailbox at one moment.
type Status struct {
	UIDValidity   uint32
	UIDNext       UID
	HighestModSeq uint64
	Messages      uint32
	Unseen        uint32
	Recent        uint32
	Deleted       uint32
	// Size is the sum of the messages' sizes in octets; DeletedSize of those
	// with \Deleted. -1 when not asked for and not known.
	Size, DeletedSize int64
	// ObjectID is that of Mailbox.ObjectID, "" when not asked for.
	ObjectID string
}

// Outline is what SELECT tells of a mailbox beyond its Status.
type Outline struct {
	// Keywords are the sets that messages have; no two are equal.
	Keywords []Keywords
	// FirstUnseen is the first message without \Seen, 0 when all have it.
	FirstUnseen UID
}

// Unknown stands in Record.Size and Record.Date for what has not been read
// yet. Mailbox.Fill finds it out.
const Unknown = int64(-1) << 62

// Record is what the shared state holds of a message.
type Record struct {
	UID    UID
	Flags  Flags
	ModSeq uint64
	// Date is the internal date in seconds since 1970 (RFC 9051 section
	// 2.3.3), or Unknown.
	Date int64
	// Size is the exact number of octets of the message in its CRLF form
	// (RFC822.SIZE), or Unknown.
	Size int64
}

// InternalDate returns Date in the machine's time zone. The record must be filled.
func (r Record) InternalDate() time.Time { return time.Unix(r.Date, 0) }

// Attrs names parts of a Record that Fill makes known.
type Attrs uint8

// The parts of a Record that may be Unknown.
const (
	AttrSize Attrs = 1 << iota
	AttrDate
)

// A Mailbox is an open mailbox, one value for all sessions of the process.
type Mailbox interface {
	// Name is the mailbox's present name; Rename changes it.
	Name() string
	// UIDValidity does not change while the mailbox is open: when the files
	// force a new one, every method returns ErrGone until it is opened again.
	UIDValidity() uint32
	// ObjectID returns what names the mailbox for ever (RFC 8474 section 4): letters
	// and digits, 200 at most. It stays over Rename and the loss of all caches, and
	// no other mailbox of the account has it or ever had it. It is durable before it
	// is returned; where that cannot be there is an error, as ErrReadOnly.
	ObjectID(ctx context.Context) (string, error)
	// ReadOnly reports that this process cannot change the files.
	ReadOnly() bool
	// Status returns the shared state as it is now. No I/O, so Size is set
	// only when all sizes are known.
	Status() Status
	// Refresh folds what other programs did to the files into the shared
	// state. It is cheap when they did nothing.
	Refresh(ctx context.Context) error
	// Watch asks that outside changes be folded in by itself, within about a
	// second, until stop is called. Calls nest.
	Watch() (stop func())

	// Follow returns the UIDs of all messages in order, and a cursor that will
	// tell every later change: a consistent start for a session's view. Sessions
	// share the list, so nobody may change it; appending makes a copy.
	Follow() ([]UID, Cursor)
	// Outline tells what SELECT asks beyond Status, without a walk over all records.
	Outline() Outline
	// Having returns the UIDs of the messages that have all of some system flags and
	// none of others, in order. It looks at nothing else of them. What happens while
	// it goes through a large mailbox may be in the list or not.
	Having(all, none System) []UID
	// Record returns the record of one message.
	Record(uid UID) (Record, bool)
	// Records appends to dst, up to its capacity, the records with UIDs from
	// first on, in order. It holds no lock afterwards, so long walks go in
	// pieces: dst = Records(dst[:0], dst[len(dst)-1].UID+1).
	Records(dst []Record, first UID) []Record
	// ChangedSince is Records for those records whose ModSeq is above since
	// (RFC 7162 section 3.1.4.1). Its cost is that of what changed.
	ChangedSince(dst []Record, since uint64, first UID) []Record
	// Vanished returns the UIDs that were expunged in batches above since.
	// complete reports whether these are all; else some are no longer known, and
	// every UID that is not there may be one (RFC 7162 section 3.2.5.2).
	Vanished(since uint64) (uids UIDSet, complete bool)
	// PutSummary keeps what a service has worked out of a message's content, so
	// that the message need not be opened again. The store does not look into it,
	// and it is a cache: it may be lost at any moment, and there is no error.
	PutSummary(uid UID, summary []byte)
	// Summaries reads what PutSummary kept, for one goroutine. It is nil where
	// nothing is kept, so that nobody makes summaries in vain.
	Summaries() SummaryReader
	// Blobs keeps what services have worked out of all messages together. It is nil where
	// nothing is kept.
	Blobs() Blobs
	// SaveDates tells when messages came into this mailbox, also as copies, in seconds
	// since 1970 (RFC 8514); false of a message of which that is not known. It never
	// changes while a message stays there. The function is nil where the format does
	// not know it of any message.
	SaveDates() func(uid UID) (unix int64, known bool)
	// Fill makes the named attributes of these messages known. A message that
	// has gone, or that alone cannot be read, is passed over.
	Fill(ctx context.Context, uids UIDSet, attrs Attrs) error
	// OpenMessage gives access to the message's bytes. They stay readable until
	// Close even when the message is expunged meanwhile. ErrExpunged when there
	// is no such message (any more). Where opening tells attributes that Fill would
	// have to look for, they are known from then on.
	OpenMessage(ctx context.Context, uid UID) (Message, error)

	// NewAppend begins an append of one or more messages. Streams are written
	// without any lock; only Commit takes one.
	NewAppend(ctx context.Context) (Append, error)
	// SetFlags changes the flags of the messages in the set; those that are no
	// longer there are passed over.
	SetFlags(ctx context.Context, uids UIDSet, op FlagOp, flags Flags, opt SetFlagsOptions) (SetFlagsResult, error)
	// Copy adds copies, with flags and internal dates, to dest, which belongs
	// to the same account and may be this mailbox. All or none are copied.
	Copy(ctx context.Context, uids UIDSet, dest Mailbox) (CopyResult, error)
	// Move is Copy and removal as one: at no moment, and after no crash, is a
	// message in neither mailbox (RFC 6851).
	Move(ctx context.Context, uids UIDSet, dest Mailbox) (CopyResult, error)
	// Expunge removes the messages of the set for good; with onlyDeleted those
	// of them that have \Deleted at that moment. It returns what was removed.
	Expunge(ctx context.Context, uids UIDSet, onlyDeleted bool) (UIDSet, error)
	// ClaimRecent takes the Recent flag from every message that has it and
	// returns those messages: to one session only, ever. Who would take it
	// calls it even if nothing is recent: a format that leaves things to be written
	// when a mailbox is closed goes by that.
	ClaimRecent(ctx context.Context) (UIDSet, error)

	// Close gives the mailbox back.
	Close() error
}

// SummaryReader reads summaries, quickest in the order of UIDs.
type SummaryReader interface {
	// Get returns the summary of a message, good until the next Get; false when
	// none is known.
	Get(uid UID) (summary []byte, ok bool)
}

// SetFlagsOptions are the conditions of SetFlags.
type SetFlagsOptions struct {
	// UnchangedSince, unless zero, leaves messages alone whose ModSeq is
	// larger (RFC 7162 section 3.1.3).
	UnchangedSince uint64
	// Conditional makes UnchangedSince count even when it is zero.
	Conditional bool
	// Fixed are flags that stay as they are.
	Fixed FixedFlags
}

// Apply returns the flags of a message after op.
func (o SetFlagsOptions) Apply(op FlagOp, old, arg Flags) Flags {
	now := op.Apply(old, arg)
	if o.Fixed != (FixedFlags{}) {
		now = o.Fixed.keep(old, now)
	}
	return now
}

// SetFlagsResult tells what SetFlags did.
type SetFlagsResult struct {
	// ModSeq is the mod-sequence of the messages that changed, zero when none did.
	ModSeq uint64
	// Changed are the messages whose flags differ from before.
	Changed UIDSet
	// Failed are the messages that UnchangedSince left alone.
	Failed UIDSet
}

// CopyResult is what COPYUID tells (RFC 4315 section 3). Source[i] became
// Dest[i]; both rise.
type CopyResult struct {
	UIDValidity  uint32
	Source, Dest []UID
}

// AppendOptions are what comes with a message to be added.
type AppendOptions struct {
	Flags Flags // Recent is ignored
	Date  time.Time
	// Size is how many octets the reader will give, 0 when that is not known. With it
	// a message for which there is no room is refused before it is read.
	Size int64
}

// Append adds messages to a mailbox: all of them at Commit, or none.
type Append interface {
	// Add takes one message from r until io.EOF, with any line ends; nothing of
	// it is kept when it returns an error. A zero Date means now.
	Add(opt AppendOptions, r io.Reader) error
	// Commit makes the messages durable and visible and returns their UIDs in
	// the order of Add. After an error none of them is there.
	Commit(ctx context.Context) (uidValidity uint32, uids []UID, err error)
	// Abort gives up; after Commit it does nothing. Always defer it.
	Abort()
}

// Message is an open message. The bytes are those that a client shall see,
// with the line ends as they are stored: LF, CRLF or both.
type Message interface {
	io.ReaderAt
	// Len is the number of stored bytes.
	Len() int64
	Close() error
}

// ChangeKind tells what happened to a message.
type ChangeKind uint8

// The kinds of change.
const (
	Added ChangeKind = iota + 1
	FlagsChanged
	Expunged
)

// Change is one event in a mailbox. The current flags of a message are in its
// Record.
type Change struct {
	Kind   ChangeKind
	UID    UID
	ModSeq uint64
}

// Cursor reads a mailbox's changes in order. It belongs to one session and is
// not for several goroutines at once, but for Err.
type Cursor interface {
	// Wake has fn called whenever there is something new to read, or Err has become
	// something else than nil, and at once if there is already; a call without
	// reason may come too. fn is called by any goroutine and with locks held: it
	// must return at once and not use the store. The next Wake replaces it, nil
	// ends it; when that has returned it is not called any more.
	Wake(fn func())
	// Next returns the changes since the last call. lost means that there were
	// more than could be kept: compare with a new Follow instead.
	Next() (changes []Change, lost bool)
	// Err is ErrGone from the moment on at which the mailbox was deleted, or has
	// got another UIDVALIDITY, and this became known here; no changes come any
	// more. Until then it is nil, also over a Rename. It may be called by any
	// goroutine.
	Err() error
	// Close ends it; always call it.
	Close()
}
