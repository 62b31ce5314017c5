package faulttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// process is one life of the program, with words for what operations do.
type process struct {
	ctx      context.Context
	acct     mailstore.Account
	told     *ledger
	twoNames bool // as in Format
	// deliverBefore is that of the format.
	deliverBefore func(text []byte) error
}

// boot begins a process.
func (c *campaign) boot(fs *faultfs.FS, told *ledger, index bool) (*process, error) {
	acct, err := c.f.Open(c.Context(), fs, index)
	if err != nil {
		return nil, err
	}
	return &process{ctx: c.Context(), acct: acct, told: told, twoNames: c.f.TwoNames, deliverBefore: func(text []byte) error {
		return c.f.DeliverBefore(fs, text)
	}}, nil
}

// quit ends the process when it has done what there is to do in the background.
func (p *process) quit(err error) error {
	synctest.Wait()
	return errors.Join(err, p.acct.Close())
}

// name joins levels.
func (p *process) name(levels ...string) string {
	return strings.Join(levels, string(p.acct.Delimiter()))
}

// with opens a mailbox for fn. That takes some time, as it does where clocks do
// not stand still: mod-sequences may come from them.
func (p *process) with(name string, fn func(m mailstore.Mailbox) error) error {
	time.Sleep(time.Millisecond)
	m, err := p.acct.Open(p.ctx, name)
	if err != nil {
		return err
	}
	err = fn(m)
	synctest.Wait()
	return errors.Join(err, m.Close())
}

// withTwo opens two.
func (p *process) withTwo(from, to string, fn func(from, to mailstore.Mailbox) error) error {
	return p.with(from, func(m mailstore.Mailbox) error {
		return p.with(to, func(n mailstore.Mailbox) error { return fn(m, n) })
	})
}

func text(id string) string { return string(Text(id)) }

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// add appends messages at once; what is acknowledged is noted.
func (p *process) add(m mailstore.Mailbox, flags mailstore.Flags, ids ...string) error {
	a, err := m.NewAppend(p.ctx)
	if err != nil {
		return err
	}
	defer a.Abort()
	for _, id := range ids {
		if err := a.Add(mailstore.AppendOptions{Flags: flags, Date: Date()}, strings.NewReader(crlf(text(id)))); err != nil {
			return err
		}
	}
	validity, uids, err := a.Commit(p.ctx)
	if err != nil {
		return err
	}
	if len(uids) != len(ids) {
		return fmt.Errorf("an append of %d messages gave UIDs %v", len(ids), uids)
	}
	for i, uid := range uids {
		p.told.acknowledge(place{m.Name(), validity}, uid, crlf(text(ids[i])))
	}
	return nil
}

// transfer copies or moves all messages of the set; what is acknowledged is noted.
func (p *process) transfer(from, to mailstore.Mailbox, move bool, uids mailstore.UIDSet) error {
	do := from.Copy
	if move {
		do = from.Move
	}
	texts := make(map[mailstore.UID]string)
	if err := from.Refresh(p.ctx); err != nil { // so that nothing comes in between, which had to wait
		return err
	}
	b, err := p.read(from)
	if err != nil {
		return err
	}
	for _, m := range b.messages {
		texts[m.uid] = m.text
	}
	res, err := do(p.ctx, uids, to)
	for i, uid := range res.Dest {
		p.told.acknowledge(place{to.Name(), res.UIDValidity}, uid, texts[res.Source[i]])
	}
	return err
}

// store sets flags on some messages.
func (p *process) store(m mailstore.Mailbox, op mailstore.FlagOp, flags mailstore.Flags, uids mailstore.UIDSet) error {
	_, err := m.SetFlags(p.ctx, uids, op, flags, mailstore.SetFlagsOptions{})
	return err
}

// read returns what is in a mailbox.
func (p *process) read(m mailstore.Mailbox) (box, error) {
	s := m.Status()
	b := box{validity: m.UIDValidity(), next: s.UIDNext, highest: s.HighestModSeq}
	if err := m.Fill(p.ctx, mailstore.AllUIDs(), mailstore.AttrSize|mailstore.AttrDate); err != nil {
		return b, err
	}
	ids, err := p.ids(m)
	if err != nil {
		return b, err
	}
	for _, r := range m.Records(make([]mailstore.Record, 0, 100), 1) {
		text, err := p.content(m, r.UID)
		if err != nil {
			return b, err
		}
		if int64(len(text)) != r.Size {
			return b, fmt.Errorf("%s: UID %d has %d octets, the size is %d", m.Name(), r.UID, len(text), r.Size)
		}
		flags := flagText(r.Flags) + ids[r.UID]
		if r.Date != Date().Unix() {
			flags += fmt.Sprint(" of ", r.InternalDate().UTC())
		}
		b.messages = append(b.messages, message{uid: r.UID, flags: flags, modSeq: r.ModSeq, text: text})
	}
	return b, nil
}

// acl returns what others may do with a mailbox.
func (p *process) acl(name string) (string, error) {
	l, err := p.acct.ACL(p.ctx, name)
	return string(l.Bytes()), err
}

// grant gives rights in a mailbox.
func (p *process) grant(name, who string, r mailstore.Rights) error {
	return p.acct.ChangeACL(p.ctx, name, func(l *mailstore.ACL) error {
		l.Put(who, false, r)
		return nil
	})
}

// annotations returns what was noted of a mailbox, or of the account.
func (p *process) annotations(name string) (string, error) {
	a, err := p.acct.Annotations(p.ctx, name)
	return fmt.Sprint(map[string]string(a)), err
}

// annotate notes something.
func (p *process) annotate(name, entry, value string) error {
	return p.acct.ChangeAnnotations(p.ctx, name, func(a mailstore.Annotations) error {
		a[entry] = value
		return nil
	})
}

// ids are unique ids of POP3 that another server has given.
func (p *process) ids(m mailstore.Mailbox) (map[mailstore.UID]string, error) {
	if u, ok := m.(mailstore.UIDLer); ok {
		return u.SavedUIDLs(p.ctx)
	}
	return nil, nil
}

func (p *process) content(m mailstore.Mailbox, uid mailstore.UID) (string, error) {
	msg, err := m.OpenMessage(p.ctx, uid)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
	return crlf(string(data)), errors.Join(err, msg.Close())
}

// flagText leaves Recent out, which one session sees and the next does not.
func flagText(f mailstore.Flags) string {
	words := f.Keywords.List()
	for i, name := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`} {
		if f.Has(1 << i) {
			words = append(words, name)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// look opens every mailbox and tells the ledger what is in it.
func (p *process) look() (world, error) {
	w := world{boxes: make(map[string]box)}
	list, err := p.acct.Mailboxes(p.ctx)
	if err != nil {
		return w, err
	}
	if w.notes, err = p.annotations(""); err != nil {
		return w, err
	}
	for _, in := range list {
		if in.Subscribed {
			w.subscribed = append(w.subscribed, in.Name)
		}
		if in.NoSelect {
			w.places = append(w.places, in.Name)
			continue
		}
		err := p.with(in.Name, func(m mailstore.Mailbox) error {
			b, err := p.read(m)
			if err == nil {
				b.acl, err = p.acl(in.Name)
			}
			if err == nil {
				b.notes, err = p.annotations(in.Name)
			}
			if err == nil {
				p.told.observe(m, in.Name, b)
				b.id, err = p.identify(m)
			}
			w.boxes[in.Name] = b
			return err
		})
		if err != nil {
			return w, err
		}
	}
	p.told.identified(w, p.twoNames)
	return w, nil
}
