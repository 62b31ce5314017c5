package mailstore

import "strings"

// Rights are what somebody may do with a mailbox: a set of the rights of RFC 4314
// section 2.1.
type Rights uint16

// The rights, in the order of the RFC.
const (
	RightLookup  Rights = 1 << iota // l: the mailbox is listed
	RightRead                       // r: open it, ask for its status
	RightSeen                       // s: change \Seen
	RightWrite                      // w: change other flags, but \Deleted
	RightInsert                     // i: add messages
	RightPost                       // p: send mail to it; not for us to say
	RightCreate                     // k: make mailboxes below it
	RightRemove                     // x: delete it, give it another name
	RightDelete                     // t: change \Deleted
	RightExpunge                    // e: remove messages for good
	RightAdmin                      // a: change what others may do

	AllRights  Rights = 1<<iota - 1
	FlagRights        = RightSeen | RightWrite | RightDelete
)

const rightLetters = "lrswipkxtea"

// ParseRights reads the letters of rights. ok is false when there is any other
// letter.
func ParseRights(letters string) (r Rights, ok bool) {
	for i := range len(letters) {
		n := strings.IndexByte(rightLetters, letters[i])
		if n < 0 {
			return 0, false
		}
		r |= 1 << n
	}
	return r, true
}

// String returns the letters, in the order of the RFC.
func (r Rights) String() string {
	letters := make([]byte, 0, len(rightLetters))
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			letters = append(letters, rightLetters[i])
		}
	}
	return string(letters)
}

// Has reports whether all of the rights are there.
func (r Rights) Has(all Rights) bool { return r&all == all }

// Fixed are the flags that somebody with these rights cannot change.
func (r Rights) Fixed() FixedFlags {
	var f FixedFlags
	if !r.Has(RightSeen) {
		f.System |= Seen
	}
	if !r.Has(RightDelete) {
		f.System |= Deleted
	}
	if !r.Has(RightWrite) {
		f.System |= Answered | Flagged | Draft
		f.Keywords = true
	}
	return f
}

// FixedFlags are flags that a change leaves as they are.
type FixedFlags struct {
	System   System
	Keywords bool // all of them
}

// Without takes the fixed flags from those that are to be set.
func (f FixedFlags) Without(flags Flags) Flags {
	flags.System &^= f.System
	if f.Keywords {
		flags.Keywords = Keywords{}
	}
	return flags
}

// keep gives the flags that are fixed their old value again.
func (f FixedFlags) keep(old, now Flags) Flags {
	now.System = now.System&^f.System | old.System&f.System
	if f.Keywords {
		now.Keywords = old.Keywords
	}
	return now
}
